"""What tests do with a dock, and where they find its results."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QItemSelectionModel, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QWidget

import napari_kmeans


def ask(dock, text):
    next(action for action in dock.table.menu().actions() if action.text() == text).trigger()


def begin(qtbot, dock, gate):
    """Press Segment and stop the engine between two blocks."""
    gate.shut()
    dock.segment.native.click()
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    assert not dock.is_idle


def clusters_of(viewer):
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def expected(image, k):
    return napari_kmeans.segment(image.data, k, channel_axis=-1 if image.rgb else None)


def in_reach(dock):
    """Return what the Tab key reaches in a dock."""
    return [
        widget
        for widget in dock.native.findChildren(QWidget)
        if widget.isVisible()
        and widget.isEnabled()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and not isinstance(widget.parent(), QAbstractSpinBox | QComboBox)
    ]


def is_ordinary(layer):
    return type(layer.data) is np.ndarray and layer.data.dtype == np.uint8 and layer.editable


def overlay_of(viewer):
    return next(layer for layer in viewer.layers if layer.name.endswith("k-means"))


def run_script(viewer, dock):
    dock.menu.copy_python.trigger()
    names = {"viewer": viewer}
    exec(QApplication.clipboard().text(), names)
    return names["labels"]


def select(dock, *rows):
    dock.table.clearSelection()
    flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for row in rows:
        dock.table.selectionModel().select(dock.table.model().index(row, 0), flags)
