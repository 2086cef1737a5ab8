from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from napari_kmeans.blocks import loop as blocks
from napari_kmeans.blocks.loop import summarize
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary import color_cells as cells
from napari_kmeans.summary.codes import deinterleave, interleave
from napari_kmeans.summary.vector import VectorSummary

WIDE = ["uint32", "int32", "int64", "float32", "float64"]


def cloud_of(image, features="rgb", **kwargs) -> VectorSummary:
    return summarize(Pixels.of(image, features=features, channel_axis=-1, **kwargs))


def distinct(pixels):
    return np.unique(pixels.reshape(-1, pixels.shape[-1]).astype(np.float64), axis=0, return_counts=True)


def sorted_points(cloud):
    order = np.lexsort(cloud.positions.T[::-1])
    return cloud.positions[order], cloud.counts[order]


def assert_same_points(cloud, pixels, tolerance):
    """Each colour has a point close by, and that point has its pixels."""
    expected, counts = distinct(pixels)
    distance, nearest = cKDTree(cloud.positions).query(expected)
    assert distance.max() <= tolerance
    assert np.array_equal(cloud.counts[nearest], counts)
    assert cloud.counts.size == counts.size


def scatter_of(points):
    distances = points.astype(np.float64) - points.astype(np.float64).mean(axis=0)
    return distances.T @ distances


def whole_scatter(cloud):
    """Of all pixels: between the points and within them."""
    distances = cloud.positions - cloud.mean()
    return (distances * cloud.counts[:, np.newaxis]).T @ distances + cloud.scatter


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "uint16", "int16", "float16"])
@pytest.mark.parametrize("n_channels", [2, 3])
def test_each_colour_of_a_narrow_type_is_counted(dtype, n_channels):
    image = np.random.default_rng(0).integers(0, 7, (50, 40, n_channels)).astype(dtype)
    points, counts = sorted_points(cloud_of(image, "channels"))
    expected, expected_counts = distinct(image)
    np.testing.assert_allclose(points, expected, rtol=0, atol=2e-6)
    assert np.array_equal(counts, expected_counts)


@pytest.mark.parametrize("dtype", WIDE)
def test_few_colours_of_a_wide_type_are_found_again(dtype):
    values = np.array([[3, 250, 7], [100, 100, 90], [8, 0, 255]], dtype=dtype)
    image = values[np.random.default_rng(0).integers(0, 3, (60, 50))]
    assert_same_points(cloud_of(image), image, 1e-3)


@settings(max_examples=50)
@given(st.integers(2, 3), st.integers(1, 21), st.integers(0, 2**32 - 1))
def test_keys_hold_their_codes_and_a_dropped_bit_halves_one_axis(n_axes, n_bits, seed):
    codes = np.random.default_rng(seed).integers(0, 1 << n_bits, (n_axes, 30)).astype(np.uint64)
    if n_bits <= 8:
        codes = codes.astype(np.uint8)
    keys = interleave(list(codes), n_bits)
    assert np.array_equal(deinterleave(keys, n_axes), codes)
    coarse = deinterleave(keys >> np.uint64(1) << np.uint64(1), n_axes)
    assert np.array_equal(coarse[:-1], codes[:-1])
    assert np.array_equal(coarse[-1], codes[-1] & ~codes.dtype.type(1))


def noise(dtype, n_channels):
    rng = np.random.default_rng(1)
    image = rng.normal([90, 120, 60][:n_channels], [30, 12, 25][:n_channels], (200, 150, n_channels))
    return np.clip(image * (200 if np.dtype(dtype).itemsize > 1 else 1), 0, None).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("n_channels", [2, 3])
def test_cells_keep_number_sum_and_scatter_of_their_pixels(monkeypatch, dtype, n_channels):
    monkeypatch.setattr(cells, "LIMIT", 500)
    image = noise(dtype, n_channels)
    cloud = cloud_of(image, "channels")
    flat = image.reshape(-1, n_channels)
    assert 100 < cloud.counts.size <= 500
    assert cloud.counts.sum() == cloud.n_pixels == len(flat)
    np.testing.assert_allclose(cloud.mean(), flat.mean(axis=0, dtype=np.float64), rtol=1e-6)
    expected = scatter_of(flat)
    np.testing.assert_allclose(whole_scatter(cloud), expected, rtol=0, atol=1e-7 * np.trace(expected))


@pytest.mark.parametrize("limit", [1 << 20, 700])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_no_bit_depends_on_blocks_or_threads(monkeypatch, dtype, limit):
    monkeypatch.setattr(cells, "LIMIT", limit)
    monkeypatch.setattr(cells, "_MANY_PARTS", 2000)
    image = noise(dtype, 3)
    whole = cloud_of(image)
    for n_pixels, n_threads in ((997, 1), (4000, 3)):
        monkeypatch.setattr(blocks, "BLOCK_PIXELS", n_pixels)
        monkeypatch.setattr(blocks, "_LEAST_PIXELS", n_pixels)
        monkeypatch.setattr(blocks, "N_THREADS", n_threads)
        monkeypatch.setattr(cells, "_PIECE", n_pixels // 3)
        other = cloud_of(image)
        assert np.array_equal(other.positions, whole.positions)
        assert np.array_equal(other.counts, whole.counts)
        assert np.array_equal(other.scatter, whole.scatter)


def test_what_is_left_out_is_not_counted():
    image = np.random.default_rng(0).random((30, 20, 4)).astype(np.float32)
    image[0, :, 3] = 0  # transparent
    image[1, 3, 0], image[2, 3, 1], image[3, 3, 2] = np.nan, np.inf, -np.inf
    mask = np.ones((30, 20), dtype=bool)
    mask[5] = False
    used = mask & (image[..., 3] > 0) & np.isfinite(image).all(axis=-1)
    assert used.sum() == 30 * 20 - 20 - 3 - 20
    assert_same_points(cloud_of(image, mask=mask), image[used][:, :3], 1e-6)


@pytest.mark.parametrize("offset", [0.0, 1000.0, -5e6])
def test_floats_far_from_zero_are_told_apart(offset):
    image = offset + np.random.default_rng(0).random((100, 100, 3))
    assert_same_points(cloud_of(image), image, 1e-6)


def test_a_value_very_far_out_does_not_blur_the_others():
    image = np.random.default_rng(0).random((100, 100, 3)).astype(np.float32)
    image[0, 0] = 1e30
    cloud = cloud_of(image)
    near = replace(cloud, positions=cloud.positions[:-1], counts=cloud.counts[:-1])
    assert_same_points(near, image.reshape(-1, 3)[1:], 1e-3)


def test_scatter_in_lab_is_that_of_the_converted_pixels(monkeypatch):
    from skimage.color import rgb2lab
    from skimage.data import astronaut

    monkeypatch.setattr(cells, "LIMIT", 20_000)
    image = astronaut()
    cloud = cloud_of(image, "lab")
    assert cloud.scatter.any()
    expected = scatter_of(rgb2lab(image).reshape(-1, 3))
    np.testing.assert_allclose(np.trace(whole_scatter(cloud)), np.trace(expected), rtol=1e-3)
