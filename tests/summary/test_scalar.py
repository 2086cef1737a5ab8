from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.summary.scalar import ScalarSummary, group_values, merge_points


@pytest.mark.parametrize("limit", [10, 100, 999])
def test_merging_points_preserves_pixels_sum_and_scatter(limit):
    rng = np.random.default_rng(3)
    fine = ScalarSummary(np.sort(rng.lognormal(0, 2, 1000)), rng.integers(1, 50, 1000))
    coarse = merge_points(fine.values, fine.counts, 0.0, limit)
    assert coarse.values.size <= limit
    assert (np.diff(coarse.values) > 0).all()
    assert coarse.n_pixels == fine.n_pixels
    total = np.sum(fine.values * fine.counts)
    assert np.sum(coarse.values * coarse.counts) == pytest.approx(total)
    squares = np.sum(fine.values**2 * fine.counts)
    assert np.sum(coarse.values**2 * coarse.counts) + coarse.spread == pytest.approx(squares)
    assert not coarse.exact


def test_few_points_are_not_merged():
    fine = ScalarSummary(np.array([1.0, 2.0, 8.0]), np.array([3, 1, 2]))
    merged = merge_points(fine.values, fine.counts, 0.0, 3)
    assert merged.values.tolist() == [1, 2, 8]
    assert merged.exact


def test_groups_of_values_are_narrower_where_there_are_more_pixels():
    values = np.linspace(0, 1, 1000)
    counts = np.where(values < 0.5, 100, 1)
    group = group_values(values, counts, 50)
    assert (np.diff(group) >= 0).all()
    assert group.max() < 50
    dense = np.unique(group[values < 0.5]).size
    assert dense > 1.5 * np.unique(group[values >= 0.5]).size


@pytest.mark.parametrize("limit", [10, 2])
def test_equal_values_are_one_point(limit):
    values = np.array([-0.0, 0.0, 1.0, 1.0, 5.0])
    merged = merge_points(values, np.array([1, 2, 3, 4, 5]), 0.0, limit)
    assert (np.diff(merged.values) > 0).all()
    assert merged.counts.tolist() == ([3, 7, 5] if limit == 10 else [10, 5])


def test_merged_values_are_not_exact_even_if_their_scatter_underflows():
    values = np.linspace(1, 2, 300) * 1e-170
    assert not merge_points(values, np.ones(300, dtype=np.int64), 0.0, 100).exact


def test_merged_points_are_exact_if_no_scatter_is_lost():
    merged = merge_points(np.array([0.0, 0.0, 3.0]), np.array([1, 2, 3]), 0.0, 10)
    assert merged.values.tolist() == [0, 3]
    assert merged.counts.tolist() == [3, 3]
    assert merged.exact
    assert not merge_points(np.array([0.0, 3.0]), np.array([1, 2]), 0.5, 10).exact


def test_a_very_frequent_value_takes_no_groups_from_the_others():
    counts = np.ones(1000, dtype=np.int64)
    counts[300] = 10**12
    assert np.unique(group_values(np.arange(1000.0), counts, 100)).size >= 95
