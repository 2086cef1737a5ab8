"""Layers of a viewer without a window."""

from __future__ import annotations

from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

import napari_kmeans
from napari_kmeans import KMeansModel
from napari_kmeans._napari.layers.cluster_colors import label_colormap
from napari_kmeans._napari.layers.image_layer import METADATA_KEY, resolutions_of
from napari_kmeans._napari.layers.labels_on_demand import ModelLabels, StackLabels, label_stack
from napari_kmeans._napari.layers.overlay import Overlay
from napari_kmeans.blocks.pixels import Pixels
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


# A new layer


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
def test_selection_stays_as_it_was(viewer, image, overlay, selected):
    points = viewer.add_points()
    chosen = {"image": {image}, "another": {points}, "two": {image, points}, "none": set()}[selected]
    viewer.layers.selection = chosen
    active = viewer.layers.selection.active
    show(overlay, image)
    assert set(viewer.layers.selection) == chosen
    assert viewer.layers.selection.active is active
    show(overlay, image, 4)
    assert set(viewer.layers.selection) == chosen


# The same layer for the next result, unless it is the person's


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


def test_how_the_person_shows_a_layer_outlives_results(image, overlay):
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
def test_what_a_person_changed_is_theirs(viewer, image, overlay, take):
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


def test_a_second_result_has_a_name_of_its_own(viewer, image, overlay):
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


def test_undoing_a_stroke_brings_the_result_back_and_the_layer_stays_the_persons(image, overlay):
    labels, _ = show(overlay, image)
    before, theirs = labels.copy(), overlay.layer
    theirs.paint((5, 5), 3)
    theirs.undo()
    np.testing.assert_array_equal(theirs.data, before)
    show(overlay, image, 5)
    np.testing.assert_array_equal(theirs.data, before)


def test_undo_in_our_layer_cannot_bring_back_pixels_of_an_earlier_result(image, overlay):
    show(overlay, image)
    layer = overlay.layer
    slide(overlay, image, 5)
    labels, _ = show(overlay, image, 5)
    before = labels.copy()
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)


def test_a_duplicate_is_never_ours(viewer, image, overlay):
    from napari.layers import Layer

    show(overlay, image)
    ours = overlay.layer
    copy = viewer.add_layer(Layer.create(*ours.as_layer_data_tuple()))
    copy_before = copy.data.copy()
    show(overlay, image, 5)
    assert overlay.layer is ours
    np.testing.assert_array_equal(copy.data, copy_before)


def test_a_removed_layer_is_not_brought_back(viewer, image, overlay):
    show(overlay, image)
    removed = overlay.layer
    viewer.layers.remove(removed)
    assert overlay.layer is None
    before = removed.data
    show(overlay, image, 4)
    assert overlay.layer in viewer.layers
    assert removed not in viewer.layers
    assert removed.data is before


def test_painting_in_a_layer_that_was_left_changes_nothing_of_the_next(image, overlay):
    show(overlay, image)
    left = overlay.layer
    overlay.release()
    show(overlay, image)
    ours = overlay.layer
    left.paint((5, 5), 3)
    assert overlay.layer is ours


# While sliding


def test_a_looked_up_layer_cannot_be_painted_and_an_ordinary_one_can(image, overlay):
    model = slide(overlay, image, 5)
    assert not overlay.layer.editable
    np.testing.assert_array_equal(np.asarray(overlay.layer.data), model.predict(image.data))
    labels, _ = show(overlay, image, 5)
    assert overlay.layer.editable
    overlay.layer.paint((5, 5), 3)
    assert labels[5, 5] == 3


def test_a_layer_left_while_sliding_becomes_an_ordinary_one(image, overlay):
    model = slide(overlay, image, 5)
    layer = overlay.layer
    overlay.release()
    assert isinstance(layer.data, np.ndarray)
    assert layer.data.dtype == np.uint8
    np.testing.assert_array_equal(layer.data, model.predict(image.data))
    assert layer.editable


@pytest.mark.parametrize("ndisplay", [2, 3])
def test_napari_shows_what_is_looked_up(viewer, volume, ndisplay):
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


