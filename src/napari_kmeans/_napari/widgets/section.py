"""A part of the dock that opens and closes, and says in its title what was chosen in it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Section(QWidget):
    """Rows of controls below a title, closed at first.

    Parameters
    ----------
    title : str
    tip : str
        What can be chosen in it.
    """

    def __init__(self, title: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self.button = QToolButton(checkable=True, autoRaise=True, text=title, toolTip=tip)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setArrowType(Qt.ArrowType.RightArrow)
        self.button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        # Napari's buttons are boxes of a fixed size; this one is a line of text.
        self.button.setStyleSheet(
            "QToolButton { background: transparent; border: none; text-align: left; padding: 2px; }"
        )
        self.body = QWidget()
        self.rows = QFormLayout(self.body)
        self.rows.setContentsMargins(12, 0, 0, 4)
        self.rows.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.button)
        layout.addWidget(self.body)
        self.body.hide()
        self.button.toggled.connect(self._on_toggled)

    def add(self, label: str, widget: QWidget) -> None:
        """Add a row."""
        self.rows.addRow(label, widget)

    def set_row_visible(self, widget: QWidget, visible: bool) -> None:
        """Show a row, or not where it does not apply."""
        self.rows.setRowVisible(widget, visible)

    def set_chosen(self, chosen: str) -> None:
        """Say behind the title what was chosen; nothing, if empty."""
        self.button.setText(f"{self._title}: {chosen}" if chosen else self._title)

    def _on_toggled(self, opened: bool) -> None:
        self.button.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.body.setVisible(opened)
