from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_kmeans.kmeans import _exact_kernels

SIZES = pytest.mark.parametrize("n", [2, 3, 4, 7, 8, 17, 40])


def problem(n: int):
    rng = np.random.default_rng(n)
    return np.cumsum(rng.integers(1, 50, n)).astype(np.float64), rng.integers(1, 9, n)


def cost(values, weights) -> float:
    return float(np.sum(weights * (values - np.average(values, weights=weights)) ** 2))


def runs_of(values, weights):
    mean, scatter = np.zeros((2, (values.size - 1).bit_length(), values.size))
    for level in range(len(mean)):
        _exact_kernels.accumulate_runs(values, weights, level, mean[level], scatter[level])
    return np.append(0.0, np.cumsum(weights)), mean, scatter


@SIZES
def test_runs_extend_from_each_value_to_the_centre_of_its_block(n):
    values, weights = problem(n)
    _, mean, scatter = runs_of(values, weights)
    for level, i in itertools.product(range(len(mean)), range(n)):
        right = (i >> (level + 1) << (level + 1)) + (1 << level)
        if right >= n:  # the block has no right half, so no interval needs its runs
            continue
        run = slice(i, right) if i < right else slice(right, i + 1)
        distance = np.abs(np.average(values[run], weights=weights[run]) - values[right])
        assert mean[level, i] == pytest.approx(distance)
        assert scatter[level, i] == pytest.approx(cost(values[run], weights[run]))


@SIZES
def test_prefixes_have_their_scatter(n):
    values, weights = problem(n)
    scatter = np.zeros(n + 1)
    _exact_kernels.scatter_of_prefixes(values, weights, scatter)
    expected = [0.0, *(cost(values[:m], weights[:m]) for m in range(1, n + 1))]
    assert scatter == pytest.approx(expected)


@SIZES
def test_the_best_split_is_found(n):
    values, weights = problem(n)
    runs = runs_of(values, weights)
    previous = np.random.default_rng(0).uniform(0, 100, n + 1)
    for stop in range(1, n + 1):
        totals = [previous[i] + cost(values[i:stop], weights[i:stop]) for i in range(stop)]
        for low, high in itertools.combinations_with_replacement(range(stop), 2):
            best, split = _exact_kernels.find_split(previous, *runs, low, high, stop)
            assert split == low + np.argmin(totals[low : high + 1])
            assert best == pytest.approx(totals[split])


def test_ties_between_splits_go_to_the_leftmost():
    values, weights = np.array([0.0, 1.0, 2.0]), np.ones(3, dtype=np.int64)
    previous = np.array([np.inf, 0.0, 0.5, np.inf])
    assert _exact_kernels.find_split(previous, *runs_of(values, weights), 1, 2, 3) == (0.5, 1)


@SIZES
def test_a_row_follows_from_the_one_above(n):
    values, weights = problem(n)
    runs = runs_of(values, weights)
    previous = np.zeros(n + 1)
    _exact_kernels.scatter_of_prefixes(values, weights, previous)
    for k in range(2, n + 1):
        row, split = np.zeros(n + 1), np.zeros(n + 1, dtype=np.int32)
        _exact_kernels.fill_row(k, previous, *runs, row, split, 0, n + 1, 1 << (n.bit_length() - 1), 1)
        for stop in range(1, n + 1):
            totals = [
                previous[i] + cost(values[i:stop], weights[i:stop]) for i in range(min(k, stop) - 1, stop)
            ]
            assert row[stop] == pytest.approx(min(totals), abs=1e-9)
            assert stop <= k or totals[split[stop] - k + 1] == pytest.approx(min(totals))
        previous = row
