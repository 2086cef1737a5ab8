"""Layers of a viewer without a window."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

import napari_kmeans
from napari_kmeans import KMeansModel
from napari_kmeans._napari.layers.cluster_colors import label_colormap
from napari_kmeans._napari.layers.image_layer import METADATA_KEY, resolutions_of
from napari_kmeans._napari.layers.labels_on_demand import ModelLabels
from napari_kmeans._napari.layers.overlay import Overlay
from napari_kmeans.report.palette import distinct_colors
from napari_kmeans.report.tables import cluster_table

COLORS = label_colormap(distinct_colors(255))


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def image(viewer, gray):
    return viewer.add_image(gray, name="coins")


@pytest.fixture
def overlay(viewer, image):
    return Overlay(viewer, image)


def show(overlay, image, k=3):
    """Show an image's clusters as the dock does at rest, and return them and the model."""
    labels, model = napari_kmeans.segment(image.data, k, channel_axis=-1 if image.rgb else None)
    overlay.show(labels, model, COLORS, cluster_table(model))
    return labels, model


def slide(overlay, image, k):
    """Show an image's clusters as the dock does while a slider moves."""
    model = napari_kmeans.fit(image.data, k)
    overlay.show([ModelLabels(resolutions_of(image).finest, model)], model, COLORS, None)
    return model


def test_layer_is_named_after_the_image_and_lies_right_above_it(viewer, image, overlay):
    above = viewer.add_points(name="above")
    show(overlay, image)
    assert list(viewer.layers) == [image, overlay.layer, above]
    assert overlay.layer.name == "coins k-means"
    assert overlay.layer.opacity == 0.5


def test_layer_holds_labels_model_and_table(image, overlay):
    labels, _ = show(overlay, image, 4)
    layer = overlay.layer
    assert isinstance(layer, Labels)
    assert layer.data is labels
    assert layer.editable
    loaded = KMeansModel.from_json(layer.metadata[METADATA_KEY])
    np.testing.assert_array_equal(loaded.predict(image.data), labels)
    assert layer.features["index"].tolist() == [1, 2, 3, 4]
    assert layer.features["pixels"].tolist() == np.bincount(labels.ravel())[1:].tolist()


