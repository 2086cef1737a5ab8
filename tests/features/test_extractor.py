"""Preparation of pixels: smoothing, excluded values and features together."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_kmeans
from napari_kmeans import Texture
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.features.extractor import FeatureExtractor, check_smooth
from napari_kmeans.preprocess.smoothing import gaussian_radius


def read(image, **kwargs):
    image = np.asarray(image)
    before = image.copy()
    pixels = Pixels.of(image, **kwargs)
    values = pixels.read(tuple(slice(0, n) for n in pixels.shape))
    assert np.array_equal(image, before, equal_nan=image.dtype.kind == "f")
    return values


def small_blocks(monkeypatch, n_pixels=150):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", n_pixels)
    monkeypatch.setattr(loop, "_MIN_PIXELS", n_pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, bool])
@pytest.mark.parametrize("smooth", [2, (0.5, 3)])
def test_gray_values_are_smoothed(dtype, smooth):
    image = (np.random.default_rng(0).random((30, 40)) * 200).astype(dtype)
    values, include = read(image, smooth=smooth)
    assert values.dtype == (np.float64 if dtype == np.float64 else np.float32)
    np.testing.assert_allclose(values, gaussian_filter(image.astype(float), smooth), rtol=1e-6)
    assert include is None


def test_missing_pixels_do_not_affect_their_neighbours():
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
def test_results_do_not_depend_on_blocks_or_chunks(monkeypatch, picture, features, holes):
    image = picture("astronaut")[100:138, 100:148].astype(np.float32 if holes else np.uint8)
    if holes:
        image[7, 30:33], image[30, 11, 1] = np.nan, -1
    space = Texture(sigma=(0.5, 2), window=3) if features == "texture" else features
    kwargs = {"features": space, "channel_axis": -1, "smooth": 1.5, "exclude": [0, 255]}
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
    assert gaussian_radius(2) == 8
    pixels = Pixels.of(image, smooth=2)
    assert pixels.halo == (8, 8)
    assert np.array_equal(pixels.read((slice(30, 33), slice(0, 20)))[0], whole[30:33])
    narrow = Pixels.of(image[23:40], smooth=2)
    assert not np.array_equal(narrow.read((slice(7, 10), slice(0, 20)))[0], whole[30:33])


def test_each_position_is_smoothed_separately():
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
        ({"smooth": (1, 2, 3)}, ValueError, "has 3 numbers, but the image has 2 spatial axes"),
        ({"smooth": float("nan")}, ValueError, "must be 0 to 1000"),
        ({"smooth": float("nan")}, ValueError, "^smooth=nan must be 0 to"),
        ({"smooth": (1, np.float32("nan"))}, ValueError, r"^smooth=\(1, .*nan.*\) must be 0 to"),
        ({"exclude": "zero"}, ValueError, "exclude='zero' must be a number or 'saturated'"),
        ({"exclude": [None]}, TypeError, "exclude must contain numbers"),
        ({"exclude": float("nan")}, ValueError, "always excluded"),
        ({"standardize": True}, TypeError, "'standardize' is not a keyword; use features=Channels"),
        ({"sigma": (1, 2)}, TypeError, "'sigma' is not a keyword; use features=Texture"),
        ({"features": "rgb"}, ValueError, "image has no colours, but features='rgb' needs 3"),
        ({"features": "channels"}, ValueError, "image has no channels, but features='channels'"),
    ],
)
def test_invalid_options_are_rejected(kwargs, error, message):
    with pytest.raises(error, match=message):
        napari_kmeans.fit(np.zeros((4, 5)), 2, **kwargs)


def test_an_extractor_is_returned_unchanged():
    extractor = FeatureExtractor.of("gray", smooth=1)
    assert FeatureExtractor.of(extractor) is extractor


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0, ()), ((0, 0), ()), (2, (2.0,)), ((0, 2), (0.0, 2.0)), (np.float32(1.5), (1.5,))],
)
def test_smooth_is_one_number_or_one_per_axis(given, expected):
    assert check_smooth(given) == expected


def test_axes_of_the_smoothing_are_removed_and_added():
    extractor = FeatureExtractor.of(smooth=(1, 2, 3))
    assert extractor.without_axis(1).smooth == (1, 3)
    assert extractor.without_axis(1).with_axis(1).smooth == (1, 0, 3)
    assert FeatureExtractor.of(smooth=2).without_axis(0).smooth == (2,)
