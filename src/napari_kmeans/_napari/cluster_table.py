"""The table of clusters: colour, centre and share of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from ..model import KMeansModel
from .plots import format_value

COLUMNS = ("", "Cluster", "Centre", "Share")


class ClusterTable(QTableWidget):
    """One row a cluster, the darkest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.setHorizontalHeaderLabels(COLUMNS)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        header.setHighlightSections(False)
        self.setColumnWidth(0, 26)

    def sizeHint(self) -> QSize:
        return QSize(260, 120)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 78)

    def set_model(self, model: KMeansModel | None, colors: NDArray[np.float64]) -> None:
        """Show the clusters of a model."""
        n_rows = 0 if model is None else model.n_clusters
        self.setRowCount(n_rows)
        if model is None:
            return
        total = max(int(model.counts.sum()), 1)
        for row in range(n_rows):
            pixels = int(model.counts[row])
            name = model.names[row] if model.names else str(row + 1)
            cells = ("", name, format_value(float(model.centers[row, 0])), f"{100 * pixels / total:.1f} %")
            tip = f"cluster {row + 1}: {pixels:,} pixels, centre {model.centers[row, 0]:.10g}"
            for column, text in enumerate(cells):
                item = self.item(row, column)
                if item is None:
                    item = QTableWidgetItem()
                    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                    if column > 1:
                        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    self.setItem(row, column, item)
                item.setText(text)
                item.setToolTip(tip)
            self.item(row, 0).setBackground(QColor.fromRgbF(*colors[row]))

    def keyPressEvent(self, event: Any) -> None:
        super().keyPressEvent(event)
        # An unhandled key would reach the canvas and switch the layer's tool.
        event.accept()
