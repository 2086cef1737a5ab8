"""Clipboard and files: copy, save and load."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from ...io.record import write_sidecar
from ...model.model import KMeansModel
from ...report.provenance import write_model
from ...report.tables import table_text, write_table
from ..layers.image_layer import is_lazy, pixel_size
from ..session.copy_as_python import as_python
from ..session.provenance import recipe_in_pixels, record_for_layer
from ..session.session import Session
from . import messages

_ATTEMPTS = 3  # to set the clipboard
_OME_ZARR, _TIFF = "OME-Zarr (*.ome.zarr *.zarr)", "TIFF (*.tif *.tiff)"


class FilesAndClipboard(QObject):
    """Copy, save and load for the current session.

    Signals
    -------
    reported(text), failed(error)
        Messages for the status line of the dock.
    export_chosen(path, overwrite)
        The user chose a file for the labels.
    figure_chosen(path, overwrite)
        The user chose a file for a figure.
    model_chosen(model)
        The user chose a model to label the image with.
    """

    reported = Signal(str)
    failed = Signal(object)
    export_chosen = Signal(object, bool)
    figure_chosen = Signal(object, bool)
    model_chosen = Signal(object)

    def __init__(self, parent: QWidget, session: Callable[[], Session | None]) -> None:
        super().__init__(parent)
        self._parent = parent
        self._session = session

    def copy_python(self) -> None:
        """Copy a script that reproduces the result."""
        if (result := self._result()) is not None:
            self._copy(as_python(*result), messages.COPIED)

    def copy_table(self) -> None:
        """Copy the table of clusters."""
        if (result := self._result()) is not None:
            session, model = result
            text = table_text(model, pixel_size(session.image), session.counts, session.uncertainty)
            self._copy(text, messages.TABLE_COPIED)

    def export(self) -> None:
        """Ask for a file to export the labels to."""
        if (result := self._result()) is None:
            return
        session, _ = result
        is_large = session.image.multiscale or is_lazy(session.image, session.settings)
        kinds, suffix = ([_OME_ZARR, _TIFF], ".ome.zarr") if is_large else ([_TIFF, _OME_ZARR], ".tif")
        name = f"{session.image.name}-labels{suffix}"
        # The dialog asks before it replaces a file, but not before it replaces a folder, such as OME-Zarr.
        path = _without_ome(self._path_to_save("Export labels", name, ";;".join(kinds)))
        if path:
            self.export_chosen.emit(Path(path), Path(path).is_file())

    def export_figure(self) -> None:
        """Ask for a file to save a figure to."""
        if (result := self._result(with_overlay=True)) is None:
            return
        session, _ = result
        path, kind = QFileDialog.getSaveFileName(
            self._parent,
            "Export figure",
            f"{session.image.name}-figure.png",
            "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)",
        )
        if path:
            if not path.lower().endswith((".png", ".svg", ".pdf")):
                path = _with_suffix(path, kind or "PNG (*.png)")
            self.figure_chosen.emit(Path(path), Path(path).is_file())

    def save_recipe(self) -> None:
        """Ask for a file to save the recipe to, with lengths in pixels."""
        if (result := self._result()) is None:
            return
        session, model = result
        settings, recipe = session.settings, recipe_in_pixels(session.request, model)
        name = f"{session.image.name}-recipe.json"
        path = self._path_to_save("Save recipe", name, "JSON (*.json)")
        if path:
            is_whole = settings.mask is None and settings.per_axis is None
            done = messages.saved(path) if is_whole else messages.recipe_saved(path)
            self._try(lambda: recipe.save(path), done)

    def save_model(self) -> None:
        """Ask for a file to save the model to."""
        if (result := self._result()) is None:
            return
        session, model = result
        record = record_for_layer(session.request, model)
        name = f"{session.image.name}.json"
        path = self._path_to_save("Save model", name, "JSON (*.json)")
        if path:
            self._try(lambda: write_model(path, record), messages.saved(path))

    def load_model(self) -> None:
        """Ask for a model to label the image with."""
        path, _ = QFileDialog.getOpenFileName(self._parent, "Load model", "", "JSON (*.json)")
        if path:
            self._try(lambda: self.model_chosen.emit(KMeansModel.load(path)))

    def save_table(self) -> None:
        """Ask for a file to write the table of clusters to."""
        if (result := self._result()) is None:
            return
        session, model = result
        shown = model, pixel_size(session.image), session.counts, session.uncertainty
        name = f"{session.image.name}-clusters.csv"
        path = self._path_to_save("Save table", name, "CSV (*.csv)")
        if path:
            record = record_for_layer(session.request, model)

            def write(table: Path) -> None:
                write_table(table, *shown, overwrite=True)
                write_sidecar(table, record, overwrite=True)

            self._try(lambda: write(Path(path)))

    def _result(self, *, with_overlay: bool = False) -> tuple[Session, KMeansModel] | None:
        """Return the current session and its clusters, or report that there are none, or no overlay."""
        session = self._session()
        if session is None or session.model is None or (with_overlay and session.overlay.layer is None):
            self.reported.emit(messages.NO_CLUSTERS)
            return None
        return session, session.model

    def _path_to_save(self, title: str, name: str, kinds: str) -> str:
        """Ask for a file to write, with a suffix; empty if the user cancels."""
        path, kind = QFileDialog.getSaveFileName(self._parent, title, name, kinds)
        return _with_suffix(path, kind) if path else ""

    def _copy(self, text: str, done: str) -> None:
        clipboard = QApplication.clipboard()
        # X11 may refuse the text because of a slightly wrong time stamp, and Qt only issues a warning.
        for _ in range(_ATTEMPTS):
            clipboard.setText(text)
            if clipboard.text() == text:
                self.reported.emit(done)
                return
            time.sleep(0.01)
        self.reported.emit(messages.NOT_COPIED)

    def _try(self, function: Callable[[], Any], done: str = "") -> None:
        try:
            function()
        except (OSError, ValueError) as error:
            self.failed.emit(error)
        else:
            if done:
                self.reported.emit(done)


def _with_suffix(path: str, kind: str) -> str:
    """Return a path, with the first suffix of a file dialog's filter added if it has none of them."""
    suffixes = kind.partition("(")[2].rstrip(")").replace("*", "").split()
    if not suffixes or path.lower().endswith(tuple(suffixes)):
        return path
    return path + suffixes[0]


def _without_ome(path: str) -> str:
    """Return the path of a label image; TIFF files are not OME-TIFF, even if they are called that.

    When the user chooses TIFF instead of OME-Zarr, some dialogs replace only the last suffix of ".ome.zarr".
    """
    stem, dot, suffix = path.rpartition(".")
    if suffix.lower() in ("tif", "tiff"):
        for double in (".ome", ".ome.zarr"):
            if stem.lower().endswith(double):
                return stem[: -len(double)] + dot + suffix
    return path
