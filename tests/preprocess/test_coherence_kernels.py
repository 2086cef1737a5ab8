"""Compiled loops of coherence, checked by conditions that only the solution meets."""

from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.preprocess import _coherence_kernels as kernels


def dual_of(y, x):
    """Return the dual of a total-variation problem on a line: sums of y - x, the last of which is 0."""
    return np.cumsum(y - x)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0, 5.0, 1e4])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 200])
@pytest.mark.parametrize("kind", ["normal", "levels", "constant", "ramp"])
def test_tv_line_meets_the_optimality_conditions(kind, n, weight):
    rng = np.random.default_rng(n)
    y = {
        "normal": rng.normal(0, 2, n),
        "levels": rng.integers(0, 3, n).astype(np.float64),
        "constant": np.full(n, 7.0),
        "ramp": np.arange(n, dtype=np.float64),
    }[kind]
    x = np.empty(n)
    kernels.tv_line(y, weight, x)
    z = dual_of(y, x)
    assert z[-1] == pytest.approx(0, abs=1e-9 * n)
    assert (np.abs(z) <= weight + 1e-9).all()
    up, down = np.diff(x) > 1e-9, np.diff(x) < -1e-9
    assert z[:-1][up] == pytest.approx(-weight, abs=1e-8)
    assert z[:-1][down] == pytest.approx(weight, abs=1e-8)


def test_missing_pixels_separate_the_parts_of_a_line():
    rng = np.random.default_rng(0)
    y = rng.normal(0, 2, 30).astype(np.float32)
    y[[0, 11, 12, 29]] = np.nan
    u, z = y.reshape(1, 30, 1).copy(), np.zeros((1, 30, 1), dtype=np.float32)
    kernels.tv_axis(u, z, 1.0, 0, 1)
    assert np.isnan(u[0, [0, 11, 12, 29], 0]).all()
    for part in (slice(1, 11), slice(13, 29)):
        alone = np.empty(y[part].size)
        kernels.tv_line(y[part].astype(np.float64), 1.0, alone)
        assert u[0, part, 0] == pytest.approx(alone, abs=1e-6)
    assert np.nansum(np.abs(u + z - y.reshape(u.shape))) < 1e-5


@pytest.mark.parametrize("shape", [(1, 40, 37), (5, 40, 1), (6, 7, 33)])
def test_results_do_not_depend_on_ranges_of_lines(shape):
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    whole, parts = values.copy(), values.copy()
    z_whole, z_parts = np.zeros_like(values), np.zeros_like(values)
    n = shape[0] if shape[0] > 1 else shape[2]
    kernels.tv_axis(whole, z_whole, 0.5, 0, n)
    for begin, end in ((0, 1), (1, n // 2), (n // 2, n)):
        kernels.tv_axis(parts, z_parts, 0.5, begin, end)
    assert np.array_equal(whole, parts)
    assert np.array_equal(z_whole, z_parts)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_gap_of_an_axis_is_that_of_numpy(axis):
    rng = np.random.default_rng(2)
    u, z = rng.normal(size=(2, 5, 6, 7)).astype(np.float32)
    u[rng.random(u.shape) < 0.1] = np.nan
    difference = np.diff(u.astype(np.float64), axis=axis)
    expected = 0.7 * np.nansum(np.abs(difference)) - np.nansum(u.astype(np.float64) * z)
    shape = (int(np.prod(u.shape[:axis])), u.shape[axis], -1)
    lines, dual = u.reshape(shape), z.reshape(shape)
    n = lines.shape[0] if lines.shape[0] > 1 else lines.shape[2]
    assert kernels.axis_gap(lines, dual, 0.7, 0, n) == pytest.approx(expected)


def test_cells_have_counts_and_sums_of_the_original_values():
    rng = np.random.default_rng(3)
    u, values = rng.random((2, 1000)).astype(np.float32)
    u[:20] = np.nan
    counts, sums, squares = np.zeros(16, dtype=np.int64), np.zeros(16), np.zeros(16)
    kernels.count_cells(u, values, 0.0, 16.0, counts, sums, squares, 0.25)
    cell = (u[20:].astype(np.float64) * 16).astype(int)
    from_origin = values[20:].astype(np.float64) - 0.25
    assert counts.tolist() == np.bincount(cell, minlength=16).tolist()
    assert sums == pytest.approx(np.bincount(cell, from_origin, minlength=16))
    assert squares == pytest.approx(np.bincount(cell, from_origin**2, minlength=16))


@pytest.mark.parametrize("axis", [0, 1])
def test_borders_are_the_pairs_that_a_threshold_separates(axis):
    rng = np.random.default_rng(4)
    u = rng.integers(0, 8, (20, 30)).astype(np.float32)
    u[rng.random(u.shape) < 0.1] = np.nan
    borders = np.zeros(8, dtype=np.int64)
    kernels.count_borders(u.reshape((1, 20, 30) if axis == 0 else (20, 30, 1)), 0.0, 1.0, borders)
    a, b = np.split(np.stack([np.delete(u, -1, axis), np.delete(u, 0, axis)]), 2)
    for threshold, found in enumerate(np.cumsum(borders)):
        with np.errstate(invalid="ignore"):
            known = np.isfinite(a) & np.isfinite(b)
        assert found == np.sum(((a > threshold) != (b > threshold)) & known)


def test_extrapolation_keeps_the_sum_of_dual_and_image():
    rng = np.random.default_rng(0)
    z, previous, u = rng.normal(size=(3, 50)).astype(np.float32)
    before = z.copy(), previous.copy(), u.copy()
    kernels.extrapolate(z, previous, u, np.float32(0.5), 10, 50)
    np.testing.assert_allclose(z[10:], before[0][10:] + 0.5 * (before[0] - before[1])[10:], rtol=1e-6)
    np.testing.assert_array_equal(previous[10:], before[0][10:])
    np.testing.assert_allclose((u + z)[10:], (before[2] + before[0])[10:], rtol=1e-5, atol=1e-6)
    for now, then in zip((z, previous, u), before, strict=True):
        np.testing.assert_array_equal(now[:10], then[:10])
