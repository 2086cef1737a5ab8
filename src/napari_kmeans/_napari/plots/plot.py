"""The base class of all plots in the dock, and their brushes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QSize
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QWidget


class Plot(pg.PlotWidget):
    """A small plot in the colours of the theme, without menus and without zooming by the mouse wheel."""

    def __init__(self, parent: QWidget | None = None, **options: Any) -> None:
        super().__init__(parent, background=None, enableMenu=False, **options)
        self.setMinimumHeight(112)
        self.hideButtons()
        self.getPlotItem().layout.setContentsMargins(0, 4, 4, 0)
        for side in ("left", "bottom"):
            self.getAxis(side).setStyle(tickLength=-4, autoExpandTextSpace=True)
            # The numbers are those of the table, not thousandths of them for an image of 0 to 1.
            self.getAxis(side).enableAutoSIPrefix(False)
        self.follow_theme()

    def sizeHint(self) -> QSize:
        # pyqtgraph asks for 640 × 480, which would leave no room for the canvas.
        return QSize(340, 150)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.minimumHeight())

    def follow_theme(self) -> None:
        """Draw axes in the window's text colour."""
        color = self.palette().color(QPalette.ColorRole.WindowText)
        for side in ("left", "bottom"):
            self.getAxis(side).setPen(color)
            self.getAxis(side).setTextPen(color)

    def changeEvent(self, event: Any) -> None:
        super().changeEvent(event)
        if event.type() in (event.Type.PaletteChange, event.Type.StyleChange) and self.plotItem is not None:
            self.follow_theme()

    def wheelEvent(self, event: Any) -> None:
        event.ignore()

    def keyPressEvent(self, event: Any) -> None:
        # An unhandled key would reach the canvas and switch the layer's tool.
        event.accept()


@lru_cache(maxsize=4096)  # pyqtgraph draws a symbol again for every new brush object
def _brush(red: int, green: int, blue: int, alpha: int) -> Any:
    return pg.mkBrush(red, green, blue, alpha)


def brushes(colors: NDArray[np.float64]) -> list[Any]:
    """Return a brush for each colour, (n, 4) in 0 to 1; equal colours share one object."""
    return [_brush(*color) for color in (255 * colors).round().astype(int).tolist()]
