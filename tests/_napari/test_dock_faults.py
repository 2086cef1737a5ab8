"""What once went wrong in the dock without a word, or left it dead; each test follows a user's steps."""

from __future__ import annotations

import gc
import weakref

import dask.array as da
import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import QEvent, QLocale, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication, QColorDialog, QFileDialog

import napari_kmeans


def overlays(viewer, name="image"):
    return [layer for layer in viewer.layers if isinstance(layer, Labels) and f"{name} k-means" in layer.name]


def assert_script_agrees(viewer, dock, layer):
    """Run *Copy as Python* as napari's console would, and compare its labels with the layer's."""
    from napari_kmeans._napari.session.copy_as_python import as_python

    names = {"viewer": viewer}
    exec(as_python(dock.session, dock.session.model), names)
    np.testing.assert_array_equal(np.asarray(layer.data), np.asarray(names["labels"]))


@pytest.mark.parametrize("features", ["gray", "channels"])
def test_data_replaced_while_another_image_is_active_are_measured_again(
    viewer, open_dock, settle, gray, features
):
    one = viewer.add_image(gray, name="one")
    two = viewer.add_image(255 - gray[::-1], name="two")
    other = viewer.add_image(np.tile(gray, (2, 1)), name="other")
    dock = open_dock()
    viewer.layers.selection.active = one
    settle(dock)
    dock.features.value = features
    settle(dock)
    viewer.layers.selection.active = other
    settle(dock)
    changed = two if features == "channels" else one
    changed.data = gray.T.reshape(gray.shape)[:, ::-1].copy()
    settle(dock)
    viewer.layers.selection.active = one
    settle(dock)
    dock.n_clusters.value = 5
    settle(dock)
    assert_script_agrees(viewer, dock, dock.session.overlay.layer)


@pytest.mark.parametrize("typed", ["12", "16", "100"])
def test_a_typed_number_of_clusters_is_applied(viewer, open_dock, settle, qtbot, typed, volume):
    viewer.add_image(volume)
    dock = open_dock()
    box = dock.n_clusters.native
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, typed)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    settle(dock)
    assert dock.n_clusters.value == dock.session.model.n_clusters == int(typed)


@pytest.mark.parametrize("locale", ["en_US", "de_DE"])
def test_a_comma_in_a_threshold_is_rejected_in_every_locale(viewer, open_dock, settle, qtbot, locale, gray):
    QLocale.setDefault(QLocale(locale))
    try:
        viewer.add_image(gray)
        dock = open_dock()
        box, before = dock.border.value, dock.session.model.thresholds[0]
        box.selectAll()
        qtbot.keyClicks(box, "95,5")
        qtbot.keyClick(box, Qt.Key.Key_Return)
        settle(dock)
        assert dock.session.model.thresholds[0] == before
        assert "“95,5” is not a number" in dock.status.text()
        assert box.value() == pytest.approx(before, rel=1e-5)
    finally:
        QLocale.setDefault(QLocale.system())


def test_a_threshold_beyond_its_neighbours_is_rejected_with_a_message(viewer, open_dock, settle, qtbot, gray):
    viewer.add_image(gray)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    before = dock.session.model.thresholds.tolist()
    dock.border.value.selectAll()
    qtbot.keyClicks(dock.border.value, "9999")
    qtbot.keyClick(dock.border.value, Qt.Key.Key_Return)
    settle(dock)
    assert dock.session.model.thresholds.tolist() == before
    assert "9999" in dock.status.text()
    assert dock.border.value.value() == pytest.approx(before[0], rel=1e-5)


@pytest.mark.parametrize("control", ["smooth", "leave_out"])
def test_discarded_thresholds_are_reported(viewer, open_dock, settle, control, gray):
    viewer.add_image(gray)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    dock.border.moved.emit(0, 90.0)
    settle(dock)
    assert dock.session.model.adjusted
    if control == "smooth":
        dock.smooth.value = 2
    else:
        dock.leave_out.value = (0,)
    settle(dock)
    assert not dock.session.model.adjusted
    assert "set by hand" in dock.status.text()
    dock.undo.click()
    settle(dock)
    assert dock.session.model.adjusted


# Masks


def mask_names(dock):
    native = dock.mask.native
    return [native.itemText(i) for i in range(native.count())]


