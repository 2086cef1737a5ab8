from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from skimage.color import rgb2lab

from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.features.feature_space import ScalarFormat, VectorFormat
from napari_kmeans.summary import color_cells, sorted_cells
from napari_kmeans.summary.codes import interleave
from napari_kmeans.summary.summarize import summarize
from napari_kmeans.summary.vector import VectorSummary

WIDE = ["uint32", "int32", "int64", "float32", "float64"]


def summary_of(image, features="rgb", **kwargs) -> VectorSummary:
    return summarize(Pixels.of(image, features=features, channel_axis=-1, **kwargs))


def distinct(pixels):
    return np.unique(pixels.reshape(-1, pixels.shape[-1]).astype(np.float64), axis=0, return_counts=True)


def sorted_points(summary):
    order = np.lexsort(summary.positions.T[::-1])
    return summary.positions[order], summary.counts[order]


def assert_same_points(summary, pixels, tolerance):
    """Check that each colour has a nearby point that contains its pixels."""
    expected, counts = distinct(pixels)
    distance, nearest = cKDTree(summary.positions).query(expected)
    assert distance.max() <= tolerance
    assert np.array_equal(summary.counts[nearest], counts)
    assert summary.counts.size == counts.size


def scatter_of(points):
    distances = points.astype(np.float64) - points.astype(np.float64).mean(axis=0)
    return distances.T @ distances


def whole_scatter(summary):
    """Return the scatter of all pixels: between the points and within them."""
    distances = summary.positions - summary.mean()
    return (distances * summary.counts[:, np.newaxis]).T @ distances + summary.scatter


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "uint16", "int16", "float16"])
@pytest.mark.parametrize("n_channels", [2, 3])
def test_each_colour_of_a_narrow_type_is_counted(dtype, n_channels):
    image = np.random.default_rng(0).integers(0, 7, (50, 40, n_channels)).astype(dtype)
    points, counts = sorted_points(summary_of(image, "channels"))
    expected, expected_counts = distinct(image)
    np.testing.assert_allclose(points, expected, rtol=0, atol=2e-6)
    assert np.array_equal(counts, expected_counts)


@pytest.mark.parametrize("dtype", WIDE)
def test_few_colours_of_a_wide_type_are_counted_separately(dtype):
    values = np.array([[3, 250, 7], [100, 100, 90], [8, 0, 255]], dtype=dtype)
    image = values[np.random.default_rng(0).integers(0, 3, (60, 50))]
    assert_same_points(summary_of(image), image, 1e-3)


def noise(dtype, n_channels):
    rng = np.random.default_rng(1)
    image = rng.normal([90, 120, 60][:n_channels], [30, 12, 25][:n_channels], (200, 150, n_channels))
    return np.clip(image * (200 if np.dtype(dtype).itemsize > 1 else 1), 0, None).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("n_channels", [2, 3])
def test_cells_preserve_number_sum_and_scatter(monkeypatch, dtype, n_channels):
    monkeypatch.setattr(sorted_cells, "LIMIT", 500)
    image = noise(dtype, n_channels)
    summary = summary_of(image, "channels")
    flat = image.reshape(-1, n_channels)
    assert 100 < summary.counts.size <= 500
    assert summary.counts.sum() == summary.n_pixels == len(flat)
    np.testing.assert_allclose(summary.mean(), flat.mean(axis=0, dtype=np.float64), rtol=1e-6)
    expected = scatter_of(flat)
    np.testing.assert_allclose(whole_scatter(summary), expected, rtol=0, atol=1e-7 * np.trace(expected))


