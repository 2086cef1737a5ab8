"""What a dock leaves for later or does in the background, so that the window never waits for it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from dock_helpers import clusters_of
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QSlider, QStyle, QStyleOptionSlider

import napari_kmeans
from napari_kmeans._napari.layers.labels_on_demand import OnDemandLabels
from napari_kmeans._napari.session.request import Request
from napari_kmeans.blocks.pixels import Pixels


def is_ordinary(layer):
    return type(layer.data) is np.ndarray and layer.editable


def test_cancel_is_offered_before_long_work_reports_progress(viewer, open_dock, settle, qtbot, gray):
    viewer.add_image(gray)
    dock = open_dock()
    go_on = threading.Event()
    dock.jobs.labels.run(lambda _: go_on.wait(20), lambda _: None)
    qtbot.waitUntil(lambda: dock.cancel.native.isVisibleTo(dock.native), timeout=2000)
    assert dock.progress.value == 0
    go_on.set()
    settle(dock)
    assert not dock.cancel.native.isVisibleTo(dock.native)


def test_a_kept_layer_is_computed_in_the_background(viewer, open_dock, finish_threads, qtbot, gate, large):
    image = viewer.add_image(large)
    dock = open_dock()
    dock.n_clusters.value = 5
    [kept] = clusters_of(viewer)
    gate.shut()
    dock.menu.keep.trigger()  # would wait at the gate, were it not for the background
    assert isinstance(kept.data, OnDemandLabels)
    gate.open()
    finish_threads()
    assert is_ordinary(kept)
    np.testing.assert_array_equal(kept.data, napari_kmeans.segment(image.data, 5)[0])


def test_selecting_a_layer_whose_last_step_was_cancelled_makes_it_paintable(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large
):
    viewer.add_image(large)
    dock = open_dock()
    gate.shut()
    dock.n_clusters.value = 4
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    dock.cancel.native.click()
    gate.open()
    finish_threads()
    [layer] = clusters_of(viewer)
    assert not layer.editable
    viewer.layers.selection.active = layer
    settle(dock)
    assert is_ordinary(layer)


def test_extracting_a_cluster_of_an_image_of_several_blocks_adds_its_mask(viewer, open_dock, settle, large):
    image = viewer.add_image(large)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    dock.table.selectRow(1)
    dock.table.action_requested.emit("extract", [2])
    settle(dock)
    np.testing.assert_array_equal(viewer.layers[-1].data, napari_kmeans.segment(image.data, 3)[0] == 2)


@pytest.mark.parametrize("live", [True, False])
def test_scrolling_through_a_stack_during_labelling_does_not_affect_the_labels(
    viewer, open_dock, settle, qtbot, gate, live
):
    rng = np.random.default_rng(1)
    stack = rng.integers(0, 200, (3, 1024, 1024), dtype=np.uint8)
    stack += 20 * np.arange(3, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    viewer.add_image(stack, axis_labels=("z", "y", "x"))
    dock = open_dock()
    dock.live.value = live
    viewer.dims.set_current_step(0, 0)
    dock.where.value = 0
    settle(dock)
    gate.shut()
    dock.segment.native.click()
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    viewer.dims.set_current_step(0, 2)
    gate.open()
    settle(dock)
    labels, models = napari_kmeans.segment(stack, 3, per_axis=0)
    [layer] = clusters_of(viewer)
    assert is_ordinary(layer)
    np.testing.assert_array_equal(layer.data, labels)
    np.testing.assert_array_equal(dock.session.model.centers, models[2].centers)
    assert "z = 2" in dock.status.text()
    viewer.dims.set_current_step(0, 0)
    settle(dock)
    np.testing.assert_array_equal(dock.session.model.centers, models[0].centers)


def test_scrolling_before_the_slider_comes_to_rest_gives_labels_in_memory(viewer, open_dock, settle, volume):
    viewer.add_image(volume, axis_labels=("z", "y", "x"))
    dock = open_dock()
    dock.where.value = 0
    settle(dock)
    dock.n_clusters.value = 5
    for z in (0, 5, 1):
        viewer.dims.set_current_step(0, z)
    settle(dock)
    [layer] = clusters_of(viewer)
    assert is_ordinary(layer)
    np.testing.assert_array_equal(layer.data, napari_kmeans.segment(volume, 5, per_axis=0)[0])


def test_settings_changed_before_the_image_is_measured_are_applied(
    viewer, open_dock, settle, qtbot, gate, large
):
    dock = open_dock()
    gate.shut()
    image = viewer.add_image(large)
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    dock.segment.native.click()
    dock.n_clusters.value = 6
    gate.open()
    settle(dock)
    [layer] = clusters_of(viewer)
    np.testing.assert_array_equal(layer.data, napari_kmeans.segment(image.data, 6)[0])
    assert dock.table.rowCount() == 6


def extract(dock, *labels):
    dock.table.action_requested.emit("extract", list(labels))


def test_extracting_can_be_cancelled_and_reports_its_progress(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large
):
    image = viewer.add_image(large)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    before = list(viewer.layers)
    shares = []
    dock.jobs.progressed.connect(shares.append)
    gate.shut()
    extract(dock, 2)
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    qtbot.waitUntil(lambda: dock.cancel.native.isVisibleTo(dock.native))
    dock.cancel.native.click()
    assert dock.is_idle
    assert not dock.cancel.native.isVisibleTo(dock.native)
    gate.open()
    finish_threads()
    assert gate.left.is_set()
    assert gate.n_blocks < 4
    assert shares[0] == 0
    assert list(viewer.layers) == before
    extract(dock, 2)
    settle(dock)
    assert all(0 <= share <= 1 for share in shares)
    [mask] = [layer for layer in viewer.layers if layer not in before]
    np.testing.assert_array_equal(mask.data, napari_kmeans.segment(image.data, 3)[0] == 2)


def test_an_extraction_continues_when_the_slider_or_the_active_image_changes(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large, gray
):
    image, other = viewer.add_image(large, name="large"), viewer.add_image(gray, name="other")
    viewer.layers.selection.active = image
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    gate.shut()
    extract(dock, 1, 3)
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    dock.n_clusters.value = 5
    viewer.layers.selection.active = other
    assert not dock.is_idle
    gate.open()
    settle(dock)
    mask = viewer.layers["large cluster 1, cluster 3"]
    labels = napari_kmeans.segment(image.data, 3)[0]
    np.testing.assert_array_equal(mask.data, np.isin(labels, [1, 3]))


def test_closing_the_dock_ends_an_extraction(viewer, open_dock, settle, finish_threads, qtbot, gate, large):
    viewer.add_image(large)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    before = list(viewer.layers)
    gate.shut()
    extract(dock, 1)
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    viewer.window.remove_dock_widget(dock.native)
    gate.open()
    finish_threads()
    assert gate.n_blocks < 4
    assert list(viewer.layers) == before


def test_while_sliding_only_what_is_on_screen_is_read(viewer, open_dock, settle, monkeypatch, volume):
    viewer.add_image(volume)
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    main, sizes, read = threading.current_thread(), [], Pixels.read

    def count(pixels, box):
        result = read(pixels, box)
        if threading.current_thread() is main:
            sizes.append(np.size(result[0]))
        return result

    monkeypatch.setattr(Pixels, "read", count)
    dock.n_clusters.value = 5
    assert sizes
    assert max(sizes) <= volume[0].size


@pytest.mark.parametrize("n_displayed", [2, 3])
def test_views_too_large_for_labels_on_demand_wait_for_the_slider(
    viewer, open_dock, settle, monkeypatch, volume, n_displayed
):
    image = viewer.add_image(volume)
    dock = open_dock()
    viewer.dims.ndisplay = n_displayed
    dock.n_clusters.value = 4
    [layer] = clusters_of(viewer)
    assert isinstance(layer.data, OnDemandLabels)  # a small one is live
    settle(dock)
    monkeypatch.setattr("napari_kmeans._napari.session.jobs._LIVE_PIXELS", {2: 100, 3: 100})
    before = layer.data
    dock.n_clusters.value = 5
    assert layer.data is before
    settle(dock)
    np.testing.assert_array_equal(layer.data, napari_kmeans.segment(image.data, 5)[0])


def test_settings_are_kept_when_the_dock_is_closed(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 5
    settle(dock)
    dock.table.item(1, 1).setText("nuclei")
    settle(dock)
    viewer.window.remove_dock_widget(dock.native)
    again = open_dock()
    assert again.n_clusters.value == 5
    assert again.table.item(1, 1).text() == "nuclei"


def test_outline_is_a_setting_of_each_image_and_applies_to_its_first_layer(viewer, open_dock, settle, gray):
    first, second = viewer.add_image(gray), viewer.add_image(gray.T.copy())
    dock = open_dock()
    dock.menu.outline.setChecked(True)
    dock.segment.native.click()
    settle(dock)
    assert clusters_of(viewer)[0].contour == 1
    viewer.layers.selection.active = first
    settle(dock)
    assert not dock.menu.outline.isChecked()
    viewer.layers.selection.active = second
    assert dock.menu.outline.isChecked()


def test_undo_has_a_button(viewer, open_dock, settle, qtbot, gray):
    viewer.add_image(gray)
    dock = open_dock()
    assert not dock.undo.isEnabled()
    dock.n_clusters.value = 6
    settle(dock)
    qtbot.mouseClick(dock.undo, Qt.MouseButton.LeftButton)
    settle(dock)
    assert dock.n_clusters.value == 3


def test_plugin_settings_apply_to_the_dock(viewer, open_dock, settle, gray):
    from napari.settings import get_plugin_settings

    stored = get_plugin_settings("napari-kmeans").dock
    stored.n_clusters, stored.live, stored.palette, stored.opacity, stored.k_max = 5, False, "gray", 0.8, 6
    viewer.add_image(gray)
    dock = open_dock()
    assert (dock.n_clusters.value, dock.live.value) == (5, False)
    assert len(dock.session.suggestion.inertia) == 6
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    assert layer.opacity == 0.8
    np.testing.assert_allclose(layer.get_color(1), [0, 0, 0, 1])


def test_table_is_copied_and_saved_by_its_menu(viewer, open_dock, settle, monkeypatch, tmp_path, gray):
    from qtpy.QtWidgets import QApplication, QFileDialog

    viewer.add_image(gray)
    dock = open_dock()
    path = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    entries = {action.text(): action for action in dock.table.menu().actions()}
    entries["Copy table"].trigger()
    assert len(QApplication.clipboard().text().splitlines()) == 4
    entries["Save table as CSV…"].trigger()
    assert "cluster 3" in path.read_text()


@pytest.mark.parametrize(("refusals", "copied"), [(1, True), (99, False)])
def test_a_refused_clipboard_is_tried_again(viewer, open_dock, monkeypatch, gray, refusals, copied):
    from napari_kmeans._napari.widgets import files_and_clipboard as actions

    class Refusing:
        kept, left = "", refusals

        def setText(self, text):
            self.left -= 1
            self.kept = text if self.left < 0 else self.kept

        def text(self):
            return self.kept

    viewer.add_image(gray)
    dock = open_dock()
    clipboard = Refusing()
    monkeypatch.setattr(actions.QApplication, "clipboard", staticmethod(lambda: clipboard))
    dock.menu.copy_python.trigger()
    assert bool(clipboard.kept) == copied
    assert ("Copied" if copied else "try again") in dock.status.text()


def test_a_failure_is_reported_once_and_not_retried(viewer, open_dock, settle, gray, monkeypatch):
    viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 6
    settle(dock)
    [layer] = clusters_of(viewer)
    before = np.asarray(layer.data).copy()
    n_calls = 0

    def fail(*_, **__):
        nonlocal n_calls
        n_calls += 1
        raise RuntimeError("the clusters are broken")

    with monkeypatch.context() as patched:
        patched.setattr(Request, "model_from", fail)
        dock.n_clusters.value = 5
        settle(dock)
        for _ in range(5):
            dock.jobs.changed.emit()
        settle(dock)
    assert n_calls == 1
    assert "The clusters are broken." in dock.view.status.text()
    assert not dock.view.table.isEnabled()  # it shows the last clusters, which are not those asked for
    np.testing.assert_array_equal(layer.data, before)
    dock.n_clusters.value = 4
    settle(dock)
    assert "broken" not in dock.view.status.text()
    np.testing.assert_array_equal(layer.data, napari_kmeans.segment(gray, 4)[0])


def test_a_drag_that_pauses_is_one_step_to_undo(viewer, open_dock, settle, qtbot, gray):
    viewer.add_image(gray)
    dock = open_dock()
    window = dock.native.window()
    window.show()
    qtbot.waitExposed(window)
    [slider] = [
        each for each in dock.native.findChildren(QSlider) if each.isVisible() and each.maximum() == 12
    ]
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    parts = QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle
    begin = slider.mapTo(window, slider.style().subControlRect(*parts, slider).center())
    # Sent to the window, so that Qt registers the button.
    QTest.mousePress(window.windowHandle(), Qt.MouseButton.LeftButton, pos=begin)
    passed = []
    for dx in (40, 80):
        QTest.mouseMove(window.windowHandle(), begin + QPoint(dx, 0))
        settle(dock)  # longer than the pause that ends other gestures
        passed.append(dock.n_clusters.value)
    QTest.mouseRelease(window.windowHandle(), Qt.MouseButton.LeftButton, pos=begin + QPoint(80, 0))
    assert 3 < passed[0] < passed[1]
    qtbot.waitUntil(lambda: not dock.jobs._held.isActive())
    dock.n_clusters.value = 12
    settle(dock)
    dock.menu.undo.trigger()
    assert dock.n_clusters.value == passed[1]
    dock.menu.undo.trigger()
    assert dock.n_clusters.value == 3
    dock.menu.redo.trigger()
    settle(dock)
    assert dock.n_clusters.value == passed[1]
    [layer] = clusters_of(viewer)
    np.testing.assert_array_equal(layer.data, napari_kmeans.segment(gray, passed[1])[0])


def test_objects_are_those_of_a_clean_up_that_is_still_running(viewer, open_dock, settle, qtbot, gate, large):
    image = viewer.add_image(large, name="blobs")
    dock = open_dock()
    dock.n_clusters.value = 2
    settle(dock)
    gate.shut()
    dock.min_size.value = 30
    dock.objects.native.click()
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    gate.open()
    settle(dock)
    labels = napari_kmeans.clean_labels(napari_kmeans.segment(image.data, 2)[0], min_size=30)
    expected, table = napari_kmeans.split_into_objects(labels, intensity_image=image.data)
    np.testing.assert_array_equal(viewer.layers["blobs objects"].data, expected)
    assert viewer.layers["blobs objects"].features["area"].tolist() == list(table["area"])


def test_a_mask_is_extracted_from_cleaned_labels(viewer, open_dock, settle, large):
    image = viewer.add_image(large)
    dock = open_dock()
    dock.n_clusters.value = 2
    dock.min_size.value = 30
    settle(dock)
    dock.table.action_requested.emit("background", [2])
    settle(dock)
    extract(dock, 2)
    settle(dock)
    plain = napari_kmeans.segment(image.data, 2)[0]
    cleaned = napari_kmeans.clean_labels(plain, min_size=30)
    assert (plain != cleaned).any()
    np.testing.assert_array_equal(viewer.layers[-1].data, cleaned == 2)


def test_no_objects_are_made_after_the_clean_up_was_cancelled(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large
):
    viewer.add_image(large)
    dock = open_dock()
    dock.n_clusters.value = 2
    settle(dock)
    before = list(viewer.layers)
    gate.shut()
    dock.min_size.value = 30
    dock.objects.native.click()
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    qtbot.waitUntil(lambda: dock.cancel.native.isVisibleTo(dock.native))
    dock.cancel.native.click()
    gate.open()
    finish_threads()
    settle(dock)
    assert list(viewer.layers) == before
