"""Smoothing before anything else, and values that are no data."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_kmeans
from napari_kmeans.blocks import loop as blocks
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.features.extractor import FeatureExtractor
from napari_kmeans.preprocess.smoothing import blur, reach

pytestmark = pytest.mark.thorough


def read(image, **kwargs):
    image = np.asarray(image)
    before = image.copy()
    pixels = Pixels.of(image, **kwargs)
    values = pixels.read(tuple(slice(0, n) for n in pixels.shape))
    assert np.array_equal(image, before, equal_nan=image.dtype.kind == "f")
    return values


def small_blocks(monkeypatch, n_pixels=150):
    monkeypatch.setattr(blocks, "BLOCK_PIXELS", n_pixels)
    monkeypatch.setattr(blocks, "_LEAST_PIXELS", n_pixels)


@pytest.mark.parametrize("sigma", [(1.5, 1.5), (0, 3), (2, 0.4)])
def test_without_holes_it_is_scipys_gaussian(sigma):
    image = np.random.default_rng(0).random((30, 40))
    assert np.array_equal(blur(image, sigma), gaussian_filter(image, sigma))


def test_a_hole_is_not_averaged_into_its_surroundings():
    image = np.full((40, 50), 7.0)
    known = np.ones(image.shape, dtype=bool)
    known[10:20, 30:40] = False
    image[~known] = 1e9
    found = blur(image, (3, 3), known)
    np.testing.assert_allclose(found[known], 7, rtol=1e-12)
    far = np.ones(image.shape, dtype=bool)
    far[:35, 15:] = False
    plain = gaussian_filter(np.where(known, image, 0), 3)
    assert np.array_equal(found[far], plain[far])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, bool])
@pytest.mark.parametrize("smooth", [2, (0.5, 3)])
def test_the_gray_image_is_averaged(dtype, smooth):
    image = (np.random.default_rng(0).random((30, 40)) * 200).astype(dtype)
    values, include = read(image, smooth=smooth)
    assert values.dtype == (np.float64 if dtype == np.float64 else np.float32)
    np.testing.assert_allclose(values, gaussian_filter(image.astype(float), smooth), rtol=1e-6)
    assert include is None


def test_colours_are_averaged_and_full_light_stays_what_it_was(picture):
    from skimage.color import rgb2lab

    image = picture("coffee")[::8, ::8]
    labels, model = napari_kmeans.segment(image, 3, features="lab", channel_axis=-1, smooth=1.5)
    smoothed = gaussian_filter(image.astype(float), (1.5, 1.5, 0)).astype(np.float32)
    again, expected = napari_kmeans.segment(smoothed / 255, 3, features="lab", channel_axis=-1)
    np.testing.assert_allclose(model.centers, expected.centers, rtol=1e-3, atol=1e-2)
    distances = np.linalg.norm(rgb2lab(smoothed / 255)[:, :, np.newaxis] - model.centers, axis=-1)
    assert np.array_equal(labels, 1 + np.argmin(distances, axis=-1))
    assert np.mean(labels == again) > 0.999


def test_nan_infinite_transparent_and_excluded_pixels_do_not_spread():
    image = np.full((30, 30), 5.0, dtype=np.float32)
    image[5, 5], image[20, 20], image[9, 25] = np.nan, np.inf, -9999
    values, include = read(image, smooth=2, exclude=-9999)
    assert np.isnan(values[5, 5])
    assert values[20, 20] == np.inf
    assert not include[9, 25]
    there = np.isfinite(values) & include
    assert there.sum() == 30 * 30 - 3
    np.testing.assert_allclose(values[there], 5, rtol=1e-6)
    colors = np.full((20, 20, 4), 200, dtype=np.uint8)
    colors[:10, :, :3], colors[:10, :, 3] = 0, 0
    values, include = read(colors, features="rgb", channel_axis=-1, smooth=3)
    assert np.array_equal(include, colors[..., 3] > 0)
    np.testing.assert_allclose(values[include], 200, rtol=1e-6)


@pytest.mark.parametrize("features", ["gray", "rgb", "lab", "saturation", "channels", "texture"])
@pytest.mark.parametrize("holes", [False, True])
def test_tiled_equals_untiled_and_lazy_equals_both(monkeypatch, picture, features, holes):
    image = picture("astronaut")[100:138, 100:148].astype(np.float32 if holes else np.uint8)
    if holes:
        image[7, 30:33], image[30, 11, 1] = np.nan, -1
    options = {"sigma": (0.5, 2), "window": 3} if features == "texture" else {}
    kwargs = {"features": features, "channel_axis": -1, "smooth": 1.5, "exclude": [0, 255], **options}
    if holes and features == "lab":
        image = image / 255
    labels, model = napari_kmeans.segment(image, 4, **kwargs)
    assert set(np.unique(labels)) - {0} == {1, 2, 3, 4}
    lazy = da.from_array(image, chunks=(13, 17, 3))
    assert np.array_equal(model.predict(lazy).compute(), labels)
    small_blocks(monkeypatch)
    tiled, same = napari_kmeans.segment(image, 4, **kwargs)
    assert np.array_equal(tiled, labels)
    assert np.array_equal(same.centers, model.centers)
    lazy_labels, lazy_model = napari_kmeans.segment(lazy, 4, **kwargs)
    assert np.array_equal(lazy_labels.compute(), labels)
    assert np.array_equal(lazy_model.centers, model.centers)


def test_the_halo_is_as_wide_as_the_gaussian_and_no_wider(monkeypatch):
    image = np.random.default_rng(0).random((60, 20))
    whole, _ = read(image, smooth=2)
    assert reach(2) == 8
    pixels = Pixels.of(image, smooth=2)
    assert pixels.halo == (8, 8)
    assert np.array_equal(pixels.read((slice(30, 33), slice(0, 20)))[0], whole[30:33])
    narrow = Pixels.of(image[23:40], smooth=2)
    assert not np.array_equal(narrow.read((slice(7, 10), slice(0, 20)))[0], whole[30:33])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_excluded_values_have_label_0_and_no_part_in_the_fit(dtype):
    image = np.array([[0, 7, 9, 100, 0], [255, 104, 8, 101, 255]], dtype=dtype)
    labels, model = napari_kmeans.segment(image, 2, exclude=(0, 255))
    assert labels.tolist() == [[0, 1, 1, 2, 0], [0, 2, 1, 2, 0]]
    assert model.counts.tolist() == [3, 3]
    assert np.array_equal(napari_kmeans.KMeansModel.from_json(model.to_json()).predict(image), labels)


def test_saturated_is_the_largest_value_of_the_type():
    image = np.array([[1, 2, 65535, 50000]], dtype=np.uint16)
    labels, _ = napari_kmeans.segment(image, 2, exclude="saturated")
    assert labels.tolist() == [[1, 1, 0, 2]]
    with pytest.raises(ValueError, match="exclude='saturated' needs integers, and image has dtype float32"):
        napari_kmeans.fit(image.astype(np.float32), 2, exclude="saturated")


def test_integers_that_no_float_holds_are_told_apart():
    big = 2**60 + np.array([[0, 1, 2, 100]], dtype=np.int64)
    assert napari_kmeans.segment(big, 2, exclude=2**60 + 1)[0].tolist() == [[1, 0, 1, 2]]


def test_a_colour_is_excluded_if_all_its_channels_have_the_value():
    image = np.array([[[0, 0, 0], [0, 0, 9], [200, 200, 200]]], dtype=np.uint8)
    assert napari_kmeans.segment(image, 2, features="rgb", channel_axis=-1, exclude=0)[0].tolist() == [
        [0, 1, 2]
    ]
    opaque = np.concatenate([image, np.full((1, 3, 1), 255, dtype=np.uint8)], axis=-1)
    assert napari_kmeans.segment(opaque, 2, channel_axis=-1, exclude=0)[0].tolist() == [[0, 1, 2]]


def test_each_position_is_smoothed_by_itself():
    image = np.random.default_rng(0).random((3, 20, 25))
    stack = napari_kmeans.fit(image, 2, per_axis=0, smooth=(0, 2, 2))
    for position, model in enumerate(stack):
        alone = napari_kmeans.fit(image[position], 2, smooth=(2, 2))
        assert np.array_equal(model.centers, alone.centers)
    expected = np.stack([model.predict(part) for model, part in zip(stack, image, strict=True)])
    assert np.array_equal(stack.predict(image), expected)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"smooth": -1}, ValueError, "smooth=-1 must be 0 to 1000 pixels"),
        ({"smooth": "much"}, TypeError, "smooth must be a number of pixels"),
        ({"smooth": (1, 2, 3)}, ValueError, "holds 3 numbers, and the image has 2 spatial axes"),
        ({"smooth": float("nan")}, ValueError, "must be 0 to 1000"),
        ({"exclude": "zero"}, ValueError, "exclude='zero' is not known; use numbers or 'saturated'"),
        ({"exclude": [None]}, TypeError, "exclude must hold numbers"),
        ({"exclude": float("nan")}, ValueError, "left out anyway"),
        ({"standardize": True}, ValueError, "standardize is an option of features='channels', not of 'gray'"),
        ({"sigma": (1, 2)}, ValueError, "sigma is an option of features='texture', not of 'gray'"),
        ({"features": "texture", "sigma": (4, 1)}, ValueError, "sigma=.* must be ascending"),
        ({"features": "texture", "sigma": 4}, TypeError, "must be two numbers"),
        ({"features": "texture", "window": -1}, ValueError, "window=-1.*0 to 1000"),
        ({"features": "channels", "standardize": 1}, TypeError, "standardize must be True or False"),
        ({"features": "rgb"}, ValueError, "there is no channel_axis, and features='rgb' needs 3"),
        ({"features": "channels"}, ValueError, "there is no channel_axis, and features='channels'"),
    ],
)
def test_what_makes_no_sense_is_refused(kwargs, error, message):
    with pytest.raises(error, match=message):
        napari_kmeans.fit(np.zeros((4, 5)), 2, **kwargs)


def test_a_description_is_taken_as_it_is():
    description = FeatureExtractor.of("gray", smooth=1)
    assert FeatureExtractor.of(description) is description