def test_the_list_of_masks_follows_the_layers(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    mask = viewer.add_labels((gray > 60).astype(np.uint8), name="cells")
    assert "cells" in mask_names(dock)
    mask.name = "nuclei"
    assert "nuclei" in mask_names(dock)
    assert "cells" not in mask_names(dock)
    viewer.layers.remove(mask)
    assert mask_names(dock) == ["Whole image"]


def test_a_mask_that_was_removed_is_no_longer_used(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    mask = viewer.add_labels((gray > 60).astype(np.uint8), name="cells")
    viewer.layers.selection.active = viewer.layers[0]
    dock.mask.value = mask
    settle(dock)
    assert dock.session.settings.mask is mask
    viewer.layers.remove(mask)
    settle(dock)
    assert dock.session.settings.mask is None
    expected, _ = napari_kmeans.segment(gray, dock.n_clusters.value)
    np.testing.assert_array_equal(dock.session.overlay.layer.data, expected)


def test_a_dock_that_was_closed_with_a_mask_opens_again_without_it(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    mask = viewer.add_labels((gray > 60).astype(np.uint8), name="cells")
    viewer.layers.selection.active = viewer.layers[0]
    dock.mask.value = mask
    settle(dock)
    viewer.window.remove_dock_widget(dock.native)
    viewer.layers.remove(mask)
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    expected, _ = napari_kmeans.segment(gray, 4)
    np.testing.assert_array_equal(dock.session.overlay.layer.data, expected)


def test_images_that_were_channels_are_freed_after_closing(viewer, open_dock, settle, finish_threads, gray):
    dock = open_dock()
    one = viewer.add_image(gray.copy(), name="one")
    two = viewer.add_image(gray[::-1].copy(), name="two")
    settle(dock)
    dock.features.value = "channels"
    settle(dock)
    dock.segment.native.click()
    settle(dock)
    gone = [weakref.ref(thing) for image in (one, two) for thing in (image, image.data)]
    del one, two
    viewer.window.remove_dock_widget(dock.native)
    del dock
    viewer.layers.clear()
    finish_threads()
    gc.collect()
    QApplication.processEvents()
    # PySide6 deletes napari's controls of a removed layer only then.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    assert [ref() for ref in gone] == [None] * 4


# What is seen


@pytest.mark.parametrize("how", ["keep", "paint"])
def test_a_kept_result_is_hidden_by_the_next(viewer, open_dock, settle, how, gray):
    viewer.add_image(gray, name="image")
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    [first] = overlays(viewer)
    if how == "keep":
        dock.menu.keep.trigger()
    else:
        first.paint((5, 5), 2)
    kept = first.data.copy()
    dock.n_clusters.value = 5
    settle(dock)
    second = dock.session.overlay.layer
    assert second is not first
    assert [layer.visible for layer in (first, second)] == [False, True]
    assert viewer.layers.index(second) > viewer.layers.index(first)
    np.testing.assert_array_equal(first.data, kept)


def test_after_cancel_plot_and_table_show_what_the_image_shows(viewer, open_dock, settle, qtbot, gate, large):
    viewer.add_image(large)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    rows = dock.table.rowCount()
    gate.shut()
    dock.smooth.value = 1
    qtbot.waitUntil(gate.entered.is_set)
    dock.cancel.native.click()
    gate.open()
    settle(dock)
    assert dock.session.overlay.layer is not None
    assert dock.table.rowCount() == rows
    assert dock.histogram.summary is not None
    assert not dock.table.isEnabled()
    assert "Cancelled" in dock.status.text()
    dock.segment.native.click()
    settle(dock)
    assert dock.table.isEnabled()
    assert "Cancelled" not in dock.status.text()


def test_after_an_error_plot_and_table_are_kept(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    rows = dock.table.rowCount()
    mask = viewer.add_labels(np.zeros(gray.shape, np.uint8), name="empty")
    viewer.layers.selection.active = viewer.layers[0]
    dock.mask.value = mask
    settle(dock)
    assert "covers no pixel" in dock.status.text()
    assert dock.table.rowCount() == rows
    assert dock.histogram.summary is not None
    assert not dock.table.isEnabled()
    dock.mask.value = dock.mask.choices[0]
    settle(dock)
    assert dock.table.isEnabled()
    assert "covers no pixel" not in dock.status.text()


def test_clean_up_of_a_pyramid_waits_for_export(viewer, open_dock, settle, large):
    viewer.add_image([large, large[::2, ::2], large[::4, ::4]], multiscale=True, name="pyramid")
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    dock.min_size.value = 9
    settle(dock)
    assert "xport" in dock.min_size.native.toolTip()
    assert "export" in dock.view.clean_up.chosen


@pytest.mark.parametrize(
    ("kind", "suffix"), [("OME-Zarr (*.ome.zarr *.zarr)", ".ome.zarr"), ("TIFF (*.tif *.tiff)", ".tif")]
)
def test_an_export_gets_the_suffix_of_the_chosen_kind(
    viewer, open_dock, settle, monkeypatch, tmp_path, gray, kind, suffix
):
    viewer.add_image(gray)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out"), kind))
    dock.menu.export.trigger()
    settle(dock)
    assert (tmp_path / f"out{suffix}").exists()
    assert f"out{suffix}" in dock.status.text()


@pytest.mark.parametrize("path", ["out.ome.tif", "out.ome.zarr.tif", "out.tif"])
def test_a_tiff_file_is_not_called_ome_tiff(viewer, open_dock, settle, monkeypatch, tmp_path, gray, path):
    viewer.add_image(gray)
    dock = open_dock()
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / path), "TIFF (*.tif *.tiff)")
    )
    dock.menu.export.trigger()
    settle(dock)
    assert [file.name for file in tmp_path.iterdir()] == ["out.tif"]


@pytest.mark.parametrize(("is_lazy", "first"), [(False, ".tif"), (True, ".ome.zarr")])
def test_an_export_suggests_the_format_that_fits_the_image(
    viewer, open_dock, settle, monkeypatch, gray, is_lazy, first
):
    viewer.add_image(da.from_array(gray, chunks=20) if is_lazy else gray, name="a")
    dock = open_dock()
    asked = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: asked.append(given) or ("", ""))
    dock.menu.export.trigger()
    [(_, _, name, kinds)] = asked
    assert name == f"a-labels{first}"
    assert first in kinds.partition(";;")[0]


