from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary.scalar import MAX_POINTS, ScalarSummary
from napari_kmeans.summary.summarize import summarize

WIDE = ["uint32", "int32", "uint64", "int64", "float32", "float64"]


def summary_of(image, **kwargs) -> ScalarSummary:
    image = image if isinstance(image, da.Array) else np.asarray(image)
    return summarize(Pixels.of(image, **kwargs))


def any_values(dtype, n=3000, seed=0):
    """Random bit patterns; floats include NaN, infinities and denormal numbers."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.random.default_rng(seed).random(n) < 0.3
    return np.random.default_rng(seed).integers(0, 256, n * dtype.itemsize, dtype=np.uint8).view(dtype)


distributions = {
    "normal": lambda rng: rng.normal(100, 15, 100_000),
    "lognormal": lambda rng: rng.lognormal(3, 2, 100_000),
    "two far modes": lambda rng: np.append(rng.normal(0, 1, 50_000), rng.normal(1e6, 1, 50_000)),
    "background": lambda rng: np.append(np.zeros(90_000), rng.exponential(1000, 10_000)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint32"])
@pytest.mark.parametrize("distribution", distributions)
def test_cells_preserve_sum_and_scatter(distribution, dtype):
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


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("scale", [30, 1e4, 1e8])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_every_value_of_few_pixels_is_a_point(dtype, scale, lazy):
    image = np.random.default_rng(6).normal(-5, scale, (256, 256)).astype(dtype)
    summary = summary_of(da.from_array(image, chunks=50) if lazy else image)
    values, counts = np.unique(image, return_counts=True)
    np.testing.assert_array_equal(summary.values + summary.origin, values)
    np.testing.assert_array_equal(summary.counts, counts)
    assert summary.spread == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_levels", [2, 256, 4096])
def test_scaled_integers_are_counted_separately(n_levels, dtype):
    levels = np.random.default_rng(3).integers(0, n_levels, 100_000)
    image = (levels / (n_levels - 1)).astype(dtype)
    summary = summary_of(image)
    values, counts = np.unique(image.astype(np.float64), return_counts=True)
    assert np.array_equal(summary.values, values)
    assert np.array_equal(summary.counts, counts)
    assert summary.exact


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("distribution", [*distributions, "scaled bytes"])
def test_an_image_is_read_at_most_four_times(distribution, dtype, monkeypatch):
    rng = np.random.default_rng(4)
    if distribution == "scaled bytes":
        image = rng.integers(0, 256, 100_000) / 255
    else:
        image = distributions[distribution](rng)
    reads = []
    load = Pixels.load
    monkeypatch.setattr(Pixels, "load", lambda self, box: (reads.append(box), load(self, box))[1])
    summary_of(image.astype(dtype))
    assert 1 <= len(reads) <= 4


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(WIDE),
    st.sets(st.integers(-(10**15), 10**15), min_size=1, max_size=8),
    st.integers(1, 400),
    st.floats(1e-3, 1),
)
def test_few_distinct_values_are_counted_exactly(dtype, whole, repeats, unit):
    # Large and small distances are distinguished: 10^15, 10^15 - 1 and 3 are three values.
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
def test_any_bit_pattern_can_be_counted(dtype):
    image = any_values(dtype)
    finite = image[np.isfinite(image)]
    if dtype == "float64":
        finite = finite[np.abs(finite) < 1e140]
        image = np.where(np.abs(image) < 1e140, image, np.nan)
    summary = summary_of(image)
    assert summary.n_pixels == finite.size
    lowest = float(int(finite.min())) if np.dtype(dtype).kind in "ui" else float(finite.min())
    assert summary.values[0] + summary.origin == pytest.approx(lowest, rel=1e-2)


def test_values_whose_squares_overflow_are_rejected():
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


def test_neighbouring_integers_beyond_float64_are_distinguished():
    image = np.array([2**63 + 3, 2**63 + 1, 2**63 + 1], dtype=np.uint64)
    summary = summary_of(image)
    assert [summary.origin + int(value) for value in summary.values] == [2**63 + 1, 2**63 + 3]
    assert summary.counts.tolist() == [2, 1]


@pytest.mark.parametrize("missing", [-(2**63), 2**63 - 1, -(2**56), 0])
@pytest.mark.parametrize("share", [0.01, 0.9])
@pytest.mark.parametrize("offset", [0, 2**62])
def test_integers_beside_a_distant_value_are_distinguished(offset, share, missing):
    image = offset + np.random.default_rng(0).integers(0, 1000, 100_000)
    n_missing = int(share * image.size)
    image[:n_missing] = missing
    summary = summary_of(image)
    values, counts = np.unique(image[n_missing:], return_counts=True)
    near = np.abs(summary.values) < 2**52
    assert [summary.origin + int(value) for value in summary.values[near]] == values.tolist()
    if offset or missing:
        assert np.array_equal(summary.counts[near], counts)
        assert summary.counts[~near].tolist() == [n_missing]


def test_integers_of_two_ranges_too_far_apart_are_rejected():
    image = np.random.default_rng(0).integers(0, 1000, 100_000)
    image[50_000:] += 2**62
    with pytest.raises(ValueError, match=r"integers from about 0 to 4\.6\d*e\+18, too far apart"):
        summary_of(image)


def test_both_zeros_of_many_values_are_one_value():
    rng = np.random.default_rng(0)
    image = np.exp(rng.uniform(-80, 80, 150_000)) * rng.choice([-1, 1], 150_000)
    image[:20_000], image[20_000:40_000] = 0.0, -0.0
    summary = summary_of(image.astype(np.float32))
    assert (np.diff(summary.values) > 0).all()
    assert summary.counts[summary.values == 0].tolist() == [40_000]


def narrow_ranges(rng):
    """Two ranges of 62-bit integers that share their high bits, so that the first cells are far too wide."""
    return 2**62 + np.append(rng.integers(0, 10**9, 80_000), 2**54 + rng.integers(0, 10**9, 300))


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(0).random(200_000),
        np.random.default_rng(0).lognormal(3, 2, 200_000).astype(np.float32),
        narrow_ranges(np.random.default_rng(0)),
        2**63 + np.random.default_rng(0).integers(0, 2**18, 400_000, dtype=np.uint64),
    ],
    ids=["uniform", "lognormal", "narrow ranges", "beyond int64"],
)
def test_the_estimated_scatter_within_cells_is_that_of_the_pixels(image):
    summary = summary_of(image)
    assert not summary.exact
    distance = image - image.dtype.type(summary.origin)  # modulo 2^64
    values = (distance.view(np.int64) if image.dtype.kind == "u" else distance).astype(np.float64)
    nearest = np.searchsorted((summary.values[1:] + summary.values[:-1]) / 2, values)
    scatter = np.sum((values - summary.values[nearest]) ** 2)
    assert summary.spread == pytest.approx(scatter, rel=0.1)
