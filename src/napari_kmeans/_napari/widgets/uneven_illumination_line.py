"""One line that offers to remove uneven illumination."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from .layout import fill, status_label

_TIPS = {
    "additive": "Set Prepare ▸ Illumination to Uneven background",
    "multiplicative": "Set Prepare ▸ Illumination to Shading",
}


class UnevenIlluminationLine(QWidget):
    """A note that the image looks unevenly lit, with a button to correct it; hidden otherwise.

    Signals
    -------
    accepted(kind)
        The user asked to remove uneven illumination of this kind.
    """

    accepted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        label = status_label()
        label.setText("The image looks unevenly lit.")
        self.button = QPushButton("Remove")
        self.button.setAccessibleName("Remove the uneven illumination")
        self.button.clicked.connect(self._on_clicked)
        self._kind = ""
        layout = QHBoxLayout(self)
        fill(layout, label, self.button)
        layout.setStretch(0, 1)  # the sentence stays on one line if there is room
        self.hide()

    def set_kind(self, kind: str | None) -> None:
        """Offer to remove one kind of uneven illumination, or hide the line."""
        self._kind = kind or ""
        self.button.setToolTip(_TIPS.get(self._kind, ""))
        self.setVisible(bool(kind))

    def _on_clicked(self) -> None:
        self.accepted.emit(self._kind)