@pytest.mark.parametrize("limit", [1 << 20, 700])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_results_do_not_depend_on_blocks_or_threads(monkeypatch, dtype, limit):
    monkeypatch.setattr(sorted_cells, "LIMIT", limit)
    monkeypatch.setattr(color_cells, "_MAX_UNMERGED", 2000)
    image = noise(dtype, 3)
    whole = summary_of(image)
    for n_pixels, n_threads in ((997, 1), (4000, 3)):
        monkeypatch.setattr(loop, "BLOCK_PIXELS", n_pixels)
        monkeypatch.setattr(loop, "_MIN_PIXELS", n_pixels)
        monkeypatch.setattr(loop, "N_THREADS", n_threads)
        monkeypatch.setattr(color_cells, "_PIECE", n_pixels // 3)
        monkeypatch.setattr(sorted_cells, "_PIECE", n_pixels // 3)
        other = summary_of(image)
        assert np.array_equal(other.positions, whole.positions)
        assert np.array_equal(other.counts, whole.counts)
        assert np.array_equal(other.scatter, whole.scatter)


def test_excluded_pixels_are_not_counted():
    image = np.random.default_rng(0).random((30, 20, 4)).astype(np.float32)
    image[0, :, 3] = 0  # transparent
    image[1, 3, 0], image[2, 3, 1], image[3, 3, 2] = np.nan, np.inf, -np.inf
    mask = np.ones((30, 20), dtype=bool)
    mask[5] = False
    used = mask & (image[..., 3] > 0) & np.isfinite(image).all(axis=-1)
    assert used.sum() == 30 * 20 - 20 - 3 - 20
    assert_same_points(summary_of(image, mask=mask), image[used][:, :3], 1e-6)


@pytest.mark.parametrize("offset", [0.0, 1000.0, -5e6])
def test_floats_far_from_zero_are_distinguished(offset):
    image = offset + np.random.default_rng(0).random((100, 100, 3))
    assert_same_points(summary_of(image), image, 1e-6)


def test_an_extreme_value_does_not_affect_the_others():
    image = np.random.default_rng(0).random((100, 100, 3)).astype(np.float32)
    image[0, 0] = 1e30
    summary = summary_of(image)
    near = replace(summary, positions=summary.positions[:-1], counts=summary.counts[:-1])
    assert_same_points(near, image.reshape(-1, 3)[1:], 1e-3)


@pytest.mark.parametrize("share", [0.02, 0.4])
@pytest.mark.parametrize("missing", [-9999.0, 1e12, 9.96921e36, -3.4028234e38])
@pytest.mark.parametrize("n_channels", [2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_frequent_value_does_not_merge_the_others(dtype, n_channels, missing, share):
    image = np.random.default_rng(0).normal(100, 10, (100, 100, n_channels))
    image[: int(100 * share)] = missing
    image = image.astype(dtype)
    summary = summary_of(image, "channels")
    used = image[int(100 * share) :].reshape(-1, n_channels)
    distance, _ = cKDTree(summary.positions).query(used.astype(float))
    assert distance.max() < 0.1
    far = np.abs(summary.positions[:, 0] - missing) < 1e-6 * abs(missing)
    assert summary.counts[far].sum() == 100 * int(100 * share)


@pytest.mark.parametrize(
    ("dtype", "missing"),
    [("int32", 10**9), ("int32", -(2**31)), ("uint32", 2**32 - 1), ("int64", -(2**63)), ("int64", 2**62)],
)
@pytest.mark.parametrize("n_channels", [2, 3])
def test_a_distant_integer_does_not_merge_the_others(dtype, missing, n_channels):
    image = np.random.default_rng(0).integers(300, 900, (100, 100, n_channels)).astype(dtype)
    image[0, :7] = missing
    summary = summary_of(image, "channels")
    used = image.reshape(-1, n_channels)[7:]
    distance, _ = cKDTree(summary.positions).query(used.astype(float))
    assert distance.max() < 0.05
    assert summary.counts[np.abs(summary.positions[:, 0]) > 1e8].sum() == 7


def test_single_values_beside_distant_ones_are_exact():
    image = np.empty((100, 100, 3))
    image[:50], image[50:98], image[98:] = 1.1, 1.7, 1e30
    summary = summary_of(image, "channels")
    assert sorted(summary.positions[:, 0]) == [1.1, 1.7, 1e30]
    assert summary.scatter.sum() == 0


def test_the_largest_float32_is_an_ordinary_value():
    image = np.random.default_rng(0).normal(100, 10, (100, 100, 3)).astype(np.float32)
    image[:8] = np.finfo(np.float32).max
    summary = summary_of(image, "channels")
    assert summary.positions.max() == np.finfo(np.float32).max


@pytest.mark.parametrize("log_pixels", [31, 33, 40])
def test_sums_of_codes_do_not_overflow(log_pixels):
    n_pixels = 1 << log_pixels
    columns = np.linspace(0, (1 << 31) - 1, 10_000).astype(np.int32)
    ranges = color_cells.RangePlan(VectorFormat(np.dtype(np.int32), ("a", "b")))
    prefixes = [
        color_cells.PrefixPlan(ScalarFormat(np.dtype(np.float64))).count(columns.astype(float), None)
    ] * 2
    plan = ranges.finalize(color_cells.Ranges(n_pixels, [(0, (1 << 31) - 1)] * 2, prefixes))
    codes = [coder.codes(np.array([(1 << 31) - 1, (1 << 31) - 2])) for coder in plan.coders]
    keys = np.sort(interleave(codes, plan.n_bits))
    cells = sorted_cells.Cells(
        0, np.unique(keys), np.full(np.unique(keys).size, n_pixels // np.unique(keys).size)
    )
    largest = int(codes[0].max())
    merged = cells.coarser(2, 2)
    assert int(merged.sums[0].sum()) == pytest.approx(largest * n_pixels, rel=1e-6)
    assert merged.products[0] == pytest.approx(largest**2 * n_pixels, rel=1e-6)


def test_scatter_in_lab_is_that_of_the_converted_pixels(monkeypatch):
    from skimage.data import astronaut

    monkeypatch.setattr(sorted_cells, "LIMIT", 20_000)
    image = astronaut()
    summary = summary_of(image, "lab")
    assert summary.scatter.any()
    expected = scatter_of(rgb2lab(image).reshape(-1, 3))
    np.testing.assert_allclose(np.trace(whole_scatter(summary)), np.trace(expected), rtol=1e-3)
