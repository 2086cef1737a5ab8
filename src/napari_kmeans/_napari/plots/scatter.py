"""A scatter plot of two features of the pixels, in the colours of the clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QPointF
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QWidget

from ...kmeans.nearest import nearest
from ...model.model import KMeansModel
from ...summary.vector import VectorSummary
from .plot import Plot, brushes
from .plot_text import cluster_text, features_text
from .point_cloud import PointCloud

_OPACITIES = np.linspace(0.35, 1.0, 6)  # from the fewest pixels to the most
_POINT, _CENTER = 4, 11  # px
_NEAR = 10  # px to a point, for the tooltip
_HINT = "Drag to zoom, double-click to show all points"


class ScatterPlot(Plot):
    """Points of a summary in the colours of their clusters, fainter where there are fewer pixels.

    Centres are large dots. Dragging zooms, and a double-click shows all points again. The tooltip shows the
    features, cluster and share under the mouse.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Scatter plot")
        self.setMinimumHeight(100)
        self.getPlotItem().layout.setContentsMargins(0, 8, 4, 0)  # room for half a tick label
        self.getAxis("left").setWidth(38)
        self.getAxis("bottom").setHeight(20)
        self._points = pg.ScatterPlotItem(pen=None, size=_POINT)
        self._centers = pg.ScatterPlotItem(size=_CENTER)
        for item in (self._points, self._centers):
            self.addItem(item)
        box = self.getViewBox()
        box.setMouseMode(pg.ViewBox.RectMode)
        box.sigRangeChangedManually.connect(self._thin)
        self.scene().sigMouseMoved.connect(self._on_hover)
        self.shown_axes = (0, 1)
        self._view: PointCloud | None = None
        self._model: KMeansModel | None = None
        self._colors = np.zeros((0, 4))
        self._drawn = np.empty(0, dtype=np.int64)  # points of the view
        self._shade = np.empty(0, dtype=np.int64)  # of each of them
        self._cluster = np.empty(0, dtype=np.uint8)  # of each, from 0, if there is a model
        self.setToolTip(_HINT)

    @property
    def view(self) -> PointCloud | None:
        """The points that can be shown."""
        return self._view

    def set_cloud(self, cloud: VectorSummary | None, axes: tuple[int, int] = (0, 1)) -> None:
        """Show other points, without clusters until `set_model` is called."""
        self._view = None if cloud is None else PointCloud(cloud)
        self._model = None
        self.set_axes(axes)

    def set_axes(self, axes: tuple[int, int]) -> None:
        """Show two other features."""
        self.shown_axes = axes
        self.show_all()

    def set_model(self, model: KMeansModel | None, colors: NDArray[np.float64]) -> None:
        """Colour the drawn points, and mark the centres; the cost does not depend on the size of the cloud."""
        self._model, self._colors = model, colors
        self._recolor()

    def show_all(self) -> None:
        """Undo any zoom."""
        if self._view is not None:
            x, y = (self._view.extent(axis) for axis in self.shown_axes)
            self.setRange(xRange=x, yRange=y, padding=0.04)
        self._thin()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        self.show_all()
        event.accept()

    def follow_theme(self) -> None:
        """Draw centres with an outline in the window's text colour too."""
        super().follow_theme()
        if hasattr(self, "_shade"):
            self._recolor()

    def _thin(self, *_: Any) -> None:
        """Choose the points to draw in the visible range."""
        if self._view is None:
            self._drawn = np.empty(0, dtype=np.int64)
            pixels = np.empty(0)
        else:
            x, y = self.viewRange()
            self._drawn, pixels = self._view.thinned(self.shown_axes, (tuple(x), tuple(y)))
        level = np.log1p(pixels) / np.log1p(pixels.max(initial=1))
        self._shade = (level * (_OPACITIES.size - 1)).round().astype(np.int64)
        places = self._places()
        self._points.setData(places[:, 0], places[:, 1])
        self._recolor()

    def _places(self) -> NDArray[np.float64]:
        """Return the positions of the drawn points: (n, 2) float64 array."""
        if self._view is None:
            return np.empty((0, 2))
        return self._view.positions[self._drawn][:, list(self.shown_axes)]

    def _recolor(self) -> None:
        model = self._model
        plain = np.array(self.palette().color(QPalette.ColorRole.Mid).getRgbF())
        if model is None or self._view is None:
            self._cluster = np.zeros(self._drawn.size, dtype=np.uint8)
            colors = plain[np.newaxis]
            self._centers.setData([], [])
        else:
            features = self._view.positions[self._drawn].T
            self._cluster = nearest(list(features), model.centers, model.scales)
            shown = model.label_of_cluster[1:, np.newaxis] > 0
            colors = np.where(shown, self._colors, plain)
            self._centers.setData(
                x=model.centers[:, self.shown_axes[0]],
                y=model.centers[:, self.shown_axes[1]],
                brush=brushes(colors),
                pen=pg.mkPen(self.palette().color(QPalette.ColorRole.WindowText), width=1.5),
            )
        if self._drawn.size:
            shades = np.repeat(colors, _OPACITIES.size, axis=0)
            shades[:, 3] *= np.tile(_OPACITIES, len(colors))
            table = np.array(brushes(shades))
            self._points.setBrush(list(table[self._cluster * np.intp(_OPACITIES.size) + self._shade]))

    def text_at(self, x: float, y: float) -> str:
        """Return features, cluster and share of the point near a position; empty if there is none."""
        if self._view is None or not self._drawn.size:
            return ""
        pixel = np.array(self.getViewBox().viewPixelSize())
        if self._model is not None:
            distance = np.hypot(*((self._model.centers[:, list(self.shown_axes)] - (x, y)) / pixel).T)
            i = int(np.argmin(distance))
            if distance[i] <= _CENTER / 2:
                features = features_text(self._view.names, self._model.centers[i], self.shown_axes)
                return f"centre: {features}\n{cluster_text(self._model, i)}"
        distance = np.hypot(*((self._places() - (x, y)) / pixel).T)
        i = int(np.argmin(distance))
        if distance[i] > _NEAR:
            return ""
        text = features_text(self._view.names, self._view.positions[self._drawn[i]], self.shown_axes)
        if self._model is not None:
            text += f"\n{cluster_text(self._model, int(self._cluster[i]))}"
        return text

    def _on_hover(self, place: QPointF) -> None:
        at = self.getViewBox().mapSceneToView(place)
        self.setToolTip(self.text_at(at.x(), at.y()) or _HINT)
