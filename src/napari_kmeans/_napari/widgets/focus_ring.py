"""A ring around the control with keyboard focus, which napari's themes show for few controls only."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QRect, QRectF, Qt
from qtpy.QtGui import QPainter, QPalette, QPen
from qtpy.QtWidgets import QWidget

_WIDTH = 2  # pixels
_REASONS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class FocusRing(QWidget):
    """A ring around the child of a widget that received the focus from the keyboard.

    Parameters
    ----------
    area : QWidget
        The widget whose children are watched.
    """

    # A class attribute, because a closed dock still gets events after Python has cleared the instance.
    _widget: QWidget | None = None

    def __init__(self, area: QWidget) -> None:
        super().__init__(area)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        for widget in area.findChildren(QWidget):
            if widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                widget.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Follow the focus, and the position of the focused control."""
        kind = event.type()
        if kind == QEvent.Type.FocusIn:
            self._surround(watched if event.reason() in _REASONS else None)
        elif kind == QEvent.Type.FocusOut:
            self._surround(None)
        elif self._widget is not None and kind in (QEvent.Type.Move, QEvent.Type.Resize):
            self._surround(self._widget)
        return False

    def _surround(self, widget: QWidget | None) -> None:
        self._widget = widget
        if widget is None:
            self.hide()
            return
        area = self.parentWidget()
        seen = widget.visibleRegion().boundingRect()
        self.setGeometry(QRect(widget.mapTo(area, seen.topLeft()), seen.size()))
        self.raise_()
        self.show()

    def paintEvent(self, _event: Any) -> None:
        """Draw the ring in the window's text colour, which stands out in every theme."""
        painter = QPainter(self)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), _WIDTH))
        edge = _WIDTH / 2
        painter.drawRect(QRectF(self.rect()).adjusted(edge, edge, -edge, -edge))
