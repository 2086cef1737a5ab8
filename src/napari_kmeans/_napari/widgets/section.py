"""A collapsible section of the dock, which shows its settings beside the title."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QSizePolicy, QWidget
from superqt import QCollapsible, QElidingLabel


class Section(QCollapsible):
    """Rows of controls below a title, collapsed at first.

    Parameters
    ----------
    title : str
    tip : str
        Tooltip of the title.
    """

    def __init__(self, title: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self._draw_arrows()
        self.setDuration(0)
        self.button: QPushButton = self.toggleButton()
        self.button.setToolTip(tip)
        self.button.setAccessibleName(title)
        self.button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        # napari draws buttons as boxes; this one should look like text.
        self.button.setStyleSheet(
            "QPushButton { background: transparent; border: 1px solid transparent; text-align: left;"
            " padding: 1px 4px; } QPushButton:focus { border: 1px solid palette(highlight); }"
        )
        self._chosen = QElidingLabel()
        self._chosen.setElideMode(Qt.TextElideMode.ElideRight)
        self._chosen.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        header = QHBoxLayout()
        header.setContentsMargins(0, 0, 0, 0)
        self.layout().removeWidget(self.button)
        header.addWidget(self.button)
        header.addWidget(self._chosen, 1)
        self.layout().insertLayout(0, header)
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.layout().setSpacing(0)
        body = QWidget()
        self._rows = QFormLayout(body)
        self._rows.setContentsMargins(12, 0, 0, 4)
        self._rows.setSpacing(4)
        self.setContent(body)
        self.collapse(animate=False)
        # A collapsed body has no height, but Tab would still reach its controls.
        body.hide()
        self.toggled.connect(body.setVisible)

    def _draw_arrows(self) -> None:
        """Draw the arrows in the text colour of the theme."""
        self.setExpandedIcon("▾")
        self.setCollapsedIcon("▸")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._draw_arrows()

    def add(self, label: str, widget: QWidget) -> None:
        """Add a row."""
        self._rows.addRow(label, widget)

    def set_row_visible(self, widget: QWidget, visible: bool) -> None:
        """Show or hide a row."""
        if self._rows.isRowVisible(widget) == visible:
            return
        self._rows.setRowVisible(widget, visible)
        if self.isExpanded():
            self.expand(animate=False)  # to the height of its rows

    def set_chosen(self, chosen: str) -> None:
        """Show the settings beside the title; may be empty."""
        self._chosen.setText(chosen)
        self._chosen.setToolTip(chosen)

    @property
    def chosen(self) -> str:
        """The text beside the title."""
        return str(self._chosen.text())
