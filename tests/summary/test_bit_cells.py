from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.blocks.loop import summarize, windows
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.kmeans.clustering import ExactClusterings
from napari_kmeans.summary import counted_values as levels
from napari_kmeans.summary.counted_values import count_values
from napari_kmeans.summary.scalar import MAX_POINTS, ScalarSummary, coarsen

pytestmark = pytest.mark.thorough

SMALL = ["bool", "uint8", "int8", "uint16", "int16", "float16"]
WIDE = ["uint32", "int32", "uint64", "int64", "float32", "float64"]


def summary_of(image, **kwargs) -> ScalarSummary:
    return summarize(Pixels.of(np.asarray(image), **kwargs))


def any_values(dtype, n=3000, seed=0):
    """Bit patterns drawn at random: with floats, NaN, infinities and denormal numbers among them."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.random.default_rng(seed).random(n) < 0.3
    return np.random.default_rng(seed).integers(0, 256, n * dtype.itemsize, dtype=np.uint8).view(dtype)


@pytest.mark.parametrize("dtype", SMALL)
def test_each_value_of_at_most_16_bits_is_counted(dtype):
    image = any_values(dtype)
    finite = image[np.isfinite(image)]
    values, counts = np.unique(finite.astype(np.float64), return_counts=True)
    summary = summary_of(image)
    assert np.array_equal(summary.values, values)
    assert np.array_equal(summary.counts, counts)
    assert summary.exact
    assert summary.spread == 0


@pytest.mark.parametrize("dtype", SMALL)
def test_pixels_left_out_are_not_counted(dtype):
    image, use = any_values(dtype), np.random.default_rng(1).random(3000) < 0.4
    masked, chosen = summary_of(image, mask=use), summary_of(image[use])
    assert np.array_equal(masked.values, chosen.values)
    assert np.array_equal(masked.counts, chosen.counts)


distributions = {
    "normal": lambda rng: rng.normal(100, 15, 100_000),
    "lognormal": lambda rng: rng.lognormal(3, 2, 100_000),
    "two far modes": lambda rng: np.append(rng.normal(0, 1, 50_000), rng.normal(1e6, 1, 50_000)),
    "background": lambda rng: np.append(np.zeros(90_000), rng.exponential(1000, 10_000)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint32"])
@pytest.mark.parametrize("distribution", distributions)
def test_wide_values_are_counted_in_cells_that_keep_their_sum_and_scatter(distribution, dtype):
    image = distributions[distribution](np.random.default_rng(2)).astype(np.float64)
    image = np.abs(image).astype(dtype) if dtype == "uint32" else image.astype(dtype)
    summary = summary_of(image)
    exact = image.astype(np.float64)
    assert summary.values.size <= MAX_POINTS
    assert (np.diff(summary.values) > 0).all()
    assert summary.n_pixels == image.size
    mean = np.sum(summary.values * summary.counts) / image.size
    assert mean == pytest.approx(exact.mean(), rel=1e-6)
    scatter = np.sum(summary.counts * (summary.values - mean) ** 2) + summary.spread
    assert scatter == pytest.approx(np.sum((exact - exact.mean()) ** 2), rel=1e-7)


def noise(dtype, side=800):
    """A smooth range of float values, enough of them to be looked at before they are counted."""
    rows = np.linspace(0, 50, side)[:, np.newaxis]
    return (rows + np.random.default_rng(5).normal(100, 9, (side, side))).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_range_without_gaps_and_crowds_is_counted_in_one_pass(dtype, monkeypatch):
    image = noise(dtype)
    n_read = []
    load = Pixels.load
    monkeypatch.setattr(
        Pixels, "load", lambda self, box: (n_read.append(image[box].size), load(self, box))[1]
    )
    summary = summary_of(image)
    assert sum(n_read) < 1.5 * image.size
    assert summary.n_pixels == image.size
    exact = image.astype(np.float64)
    scatter = np.sum(summary.counts * (summary.values - exact.mean()) ** 2) + summary.spread
    assert scatter == pytest.approx(np.sum((exact - exact.mean()) ** 2), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("surprise", [-1e5, 1e30, -1e30, np.nan, np.inf, -np.inf])
def test_values_that_the_windows_do_not_show_are_counted_all_the_same(dtype, surprise, least_inertia):
    image = noise(dtype)
    seen = np.zeros(image.shape, dtype=bool)
    for window in windows(image.shape):
        seen[window] = True
    place = tuple(np.argwhere(~seen)[12345])
    image[place] = surprise
    summary = summary_of(image)
    rest = np.delete(image.reshape(-1), np.ravel_multi_index(place, image.shape)).astype(np.float64)
    assert summary.n_pixels == rest.size + np.isfinite(surprise)
    # An outlier is a cluster of its own: the others are the optimum of the rest.
    k = 3 + bool(np.isfinite(surprise))
    inertia = ExactClusterings(summary).clustering(k).inertia
    assert inertia == pytest.approx(least_inertia(*np.unique(rest, return_counts=True), 3), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_levels", [2, 256, 4096])
def test_scaled_whole_numbers_are_counted_one_by_one(n_levels, dtype):
    levels = np.random.default_rng(3).integers(0, n_levels, 100_000)
    image = (levels / (n_levels - 1)).astype(dtype)
    summary = summary_of(image)
    values, counts = np.unique(image.astype(np.float64), return_counts=True)
    assert np.array_equal(summary.values, values)
    assert np.array_equal(summary.counts, counts)
    assert summary.exact


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("distribution", [*distributions, "scaled bytes"])
def test_an_image_is_read_four_times_at_most(distribution, dtype, monkeypatch):
    rng = np.random.default_rng(4)
    if distribution == "scaled bytes":
        image = rng.integers(0, 256, 100_000) / 255
    else:
        image = distributions[distribution](rng)
    reads = []
    load = Pixels.load
    monkeypatch.setattr(Pixels, "load", lambda self, box: (reads.append(box), load(self, box))[1])
    summary_of(image.astype(dtype))
    assert 2 <= len(reads) <= 4


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(WIDE),
    st.sets(st.integers(-(10**15), 10**15), min_size=1, max_size=8),
    st.integers(1, 400),
    st.floats(1e-3, 1),
)
def test_few_values_are_kept_apart_to_the_last_bit(dtype, whole, repeats, unit):
    # However far apart most are, and however close some: 10^15, 10^15 - 1 and 3 are three values.
    limits = np.iinfo(dtype) if dtype[0] != "f" else None
    if limits is None:
        values = np.array(sorted(whole)) * unit
    else:
        values = np.array([min(max(value, limits.min), limits.max) for value in sorted(whole)])
    distinct = np.unique(values.astype(dtype))
    summary = summary_of(np.repeat(distinct, repeats))
    assert np.array_equal(summary.values, distinct.astype(np.float64))
    assert summary.counts.tolist() == [repeats] * distinct.size


@pytest.mark.parametrize("dtype", WIDE)
def test_any_bit_patterns_can_be_counted(dtype):
    image = any_values(dtype)
    finite = image[np.isfinite(image)]
    if dtype == "float64":
        finite = finite[np.abs(finite) < 1e140]
        image = np.where(np.abs(image) < 1e140, image, np.nan)
    summary = summary_of(image)
    assert summary.n_pixels == finite.size
    lowest = float(int(finite.min())) if np.dtype(dtype).kind in "ui" else float(finite.min())
    assert summary.values[0] + summary.origin == pytest.approx(lowest, rel=1e-2)


def test_values_whose_squares_overflow_are_refused():
    with pytest.raises(ValueError, match=r"values beyond 1e\+140.*mask"):
        summary_of(np.array([1.0, 2.0, 1.7e308]))
    assert summary_of(np.array([1.0, 2.0, 1.7e308]), mask=np.array([1, 1, 0])).values.tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_both_zeros_are_one_value(dtype):
    summary = summary_of(np.array([-0.0, 0.0, 1.0], dtype=dtype))
    assert summary.values.tolist() == [0, 1]
    assert summary.counts.tolist() == [2, 1]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("value", [7.5, -0.25, 0.0, 1e-7])
@pytest.mark.parametrize("n", [1, 3, 5000])
def test_a_constant_image_is_one_exact_point(dtype, value, n):
    summary = summary_of(np.full(n, value, dtype=dtype))
    assert summary.values.tolist() == [float(np.dtype(dtype).type(value))]
    assert summary.counts.tolist() == [n]


def test_neighbouring_integers_beyond_float64_stay_apart():
    image = np.array([2**63 + 3, 2**63 + 1, 2**63 + 1], dtype=np.uint64)
    summary = summary_of(image)
    assert [summary.origin + int(value) for value in summary.values] == [2**63 + 1, 2**63 + 3]
    assert summary.counts.tolist() == [2, 1]


@pytest.mark.parametrize("dtype", [*SMALL, *WIDE])
def test_the_forms_with_and_without_ihist_are_the_same(dtype, monkeypatch):
    pytest.importorskip("ihist")
    image = any_values(dtype, n=1_100_001)
    if dtype == "float64":
        image = np.where(np.abs(image) < 1e100, image, np.nan)
    use = np.random.default_rng(1).random(image.size) < 0.4
    fast, fast_masked = summary_of(image), summary_of(image, mask=use)
    monkeypatch.setattr(levels, "ihist", None)
    for one, other in ((fast, summary_of(image)), (fast_masked, summary_of(image, mask=use))):
        assert np.array_equal(one.values, other.values)
        assert np.array_equal(one.counts, other.counts)
        assert one.spread == other.spread


@pytest.mark.parametrize("n", [0, 1, 2**20, 2**20 + 1])
def test_bytes_are_counted(n):
    data = np.random.default_rng(n).integers(0, 256, n, dtype=np.uint8)
    assert np.array_equal(count_values(data, None), np.bincount(data, minlength=256))
    assert np.array_equal(count_values(data, data > 99), np.bincount(data[data > 99], minlength=256))


@pytest.mark.parametrize("limit", [10, 100, 999])
def test_coarser_points_keep_pixels_sum_and_scatter(limit):
    rng = np.random.default_rng(3)
    fine = ScalarSummary(np.sort(rng.lognormal(0, 2, 1000)), rng.integers(1, 50, 1000))
    coarse = coarsen(fine, limit)
    assert coarse.values.size <= limit
    assert (np.diff(coarse.values) > 0).all()
    assert coarse.n_pixels == fine.n_pixels
    total = np.sum(fine.values * fine.counts)
    assert np.sum(coarse.values * coarse.counts) == pytest.approx(total)
    squares = np.sum(fine.values**2 * fine.counts)
    assert np.sum(coarse.values**2 * coarse.counts) + coarse.spread == pytest.approx(squares)
    assert not coarse.exact


def test_points_that_are_few_already_are_left_alone():
    fine = ScalarSummary(np.array([1.0, 2.0, 8.0]), np.array([3, 1, 2]))
    assert coarsen(fine, 3).values.tolist() == [1, 2, 8]
    assert coarsen(fine, 3).exact
