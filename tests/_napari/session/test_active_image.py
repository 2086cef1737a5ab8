"""Several docks, several viewers, copies of layers, and what long use leaves behind."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
from dock_helpers import clusters_of
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QMenu

import napari_kmeans

pytestmark = pytest.mark.thorough


def expected(image, k):
    return napari_kmeans.segment(image.data, k)[0]


def test_docks_of_two_viewers_do_not_affect_each_other(viewer, open_dock, settle, make_napari_viewer, gray):
    other = make_napari_viewer()
    image, others = viewer.add_image(gray, name="coins"), other.add_image(gray.T.copy(), name="coins")
    first, second = open_dock(viewer), open_dock(other)
    assert (first.image.value, second.image.value) == (image, others)
    first.n_clusters.value = 4
    settle(first)
    assert second.n_clusters.value == 3
    assert not clusters_of(other)
    second.n_clusters.value = 6
    settle(second)
    np.testing.assert_array_equal(clusters_of(viewer)[0].data, expected(image, 4))
    np.testing.assert_array_equal(clusters_of(other)[0].data, expected(others, 6))

    viewer.layers.remove(image)
    assert first.session is None
    assert second.session.image is others
    other.window.remove_dock_widget(second.native)
    viewer.add_image(gray, name="again")
    settle(first)
    first.segment.native.click()
    settle(first)
    assert "again k-means" in viewer.layers
    assert len(clusters_of(other)) == 1


def test_an_image_in_two_viewers_has_separate_settings(viewer, open_dock, settle, make_napari_viewer, gray):
    other = make_napari_viewer()
    image = viewer.add_image(gray)
    other.layers.append(image)
    first, second = open_dock(viewer), open_dock(other)
    first.n_clusters.value = 5
    settle(first)
    second.n_clusters.value = 7
    settle(second)
    assert (first.n_clusters.value, second.n_clusters.value) == (5, 7)
    np.testing.assert_array_equal(clusters_of(viewer)[0].data, expected(image, 5))
    np.testing.assert_array_equal(clusters_of(other)[0].data, expected(image, 7))


def test_two_docks_on_one_image_do_not_write_in_each_others_layer(viewer, open_dock, settle, gray):
    from napari_kmeans._napari.widgets.kmeans_widget import KMeansWidget

    image = viewer.add_image(gray)
    first, second = open_dock(), KMeansWidget(viewer)
    viewer.window.add_dock_widget(second, name="second")
    settle(second)
    for k in (4, 5):
        first.n_clusters.value = k  # both slide at the same time
        second.n_clusters.value = k + 2
    settle(first)
    settle(second)
    ours, theirs = first.session.overlay.layer, second.session.overlay.layer
    assert set(clusters_of(viewer)) == {ours, theirs}
    np.testing.assert_array_equal(ours.data, expected(image, 5))
    np.testing.assert_array_equal(theirs.data, expected(image, 7))

    theirs.paint((5, 5), 2)
    first.n_clusters.value = 3
    settle(first)
    assert first.session.overlay.layer is ours
    assert second.session.overlay.layer is None
    viewer.layers.remove(image)
    assert first.session is second.session is None


@pytest.mark.parametrize("sliding", [False, True])
def test_a_duplicate_of_the_overlay_is_never_overwritten(
    viewer, open_dock, settle, finish_threads, gray, sliding
):
    from napari.layers._layer_actions import _duplicate_layer

    image = viewer.add_image(gray, name="coins")
    dock = open_dock()
    dock.n_clusters.value = 4
    if not sliding:
        settle(dock)
    ours = viewer.layers["coins k-means"]
    viewer.layers.selection = {ours}
    _duplicate_layer(viewer.layers)
    copy = viewer.layers["coins k-means copy"]
    viewer.layers.selection.active = image
    settle(dock)
    dock.n_clusters.value = 6
    settle(dock)
    assert dock.session.overlay.layer is ours
    np.testing.assert_array_equal(ours.data, expected(image, 6))
    np.testing.assert_array_equal(np.asarray(copy.data), expected(image, 4))
    copy.name = "mine"
    dock.n_clusters.value = 5
    settle(dock)
    assert len(clusters_of(viewer)) == 2
    np.testing.assert_array_equal(np.asarray(copy.data), expected(image, 4))


def test_a_duplicated_image_starts_with_default_settings(viewer, open_dock, settle, gray):
    from napari.layers._layer_actions import _duplicate_layer

    image = viewer.add_image(gray, name="coins")
    dock = open_dock()
    dock.n_clusters.value = 6
    settle(dock)
    viewer.layers.selection = {image}
    _duplicate_layer(viewer.layers)
    viewer.layers.selection.active = viewer.layers["coins copy"]
    settle(dock)
    assert dock.n_clusters.value == 3
    dock.segment.native.click()
    settle(dock)
    assert {layer.name for layer in clusters_of(viewer)} == {"coins k-means", "coins copy k-means"}


def test_repeated_use_leaks_no_objects_or_callbacks(viewer, open_dock, settle, finish_threads, qtbot, gray):
    viewer.add_image(gray)
    gone = []

    def use(n_docks, n_runs):
        for _ in range(n_docks):
            dock = open_dock()
            for _ in range(n_runs):
                dock.segment.native.click()
                settle(dock)
            dock.table.selectAll()
            dock.histogram.grab()
            gone.extend(weakref.ref(thing) for thing in (dock, dock.native, dock.session, dock.jobs))
            viewer.window.remove_dock_widget(dock.native)
            viewer.layers.remove(clusters_of(viewer)[0])
        finish_threads()
        gc.collect()
        QApplication.processEvents()

    def state():
        groups = viewer.layers.events, viewer.layers.selection.events, viewer.dims.events, viewer.events
        groups += (viewer.layers[0].events,)
        callbacks = [len(e.callbacks) for group in groups for e in group.emitters.values() if e is not None]
        return len(viewer.layers), threading.active_count(), callbacks, len(QApplication.allWidgets())

    use(2, 2)
    before = state()
    use(5, 4)
    assert state() == before

    def all_gone():
        gc.collect()
        return not any(ref() for ref in gone)

    qtbot.waitUntil(all_gone)  # Qt deletes what is closed when it next has time


def test_an_image_that_was_removed_is_freed(viewer, open_dock, settle, finish_threads, qtbot, large):
    gone = []
    dock = open_dock()
    for _ in range(2):
        image = viewer.add_image(large.copy())
        settle(dock)
        dock.n_clusters.value = 4
        settle(dock)
        gone += [weakref.ref(image), weakref.ref(image.data), weakref.ref(clusters_of(viewer)[0].data)]
        del image
        viewer.layers.clear()
    settle(dock)
    finish_threads()
    gc.collect()
    QApplication.processEvents()

    def all_gone():
        # napari's controls of the last layer are deleted when Qt next has time, and by PySide6 only then.
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        gc.collect()
        return not any(ref() is not None for ref in gone)

    qtbot.waitUntil(all_gone)
    assert [ref() for ref in gone] == [None] * 6


def test_context_menus_of_the_table_are_deleted_after_use(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    for _ in range(5):
        dock.table.customContextMenuRequested.emit(dock.table.rect().center())
        [menu] = dock.table.findChildren(QMenu)
        menu.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert not dock.table.findChildren(QMenu)
