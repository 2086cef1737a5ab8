"""The ⋯ menu, and what leaves the dock by it or by the table's menu: files and clipboard."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtGui import QAction, QActionGroup
from qtpy.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from ...model.model import KMeansModel
from ...report.tables import table_text, write_table
from ..layers.colors import PALETTES
from ..layers.image_layer import pixel_size
from ..session.script import as_python
from .messages import COPIED, NOT_COPIED, NOTHING_TO_EXPORT, TABLE_COPIED

if TYPE_CHECKING:
    from .kmeans_widget import KMeansWidget


_TRIES = 3  # to put a text on the clipboard


class DockMenu(QMenu):
    """Everything that is not needed to segment an image."""

    def __init__(self, dock: KMeansWidget, palette: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._dock = dock
        self.setToolTipsVisible(True)
        self.undo = self._add("Undo", "Back to the choices before the last change (Ctrl+Z in the dock)")
        self.undo.setIconText("↶")  # on its button
        self.keep = self._add("Keep this result", "Leave the layer to you; the next result makes a new one")
        self.addSeparator()
        self.side_by_side = self._add("Side by side", "Original left, clusters right", checkable=True)
        self.outline = self._add("Outline", "Draw borders instead of areas", checkable=True)
        self.log_counts = self._add("Logarithmic counts", "In the histogram", checkable=True)
        colors = self.addMenu("Colours")
        colors.setToolTipsVisible(True)
        colors.menuAction().setToolTip("Of the clusters, in the image, the plots and the table")
        self.palettes = QActionGroup(self)
        for name in PALETTES:
            action = colors.addAction(name.capitalize())
            action.setData(name)
            action.setCheckable(True)
            action.setChecked(name == palette)
            self.palettes.addAction(action)
        self.addSeparator()
        self.copy_python = self._add("Copy as Python", "A script that makes exactly this result")
        self.export = self._add("Export…", "Write the labels of all pixels to a file: OME-Zarr or TIFF")
        self.save_model = self._add("Save model…", "The clusters as a file, to label other images with")
        self.load_model = self._add("Load model…", "Label this image with the clusters of a file")
        for action, slot in (
            (self.copy_python, self._copy_python),
            (self.export, self._export),
            (self.save_model, self._save_model),
            (self.load_model, self._load_model),
        ):
            action.triggered.connect(slot)

    def _add(self, text: str, tip: str, *, checkable: bool = False) -> QAction:
        action = self.addAction(text)
        action.setToolTip(tip)
        action.setCheckable(checkable)
        return action

    def _copy_python(self) -> None:
        session = self._dock.session
        if session is not None and session.model is not None:
            self._copy(as_python(session, session.model), COPIED)

    def _export(self) -> None:
        session = self._dock.session
        if session is None or session.model is None:
            self._dock.show_status(NOTHING_TO_EXPORT)
            return
        name = f"{session.image.name}-labels.ome.zarr"
        # Asks before a file is replaced; of folders, as OME-Zarr is one, it knows nothing.
        path, _ = QFileDialog.getSaveFileName(
            self, "Export labels", name, "OME-Zarr (*.ome.zarr *.zarr);;TIFF (*.tif *.tiff)"
        )
        if path:
            self._dock.jobs.export(Path(path), overwrite=Path(path).is_file())

    def _save_model(self) -> None:
        session = self._dock.session
        if session is None or session.model is None:
            return
        model = session.model
        name = f"{session.image.name}.json"
        path, _ = QFileDialog.getSaveFileName(self, "Save model", name, "JSON (*.json)")
        if path:
            self._try(lambda: model.save(path))

    def _load_model(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load model", "", "JSON (*.json)")
        if path:
            self._try(lambda: self._dock.use_model(KMeansModel.load(path)))

    def save_table(self) -> None:
        """Ask for a file and write the table of clusters to it."""
        session = self._dock.session
        if session is None or session.model is None:
            return
        model, size = session.model, pixel_size(session.image)
        name = f"{session.image.name}-clusters.csv"
        path, _ = QFileDialog.getSaveFileName(self, "Save table", name, "CSV (*.csv)")
        if path:
            self._try(lambda: write_table(Path(path), model, size, overwrite=True))

    def copy_table(self) -> None:
        """Put the table of clusters on the clipboard."""
        session = self._dock.session
        if session is not None and session.model is not None:
            self._copy(table_text(session.model, pixel_size(session.image)), TABLE_COPIED)

    def _copy(self, text: str, done: str) -> None:
        clipboard = QApplication.clipboard()
        # X11 may refuse, by a time stamp that is a moment off, and Qt only warns of it.
        for _ in range(_TRIES):
            clipboard.setText(text)
            if clipboard.text() == text:
                self._dock.show_status(done)
                return
            time.sleep(0.01)
        self._dock.show_status(NOT_COPIED)

    def _try(self, function: Callable[[], None]) -> None:
        try:
            function()
        except (OSError, ValueError) as error:
            self._dock.show_error(error)
