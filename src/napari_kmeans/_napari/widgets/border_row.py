"""The row below the histogram: a threshold between two clusters as an editable number."""

from __future__ import annotations

import math
from typing import Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QWidget

from ...model.model import KMeansModel


class BorderRow(QWidget):
    """A list of thresholds, a box with the value of the selected one, and a reset button.

    Signals
    -------
    moved(index, value)
        The user typed a value for a threshold, counted from 0.
    reset()
        The user asked for the optimal thresholds.
    refused(text)
        The user typed something that is not a number.
    """

    moved = Signal(int, float)
    reset = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.which = QComboBox()
        self.which.setToolTip("Threshold between two neighbouring clusters")
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.which.setMinimumContentsLength(3)
        self.which.setStyleSheet("QComboBox { min-width: 40px; padding: 0px 2px 0px 6px; }")
        self.value = _NumberBox(keyboardTracking=False)
        self.value.setToolTip(
            "Values up to this one belong to the darker cluster; type a value, or drag the line above"
        )
        self.which.setAccessibleName("Threshold")
        self.value.setAccessibleName("Value of the threshold")
        self.title = QLabel("Threshold")
        self.title.setBuddy(self.which)
        self.back = QPushButton("Reset")
        self.back.setAccessibleName("Reset thresholds")
        self.back.setToolTip("Discard the changes by hand and restore the optimal thresholds")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addWidget(self.which)
        layout.addWidget(self.value, 1)
        layout.addWidget(self.back)
        self._model: KMeansModel | None = None
        self.which.currentIndexChanged.connect(self._show_value)
        self.value.valueChanged.connect(self._on_value)
        self.back.clicked.connect(self.reset)
        self.value.refused.connect(self.refused)
        self.set_model(None)

    def set_model(self, model: KMeansModel | None) -> None:
        """Show the thresholds of a model."""
        n_thresholds = 0 if model is None else model.n_clusters - 1
        self._model = model
        if self.which.count() != n_thresholds:
            with QSignalBlocker(self.which):
                self.which.clear()
                self.which.addItems(
                    [f"{i} | {i + 1}" if i < 9 else f"{i}|{i + 1}" for i in range(1, n_thresholds + 1)]
                )
        self.setEnabled(n_thresholds > 0)
        adjusted = model is not None and model.adjusted
        self.title.setText("Adjusted" if adjusted else "Threshold")
        self.back.setVisible(adjusted)
        if not n_thresholds:
            with QSignalBlocker(self.value):
                self.value.clear()
        self._show_value()

    def _show_value(self, _index: Any = None) -> None:
        i = self.which.currentIndex()
        if self._model is None or not 0 <= i < self._model.thresholds.size:
            return
        with QSignalBlocker(self.value):
            # The value is rounded as it is displayed, so that leaving the box changes nothing.
            self.value.setValue(float(_compact_number(self._model.thresholds[i])))

    def _on_value(self, value: float) -> None:
        if self._model is not None and self.which.currentIndex() >= 0:
            self.moved.emit(self.which.currentIndex(), value)


class _NumberBox(QDoubleSpinBox):
    """A box for any finite number, without arrows.

    A comma is never treated as a thousands separator: "95,5" is not a number here.

    Signals
    -------
    refused(text)
        The text is not a number; the box returns to its previous value.
    """

    refused = Signal(str)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.setDecimals(323)  # the maximum; Qt would round otherwise
        self.setRange(-1e300, 1e300)
        # The buttons have no width: with NoButtons and a style sheet, Qt 6.11.3 leaves no room for the number.
        self.setStyleSheet(
            "QDoubleSpinBox { min-width: 60px; padding: 0px 4px; }"
            "QDoubleSpinBox::up-button, QDoubleSpinBox::down-button { width: 0px; }"
            "QDoubleSpinBox::up-arrow, QDoubleSpinBox::down-arrow { width: 0px; image: none; }"
        )

    def textFromValue(self, value: float) -> str:
        return _compact_number(value)

    def valueFromText(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            return float(self.value())

    def fixup(self, text: str) -> str:
        # Qt would remove commas, and turn "95,5" into 955.
        if text:
            self.refused.emit(text)
        return text

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        try:
            good = math.isfinite(float(text))
        except ValueError:
            good = False
        return QValidator.State.Acceptable if good else QValidator.State.Intermediate, text, at


def _compact_number(value: float) -> str:
    """Return a number in about nine characters, which fit in the box."""
    short = f"{value:.6g}"
    if "e" not in short and len(short) <= 9:
        return short
    digits, exponent = f"{value:.3e}".split("e")
    return f"{digits}e{int(exponent)}"
