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
    "keep the clusters as they are": "values",
    "scale the clusters to the range of each image": "range",
    "fit the clusters to each image again": "refit",
}


class ApplyDialogs(QObject):
    """Open the dialogs, and start the work that the user confirms.

    Parameters
    ----------
    applying : Applying
    parent : QWidget
    """

    def __init__(self, applying: Applying, parent: QWidget) -> None:
        super().__init__(parent)
        self._applying, self._parent = applying, parent
        self.dialog: QDialog | None = None
        """The last dialog that was opened, while it is open."""

    def to_layers(self) -> None:
        """Ask which layers to label, and how."""
        if self._applying.source() is None:
            return
        dialog = LayersDialog(self._applying, self._parent)
        dialog.show_mask_note(self._applying.has_mask)
        dialog.accepted.connect(lambda: self._applying.to_layers(*dialog.chosen()))
        dialog.finished.connect(self._applying.comparison.stop)
        self._open(dialog)
        dialog.compare()

    def to_files(self) -> None:
        """Ask for a folder of images and how to label them."""
        if self._applying.source() is None:
            return
        dialog = FilesDialog(self._parent)
        dialog.show_mask_note(self._applying.has_mask)
        dialog.accepted.connect(lambda: self._applying.to_files(dialog.chosen()))
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        self.dialog = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.destroyed.connect(self._forget)
        dialog.open()  # returns at once, so that jobs continue

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

    def show_mask_note(self, has_mask: bool) -> None:
        """If the current image has a mask, mention that it is not used for other images."""
        if has_mask:
            text = "The mask belongs to the current image and is not used for the others."
            self.form.insertRow(self.form.rowCount() - 1, QLabel(text, wordWrap=True))

    def _on_how(self) -> None:
        self.match.setEnabled(self.how.currentData() == THIS_MODEL)


class LayersDialog(_Dialog):
    """Choice of the layers and the model, with a note on how the layers differ from the current image."""

    def __init__(self, applying: Applying, parent: QWidget) -> None:
        super().__init__("Apply to layers", parent)
        self._applying = applying
        self._is_closed = False  # the widgets are deleted after closing
        self.finished.connect(self._on_finished)
        alike, selected = applying.similar_layers(), applying.selected_layers()
        self.layers = QComboBox()
        if selected:
            self.layers.addItem(f"selected: {_names(selected)}", selected)
        self.layers.addItem(f"all similar: {_names(alike)}", alike)
        self.how.addItem("the clusters of this image", THIS_MODEL)
        self.how.addItem("one model fitted to all, including this image", TOGETHER)
        self.warning = QLabel(wordWrap=True)
        self.warning.setTextFormat(Qt.TextFormat.PlainText)
        self.add("Layers", self.layers)
        self.add("Label with", self.how)
        self.add("If values differ", self.match)
        self.form.addRow(self.warning)
        self.form.addRow(self.buttons)
        self.layers.currentIndexChanged.connect(self.compare)
        self._on_how()

    def compare(self) -> None:
        """Compare the chosen layers with the current image in the background, and show the differences."""
        layers = self.layers.currentData() or []
        self.apply.setEnabled(bool(layers))
        self.warning.setText("" if layers else "There is no other image layer with the same axes.")
        if layers:
            self._applying.find_differences(layers, self._show_differences)

    def chosen(self) -> tuple[Any, str, str]:
        """Return the layers, the model to label them with, and how to match values."""
        return self.layers.currentData() or [], self.how.currentData(), self.match.currentData()

    def _on_finished(self) -> None:
        self._is_closed = True

    def _show_differences(self, text: str) -> None:
        if text and not self._is_closed:
            self.warning.setText(
                f"The labels may be wrong, because these images differ from the current one:\n{text}\n"
                "If they are of the same kind, choose above to scale the clusters or to fit them again."
            )
            # Qt does not enlarge an open window when its text grows.
            self.resize(self.width(), max(self.height(), self.form.heightForWidth(self.width())))


class FilesDialog(_Dialog):
    """Choice of a folder of images, a folder for their labels, and the model."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Apply to files", parent)
        self.folder, self.out = QLineEdit(), QLineEdit()
        self.recursive = QCheckBox("include subfolders")
        self.table = QCheckBox("save a table of the clusters of each image")
        self.how.addItem("the clusters of this image", THIS_MODEL)
        self.how.addItem("their own clusters, found with the same settings", EACH)
        self.how.addItem("one model fitted to all files", TOGETHER)
        self.add("Images in", self._with_button(self.folder, "Folder of images"))
        self.add("", self.recursive)
        self.add("Save labels in", self._with_button(self.out, "Folder for labels"))
        self.add("", self.table)
        self.add("Label with", self.how)
        self.add("If values differ", self.match)
        note = QLabel("Existing files are never replaced; their images are skipped.", wordWrap=True)
        self.form.addRow(note)
        self.form.addRow(self.buttons)
        for line, name in ((self.folder, "Images in"), (self.out, "Save labels in")):
            line.setAccessibleName(name)
            line.setMinimumWidth(260)
            line.textChanged.connect(self._on_text)
        for box in (self.recursive, self.table):
            box.setAccessibleName(box.text())
        self._on_text()

    def chosen(self) -> FilesRequest:
        """Return the choices as a request."""
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
        button.setAccessibleName(f"Choose the {title[0].lower()}{title[1:]}")
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
