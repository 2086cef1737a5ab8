"""A line below the plots with a note and a button."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from .layout import fill, status_label


class OfferLine(QWidget):
    """A note with a button that acts on it; hidden until `offer` is called.

    Parameters
    ----------
    note : str
    button : str
        Text of the button.
    accessible_name : str
        What the button does.

    Signals
    -------
    accepted()
        The user pressed the button.
    """

    accepted = Signal()

    def __init__(self, note: str, button: str, accessible_name: str) -> None:
        super().__init__()
        label = status_label()
        label.setText(note)
        self.button = QPushButton(button)
        self.button.setAccessibleName(accessible_name)
        self.button.clicked.connect(self._on_clicked)
        layout = QHBoxLayout(self)
        fill(layout, label, self.button)
        layout.setStretch(0, 1)  # the note stays on one line if there is room
        self.hide()

    def offer(self, tip: str) -> None:
        """Show the line with a tooltip for its button, or hide it if the tooltip is empty."""
        self.button.setToolTip(tip)
        self.setVisible(bool(tip))

    def _on_clicked(self) -> None:
        self.accepted.emit()
