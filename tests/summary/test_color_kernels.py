"""Compiled loops over the keys of colours, compared with a few lines of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.summary import _color_kernels as kernels


def cells(n_bits=24, n=4000, d=3, seed=0):
    """Sorted keys, points and weights."""
    rng = np.random.default_rng(seed)
    keys = np.unique(rng.integers(0, 1 << n_bits, n, dtype=np.uint64))
    return keys, rng.normal(0, 1, (d, keys.size)), rng.integers(1, 50, keys.size).astype(np.float64)


@pytest.mark.parametrize("n_bits", [1, 11, 12, 24, 63])
@pytest.mark.parametrize("n", [0, 1, 5000])
def test_keys_are_sorted(n_bits, n):
    keys = np.random.default_rng(0).integers(0, 1 << n_bits, n, dtype=np.uint64)
    assert np.array_equal(kernels.sort_keys(keys.copy(), n_bits), np.sort(keys))


@pytest.mark.parametrize("n", [0, 1, 3000])
def test_runs_are_counted(n):
    keys = np.sort(np.random.default_rng(0).integers(0, 50, n, dtype=np.uint64))
    expected, counts = np.unique(keys, return_counts=True)
    found, found_counts = kernels.count_runs(keys)
    assert np.array_equal(found, expected)
    assert np.array_equal(found_counts, counts)


@pytest.mark.parametrize(("n_a", "n_b"), [(0, 5), (300, 0), (300, 200)])
def test_cells_with_the_same_key_are_added(n_a, n_b):
    rng = np.random.default_rng(0)
    lists = []
    for n in (n_a, n_b):
        keys = np.sort(rng.choice(600, n, replace=False)).astype(np.uint64)
        lists.append((keys, rng.integers(0, 9, (2, n))))
    keys, columns = kernels.merge_cells(*lists[0], *lists[1])
    expected = np.zeros((2, 600), dtype=np.int64)
    for part, values in lists:
        expected[:, part.astype(np.intp)] += values
    assert np.array_equal(keys, np.union1d(lists[0][0], lists[1][0]))
    assert np.array_equal(columns, expected[:, keys.astype(np.intp)])


def test_scatter_across_two_neighbours_is_that_of_the_smallest_cell_with_both():
    keys, columns, weights = cells(n_bits=9, n=200)
    found = kernels.scatter_across(keys, columns, weights)
    for i, value in enumerate(found):
        n_bits = int(keys[i] ^ keys[i + 1]).bit_length()
        inside = keys >> np.uint64(n_bits) == keys[i] >> np.uint64(n_bits)
        points, w = columns[:, inside], weights[inside]
        distance = points - np.average(points, axis=1, weights=w)[:, np.newaxis]
        assert value == pytest.approx(np.sum(w * distance**2))


def test_an_extreme_value_does_not_blur_the_scatter_of_other_cells():
    keys, columns, weights = cells(n_bits=63)
    expected = kernels.scatter_across(keys, columns, weights)
    columns[:, -1] = 1e30
    found = kernels.scatter_across(keys, columns, weights)
    same = found < 1e20
    assert np.array_equal(found[same], expected[same])
    assert same.mean() > 0.9


def test_a_single_point_has_no_neighbours():
    assert kernels.scatter_across(np.zeros(1, dtype=np.uint64), np.zeros((3, 1)), np.ones(1)).size == 0


def test_runs_of_points_are_averaged():
    _, columns, weights = cells()
    n = weights.size
    starts = np.unique(np.append(0, np.random.default_rng(1).integers(0, n, 70)))
    means, totals, spread = kernels.average_cells(columns, weights, starts)
    expected = np.add.reduceat(weights, starts)
    assert np.array_equal(totals, expected)
    np.testing.assert_allclose(means, np.add.reduceat(weights * columns, starts, axis=1) / expected)
    distance = columns - np.repeat(means, np.diff(starts, append=n), axis=1)
    assert spread == pytest.approx(np.sum(weights * distance**2))
