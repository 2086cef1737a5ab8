"""Changes to layers behind the dock's back: the overlay, the table and the script stay the same result."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from dock_helpers import ask, clusters_of, is_ordinary, overlay_of, run_script, select
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_kmeans._napari.layers.first_overlay import compile_label_dictionaries


def assert_agrees(viewer, dock):
    """Compare the labels of the overlay with those of the script, and their counts with the table."""
    labels = np.asarray(dock.session.overlay.layer.data)
    np.testing.assert_array_equal(labels, run_script(viewer, dock))
    rows = dock.table.rowCount()
    tips = [dock.table.item(row, 1).toolTip() for row in range(rows)]
    counts = np.bincount(labels.ravel(), minlength=256)
    background = dock.session.model.background
    for tip, label in zip(tips, map(dock.table.label_of_row, range(rows)), strict=True):
        assert label in background or f"label {label}: {counts[label]:,} pixels" in tip


@pytest.fixture
def dock(viewer, open_dock, settle, gray):
    """A dock with three clusters of an image."""
    viewer.add_image(gray, name="image")
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    return dock


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale", (0.5, 0.25)),
        ("translate", (3, -4)),
        ("rotate", 30),
        ("shear", [0.2]),
        ("affine", np.array([[1, 0.1, 2], [0, 1, 3], [0, 0, 1]])),
        ("axis_labels", ("v", "u")),
    ],
)
def test_the_overlay_follows_its_image(viewer, dock, settle, name, value):
    image, layer = viewer.layers["image"], dock.session.overlay.layer
    setattr(image, name, value)
    settle(dock)
    assert dock.session.overlay.layer is layer
    if name == "axis_labels":
        assert layer.axis_labels == image.axis_labels
    np.testing.assert_allclose(layer.extent.world, image.extent.world)
    np.testing.assert_allclose(layer.data_to_world((5, 7)), image.data_to_world((5, 7)))


@pytest.mark.parametrize("smooth", [0, 1])
def test_lengths_and_sizes_follow_the_scale(viewer, dock, settle, smooth):
    image = viewer.layers["image"]
    image.units = ("um", "um")
    dock.smooth.value = smooth
    dock.n_clusters.value = 4
    settle(dock)
    layer = dock.session.overlay.layer
    for scale in ((0.5, 0.25), (2, 2)):
        image.scale = scale
        settle(dock)
        assert dock.session.overlay.layer is layer
        assert_agrees(viewer, dock)
        np.testing.assert_allclose(layer.features["size"], layer.features["pixels"] * np.prod(scale))
        assert dock.session.model.fitted_to.pixel_size == scale


@pytest.fixture
def masked(viewer, dock, settle, gray):
    """The dock with a mask, and the mask."""
    mask = viewer.add_labels(np.zeros(gray.shape, np.uint8), name="mask")
    mask.data[:20] = 1
    viewer.layers.selection.active = viewer.layers["image"]
    dock.mask.value = mask
    settle(dock)
    assert_agrees(viewer, dock)
    return dock, mask


def paint(mask):
    mask.brush_size = 7
    mask.paint((30, 30), 1)
    QApplication.processEvents()  # the dock waits until napari has changed the data


def move(mask):
    mask.translate = (5, 5)


def replace_data(mask):
    mask.data = np.eye(40, 50, dtype=np.uint8)


@pytest.mark.parametrize("change", [paint, move, replace_data])
def test_the_clusters_follow_their_mask(viewer, masked, settle, change):
    dock, mask = masked
    layer, before = dock.session.overlay.layer, np.array(dock.session.overlay.layer.data)
    change(mask)
    settle(dock)
    assert dock.session.overlay.layer is layer
    assert (layer.data != before).any()
    assert_agrees(viewer, dock)


def test_a_mask_that_is_painted_while_another_image_is_shown(viewer, masked, settle, gray):
    dock, mask = masked
    layer = dock.session.overlay.layer
    other = viewer.add_image(gray.T.copy(), name="other")
    settle(dock)
    assert dock.session.image is other
    paint(mask)
    settle(dock)
    viewer.layers.selection.active = viewer.layers["image"]
    settle(dock)
    assert dock.session.overlay.layer is layer
    assert_agrees(viewer, dock)


def test_shapes_that_are_drawn_one_after_another(viewer, dock, settle):
    shapes = viewer.add_shapes([np.array([[2, 2], [12, 22]])], name="shapes", shape_type="rectangle")
    viewer.layers.selection.active = viewer.layers["image"]
    dock.mask.value = shapes
    settle(dock)
    layer, n = dock.session.overlay.layer, (dock.session.overlay.layer.data > 0).sum()
    shapes.add_rectangles(np.array([[20, 20], [35, 45]]))
    settle(dock)
    assert dock.session.overlay.layer is layer
    assert (layer.data > 0).sum() > n
    assert_agrees(viewer, dock)


@pytest.mark.parametrize("smooth", [0, 1])
def test_a_change_that_another_image_interrupts_is_completed_later(viewer, dock, settle, smooth, gray):
    """With smoothing, the overlay is not updated before all pixels are labelled."""
    image = viewer.layers["image"]
    dock.smooth.value = smooth
    other = viewer.add_image(gray.T.copy(), name="other")
    viewer.layers.selection.active = image
    settle(dock)
    dock.n_clusters.value = 5
    viewer.layers.selection.active = other
    settle(dock)
    viewer.layers.selection.active = image
    settle(dock)
    assert dock.session.overlay.layer.data.max() == 5
    assert_agrees(viewer, dock)


def test_edits_of_fewer_clusters_than_chosen_are_kept(viewer, open_dock, settle):
    """An image of three values has three clusters, whichever number is chosen."""
    viewer.add_image(np.repeat(np.array([[0, 10, 20]], np.uint8), 20, 0).repeat(10, 1), name="image")
    dock = open_dock()
    dock.n_clusters.value = 6
    settle(dock)
    dock.table.item(0, 1).setText("mine")
    settle(dock)
    select(dock, 1, 2)
    ask(dock, "Merge")
    settle(dock)
    select(dock, 1)
    ask(dock, "Set as background (label 0)")
    settle(dock)
    assert [dock.table.item(row, 1).text() for row in range(2)] == ["mine", "cluster 2 (background)"]
    assert np.unique(overlay_of(viewer).data).tolist() == [0, 1]
    assert_agrees(viewer, dock)
    dock.border.moved.emit(0, 12.0)
    settle(dock)
    assert dock.border.title.text() == "Adjusted"
    assert_agrees(viewer, dock)
    viewer.layers["image"].data = np.repeat(
        np.array([[0, 30]], np.uint8), 20, 0
    )  # they do not fit two values
    settle(dock)
    dock.segment.native.click()
    settle(dock)
    assert [dock.table.item(row, 1).text() for row in range(2)] == ["cluster 1", "cluster 2"]
    assert_agrees(viewer, dock)


def test_new_data_of_several_features_are_no_estimate_at_rest(viewer, open_dock, settle, colored):
    image = viewer.add_image(colored, rgb=True)
    dock = open_dock()
    dock.features.value = "rgb"
    settle(dock)
    image.data = colored[::-1].copy()
    settle(dock)
    assert dock.session.is_refined
    assert "restarts" in dock.status.text()


@pytest.fixture
def loaded(viewer, open_dock, settle, colored):
    """A dock with the clusters of another colour image, and their model."""
    viewer.add_image(colored, rgb=True, name="image")
    viewer.add_image((colored // 2), rgb=True, name="other")
    dock = open_dock()
    dock.features.value = "rgb"
    settle(dock)
    model = dock.session.model
    viewer.layers.selection.active = viewer.layers["image"]
    settle(dock)
    assert dock.view.loaded.isHidden()
    dock.use_model(model)
    settle(dock)
    return dock, model


def test_loaded_clusters_of_several_features_are_reproduced_and_reset(viewer, loaded, settle):
    dock, model = loaded
    np.testing.assert_array_equal(dock.session.model.centers, model.centers)
    assert_agrees(viewer, dock)
    assert not dock.view.loaded.isHidden()
    assert "restarts" not in dock.status.text()
    select(dock, 0)
    ask(dock, "Set as background (label 0)")
    dock.min_size.value = 2
    settle(dock)
    assert_agrees(viewer, dock)
    dock.view.loaded.button.click()
    settle(dock)
    assert dock.view.loaded.isHidden()
    assert dock.session.model.inertia < model.inertia * 8
    assert (dock.session.model.centers != model.centers).all()
    assert dock.session.model.background == (1,)
    assert_agrees(viewer, dock)
    dock.undo.click()
    settle(dock)
    np.testing.assert_array_equal(dock.session.model.centers, model.centers)


def test_loaded_clusters_of_other_values_are_discarded(viewer, loaded, settle):
    dock, _ = loaded
    dock.smooth.value = 1
    settle(dock)
    assert "The clusters of the loaded model were discarded." in dock.status.text()
    assert dock.view.loaded.isHidden()
    assert_agrees(viewer, dock)


def test_results_of_a_dock_that_was_closed_are_hidden_by_the_next(viewer, dock, open_dock, settle):
    first = dock.session.overlay.layer
    viewer.window.remove_dock_widget(dock.native)
    again = open_dock()
    again.n_clusters.value = 4
    settle(again)
    second = again.session.overlay.layer
    assert [layer.visible for layer in (first, second)] == [False, True]
    assert viewer.layers.index(first) < viewer.layers.index(second)


def test_a_duplicate_of_an_overlay_can_be_painted_in(viewer, dock, settle):
    dock.n_clusters.value = 5
    layer = dock.session.overlay.layer
    assert dock.session.overlay.is_on_demand
    viewer.layers.selection.active = layer
    _duplicate_layer(viewer.layers)
    settle(dock)
    copy = viewer.layers[f"{layer.name} copy"]
    assert is_ordinary(copy)
    np.testing.assert_array_equal(copy.data, layer.data)
    copy.paint((5, 5), 1)


def test_a_duplicate_of_a_lazy_overlay_is_lazy(viewer, open_dock, settle, large):
    levels = [da.from_array(level, chunks=256) for level in (large, large[::2, ::2])]
    viewer.add_image(levels, multiscale=True, name="image")
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    viewer.layers.selection.active = overlay_of(viewer)
    _duplicate_layer(viewer.layers)
    copy = viewer.layers["image k-means copy"]
    assert all(isinstance(level, da.Array) for level in copy.data)
    np.testing.assert_array_equal(np.asarray(copy.data[0]), np.asarray(overlay_of(viewer).data[0]))


def test_the_view_side_by_side_does_not_show_results_that_were_hidden_meanwhile(viewer, dock, settle):
    first = dock.session.overlay.layer
    dock.menu.side_by_side.trigger()
    dock.menu.keep.trigger()
    dock.n_clusters.value = 5
    settle(dock)
    second = dock.session.overlay.layer
    dock.menu.side_by_side.trigger()
    assert [layer.visible for layer in (first, second)] == [False, True]
    assert [layer.opacity for layer in (first, second)] == [0.5, 0.5]


def test_a_cancelled_request_leaves_nothing_to_segment(dock, settle, tmp_path):
    dock.jobs.export(tmp_path / "labels.tif", overwrite=False)
    dock.cancel.native.click()
    settle(dock)
    assert dock.status.text() == "Cancelled."
    dock.segment.native.click()
    dock.cancel.native.click()
    settle(dock)
    assert dock.status.text() == "Cancelled. Press Segment to start again."


def test_without_an_image_the_menu_offers_nothing_about_one(viewer, open_dock, settle, gray):
    dock = open_dock()
    names = (
        "keep",
        "side_by_side",
        "confidence",
        "apply_layers",
        "copy_python",
        "export",
        "save_model",
        "load_model",
    )
    actions = [getattr(dock.menu, name) for name in names]
    assert not any(action.isEnabled() for action in actions)
    viewer.add_image(gray)
    settle(dock)
    assert all(action.isEnabled() for action in actions)
    viewer.layers.clear()
    settle(dock)
    assert not any(action.isEnabled() for action in actions)


@pytest.mark.parametrize("name", ["copy_python", "save_recipe", "save_model", "export", "export_figure"])
def test_actions_explain_why_there_is_nothing_to_save(viewer, open_dock, settle, name):
    viewer.add_image(np.full((8, 9), np.nan, np.float32))
    dock = open_dock()
    settle(dock)
    getattr(dock.menu, name).trigger()
    assert dock.status.text() == "There are no clusters yet; press Segment."


def test_the_first_overlay_is_prepared_in_the_background(viewer, open_dock, finish_threads, gray):
    compile_label_dictionaries.cache_clear()
    viewer.add_image(gray)
    open_dock()
    finish_threads()
    assert compile_label_dictionaries.cache_info().currsize == 1


def test_the_command_without_the_dock_hides_earlier_results(viewer, dock, settle, qtbot):
    from napari._app_model import get_app_model

    first = dock.session.overlay.layer
    get_app_model().commands.execute_command("napari-kmeans.label_active_image").result()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    [second] = [layer for layer in clusters_of(viewer) if layer is not first]
    assert [layer.visible for layer in (first, second)] == [False, True]
    assert viewer.layers.index(second) > viewer.layers.index(first)


def test_a_new_image_layer_of_the_dock_does_not_become_its_image(viewer, dock, settle):
    """Neither if another image is active, nor if the overlay is."""
    shown, changes = dock.session, []
    dock._follower.session_changed.connect(lambda: changes.append(dock.session))
    for active in (viewer.layers["image"], dock.session.overlay.layer):
        viewer.layers.selection.active = active
        n = len(viewer.layers)
        dock.menu.confidence.trigger()
        settle(dock)
        assert len(viewer.layers) == n + 1
        assert viewer.layers.selection.active is active
        assert dock.session is shown
    assert changes == []


def test_mean_intensities_follow_the_contrast_limits(viewer, dock, settle):
    dock.menu.palettes.actions()[1].trigger()
    image, layer = viewer.layers["image"], dock.session.overlay.layer
    before = layer.colormap.color_dict[3].copy()
    image.contrast_limits = (0, 1000)
    after = layer.colormap.color_dict[3]
    assert (after[:3] < before[:3]).all()
    swatch = dock.table.item(2, 0).data(Qt.ItemDataRole.UserRole)
    np.testing.assert_allclose(swatch, after, atol=1e-6)


def test_a_stack_that_becomes_shorter_has_a_position_within_it(viewer, open_dock, settle, volume):
    image = viewer.add_image(volume, name="image")
    dock = open_dock()
    dock.where.value = 0
    viewer.dims.set_current_step(0, 5)
    settle(dock)
    image.data = volume[:3].copy()
    settle(dock)
    assert dock.session.position == 2
    assert dock.session.failure is None
    dock.n_clusters.value = 4
    settle(dock)
    np.testing.assert_array_equal(dock.session.overlay.layer.data, run_script(viewer, dock))


def test_a_loaded_model_keeps_the_mask_and_the_channels(viewer, open_dock, settle, volume, gray):
    for number, plane in enumerate(volume[:3]):
        viewer.add_image(plane, name=f"channel {number}")
    mask = viewer.add_labels((volume[3] > 2000).astype(np.uint8), name="mask")
    viewer.layers.selection.active = viewer.layers["channel 2"]
    dock = open_dock()
    dock.features.value = "channels"
    dock.mask.value = mask
    settle(dock)
    model = dock.session.model
    dock.n_clusters.value = 5
    settle(dock)
    dock.use_model(model)
    settle(dock)
    assert not dock.view.loaded.isHidden()
    assert dock.session.settings.mask is mask
    np.testing.assert_array_equal(dock.session.model.centers, model.centers)
    assert_agrees(viewer, dock)
    viewer.layers.remove("channel 1")  # the next change would need three channels
    settle(dock)
    assert dock.features.value == "gray"
    assert dock.view.loaded.isHidden()
    assert_agrees(viewer, dock)


def remove_image(viewer, dock):
    viewer.layers.remove("image")


def clear(viewer, dock):
    viewer.layers.clear()


def reopen(viewer, dock):
    viewer.window.remove_dock_widget(dock.native)


@pytest.mark.parametrize("leave", [remove_image, clear, reopen])
@pytest.mark.parametrize("action", ["objects", "extract", "confidence", "intervals", "layers"])
def test_work_whose_image_is_removed_meanwhile(viewer, dock, finish_threads, action, leave):
    """No exception, and neither the image nor its overlay returns."""
    select(dock, 0)
    other = viewer.add_image(np.arange(30, dtype=np.uint8).reshape(5, 6), name="other")
    viewer.layers.selection.active = viewer.layers["image"]
    if action in ("objects", "extract"):
        dock.table.action_requested.emit(action, [1])
    elif action == "layers":
        dock.jobs.applying.to_layers([other])
    else:
        getattr(dock.menu, action).trigger()
    leave(viewer, dock)
    finish_threads()
    names = [layer.name for layer in viewer.layers]
    assert ("image" in names) == (leave is reopen)
    assert len(names) <= 4