def test_a_saved_model_gets_its_suffix_and_is_confirmed(
    viewer, open_dock, settle, monkeypatch, tmp_path, gray
):
    viewer.add_image(gray)
    dock = open_dock()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out"), "JSON (*.json)"))
    dock.menu.save_model.trigger()
    assert napari_kmeans.KMeansModel.load(tmp_path / "out.json").n_clusters == 3
    assert "out.json" in dock.status.text()


# What is named and drawn


def test_channels_have_the_names_of_their_layers(viewer, open_dock, settle, gray):
    viewer.add_image(gray, name="DAPI")
    viewer.add_image(gray[::-1].copy(), name="GFP")
    dock = open_dock()
    dock.features.value = "channels"
    settle(dock)
    assert dock.session.model.feature_names == ("DAPI", "GFP")
    assert "GFP" in dock.table.item(0, 1).toolTip()
    loaded = napari_kmeans.KMeansModel.from_json(dock.session.model.to_json())
    assert loaded.feature_names == ("DAPI", "GFP")


def test_in_3d_the_darkest_cluster_is_hidden_at_first(viewer, open_dock, settle, volume):
    viewer.add_image(volume)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    layer = dock.session.overlay.layer

    def is_drawn(label):
        ticked = dock.table.item(label - 1, 0).checkState() == Qt.CheckState.Checked
        assert ticked == (layer.get_color(label)[3] > 0)
        return ticked

    assert is_drawn(1)
    viewer.dims.ndisplay = 3
    assert [is_drawn(label) for label in (1, 2, 3)] == [False, True, True]
    dock.table.item(0, 0).setCheckState(Qt.CheckState.Checked)
    assert is_drawn(1)
    viewer.dims.ndisplay = 2
    viewer.dims.ndisplay = 3
    assert is_drawn(1)


def test_the_number_of_objects_is_reported(viewer, open_dock, settle, gray):
    image = np.zeros((30, 40), np.uint8)
    image[5:9, 5:9] = image[15:20, 20:30] = 200
    viewer.add_image(image, name="spots")
    dock = open_dock()
    dock.n_clusters.value = 2
    dock.segment.native.click()
    settle(dock)
    dock.table.action_requested.emit("objects", [2])
    settle(dock)
    assert "2 objects in the layer “spots objects”" in dock.status.text()


def test_a_cluster_gets_the_colour_that_is_picked(viewer, open_dock, settle, monkeypatch, gray):
    viewer.add_image(gray)
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    asked = []
    monkeypatch.setattr(
        QColorDialog, "getColor", lambda before, *_: asked.append(before.name()) or QColor("#123456")
    )
    dock.table.cellDoubleClicked.emit(1, 0)
    assert asked == ["#e69f00"]
    layer = dock.session.overlay.layer
    np.testing.assert_allclose(layer.get_color(2), QColor("#123456").getRgbF(), atol=1e-3)
    dock.n_clusters.value = 4
    settle(dock)
    np.testing.assert_allclose(layer.get_color(2), QColor("#123456").getRgbF(), atol=1e-3)
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor())  # cancelled
    dock.table.cellDoubleClicked.emit(1, 0)
    np.testing.assert_allclose(layer.get_color(2), QColor("#123456").getRgbF(), atol=1e-3)
