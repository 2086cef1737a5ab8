"""The centres of clusters, feature by feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QFontMetricsF, QPalette
from qtpy.QtWidgets import QWidget

from ...model.model import KMeansModel
from ...summary.vector import VectorSummary
from .plot import Plot, brushes
from .plot_text import cluster_text, format_value

_NEAR = 14  # px to a line, for the tooltip
_HINT = "Centre of each cluster, feature by feature; drag to zoom, double-click to show all features"
_SCALE = " σ "  # between a feature and its scale in the names of textures


class _NameAxis(pg.AxisItem):
    """Names instead of numbers, elided where they would overlap."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self._texts: dict[float, str] = {}
        self.setStyle(hideOverlappingLabels=False)  # they are elided instead

    def set_names(self, texts: dict[float, str], title: str) -> None:
        """Set the names by position, in ascending order, and their common part as the title."""
        self._texts = texts
        self.setLabel(title)
        self.showLabel(bool(title))
        self.setHeight(36 if title else 20)
        self.picture = None
        self.update()

    def tickValues(self, low: float, high: float, _size: float) -> list[tuple[float, list[float]]]:
        return [(1.0, [place for place in self._texts if low <= place <= high])]

    def tickStrings(self, values: list[float], _scale: float, _spacing: float) -> list[str]:
        low, high = self.range
        apart = min(np.diff(list(self._texts)), default=high - low)
        room = self.width() * apart / ((high - low) or 1.0) - 4
        metrics = QFontMetricsF(self.font())
        return [metrics.elidedText(self._texts[v], Qt.TextElideMode.ElideRight, room) for v in values]


class ProfilePlot(Plot):
    """A line per cluster through the features of its centre, in its colour.

    Standardised features are drawn in standard deviations from the mean of all pixels, others in their own
    units. Features of textures are grouped by kind, from the smallest scale to the largest. Dragging zooms,
    and a double-click shows all features again.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        self._axis = _NameAxis()
        super().__init__(parent, axisItems={"bottom": self._axis})
        self.setAccessibleName("Centres by feature")
        self.setMinimumHeight(100)
        self.getAxis("left").setWidth(44)
        box = self.getViewBox()
        box.setMouseMode(pg.ViewBox.RectMode)
        box.setMouseEnabled(x=True, y=False)
        self._mean_line = pg.InfiniteLine(angle=0)
        self._dots = pg.ScatterPlotItem(size=6, pen=None)
        self.addItem(self._mean_line, ignoreBounds=True)
        self.addItem(self._dots)
        self._lines: list[pg.PlotCurveItem] = []
        self.scene().sigMouseMoved.connect(self._on_hover)
        self._mean = np.zeros(0)
        self._places = arrange(())
        self._model: KMeansModel | None = None
        self._colors = np.zeros((0, 4))
        self._heights = np.zeros((0, 0))
        self.setToolTip(_HINT)
        self.follow_theme()

    def set_cloud(self, cloud: VectorSummary | None) -> None:
        """Show features of other pixels, without clusters until `set_model`."""
        self._mean = np.zeros(0) if cloud is None else cloud.mean()
        self._places = arrange(cloud.names if cloud is not None else ())
        self._axis.set_names(self._places.texts, self._places.title)
        self.set_model(None, self._colors)
        self.show_all()

    def set_model(self, model: KMeansModel | None, colors: NDArray[np.float64]) -> None:
        """Draw the centres of a model."""
        self._model, self._colors = model, colors
        standardized = model is not None and bool((model.scales != 1).any())
        self._mean_line.setVisible(standardized)
        self.setLabel("left", "std. deviations" if standardized else "value")
        if model is None:
            self._heights = np.zeros((0, self._mean.size))
        else:
            self._heights = (model.centers - self._mean) / model.scales if standardized else model.centers
        self._draw()

    def _draw(self) -> None:
        k, d = self._heights.shape
        while len(self._lines) > k:
            self.removeItem(self._lines.pop())
        while len(self._lines) < k:
            self._lines.append(pg.PlotCurveItem())
            self.addItem(self._lines[-1])
        order, places, joined = self._places.order, self._places.places, self._places.joined
        plain = self.palette().color(QPalette.ColorRole.Mid)
        shown = np.zeros(k, dtype=bool) if self._model is None else self._model.label_of_cluster[1:] > 0
        fills = brushes(np.where(shown[:, np.newaxis], self._colors[:k], plain.getRgbF()))
        for fill, line, heights in zip(fills, self._lines, self._heights, strict=True):
            line.setData(places, heights[order], connect=joined, pen=pg.mkPen(fill.color(), width=2))
        heights = self._heights[:, order].ravel()
        self._dots.setData(np.tile(places, k), heights, brush=[fill for fill in fills for _ in range(d)])
        if self._heights.size:
            low, high = self._heights.min(), self._heights.max()
            self.setYRange(low, high if high > low else low + 1, padding=0.08)

    def show_all(self) -> None:
        """Undo any zoom."""
        margin = 0.4 if self._places.joined.all() else 1.0  # names of groups are wider
        last = self._places.places.max(initial=0.0)
        self.setXRange(-margin, last + margin, padding=0)

    def mouseDoubleClickEvent(self, event: Any) -> None:
        self.show_all()
        event.accept()

    def follow_theme(self) -> None:
        """Draw the line of the mean in the window's text colour too."""
        super().follow_theme()
        if hasattr(self, "_heights"):
            color = self.palette().color(QPalette.ColorRole.WindowText)
            self._mean_line.setPen(pg.mkPen(color, width=1, style=Qt.PenStyle.DotLine))
            self._draw()

    def text_at(self, x: float, y: float) -> str:
        """Return the feature, value and cluster of the centre near a position; empty if there is none."""
        if self._model is None or not self._places.places.size:
            return ""
        at = int(np.argmin(np.abs(self._places.places - x)))
        feature = int(self._places.order[at])
        heights = self._heights[:, feature]
        i = int(np.argmin(np.abs(heights - y)))
        wide, high = self.getViewBox().viewPixelSize()
        if np.hypot((x - self._places.places[at]) / wide, (y - heights[i]) / high) > _NEAR:
            return ""
        text = f"{self._model.feature_names[feature]}: {format_value(self._model.centers[i, feature])}"
        if self._mean_line.isVisible():
            text += f"\n{heights[i]:+.2f} standard deviations from the mean"
        return f"{text}\n{cluster_text(self._model, i)}"

    def _on_hover(self, place: QPointF) -> None:
        at = self.getViewBox().mapSceneToView(place)
        self.setToolTip(self.text_at(at.x(), at.y()) or _HINT)


