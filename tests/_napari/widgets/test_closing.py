"""What closing a dock ends."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from dock_helpers import begin, clusters_of, expected, is_ordinary
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QPushButton

from napari_kmeans._napari.widgets.kmeans_widget import KMeansWidget


def close_with_x(viewer, dock_widget):
    dock_widget.titleBarWidget().findChild(QPushButton, "QTitleBarCloseButton").click()


def close_from_code(viewer, dock_widget):
    viewer.window.remove_dock_widget(dock_widget)


def n_callbacks(viewer, *layers):
    groups = [viewer.layers.events, viewer.layers.selection.events, viewer.dims.events, viewer.events]
    groups += [layer.events for layer in layers]
    return [
        {name: len(e.callbacks) for name, e in group.emitters.items() if e is not None} for group in groups
    ]


@pytest.mark.parametrize("close", [close_with_x, close_from_code])
def test_closing_ends_the_work_and_disconnects_from_the_viewer(
    viewer, open_dock, finish_threads, qtbot, gate, large, close
):
    image = viewer.add_image(large)
    before = n_callbacks(viewer, image)
    dock = open_dock()
    assert n_callbacks(viewer, image) != before
    begin(qtbot, dock, gate)
    close(viewer, dock.native.parent())
    gate.open()
    finish_threads()
    assert gate.left.is_set()
    assert gate.n_blocks < 4
    assert list(viewer.layers) == [image]
    assert n_callbacks(viewer, image) == before
    # A dock that is gone does nothing, whatever happens in the viewer.
    rows = dock.table.rowCount()
    viewer.add_image(large[:8, :8])
    viewer.layers.remove(image)
    finish_threads()
    assert dock.is_idle
    assert dock.table.rowCount() == rows


def test_closing_while_sliding_leaves_an_ordinary_layer_and_reopening_starts_again(
    viewer, open_dock, settle, finish_threads, gray
):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 4
    dock.live.value = False
    close_with_x(viewer, dock.native.parent())
    [theirs] = clusters_of(viewer)
    assert is_ordinary(theirs)
    before = theirs.data.copy()

    gone = weakref.ref(dock)
    dock.native.deleteLater()
    del dock
    finish_threads()
    QApplication.sendPostedEvents(
        None, QEvent.Type.DeferredDelete.value
    )  # PySide6 deletes the dock only then
    gc.collect()
    assert gone() is None

    again = open_dock()
    assert not again.live.value  # as it was left
    again.live.value = True
    again.n_clusters.value = 6
    settle(again)
    np.testing.assert_array_equal(theirs.data, before)
    ours = next(layer for layer in clusters_of(viewer) if layer is not theirs)
    np.testing.assert_array_equal(ours.data, expected(image, 6)[0])


def test_closing_the_viewer_ends_the_work(viewer, open_dock, finish_threads, qtbot, gate, large):
    viewer.add_image(large)
    dock = open_dock()
    begin(qtbot, dock, gate)
    viewer.close()
    gate.open()
    finish_threads()
    assert gate.left.is_set()
    assert gate.n_blocks < 4


def test_a_floating_dock_works(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock_widget = dock.native.parent()
    for floating in (True, False):
        dock_widget.setFloating(floating)
        dock.n_clusters.value += 1
        settle(dock)
        np.testing.assert_array_equal(clusters_of(viewer)[0].data, expected(image, dock.n_clusters.value)[0])


def test_two_docks_on_one_image_use_separate_layers(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    first = open_dock()
    second = KMeansWidget(PublicOnlyProxy(viewer))
    viewer.window.add_dock_widget(second, name="second")
    settle(second)
    first.n_clusters.value = 4
    settle(first)
    [layer_of_first] = clusters_of(viewer)
    second.n_clusters.value = 6
    settle(second)
    assert len(clusters_of(viewer)) == 2
    np.testing.assert_array_equal(layer_of_first.data, expected(image, 4)[0])
    viewer.window.remove_dock_widget(second.native)
    first.n_clusters.value = 5
    settle(first)
    assert len(clusters_of(viewer)) == 2
    np.testing.assert_array_equal(layer_of_first.data, expected(image, 5)[0])
