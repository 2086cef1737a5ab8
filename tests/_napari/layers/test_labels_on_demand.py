"""Labels that are computed where they are viewed."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel

import napari_kmeans
from napari_kmeans._napari.layers.labels_on_demand import ModelLabels, StackLabels, label_stack
from napari_kmeans.blocks.pixels import Pixels


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def image(viewer, gray):
    return viewer.add_image(gray, name="coins")


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
def test_labels_on_demand_equal_those_of_predict(kind, key):
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
def test_labels_on_demand_of_many_pixels_equal_those_of_predict(key, smooth):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1500, 1200, 3), dtype=np.uint8)
    mask = rng.random((1500, 1200)) < 0.9
    model = napari_kmeans.fit(image, 3, features="rgb", channel_axis=-1, mask=mask, smooth=smooth)
    labels = ModelLabels(Pixels.of(image, features=model.extractor, channel_axis=-1, mask=mask), model)
    np.testing.assert_array_equal(labels[key], model.predict(image, mask=mask)[key])


def test_labels_on_demand_read_each_chunk_once():
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
def test_labels_on_demand_have_the_interface_of_an_array(kind):
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
def test_labels_on_demand_of_a_stack_use_the_model_of_each_position(axis, rgb, key):
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


def test_label_stack_gives_the_labels_and_models_of_segment():
    image = IMAGES["volume"][0]
    expected, models = napari_kmeans.segment(image, 3, per_axis=1)
    shares = []
    found, stack = label_stack(Pixels.of(image), 1, models.__getitem__, progress=shares.append)
    np.testing.assert_array_equal(found.labels, expected)
    np.testing.assert_array_equal(stack.predict(image), expected)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_stack_with_illumination_fields_labels_lazy_images():
    image = IMAGES["volume"][0]
    expected, models = napari_kmeans.segment(image, 3, per_axis=1, illumination="additive")
    found, stack = label_stack(Pixels.of(image), 1, models.__getitem__)
    np.testing.assert_array_equal(found.labels, expected)
    lazy = da.from_array(image, chunks=4)
    np.testing.assert_array_equal(stack.predict(lazy).compute(), expected)
