"""The dialogs *Apply to layers…* and *Apply to files…*."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from ..session.applying import EACH, THIS_MODEL, TOGETHER, Applying, FilesRequest

_MATCHES = {
    "by the same values": "values",
    "scaled to the range of the image": "range",
    "fitted again to the image": "refit",
}


class ApplyDialogs(QObject):
    """Opens the dialogs and starts what they ask for.

    Parameters
    ----------
    applying : Applying
    parent : QWidget
    """

    def __init__(self, applying: Applying, parent: QWidget) -> None:
        super().__init__(parent)
        self._applying, self._parent = applying, parent
        self.dialog: QDialog | None = None
        """The dialog that was opened last."""

    def to_layers(self) -> None:
        """Ask which layers to label, and how."""
        if self._applying.source() is None:
            return
        dialog = LayersDialog(self._applying, self._parent)
        dialog.mention_mask(self._applying.has_mask)
        dialog.accepted.connect(lambda: self._applying.to_layers(*dialog.chosen()))
        dialog.rejected.connect(self._applying.runner.stop)  # the comparison
        self._open(dialog)
        dialog.compare()

    def to_files(self) -> None:
        """Ask for a folder of images and how to label them."""
        if self._applying.source() is None:
            return
        dialog = FilesDialog(self._parent)
        dialog.mention_mask(self._applying.has_mask)
        dialog.accepted.connect(lambda: self._applying.to_files(dialog.chosen()))
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        self.dialog = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.destroyed.connect(self._forget)
        dialog.open()  # the window behind it goes on working

    def _forget(self) -> None:
        self.dialog = None


class _Dialog(QDialog):
    """A form with *Apply* and *Cancel*."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.form = QFormLayout(self)
        self.how, self.match = QComboBox(), QComboBox()
        for text, value in _MATCHES.items():
            self.match.addItem(text, value)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.apply = self.buttons.addButton("Apply", QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.how.currentIndexChanged.connect(self._on_how)

    def add(self, label: str, widget: QWidget) -> None:
        """Add a control with its label."""
        widget.setAccessibleName(label)
        self.form.addRow(label, widget)

    def mention_mask(self, has_mask: bool) -> None:
        """Mention that the mask of the shown image is not used for others, if it has one."""
        if has_mask:
            text = "The mask belongs to this image: other images are labelled as a whole."
            self.form.insertRow(self.form.rowCount() - 1, QLabel(text, wordWrap=True))

    def _on_how(self) -> None:
        self.match.setEnabled(self.how.currentData() == THIS_MODEL)


class LayersDialog(_Dialog):
    """Which layers to label, with which model, and how the layers differ from the shown image."""

    def __init__(self, applying: Applying, parent: QWidget) -> None:
        super().__init__("Apply to layers", parent)
        self._applying = applying
        self._is_closed = False  # then its parts are deleted
        self.finished.connect(self._on_finished)
        alike, selected = applying.layers_alike(), applying.selected_layers()
        self.layers = QComboBox()
        if selected:
            self.layers.addItem(f"selected: {_names(selected)}", selected)
        self.layers.addItem(f"all alike: {_names(alike)}", alike)
        self.how.addItem("the clusters of this image", THIS_MODEL)
        self.how.addItem("one model of all, this image included", TOGETHER)
        self.warning = QLabel(wordWrap=True)
        self.warning.setTextFormat(Qt.TextFormat.PlainText)
        self.add("Layers", self.layers)
        self.add("Label by", self.how)
        self.add("Where values differ", self.match)
        self.form.addRow(self.warning)
        self.form.addRow(self.buttons)
        self.layers.currentIndexChanged.connect(self.compare)
        self._on_how()

    def compare(self) -> None:
        """Show how the chosen layers differ from the shown image, once that is known."""
        layers = self.layers.currentData() or []
        self.apply.setEnabled(bool(layers))
        self.warning.setText("" if layers else "There is no other image layer like this one.")
        if layers:
            self._applying.find_differences(layers, self._show_differences)

    def chosen(self) -> tuple[Any, str, str]:
        """Return the layers, what labels them, and how."""
        return self.layers.currentData() or [], self.how.currentData(), self.match.currentData()

    def _on_finished(self) -> None:
        self._is_closed = True

    def _show_differences(self, text: str) -> None:
        if text and not self._is_closed:
            self.warning.setText(
                f"The labels may be wrong, since these images differ from the shown one:\n{text}\n"
                "Choose “scaled” or “fitted again” above if they are of the same kind."
            )
            # Qt makes no room for text that arrives in a window that is open.
            self.resize(self.width(), max(self.height(), self.form.heightForWidth(self.width())))


class FilesDialog(_Dialog):
    """A folder of images, a folder for their labels, and how to label them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Apply to files", parent)
        self.folder, self.out = QLineEdit(), QLineEdit()
        self.recursive = QCheckBox("also in folders inside it")
        self.table = QCheckBox("also a table of the clusters of each")
        self.how.addItem("the clusters of this image", THIS_MODEL)
        self.how.addItem("clusters of their own, found by the same settings", EACH)
        self.how.addItem("one model of all files", TOGETHER)
        self.add("Images in", self._with_button(self.folder, "Folder of images"))
        self.add("", self.recursive)
        self.add("Labels to", self._with_button(self.out, "Folder for labels"))
        self.add("", self.table)
        self.add("Label by", self.how)
        self.add("Where values differ", self.match)
        note = QLabel("Existing files are never replaced; their images are skipped.", wordWrap=True)
        self.form.addRow(note)
        self.form.addRow(self.buttons)
        for line, name in ((self.folder, "Images in"), (self.out, "Labels to")):
            line.setAccessibleName(name)
            line.setMinimumWidth(260)
            line.textChanged.connect(self._on_text)
        for box in (self.recursive, self.table):
            box.setAccessibleName(box.text())
        self._on_text()

    def chosen(self) -> FilesRequest:
        """Return what was asked for."""
        return FilesRequest(
            Path(self.folder.text().strip()),
            Path(self.out.text().strip()),
            self.recursive.isChecked(),
            self.how.currentData(),
            self.match.currentData(),
            self.table.isChecked(),
        )

    def _with_button(self, line: QLineEdit, title: str) -> QWidget:
        """Return a text field for a folder with a button to choose it."""
        both, button = QWidget(), QPushButton("…")
        button.setAccessibleName(f"Choose: {title}")
        layout = QHBoxLayout(both)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(line, 1)
        layout.addWidget(button)
        button.clicked.connect(lambda: self._choose(line, title))
        return both

    def _choose(self, line: QLineEdit, title: str) -> None:
        folder = QFileDialog.getExistingDirectory(self, title, line.text())
        if folder:
            line.setText(folder)

    def _on_text(self) -> None:
        folder, out = self.folder.text().strip(), self.out.text().strip()
        self.apply.setEnabled(bool(out) and bool(folder) and Path(folder).is_dir())


def _names(layers: list[Any]) -> str:
    """Return the names of layers, shortened."""
    shown = ", ".join(layer.name for layer in layers[:3])
    return f"{shown or 'none'}{f' and {len(layers) - 3} more' if len(layers) > 3 else ''}"
