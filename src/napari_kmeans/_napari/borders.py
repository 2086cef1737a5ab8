"""The row below the histogram: one border between two clusters as a number, to type and for the keyboard."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QWidget

from ..model import KMeansModel


class BorderRow(QWidget):
    """Which border, its value, and the way back to the optimum.

    Signals
    -------
    moved(index, value)
        The person typed a value for a border, counted from 0.
    reset()
        The person wants the borders of the optimum back.
    """

    moved = Signal(int, float)
    reset = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.which = QComboBox()
        self.which.setToolTip("Border between two neighbouring clusters")
        self.which.setMinimumContentsLength(5)
        self.value = QDoubleSpinBox(keyboardTracking=False, decimals=4)
        self.value.setToolTip(
            "Values up to this one belong to the darker cluster; type, or drag its line above"
        )
        self.value.setRange(-1e300, 1e300)
        self.value.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.value.setMinimumWidth(64)
        self.title = QLabel("Border")
        self.back = QPushButton("Reset")
        self.back.setToolTip("Borders were moved by hand; go back to those of the optimum")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.addWidget(self.title)
        layout.addWidget(self.which)
        layout.addWidget(self.value, 1)
        layout.addWidget(self.back)
        self._model: KMeansModel | None = None
        self.which.currentIndexChanged.connect(self._show_value)
        self.value.valueChanged.connect(self._on_value)
        self.back.clicked.connect(self.reset)
        self.set_model(None)

    def set_model(self, model: KMeansModel | None) -> None:
        """Show the borders of a model."""
        n_borders = 0 if model is None else model.n_clusters - 1
        self._model = model
        if self.which.count() != n_borders:
            with QSignalBlocker(self.which):
                self.which.clear()
                self.which.addItems([f"{i} | {i + 1}" for i in range(1, n_borders + 1)])
        self.setEnabled(n_borders > 0)
        adjusted = model is not None and model.adjusted
        self.title.setVisible(not adjusted)  # there is no room for both in a narrow dock
        self.value.setSuffix("  adjusted" if adjusted else "")
        self.back.setVisible(adjusted)
        self._show_value()

    def _show_value(self, _index: Any = None) -> None:
        i = self.which.currentIndex()
        if self._model is None or not 0 <= i < self._model.thresholds.size:
            return
        with QSignalBlocker(self.value):
            self.value.setValue(float(self._model.thresholds[i]))

    def _on_value(self, value: float) -> None:
        if self._model is not None and self.which.currentIndex() >= 0:
            self.moved.emit(self.which.currentIndex(), value)
