"""Variance explained by each number of clusters, and the suggested number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Signal
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ...kmeans.suggestion import Suggestion
from .plot import Plot


class ChooseKPlot(QWidget):
    """Explained variance against the number of clusters, and the suggestion.

    Signals
    -------
    chosen(n_clusters)
        The user clicked a point of the curve, or the button.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = Plot(self)
        self._plot.setAccessibleName("Variance explained by each number of clusters")
        self._plot.setToolTip(
            "Variance explained by each number of clusters; click a point to choose that number"
        )
        self._plot.setLabel("bottom", "clusters")
        self._plot.setLabel("left", "explained, %")
        self._plot.getAxis("left").setWidth(44)
        self._plot.setMouseEnabled(x=False, y=False)
        self._points = pg.ScatterPlotItem(size=9, hoverable=True, tip=None)
        self._line = pg.PlotDataItem()
        self._plot.addItem(self._line)
        self._plot.addItem(self._points)
        self._points.sigClicked.connect(self._on_clicked)
        self._reason = QLabel(wordWrap=True)
        self.use = QPushButton("Use …")
        self.use.setToolTip("Use the suggested number of clusters")
        self.use.clicked.connect(self._on_use)
        row = QHBoxLayout()
        row.addWidget(self._reason, 1)
        row.addWidget(self.use)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._plot, 1)
        layout.addLayout(row)
        self._suggestion: Suggestion | None = None
        self._n_clusters = 0
        self._draw()

    def set_suggestion(self, suggestion: Suggestion | None, n_clusters: int) -> None:
        """Show the curve, with the suggestion as a star and the current number as a filled point."""
        if suggestion is not self._suggestion:
            self._suggestion = suggestion
            self._draw()
        if n_clusters != self._n_clusters:
            self._n_clusters = n_clusters
            self._fill()

    def set_opinion(self, opinion: Suggestion | None) -> None:
        """Show what the gap statistic suggests, after the reason for the suggestion."""
        reason = self._suggestion.reason if self._suggestion is not None else ""
        self._reason.setText(f"{reason} Gap statistic: {opinion.reason}" if opinion is not None else reason)

    def _draw(self) -> None:
        suggestion = self._suggestion
        self.use.setEnabled(suggestion is not None)
        if suggestion is None:
            self._points.setData([], [])
            self._line.setData([], [])
            self._reason.setText("")
            self.use.setText("Use …")
            return
        y = 100 * np.array(suggestion.explained_variance)
        x = np.arange(1, y.size + 1)
        color = self.palette().color(QPalette.ColorRole.WindowText)
        self._line.setData(x, y, pen=pg.mkPen(color, width=1))
        star = x == suggestion.n_clusters
        self._points.setData(
            x=x,
            y=y,
            symbol=np.where(star, "star", "o").tolist(),
            size=np.where(star, 15, 8),
            pen=pg.mkPen(color),
        )
        self._plot.setXRange(1, max(12, x[-1]), padding=0.04)
        self._plot.setYRange(0, 100, padding=0.06)
        self._reason.setText(suggestion.reason)
        self.use.setText(f"Use {suggestion.n_clusters}")
        self._fill()

    def _fill(self) -> None:
        if self._suggestion is not None:
            full = pg.mkBrush(self.palette().color(QPalette.ColorRole.WindowText))
            empty = pg.mkBrush(None)
            numbers = range(1, len(self._suggestion.inertia) + 1)
            self._points.setBrush([full if k == self._n_clusters else empty for k in numbers])

    def changeEvent(self, event: Any) -> None:
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange:
            self._draw()

    def _on_clicked(self, _item: Any, points: Any, *_: Any) -> None:
        if len(points):
            self.chosen.emit(int(points[0].pos().x()))

    def _on_use(self) -> None:
        if self._suggestion is not None:
            self.chosen.emit(self._suggestion.n_clusters)
