"""The dock in a real viewer, opened as the Plugins menu opens it and driven by its controls."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from dock_helpers import ask, begin, clusters_of, expected, is_ordinary, select
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QPushButton, QWidget

import napari_kmeans
from napari_kmeans import KMeansModel
from napari_kmeans._napari.layers.image_layer import METADATA_KEY
from napari_kmeans._napari.layers.labels_on_demand import OnDemandLabels
from napari_kmeans.report.palette import distinct_colors


def same_place(layer, image):
    points = [np.zeros(image.ndim), np.arange(1, image.ndim + 1)]
    return all(np.allclose(layer.data_to_world(p), image.data_to_world(p)) for p in points)


def test_colour_image_is_segmented_by_the_controls(viewer, open_dock, settle, colored):
    image = viewer.add_image(colored, rgb=True, name="leaf")
    dock = open_dock()
    assert dock.image.value is image
    assert list(viewer.layers) == [image]  # opening adds nothing
    assert dock.viewer is viewer  # and not napari's proxy of it, whose layers are never the same twice
    assert dock.table.rowCount() == 3

    dock.n_clusters.value = 5
    settle(dock)
    labels, model = expected(image, 5)
    layer = viewer.layers["leaf k-means"]
    np.testing.assert_array_equal(layer.data, labels)
    assert list(viewer.layers) == [image, layer]
    assert is_ordinary(layer)
    assert same_place(layer, image)
    assert layer.opacity == 0.5
    assert layer.features["index"].tolist() == [1, 2, 3, 4, 5]
    saved = KMeansModel.from_json(layer.metadata[METADATA_KEY])
    np.testing.assert_array_equal(saved.centers, model.centers)
    np.testing.assert_array_equal(saved.counts, model.counts)
    assert saved.confirmation == "confirmed"
    assert dock.status.text() == ""
    assert viewer.layers.selection.active is image

    # The same colours everywhere.
    for label, color in enumerate(distinct_colors(5), start=1):
        np.testing.assert_allclose(layer.get_color(label), color, atol=1e-6)

    dock.segment.native.click()
    settle(dock)
    assert clusters_of(viewer) == [layer]
    np.testing.assert_array_equal(layer.data, labels)


def test_scaled_turned_and_moved_image_is_covered_exactly(viewer, open_dock, settle, gray):
    image = viewer.add_image(
        gray.astype(np.float32) / 7,
        name="tile",
        scale=(0.5, 0.25),
        rotate=30,
        translate=(100, -40),
        units=("um", "um"),
        axis_labels=("row", "column"),
    )
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    layer = viewer.layers["tile k-means"]
    np.testing.assert_array_equal(layer.data, expected(image, 3)[0])
    assert same_place(layer, image)
    assert layer.units == image.units
    assert layer.axis_labels == ("row", "column")
    # The status line shows the label of the pixel under the mouse.
    world = image.data_to_world((20, 30))
    assert layer.get_value(world, world=True) == layer.data[20, 30]


def test_slider_and_spin_box_show_the_same_number(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters_slider.value = 4
    assert dock.n_clusters.value == 4
    dock.n_clusters.value = 40
    settle(dock)
    assert (dock.n_clusters.value, dock.n_clusters_slider.value) == (40, 12)
    assert dock.table.rowCount() == 40
    dock.n_clusters_slider.value = 11
    assert dock.n_clusters.value == 11
    settle(dock)
    assert clusters_of(viewer)[0].data.max() == 11
    assert (dock.n_clusters.min, dock.n_clusters.max) == (2, 255)


def test_labels_are_on_demand_while_sliding_and_in_memory_at_rest(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    for k in (4, 6, 5):
        dock.n_clusters_slider.value = k
        [layer] = clusters_of(viewer)
        assert isinstance(layer.data, OnDemandLabels)
        assert not layer.editable
        np.testing.assert_array_equal(np.asarray(layer.data), expected(image, k)[0])
        assert dock.table.rowCount() == k
    settle(dock)
    assert clusters_of(viewer) == [layer]
    assert is_ordinary(layer)
    np.testing.assert_array_equal(layer.data, expected(image, 5)[0])


def test_segment_reads_data_changed_in_place_again(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    image.data[:20] = 255
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    np.testing.assert_array_equal(layer.data, expected(image, 3)[0])
    assert dock.table.item(2, 3).text() == f"{100 * np.mean(layer.data == 3):.1f} %"


def test_without_live_the_overlay_waits_for_segment(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.live.value = False
    dock.n_clusters.value = 6
    settle(dock)
    assert not clusters_of(viewer)
    assert dock.table.rowCount() == 6
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    dock.n_clusters.value = 4
    settle(dock)
    np.testing.assert_array_equal(layer.data, expected(image, 6)[0])
    dock.live.value = True
    settle(dock)
    np.testing.assert_array_equal(layer.data, expected(image, 4)[0])
    dock.n_clusters.value = 6
    dock.live.value = False  # before the slider came to rest
    settle(dock)
    assert is_ordinary(layer)


def test_a_volume_is_segmented_in_2d_and_3d_views(viewer, open_dock, settle, volume):
    image = viewer.add_image(volume, scale=(5, 1, 1), units=("um",) * 3)
    dock = open_dock()
    dock.n_clusters.value = 4
    [layer] = clusters_of(viewer)
    labels = expected(image, 4)[0]
    for z in (0, 5):
        viewer.dims.set_current_step(0, z)
        assert layer.get_value((z, 3, 4)) == labels[z, 3, 4]  # right before anything is settled
    settle(dock)
    np.testing.assert_array_equal(layer.data, labels)
    viewer.dims.ndisplay = 3
    dock.n_clusters.value = 3
    settle(dock)
    assert clusters_of(viewer) == [layer]
    np.testing.assert_array_equal(layer.data, expected(image, 3)[0])
    assert same_place(layer, image)


def test_dock_follows_the_active_image_and_restores_its_settings(viewer, open_dock, settle):
    rng = np.random.default_rng(0)
    images = [viewer.add_image(rng.integers(0, 256, (16, 16), dtype=np.uint8)) for _ in range(20)]
    dock = open_dock()
    for image in images:
        viewer.layers.selection.active = image
        settle(dock)
        assert dock.image.value is image
    assert list(viewer.layers) == images  # selecting images creates no layers

    first, second = images[:2]
    viewer.layers.selection.active = first
    dock.n_clusters.value = 5
    settle(dock)
    dock.table.item(1, 1).setText("coin")
    settle(dock)
    [layer] = clusters_of(viewer)
    data = layer.data
    viewer.layers.selection.active = second
    dock.n_clusters.value = 7
    settle(dock)
    viewer.layers.selection.active = first
    settle(dock)
    assert dock.n_clusters.value == 5
    assert dock.table.rowCount() == 5
    assert dock.table.item(1, 1).text() == "coin"
    assert layer.data is data
    assert len(clusters_of(viewer)) == 2
    dock.n_clusters.value = 4
    settle(dock)
    np.testing.assert_array_equal(layer.data, expected(first, 4)[0])
    assert len(clusters_of(viewer)) == 2
    viewer.layers.selection.active = second
    assert dock.n_clusters.value == 7


def test_selecting_another_image_while_sliding_gives_labels_in_memory(viewer, open_dock, settle, gray):
    first, second = viewer.add_image(gray, name="first"), viewer.add_image(gray[::-1].copy(), name="second")
    viewer.layers.selection.active = first
    dock = open_dock()
    dock.n_clusters.value = 5
    viewer.layers.selection.active = second
    settle(dock)
    viewer.layers.selection.active = first
    settle(dock)
    [layer] = clusters_of(viewer)
    assert is_ordinary(layer)
    np.testing.assert_array_equal(layer.data, expected(first, 5)[0])


def test_activating_other_layers_does_not_change_the_image_of_the_dock(viewer, open_dock, settle, gray):
    viewer.add_image(gray[::-1].copy(), name="below")
    image = viewer.add_image(gray)
    viewer.add_points()
    dock = open_dock()
    assert dock.image.value is image
    labels = viewer.add_labels(np.zeros((40, 50), np.uint8))
    assert viewer.layers.selection.active is labels
    assert dock.image.value is image
    dock.n_clusters.value = 4
    settle(dock)
    assert viewer.layers.selection.active is labels
    np.testing.assert_array_equal(viewer.layers[f"{image.name} k-means"].data, expected(image, 4)[0])
    assert not labels.data.any()
    viewer.layers.selection = {image, labels}
    dock.n_clusters.value = 3
    settle(dock)
    assert set(viewer.layers.selection) == {image, labels}


def test_the_image_can_be_chosen_in_the_dock(viewer, open_dock, settle, gray):
    first, second = viewer.add_image(gray, name="a"), viewer.add_image(gray.T.copy(), name="b")
    dock = open_dock()
    assert dock.image.value is second
    dock.image.value = first
    settle(dock)
    first.name = "renamed"
    assert dock.image.value is first
    assert dock.image.native.currentText() == "renamed"
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    assert layer.name == "renamed k-means"
    assert list(viewer.layers) == [first, layer, second]


def test_without_an_image_the_dock_explains_what_to_do(viewer, open_dock, settle, gray):
    viewer.add_points()
    dock = open_dock()
    assert "Open or select an image" in dock.status.text()
    dock.n_clusters.value = 6
    dock.segment.native.click()
    settle(dock)
    assert len(viewer.layers) == 1
    image = viewer.add_image(gray)
    settle(dock)
    assert dock.image.value is image
    assert dock.status.text() == ""
    assert dock.table.rowCount() == 6
    viewer.layers.remove(image)
    assert "Open or select an image" in dock.status.text()
    assert dock.table.rowCount() == 0


def test_cancel_ends_the_work_and_the_next_run_works(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large
):
    image = viewer.add_image(large)
    dock = open_dock()
    begin(qtbot, dock, gate)
    qtbot.waitUntil(lambda: dock.cancel.native.isVisibleTo(dock.native))
    assert 0 < dock.progress.value < 100
    dock.cancel.native.click()
    assert dock.is_idle
    assert not dock.cancel.native.isVisibleTo(dock.native)
    assert "Cancelled" in dock.status.text()
    gate.open()
    finish_threads()
    assert gate.left.is_set()
    assert gate.n_blocks < 4  # of the first pass; the others were never read
    assert list(viewer.layers) == [image]
    assert "Cancelled" in dock.status.text()

    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    np.testing.assert_array_equal(layer.data, expected(image, 3)[0])
    assert dock.status.text() == ""


def test_a_layer_whose_last_step_was_cancelled_is_correct_and_segment_completes_it(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large
):
    image = viewer.add_image(large)
    dock = open_dock()
    gate.shut()
    dock.n_clusters.value = 4
    qtbot.waitUntil(gate.entered.is_set, timeout=10_000)
    dock.cancel.native.click()
    gate.open()
    finish_threads()
    [layer] = clusters_of(viewer)
    assert not layer.editable
    np.testing.assert_array_equal(np.asarray(layer.data), expected(image, 4)[0])
    assert "Press Segment" in dock.status.text()
    dock.segment.native.click()
    settle(dock)
    assert clusters_of(viewer) == [layer]
    assert is_ordinary(layer)
    np.testing.assert_array_equal(layer.data, expected(image, 4)[0])


def test_result_for_a_deleted_image_is_dropped(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large, gray
):
    image = viewer.add_image(large, name="gone")
    dock = open_dock()
    begin(qtbot, dock, gate)
    viewer.layers.remove(image)
    gate.open()
    finish_threads()
    assert gate.left.is_set()
    assert gate.n_blocks < 4
    assert len(viewer.layers) == 0
    assert "Open or select an image" in dock.status.text()
    other = viewer.add_image(gray)
    settle(dock)
    dock.segment.native.click()
    settle(dock)
    np.testing.assert_array_equal(clusters_of(viewer)[0].data, expected(other, 3)[0])


def test_clusters_are_kept_when_their_image_is_removed(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 4
    labels = expected(image, 4)[0]
    [layer] = clusters_of(viewer)
    viewer.layers.remove(image)  # before the slider came to rest
    settle(dock)
    assert list(viewer.layers) == [layer]
    assert is_ordinary(layer)
    np.testing.assert_array_equal(layer.data, labels)


def test_replaced_data_get_new_clusters_and_earlier_clusters_are_kept(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large
):
    image = viewer.add_image(large)
    dock = open_dock()
    begin(qtbot, dock, gate)
    image.data = large[:64, :64] // 2
    gate.open()
    finish_threads()
    settle(dock)
    assert list(viewer.layers) == [image]
    dock.segment.native.click()
    settle(dock)
    [old] = clusters_of(viewer)
    first = expected(image, 3)[0]
    np.testing.assert_array_equal(old.data, first)

    # Clusters of data that are no more stay, for the person to do with as they like.
    image.data = large[64:128, :64]
    settle(dock)
    assert clusters_of(viewer) == [old]
    dock.segment.native.click()
    settle(dock)
    new = next(layer for layer in clusters_of(viewer) if layer is not old)
    np.testing.assert_array_equal(new.data, expected(image, 3)[0])
    np.testing.assert_array_equal(old.data, first)


def test_a_change_during_clustering_replaces_the_earlier_request(
    viewer, open_dock, settle, finish_threads, qtbot, gate, large
):
    image = viewer.add_image(large)
    dock = open_dock()
    begin(qtbot, dock, gate)
    dock.n_clusters.value = 7
    gate.open()
    finish_threads()
    settle(dock)
    [layer] = clusters_of(viewer)
    np.testing.assert_array_equal(layer.data, expected(image, 7)[0])


def test_the_wheel_changes_no_control(viewer, open_dock, settle, volume):
    viewer.add_image(volume, name="a")
    viewer.add_image(volume[:, ::-1].copy(), name="b")
    dock = open_dock()
    dock.n_clusters.value = 5
    settle(dock)

    def state():
        controls = dock.image, dock.n_clusters, dock.n_clusters_slider, dock.where
        border = dock.border.which.currentIndex(), dock.border.value.value()
        return [control.value for control in controls], border, dock.histogram.viewRange()

    before = state()
    controls = [dock.native, *dock.native.findChildren(QWidget)]
    for control in controls:
        for turn in (120, -120):
            at = QPointF(control.rect().center())
            event = QWheelEvent(
                at,
                QPointF(control.mapToGlobal(at.toPoint())),
                QPoint(0, 0),
                QPoint(0, turn),
                Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QApplication.sendEvent(control, event)
            assert state() == before
    assert dock.is_idle


def test_keys_typed_in_the_dock_do_not_reach_the_canvas(viewer, open_dock, settle, qtbot, gray):
    viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    [layer] = clusters_of(viewer)
    viewer.layers.selection.active = layer
    layer.paint((5, 5), 3)
    painted = layer.data.copy()
    mode = layer.mode
    curve = dock.choose_k.findChild(pg.PlotWidget)
    for widget in (dock.table, dock.histogram, curve):
        for key in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_M, Qt.Key.Key_Delete):
            qtbot.keyClick(widget, key)
            assert layer.mode == mode
        qtbot.keyClick(widget, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        np.testing.assert_array_equal(layer.data, painted)
    assert layer in viewer.layers
    assert viewer.layers.selection.active is layer


def test_curve_and_button_choose_k(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 6
    use = next(b for b in dock.choose_k.findChildren(QPushButton) if b.text() == "Use 3")
    use.click()
    assert dock.n_clusters.value == 3
    dock.choose_k.chosen.emit(8)
    settle(dock)
    assert dock.n_clusters.value == 8
    np.testing.assert_array_equal(clusters_of(viewer)[0].data, expected(image, 8)[0])


def test_dragging_a_border_moves_it_and_the_labels_follow(viewer, open_dock, settle, mouse, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.histogram.resize(300, 200)
    dock.histogram.grab()
    lines = [item for item in dock.histogram.getPlotItem().items if isinstance(item, pg.InfiniteLine)]
    begin, y = lines[0].value(), 5
    mouse.drag(dock.histogram, (begin, y), (begin + 20, y))
    settle(dock)
    [layer] = clusters_of(viewer)
    model = KMeansModel.from_json(layer.metadata[METADATA_KEY])
    assert model.adjusted
    assert model.thresholds[0] == pytest.approx(begin + 20, abs=2)
    np.testing.assert_array_equal(layer.data, 1 + np.searchsorted(model.thresholds, image.data))
    assert dock.border.back.isVisibleTo(dock.native)
    assert dock.border.value.value() == pytest.approx(model.thresholds[0], abs=1e-3)

    dock.menu.undo.trigger()  # one gesture, however many steps
    settle(dock)
    np.testing.assert_array_equal(layer.data, expected(image, 3)[0])

    dock.border.value.setValue(77)
    settle(dock)
    model = KMeansModel.from_json(layer.metadata[METADATA_KEY])
    assert model.thresholds[0] == 77
    dock.border.back.click()
    settle(dock)
    np.testing.assert_array_equal(layer.data, expected(image, 3)[0])
    assert not dock.border.back.isVisibleTo(dock.native)


def test_selected_clusters_become_a_mask_layer(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray, name="coins", scale=(2, 3))
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    select(dock, 0, 2)
    ask(dock, "Extract as layer")
    settle(dock)
    mask = viewer.layers[-1]
    np.testing.assert_array_equal(mask.data, np.isin(expected(image, 4)[0], [1, 3]))
    assert same_place(mask, image)
    assert is_ordinary(mask)


def test_layers_that_the_user_keeps_or_paints_are_not_overwritten(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    [kept] = clusters_of(viewer)
    dock.menu.keep.trigger()
    dock.n_clusters.value = 5
    settle(dock)
    painted = next(layer for layer in clusters_of(viewer) if layer is not kept)
    painted.paint((5, 5), 3)
    stroke = painted.data.copy()
    dock.n_clusters.value = 4
    settle(dock)
    assert len(clusters_of(viewer)) == 3
    np.testing.assert_array_equal(kept.data, expected(image, 3)[0])
    np.testing.assert_array_equal(painted.data, stroke)
    painted.undo()
    np.testing.assert_array_equal(painted.data, expected(image, 5)[0])


def test_each_position_of_a_stack_is_clustered_separately(viewer, open_dock, settle, volume):
    brighter = volume + 1000 * np.arange(6, dtype=np.uint16)[:, np.newaxis, np.newaxis]
    image = viewer.add_image(brighter, axis_labels=("t", "y", "x"), name="movie")
    dock = open_dock()
    choices = [dock.where.native.itemText(i) for i in range(dock.where.native.count())]
    assert choices == ["Whole stack", "Each t"]
    viewer.dims.set_current_step(0, 0)
    dock.where.value = 0
    settle(dock)
    labels, _ = napari_kmeans.segment(brighter, 3, per_axis=0)
    layer = viewer.layers["movie k-means"]
    np.testing.assert_array_equal(layer.data, labels)
    assert is_ordinary(layer)
    centre = dock.table.item(0, 2).text()
    viewer.dims.set_current_step(0, 5)
    settle(dock)
    assert "t = 5" in dock.status.text()
    assert dock.table.item(0, 2).text() != centre
    dock.n_clusters.value = 4
    expected_now = napari_kmeans.segment(brighter, 4, per_axis=0)[0]
    assert layer.get_value((5, 3, 4)) == expected_now[5, 3, 4]  # while sliding
    settle(dock)
    np.testing.assert_array_equal(layer.data, expected_now)
    dock.where.value = -1
    settle(dock)
    np.testing.assert_array_equal(layer.data, expected(image, 4)[0])


def test_a_new_image_starts_with_the_default_settings(viewer, open_dock, settle, gray):
    from napari.settings import get_plugin_settings

    first = viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 6
    settle(dock)
    viewer.add_image(gray.T.copy())
    settle(dock)
    assert dock.n_clusters.value == 3
    get_plugin_settings("napari-kmeans").dock.n_clusters = 5  # holds for images from now on
    viewer.add_image(gray[::-1].copy())
    settle(dock)
    assert dock.n_clusters.value == dock.table.rowCount() == 5
    viewer.layers.selection.active = first
    assert dock.n_clusters.value == 6


def test_undo_in_napari_restores_no_pixels_of_an_earlier_result(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    for k in (5, 4):
        dock.n_clusters.value = k
        layer.undo()
        np.testing.assert_array_equal(np.asarray(layer.data), expected(image, k)[0])
        settle(dock)
        layer.undo()
        np.testing.assert_array_equal(layer.data, expected(image, k)[0])
    assert dock.session.overlay.layer is layer


def test_each_axis_of_a_movie_of_volumes_is_offered_by_its_name(viewer, open_dock, settle):
    movie = np.random.default_rng(0).integers(0, 200, (3, 4, 9, 10), dtype=np.uint8)
    movie += 20 * np.arange(3, dtype=np.uint8)[:, np.newaxis, np.newaxis, np.newaxis]
    viewer.add_image(
        movie, axis_labels=("t", "z", "y", "x"), scale=(2, 0.5, 0.1, 0.1), units=("s", "um", "um", "um")
    )
    dock = open_dock()
    choices = [dock.where.native.itemText(i) for i in range(dock.where.native.count())]
    assert choices == ["Whole stack", "Each t", "Each z"]
    for axis, name in enumerate("tz"):
        dock.where.value = axis
        settle(dock)
        [layer] = clusters_of(viewer)
        np.testing.assert_array_equal(layer.data, napari_kmeans.segment(movie, 3, per_axis=axis)[0])
        viewer.dims.set_current_step(axis, 2)
        settle(dock)
        assert f"{name} = 2" in dock.status.text()
        counts = napari_kmeans.fit(movie.take(2, axis=axis), 3).counts
        lines = dock.table.item(0, 0).toolTip().splitlines()
        assert f"label 1: {counts[0]} pixels" in lines
        # A time axis is no spatial one, and those that are are named.
        assert f"size {counts[0] * 0.5 * 0.1 * 0.1:.6g} µm³ (z, y, x)" in lines
        viewer.dims.set_current_step(axis, 0)