# Labels that are looked up

rng = np.random.default_rng(5)
ALPHA = rng.integers(0, 256, (7, 8, 4), dtype=np.uint8)
ALPHA[2:4, 1:6, 3] = 0
HOLES = rng.normal(size=(7, 8))
HOLES[1, 2:5] = np.nan
HOLES[5, 5], HOLES[6, 6] = np.inf, -np.inf
IMAGES = {
    "uint8": (rng.integers(0, 256, (7, 8), dtype=np.uint8), None, None),
    "bool": (rng.random((7, 8)) > 0.5, None, None),
    "big-endian": (rng.integers(-999, 999, (7, 8)).astype(">i4"), None, None),
    "not contiguous": (rng.integers(0, 65536, (8, 14), dtype=np.uint16).T[::2], None, None),
    "NaN": (HOLES, None, None),
    "RGB": (rng.integers(0, 256, (7, 8, 3), dtype=np.uint8), -1, None),
    "RGBA": (ALPHA, -1, None),
    "mask": (rng.integers(0, 256, (7, 8), dtype=np.uint8), None, rng.random((7, 8)) > 0.3),
    "volume": (rng.integers(0, 999, (7, 8, 5), dtype=np.uint16), None, None),
    "volume of RGBA": (np.stack([ALPHA, ALPHA[::-1], ALPHA // 2], axis=1), -1, None),
}
KEYS = {
    "int": 3,
    "negative": -1,
    "NumPy int": np.int64(2),
    "ints": (1, 2),
    "slice": slice(2, 5),
    "everything": (slice(None), slice(None)),
    "a column": (slice(None), 1),
    "steps": (slice(None, None, 2), slice(1, None, 3)),
    "backwards": (slice(None, None, -1),),
    "empty": slice(3, 3),
    "ellipsis": ...,
    "ellipsis first": (..., slice(0, 2)),
    "nothing": (),
    "points": (np.array([1, 3, 3]), np.array([0, 2, 1])),
    "rows": ([0, 6, 6],),
    "where": np.array([True, False, True, True, False, False, True]),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("kind", IMAGES)
def test_look_up_is_what_predict_gives(kind, key):
    image, channel_axis, mask = IMAGES[kind]
    model = napari_kmeans.fit(image, 2, channel_axis=channel_axis, mask=mask)
    expected = model.predict(image, mask=mask)
    labels = ModelLabels(Pixels.of(image, channel_axis=channel_axis, mask=mask), model)
    found = labels[key]
    assert found.dtype == np.uint8
    assert found.shape == expected[key].shape
    np.testing.assert_array_equal(found, expected[key])


@pytest.mark.thorough
@pytest.mark.parametrize("smooth", [0, 1])
@pytest.mark.parametrize(
    "key", [..., (slice(7, 1400), slice(5, 1190)), (slice(None), slice(0, -1, 2))], ids=str
)
def test_look_up_of_much_is_what_predict_gives(key, smooth):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1500, 1200, 3), dtype=np.uint8)
    mask = rng.random((1500, 1200)) < 0.9
    model = napari_kmeans.fit(image, 3, features="rgb", channel_axis=-1, mask=mask, smooth=smooth)
    labels = ModelLabels(Pixels.of(image, features=model.extractor, channel_axis=-1, mask=mask), model)
    np.testing.assert_array_equal(labels[key], model.predict(image, mask=mask)[key])


def test_look_up_reads_each_chunk_once():
    read = []

    def remember(block, block_info=None):
        read.append(block_info[0]["chunk-location"])
        return block

    image = np.random.default_rng(0).integers(0, 256, (1500, 1200), dtype=np.uint8)
    lazy = da.from_array(image, chunks=700).map_blocks(
        remember, dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    model = napari_kmeans.fit(image, 3)
    found = ModelLabels(Pixels.of(lazy), model)[...]
    np.testing.assert_array_equal(found, model.predict(image))
    assert sorted(read) == [(row, column) for row in range(3) for column in range(2)]


@pytest.mark.parametrize("kind", IMAGES)
def test_look_up_is_an_array_to_others(kind):
    image, channel_axis, mask = IMAGES[kind]
    model = napari_kmeans.fit(image, 2, channel_axis=channel_axis, mask=mask).with_background([1])
    expected = model.predict(image, mask=mask)
    labels = ModelLabels(Pixels.of(image, channel_axis=channel_axis, mask=mask), model)
    assert (labels.shape, labels.ndim, labels.size, len(labels)) == (
        expected.shape,
        expected.ndim,
        expected.size,
        len(expected),
    )
    assert labels.dtype == expected.dtype == np.asarray(labels).dtype
    np.testing.assert_array_equal(np.asarray(labels), expected)
    assert np.asarray(labels, dtype=np.int32).dtype == np.int32


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("rgb", [False, True])
@pytest.mark.parametrize(
    "key",
    [
        3,
        -1,
        (1, 2),
        slice(2, 5),
        (slice(None), 1),
        (slice(None, None, 2), slice(0, 2)),
        ...,
        (..., slice(0, 3)),
    ],
    ids=str,
)
def test_look_up_of_a_stack_is_each_positions_own(axis, rgb, key):
    image = IMAGES["volume of RGBA" if rgb else "volume"][0]
    channel_axis = -1 if rgb else None
    expected, stack = napari_kmeans.segment(image, 3, channel_axis=channel_axis, per_axis=axis)
    pixels = Pixels.of(image, channel_axis=channel_axis)
    labels = StackLabels(pixels, axis, stack.models.__getitem__, len(stack))
    found = labels[key]
    assert found.dtype == np.uint8
    assert found.shape == expected[key].shape
    np.testing.assert_array_equal(found, expected[key])
    np.testing.assert_array_equal(np.asarray(labels), expected)


def test_labels_of_a_stack_and_their_models_are_those_of_segment():
    image = IMAGES["volume"][0]
    expected, models = napari_kmeans.segment(image, 3, per_axis=1)
    shares = []
    found, stack = label_stack(Pixels.of(image), 1, models.__getitem__, progress=shares.append)
    np.testing.assert_array_equal(found.labels, expected)
    np.testing.assert_array_equal(stack.predict(image), expected)
    assert shares == sorted(shares)
    assert shares[-1] == 1


# Images that cannot be clustered, and how a person is told


def test_pixels_of_colours_have_their_channels_last(viewer, colored):
    pixels = resolutions_of(viewer.add_image(colored, rgb=True)).finest
    assert pixels.shape == colored.shape[:2]
    assert pixels.n_channels == 3


def test_a_stack_of_three_planes_is_no_colour_image(viewer, colored):
    assert resolutions_of(viewer.add_image(colored, rgb=False)).finest.n_channels is None


def layer_of(gray, **different):
    """What is asked of an Image layer, of a kind that napari does not make itself."""
    names = "data", "multiscale", "rgb", "ndim", "axis_labels", "units", "scale"
    like = Image(gray)
    return SimpleNamespace(**{name: getattr(like, name) for name in names} | different)


@pytest.mark.parametrize("levels", [[1], [1, 1]])
def test_a_multiscale_image_of_one_size_is_an_image(gray, levels):
    found = resolutions_of(layer_of(gray, data=[gray] * len(levels), multiscale=True))
    assert [pixels.shape for pixels in found.pixels] == [gray.shape]
    assert not found.stays_on_demand


def test_levels_are_those_of_the_layer_the_finest_first(gray):
    found = resolutions_of(Image([gray, gray[::2, ::2]], multiscale=True))
    assert [pixels.shape for pixels in found.pixels] == [(40, 50), (20, 25)]
    assert found.finest.shape == (40, 50)
    assert found.stays_on_demand
    assert not found.is_lazy


def test_images_that_cannot_be_clustered_are_refused_with_a_way_out(gray):
    # Napari has no layer for these yet.
    layer = layer_of(gray, data=gray * 1j)
    with pytest.raises(TypeError, match=r"complex128.*numpy\.abs"):
        resolutions_of(layer)
