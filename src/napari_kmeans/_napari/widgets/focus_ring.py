"""A ring around the control that has the keyboard focus: napari's themes draw it for few of them."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QRectF
from qtpy.QtGui import QPainter, QPalette, QPen
from qtpy.QtWidgets import QApplication, QFocusFrame, QWidget

_WIDTH = 2  # pixels


class FocusRing(QFocusFrame):
    """Follows the keyboard focus among the children of a widget.

    Parameters
    ----------
    area : QWidget
    """

    def __init__(self, area: QWidget) -> None:
        super().__init__(area)
        self._area = area
        QApplication.instance().focusChanged.connect(self._follow)

    def _follow(self, _before: QWidget | None, now: QWidget | None) -> None:
        inside = now is not None and self._area.isAncestorOf(now)
        self.setWidget(now if inside else None)

    def paintEvent(self, _event: Any) -> None:
        """Draw the ring in the window's text colour, which stands out in every theme."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._area.palette().color(QPalette.ColorRole.WindowText), _WIDTH))
        edge = _WIDTH / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(edge, edge, -edge, -edge), 3, 3)