TRANSFORMS = {
    "plain": {},
    "scaled": {"scale": (2, 0.5), "translate": (-3, 40), "units": ("um", "mm"), "axis_labels": ("y", "x")},
    "turned": {"scale": (3, 2), "rotate": 30, "translate": (5, 6)},
    "sheared": {"shear": [0.4], "scale": (1, -1)},
    "affine": {"affine": [[1, 0.2, 3], [0.1, 2, -4], [0, 0, 1]], "scale": (0.1, 0.2)},
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@pytest.mark.parametrize("rgb", [False, True])
def test_layer_covers_the_image_exactly(viewer, gray, colored, transform, rgb):
    image = viewer.add_image(colored if rgb else gray, rgb=rgb, **transform)
    overlay = Overlay(viewer, image)
    show(overlay, image)
    layer = overlay.layer
    for point in ((0, 0), (3, 17), (31, 2)):
        np.testing.assert_allclose(layer.data_to_world(point), image.data_to_world(point))
    for name in ("scale", "translate", "rotate", "shear"):
        np.testing.assert_array_equal(getattr(layer, name), getattr(image, name))
    assert layer.units == image.units
    assert layer.axis_labels == image.axis_labels
    np.testing.assert_array_equal(layer.extent.world, image.extent.world)


# What napari says of the image, whose slices it shows without the rotation.
@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")
def test_a_volume_keeps_its_three_dimensional_transforms(viewer, volume):
    image = viewer.add_image(
        volume, scale=(5, 1, 2), rotate=(10, 20, 30), units=("um",) * 3, translate=(1, 2, 3)
    )
    overlay = Overlay(viewer, image)
    show(overlay, image)
    np.testing.assert_allclose(overlay.layer.data_to_world((5, 4, 3)), image.data_to_world((5, 4, 3)))
    assert overlay.layer.units == image.units


@pytest.mark.parametrize("selected", ["image", "another", "two", "none"])
def test_showing_a_result_keeps_the_selection(viewer, image, overlay, selected):
    points = viewer.add_points()
    chosen = {"image": {image}, "another": {points}, "two": {image, points}, "none": set()}[selected]
    viewer.layers.selection = chosen
    active = viewer.layers.selection.active
    show(overlay, image)
    assert set(viewer.layers.selection) == chosen
    assert viewer.layers.selection.active is active
    show(overlay, image, 4)
    assert set(viewer.layers.selection) == chosen


def test_next_result_goes_into_the_same_layer(viewer, image, overlay):
    show(overlay, image)
    layer = overlay.layer
    layer.metadata["note"] = "mine"
    labels, _ = show(overlay, image, 5)
    assert overlay.layer is layer
    assert layer.data is labels
    assert len(viewer.layers) == 2
    assert layer.metadata["note"] == "mine"
    assert KMeansModel.from_json(layer.metadata[METADATA_KEY]).n_clusters == 5
    assert layer.features["index"].tolist() == [1, 2, 3, 4, 5]


def test_display_settings_of_a_layer_survive_new_results(image, overlay):
    show(overlay, image)
    layer = overlay.layer
    layer.opacity, layer.contour, layer.visible, layer.blending = 0.9, 2, False, "additive"
    slide(overlay, image, 4)
    show(overlay, image, 4)
    assert overlay.layer is layer
    assert (layer.opacity, layer.contour, layer.visible, layer.blending) == (0.9, 2, False, "additive")


TAKEN = {
    "painted": lambda layer: layer.paint((5, 5), 3),
    "filled": lambda layer: layer.fill((5, 5), 9),
    "set in place": lambda layer: layer.data_setitem((np.array([1]), np.array([2])), 7),
    "renamed": lambda layer: setattr(layer, "name", "nuclei"),
    "given data": lambda layer: setattr(layer, "data", np.full((40, 50), 2, np.uint8)),
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
def test_a_layer_that_the_user_changed_is_not_overwritten(viewer, image, overlay, take):
    show(overlay, image)
    theirs = overlay.layer
    take(theirs)
    data, name = theirs.data.copy(), theirs.name
    metadata, features = dict(theirs.metadata), theirs.features.copy()
    assert overlay.layer is None
    labels, _ = show(overlay, image, 4)
    assert overlay.layer is not theirs
    assert overlay.layer.data is labels
    assert theirs in viewer.layers
    assert theirs.name == name
    np.testing.assert_array_equal(theirs.data, data)
    assert theirs.metadata == metadata
    assert theirs.features.equals(features)


def test_a_second_result_has_a_distinct_name_and_hides_the_first(viewer, image, overlay):
    show(overlay, image)
    overlay.release()
    show(overlay, image)
    assert [layer.name for layer in viewer.layers] == ["coins", "coins k-means", "coins k-means [1]"]
    # Two half-transparent overlays would mix into colours of no cluster.
    assert [layer.visible for layer in viewer.layers] == [True, False, True]


def test_kept_layer_is_never_written_again(image, overlay):
    first, _ = show(overlay, image)
    kept = overlay.layer
    overlay.release()
    show(overlay, image, 5)
    assert kept.data is first


def test_undoing_a_stroke_restores_the_result_and_the_layer_is_not_overwritten(image, overlay):
    labels, _ = show(overlay, image)
    before, theirs = labels.copy(), overlay.layer
    theirs.paint((5, 5), 3)
    theirs.undo()
    np.testing.assert_array_equal(theirs.data, before)
    show(overlay, image, 5)
    np.testing.assert_array_equal(theirs.data, before)


def test_undo_in_the_overlay_cannot_restore_pixels_of_an_earlier_result(image, overlay):
    show(overlay, image)
    layer = overlay.layer
    slide(overlay, image, 5)
    labels, _ = show(overlay, image, 5)
    before = labels.copy()
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)


def test_a_duplicate_of_the_overlay_is_never_overwritten(viewer, image, overlay):
    from napari.layers import Layer

    show(overlay, image)
    ours = overlay.layer
    copy = viewer.add_layer(Layer.create(*ours.as_layer_data_tuple()))
    copy_before = copy.data.copy()
    show(overlay, image, 5)
    assert overlay.layer is ours
    np.testing.assert_array_equal(copy.data, copy_before)


def test_a_removed_layer_is_not_added_again(viewer, image, overlay):
    show(overlay, image)
    removed = overlay.layer
    viewer.layers.remove(removed)
    assert overlay.layer is None
    before = removed.data
    show(overlay, image, 4)
    assert overlay.layer in viewer.layers
    assert removed not in viewer.layers
    assert removed.data is before


def test_painting_in_a_released_layer_does_not_affect_the_next_overlay(image, overlay):
    show(overlay, image)
    left = overlay.layer
    overlay.release()
    show(overlay, image)
    ours = overlay.layer
    left.paint((5, 5), 3)
    assert overlay.layer is ours


def test_labels_on_demand_cannot_be_painted_and_labels_in_memory_can(image, overlay):
    model = slide(overlay, image, 5)
    assert not overlay.layer.editable
    np.testing.assert_array_equal(np.asarray(overlay.layer.data), model.predict(image.data))
    labels, _ = show(overlay, image, 5)
    assert overlay.layer.editable
    overlay.layer.paint((5, 5), 3)
    assert labels[5, 5] == 3


def test_a_layer_released_while_sliding_gets_labels_in_memory(image, overlay):
    model = slide(overlay, image, 5)
    layer = overlay.layer
    overlay.release()
    assert isinstance(layer.data, np.ndarray)
    assert layer.data.dtype == np.uint8
    np.testing.assert_array_equal(layer.data, model.predict(image.data))
    assert layer.editable


@pytest.mark.parametrize("ndisplay", [2, 3])
def test_napari_displays_labels_on_demand(viewer, volume, ndisplay):
    image = viewer.add_image(volume)
    overlay = Overlay(viewer, image)
    viewer.dims.ndisplay = ndisplay
    expected = slide(overlay, image, 4).predict(volume)
    if ndisplay == 3:
        shown = overlay.layer.get_value((0, 3.0, 4.0), view_direction=(1, 0, 0), dims_displayed=[0, 1, 2])
        assert shown == expected[0, 3, 4]
        return
    for z in (0, 4):
        viewer.dims.set_current_step(0, z)
        assert overlay.layer.get_value((z, 3, 4)) == expected[z, 3, 4]
        assert overlay.layer.thumbnail.any()


def test_colours_change_without_new_labels(image, overlay):
    show(overlay, image)
    layer, data = overlay.layer, overlay.layer.data
    overlay.recolor(label_colormap(distinct_colors(255), highlighted={2}))
    assert overlay.layer is layer
    assert layer.data is data
    assert layer.get_color(1)[3] < layer.get_color(2)[3] == 1
