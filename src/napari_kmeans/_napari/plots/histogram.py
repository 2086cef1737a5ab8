"""The histogram in the colours of the clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QWidget

from ...model.model import KMeansModel
from ...report.histogram_bins import bin_summary
from ...summary.scalar import ScalarSummary
from .plot import Plot
from .plot_text import format_count, format_value

_MAX_LINES = 32  # with more lines, they could not be distinguished or dragged
_HINT = "Drag a line to move a threshold; drag elsewhere to zoom, double-click to show all values"


class _CountAxis(pg.AxisItem):
    """Numbers of pixels as short texts, whether counts or their logarithms are drawn."""

    logarithms = False

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if not self.logarithms:
            return [format_count(value) for value in values]
        # log10(1 + n) is drawn: 0 means no pixels, and for larger values the 1 hardly matters.
        return [("0" if not value else format_count(10**value)) if value % 1 == 0 else "" for value in values]


class HistogramPlot(Plot):
    """Counts of the values, each bar in the colour of its cluster, with centres and thresholds.

    Thresholds can be dragged. Dragging elsewhere zooms, and a double-click shows all values again. The tooltip
    shows the value, cluster and share under the mouse.

    Signals
    -------
    threshold_moved(index, value)
        The user drags a threshold, counted from 0.
    """

    threshold_moved = Signal(int, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._axis = _CountAxis("left")
        super().__init__(parent, axisItems={"left": self._axis})
        self.setAccessibleName("Histogram")
        self.setLabel("bottom", "value")
        self.getAxis("left").setWidth(38)
        self.getViewBox().setMouseMode(pg.ViewBox.RectMode)
        self._bars = pg.BarGraphItem(x0=[0], x1=[1], height=[0], pen=None)
        self._centers = pg.PlotDataItem(
            connect="pairs", pen=pg.mkPen("w", width=1, style=Qt.PenStyle.DotLine)
        )
        self._thresholds: list[_Threshold] = []
        self._whiskers = pg.ErrorBarItem(x=np.empty(0), y=np.empty(0))
        for item in (self._bars, self._centers, self._whiskers):
            self.addItem(item)
        self.summary: ScalarSummary | None = None
        self._edges = np.array([0.0, 1.0])
        self._counts = np.zeros(1)
        self._model: KMeansModel | None = None
        self._colors = np.zeros((0, 4))
        self.scene().sigMouseMoved.connect(self._on_hover)
        self.log_counts = False
        self.setToolTip(_HINT)

    def set_summary(self, summary: ScalarSummary | None) -> None:
        """Bin the values of an image once, so that the drawing time does not depend on the number of values."""
        self.summary = summary
        if summary is None:
            self._edges, self._counts = np.array([0.0, 1.0]), np.zeros(1)
        else:
            self._edges, self._counts = bin_summary(summary)
        self.set_model(None, self._colors)
        self.show_all()

    def set_model(self, model: KMeansModel | None, colors: NDArray[np.float64]) -> None:
        """Colour the bars, and mark centres and thresholds."""
        self._model, self._colors = model, colors
        heights = np.log10(1 + self._counts) if self.log_counts else self._counts
        top = float(heights.max(initial=0)) or 1.0
        middle = (self._edges[1:] + self._edges[:-1]) / 2
        plain = self.palette().color(QPalette.ColorRole.Mid)
        if model is None:
            brushes = [pg.mkBrush(plain)] * middle.size
            self._centers.setData([], [])
        else:
            shown = model.label_of_cluster
            palette = [
                pg.mkBrush(*(255 * color).astype(int)) if shown[i] else pg.mkBrush(plain)
                for i, color in enumerate(colors, start=1)
            ]
            brushes = [palette[i] for i in np.searchsorted(model.thresholds, middle)]
            places = model.centers[:, 0] if model.thresholds.size <= _MAX_LINES else np.empty(0)
            self._centers.setData(np.repeat(places, 2), np.tile([0.0, top], places.size))
        self._set_thresholds(np.empty(0) if model is None else model.thresholds)
        self._bars.setOpts(x0=self._edges[:-1], x1=self._edges[1:], height=heights, brushes=brushes)
        self.setYRange(0, top, padding=0.02)

    def set_intervals(self, intervals: NDArray[np.float64] | None) -> None:
        """Draw the interval of each threshold as a whisker near the top: (n, 2) array, or None."""
        if intervals is None or len(intervals) != len(self._thresholds):
            intervals = np.empty((0, 2))
        top = float(self._bars.opts["height"].max(initial=0)) or 1.0
        self._whiskers.setData(
            x=intervals.mean(axis=1),
            y=np.full(len(intervals), 0.92 * top),
            left=np.diff(intervals, axis=1)[:, 0] / 2,
            right=np.diff(intervals, axis=1)[:, 0] / 2,
            beam=0.08 * top,
            pen=pg.mkPen(self.palette().color(QPalette.ColorRole.WindowText), width=2),
        )

    @property
    def intervals(self) -> NDArray[np.float64]:
        """Intervals that are drawn: (n, 2) array."""
        x, half = self._whiskers.opts["x"], self._whiskers.opts["left"]
        return np.stack([x - half, x + half], axis=1) if len(x) else np.empty((0, 2))

    def _set_thresholds(self, thresholds: NDArray[np.float64]) -> None:
        """Move the lines. Existing lines are kept, since the user may be dragging one of them."""
        if thresholds.size > _MAX_LINES:
            thresholds = np.empty(0)
        while len(self._thresholds) > thresholds.size:
            self.removeItem(self._thresholds.pop())
        while len(self._thresholds) < thresholds.size:
            line = _Threshold(len(self._thresholds), self.threshold_moved)
            line.setPen(pg.mkPen(self.palette().color(QPalette.ColorRole.WindowText), width=1))
            self._thresholds.append(line)
            self.addItem(line, ignoreBounds=True)
        for line, value in zip(self._thresholds, thresholds, strict=True):
            line.setValue(float(value))

    def set_movable(self, movable: bool) -> None:
        """Set whether thresholds can be dragged."""
        for line in self._thresholds:
            line.setMovable(movable)

    def set_log_counts(self, log_counts: bool) -> None:
        """Show the logarithms of the counts, or the counts."""
        self.log_counts = self._axis.logarithms = log_counts
        self._axis.picture = None  # its numbers changed
        self.set_model(self._model, self._colors)

    def follow_theme(self) -> None:
        """Draw lines in the window's text colour too."""
        super().follow_theme()
        if hasattr(self, "_thresholds"):
            color = self.palette().color(QPalette.ColorRole.WindowText)
            for line in self._thresholds:
                line.setPen(pg.mkPen(color, width=1))
            self._centers.setPen(pg.mkPen(color, width=1, style=Qt.PenStyle.DotLine))

    def show_all(self) -> None:
        """Undo any zoom."""
        self.setXRange(float(self._edges[0]), float(self._edges[-1]), padding=0.02)

    def mouseDoubleClickEvent(self, event: Any) -> None:
        self.show_all()
        event.accept()

    def text_at(self, value: float) -> str:
        """Return value, cluster and share at a position of the axis."""
        i = int(np.searchsorted(self._edges, value, side="right")) - 1
        total = self._counts.sum()
        if not 0 <= i < self._counts.size or not total:
            return ""
        text = f"{format_value(value)}: {100 * self._counts[i] / total:.2g} % of the pixels in this bar"
        if self._model is not None:
            cluster = 1 + int(np.searchsorted(self._model.thresholds, value))
            share = self._model.counts[cluster - 1] / max(int(self._model.counts.sum()), 1)
            text += f"\ncluster {cluster}, {100 * share:.1f} % of the image"
        return text

    def _on_hover(self, place: QPointF) -> None:
        self.setToolTip(self.text_at(self.getViewBox().mapSceneToView(place).x()) or _HINT)


class _Threshold(pg.InfiniteLine):
    """A line that can be dragged."""

    def __init__(self, index: int, moved: Any) -> None:
        super().__init__(angle=90, movable=True, hoverPen=pg.mkPen("#E69F00", width=3))
        self._index = index
        self._moved = moved
        self.sigDragged.connect(self._on_dragged)

    def _on_dragged(self, _line: Any) -> None:
        self._moved.emit(self._index, float(self.value()))
