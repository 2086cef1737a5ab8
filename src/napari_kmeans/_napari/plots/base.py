"""What all plots of the dock have in common."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QSize
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QWidget

from ...model.model import KMeansModel

_MAX_FEATURES = 4  # in a tooltip


class Plot(pg.PlotWidget):
    """A small plot in the theme's colours without menus and without zoom by the wheel."""

    def __init__(self, parent: QWidget | None = None, **options: Any) -> None:
        super().__init__(parent, background=None, enableMenu=False, **options)
        self.setMinimumHeight(112)
        self.hideButtons()
        self.getPlotItem().layout.setContentsMargins(0, 4, 4, 0)
        for side in ("left", "bottom"):
            self.getAxis(side).setStyle(tickLength=-4, autoExpandTextSpace=True)
        self.follow_theme()

    def sizeHint(self) -> QSize:
        # pyqtgraph asks for 640 × 480, which would swallow the canvas.
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


@lru_cache(maxsize=4096)  # pyqtgraph draws a symbol anew for each brush that is another object
def _brush(red: int, green: int, blue: int, alpha: int) -> Any:
    return pg.mkBrush(red, green, blue, alpha)


def brushes(colors: NDArray[np.float64]) -> list[Any]:
    """Return a brush for each colour, (n, 4) in 0 to 1; equal colours share one object."""
    return [_brush(*color) for color in (255 * colors).round().astype(int).tolist()]


def format_value(value: float) -> str:
    """Return a value in the image's units in few letters."""
    return f"{value:.1f}" if 100 <= abs(value) < 1e6 else f"{value:.4g}"


def format_count(n: float) -> str:
    """Return a number of pixels in few letters."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= 10 * unit:
            return f"{n / unit:g}{letter}"
    return f"{n:g}"


def cluster_text(model: KMeansModel, index: int) -> str:
    """Return name and share of a cluster, counted from 0, with those that it was merged with."""
    [group] = [group for group in model.groups if index + 1 in group]
    name = model.names[group[0] - 1] if model.names else f"cluster {group[0]}"
    share = model.counts[[label - 1 for label in group]].sum() / max(int(model.counts.sum()), 1)
    background = " (background)" if group[0] in model.background else ""
    return f"{name}{background}, {100 * share:.1f} % of the image"


def features_text(names: Sequence[str], values: NDArray[np.float64], axes: tuple[int, int]) -> str:
    """Return names and values of the features of a point; of many features, those of two axes."""
    chosen = range(len(names)) if len(names) <= _MAX_FEATURES else axes
    return ", ".join(f"{names[axis]} {format_value(values[axis])}" for axis in chosen)