@dataclass(frozen=True, eq=False)
class Places:
    """Positions of features along an axis.

    Attributes
    ----------
    order : (d,) int64 array
        Features from left to right.
    places : (d,) float64 array
        Position of each, ascending from 0.
    joined : (d,) int32 array
        1 where a line connects a feature to the next.
    texts : dict of float to str
        Names by position.
    title : str
        Common part of all names.
    """

    order: NDArray[np.int64]
    places: NDArray[np.float64]
    joined: NDArray[np.int32]
    texts: dict[float, str]
    title: str


def arrange(names: tuple[str, ...]) -> Places:
    """Return the positions of features. Those at several scales are grouped by kind, with gaps in between."""
    order = np.arange(len(names))
    joined = np.ones(len(names), dtype=np.int32)
    heads = {name.rpartition(" ")[0] for name in names}
    if names and all(_SCALE in name for name in names):
        kinds, scales = zip(*(name.split(_SCALE) for name in names), strict=True)
        groups = {kind: np.nonzero(np.array(kinds) == kind)[0] for kind in kinds}
        order = np.concatenate(list(groups.values()))
        number = np.repeat(np.arange(len(groups)), [group.size for group in groups.values()])
        places = np.arange(order.size) + number * 1.0
        joined[:-1] = number[1:] == number[:-1]
        texts = {float(places[number == i].mean()): kind for i, kind in enumerate(groups)}
        return Places(order, places, joined, texts, f"each from σ {scales[0]} to {scales[-1]}")
    places = order.astype(np.float64)
    title = heads.pop() if len(names) > 1 and len(heads) == 1 else ""
    written = [name.rpartition(" ")[2] if title else name for name in names]
    return Places(order, places, joined, dict(zip(places.tolist(), written, strict=True)), title)
