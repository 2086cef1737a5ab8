from __future__ import annotations

import pickle

import dask.array as da
import numpy as np
import pytest

from napari_kmeans.blocks.pixels import Pixels


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"channel_axis": 3}, ValueError, "channel_axis=3 is out of range for an image of 3 dimensions"),
        ({"channel_axis": -4}, ValueError, "channel_axis=-4 is out of range"),
        ({"channel_axis": True}, TypeError, "channel_axis must be an int or None"),
        ({"channel_axis": "c"}, TypeError, "channel_axis must be an int or None, not 'c'"),
        ({"channel_axis": 0}, ValueError, "channel_axis has 4 channels|channel_axis has 5 channels"),
        ({"mask": np.ones((5, 6), bool)}, ValueError, r"mask has shape \(5, 6\).*\(5, 6, 3\)"),
        ({"features": "hue"}, ValueError, "features='hue' must be one of"),
    ],
)
def test_invalid_arguments_are_named(kwargs, error, message):
    with pytest.raises(error, match=message):
        Pixels.of(np.zeros((5, 6, 3), np.uint8), **kwargs)


def test_an_empty_image_is_rejected():
    with pytest.raises(ValueError, match="contains no pixels"):
        Pixels.of(np.zeros((0, 4)))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_any_axis_can_be_the_channel_axis(axis):
    colours = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    pixels = Pixels.of(np.moveaxis(colours, -1, axis), channel_axis=axis)
    assert pixels.shape == (4, 5)
    values, _ = pixels.read((slice(None), slice(None)))
    assert np.array_equal(values, colours @ np.array([2125, 7154, 721]))


WHOLE = (slice(0, 6), slice(0, 8))


def test_pixels_outside_the_mask_and_transparent_pixels_are_not_included():
    image = np.full((6, 8, 4), 9, dtype=np.uint8)
    image[0, :, 3] = 0
    mask = np.ones((6, 8), dtype=np.int16)
    mask[:, 0] = 0
    _, include = Pixels.of(image, channel_axis=-1, mask=mask).read(WHOLE)
    expected = np.ones((6, 8), dtype=bool)
    expected[0], expected[:, 0] = False, False
    assert np.array_equal(include, expected)
    assert Pixels.of(image[..., 0]).read(WHOLE)[1] is None


def test_at_selects_one_position_along_an_axis():
    image = np.random.default_rng(0).random((4, 6, 8))
    mask = image > 0.5
    pixels = Pixels.of(image, mask=mask, smooth=(0, 1, 2))
    one = pixels.at(0, 2)
    assert one.shape == (6, 8)
    assert one.extractor.smooth == (1.0, 2.0)
    values, include = one.read(WHOLE)
    whole, used = pixels.read((slice(2, 3), *WHOLE))
    assert np.array_equal(values, whole[0])
    assert np.array_equal(include, used[0])


def test_a_block_is_read_with_its_halo_and_cropped():
    image = np.random.default_rng(0).random((40, 50))
    pixels = Pixels.of(image, smooth=2)
    box = (slice(10, 20), slice(0, 15))
    block = pixels.load(box)
    assert block.image.shape == (10 + 2 * 8, 15 + 8)
    assert block.values()[0].shape == (10, 15)


def test_lazy_pixels_have_the_chunks_of_their_spatial_axes():
    image = np.zeros((4, 6, 3), dtype=np.uint8)
    assert Pixels.of(image, channel_axis=-1).chunks is None
    lazy = Pixels.of(da.from_array(image, chunks=(2, 3, 3)), channel_axis=-1)
    assert lazy.chunks == ((2, 2), (3, 3))
    assert lazy.as_lazy() is lazy
    made_lazy = Pixels.of(image, channel_axis=-1).as_lazy()
    assert made_lazy.chunks is not None
    assert np.array_equal(made_lazy.read((slice(0, 4), slice(0, 6)))[0], np.zeros((4, 6)))


def test_a_block_reader_makes_the_same_block_from_pixels_read_elsewhere():
    image = np.random.default_rng(0).random((40, 50))
    pixels = Pixels.of(image, smooth=1, mask=image > 0.2)
    box = (slice(10, 20), slice(0, 15))
    remote = pickle.loads(pickle.dumps(pixels.reader)).block(box, *pixels.crop(box))
    for found, expected in zip(remote.values(), pixels.read(box), strict=True):
        assert np.array_equal(found, expected)


def test_positions_of_a_block_are_indices_in_the_whole_image():
    pixels = Pixels.of(np.zeros((4, 5, 3), np.uint8), channel_axis=-1)
    block = pixels.load((slice(1, 3), slice(2, 5)))
    assert block.positions().dtype == np.uint64
    assert block.positions().tolist() == np.arange(20).reshape(4, 5)[1:3, 2:5].reshape(-1).tolist()
