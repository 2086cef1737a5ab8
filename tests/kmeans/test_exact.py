from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.blocks import loop
from napari_kmeans.kmeans.exact import OptimalPartitions


def partitions(values, weights=None) -> OptimalPartitions:
    values = np.asarray(values, dtype=np.float64)
    return OptimalPartitions(
        values, np.ones(values.size, np.int64) if weights is None else np.asarray(weights)
    )


def brute_force(values, weights, n_clusters) -> Fraction:
    """Least inertia over all ways to cut the values, without rounding."""

    def cost(start, stop):
        w, x = weights[start:stop], [Fraction(v) for v in values[start:stop]]
        mean = sum(a * b for a, b in zip(w, x, strict=True)) / sum(w)
        return sum(a * (b - mean) ** 2 for a, b in zip(w, x, strict=True))

    return min(
        sum(cost(*ends) for ends in itertools.pairwise((0, *cuts, len(values))))
        for cuts in itertools.combinations(range(1, len(values)), n_clusters - 1)
    )


weighted_values = st.dictionaries(st.integers(-1000, 1000), st.integers(1, 50), min_size=1, max_size=9).map(
    lambda counts: (sorted(counts), [counts[value] for value in sorted(counts)])
)


@settings(deadline=None, max_examples=200)
@given(weighted_values, st.sampled_from([1, 1e-3, 1e6]))
def test_equals_brute_force_with_rational_numbers(problem, unit):
    values, weights = [value * unit for value in problem[0]], problem[1]
    optimum = partitions(values, weights)
    for k in range(1, len(values) + 1):
        best = float(brute_force(values, weights, k))
        assert optimum.inertia(k) == pytest.approx(best, rel=1e-9, abs=1e-9 * unit**2)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(2, 400), st.integers(1, 16))
def test_equals_another_implementation(least_inertia, seed, n, k):
    rng = np.random.default_rng(seed)
    values = np.unique(rng.choice([rng.integers(0, 4000, n), rng.normal(2000, 300, n).astype(int)]))
    counts = rng.integers(1, 10**6, values.size)
    k = min(k, values.size)
    assert partitions(values, counts).inertia(k) == pytest.approx(least_inertia(values, counts, k), rel=1e-9)


@pytest.mark.parametrize("n", [2**13 - 1, 2**13, 10_007, 2**14 + 1])
def test_results_do_not_depend_on_the_number_of_threads(monkeypatch, n):
    rng = np.random.default_rng(n)
    values, weights = np.cumsum(rng.integers(1, 50, n)), rng.integers(1, 9, n)
    found = []
    for n_threads in (1, 2, 5):
        monkeypatch.setattr(loop, "N_THREADS", n_threads)
        optimum = partitions(values, weights)
        splits = [optimum.borders(k).tolist() for k in range(1, 7)]
        found.append((splits, [row.tobytes() for row in optimum._rows]))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("k", [2, 12, 64, 255])
def test_many_levels_reach_the_optimum(least_inertia, k):
    rng = np.random.default_rng(k)
    values = np.unique(rng.normal(30_000, 8000, 20_000).astype(int))
    counts = rng.integers(1, 1000, values.size)
    assert partitions(values, counts).inertia(k) == pytest.approx(least_inertia(values, counts, k), rel=1e-9)


def test_one_cluster_per_value_has_no_inertia():
    optimum = partitions([-3.3, 0.1, 7e9], [5, 1, 2])
    centers, counts, inertia = optimum.cluster_statistics(optimum.borders(3))
    assert centers.tolist() == [-3.3, 0.1, 7e9]
    assert counts.tolist() == [5, 1, 2]
    assert inertia.tolist() == [0, 0, 0]


def test_cluster_statistics_are_mean_count_and_inertia():
    optimum = partitions([0, 1, 10, 12], [1, 3, 1, 1])
    centers, counts, inertia = optimum.cluster_statistics(optimum.borders(2))
    assert centers.tolist() == [0.75, 11]
    assert counts.tolist() == [4, 2]
    assert inertia.tolist() == [0.75, 2]
    assert optimum.inertia(2) == 2.75


def test_the_order_of_requests_does_not_matter():
    values = np.unique(np.random.default_rng(1).integers(0, 10_000, 3000))
    asked_down = partitions(values)
    for k in (40, 7, 2, 12, 1):
        assert np.array_equal(asked_down.borders(k), partitions(values).borders(k))


def test_ties_are_broken_the_same_way_every_time():
    for k in range(1, 6):  # every cut of evenly spaced values has ties
        assert np.array_equal(partitions(range(30)).borders(k), partitions(range(30)).borders(k))


@pytest.mark.parametrize("offset", [1e9, -1e9, 2.0**40])
@pytest.mark.parametrize("k", [2, 5, 12])
def test_an_offset_moves_the_centres_only(offset, k):
    values = np.unique(np.random.default_rng(2).integers(0, 5000, 1500)).astype(np.float64)
    plain, moved = partitions(values), partitions(values + offset)
    assert np.array_equal(plain.borders(k), moved.borders(k))
    assert moved.inertia(k) == pytest.approx(plain.inertia(k), rel=1e-12)


@pytest.mark.parametrize("exponent", [-1060, -500, 400])
def test_results_do_not_depend_on_the_unit(exponent):
    # Powers of two down to denormal values, whose squares underflow.
    values = np.unique(np.random.default_rng(3).integers(0, 1000, 300)).astype(np.float64)
    plain, scaled = partitions(values), partitions(np.ldexp(values, exponent))
    assert np.array_equal(plain.borders(6), scaled.borders(6))
    assert np.array_equal(
        np.ldexp(plain.cluster_statistics(plain.borders(6))[0], exponent),
        scaled.cluster_statistics(scaled.borders(6))[0],
    )


@pytest.mark.parametrize("outliers", [[1e30], [-1e30], [-1e30, 1e30], [1e12, 1e30], [-1e9, 1e15]])
@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_outliers_get_their_own_clusters_and_the_rest_stays_optimal(outliers, k):
    inliers = np.sort(np.random.default_rng(4).normal(0, 1, 2000))
    far = partitions(np.sort([*inliers, *outliers]), np.full(2000 + len(outliers), 10))
    centers, _, _ = far.cluster_statistics(far.borders(k + len(outliers)))
    alone = partitions(inliers)
    expected, _, _ = alone.cluster_statistics(alone.borders(k))
    assert np.allclose(centers[~np.isin(centers, outliers)], expected, rtol=1e-12, atol=0)


def test_tight_groups_far_apart_are_split_correctly():
    values = [0, 1, 2, 3, 1e12, 1e12 + 1, 1e12 + 8, 1e12 + 9]
    assert partitions(values).borders(4).tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("values", "weights"),
    [
        ([], []),
        ([2, 1], [1, 1]),
        ([1, 1], [1, 1]),
        ([1, 2], [1, 0]),
        ([1, np.nan], [1, 1]),
        ([1, np.inf], [1, 1]),
        ([1, 2], [1]),
        ([[1, 2]], [[1, 1]]),
    ],
)
def test_invalid_values_and_weights_are_rejected(values, weights):
    with pytest.raises(ValueError, match="values"):
        partitions(values, np.array(weights, dtype=np.int64))


@pytest.mark.parametrize("k", [0, -1, 4])
def test_invalid_numbers_of_clusters_are_rejected(k):
    with pytest.raises(ValueError, match=f"n_clusters={k} must be 1 to 3"):
        partitions([1, 2, 3]).borders(k)


def test_a_single_large_value_is_its_own_centre():
    partitions = OptimalPartitions(np.array([1e200]), np.array([3]))
    centers, counts, inertia = partitions.cluster_statistics(partitions.borders(1))
    assert (centers[0], counts[0], inertia[0]) == (1e200, 3, 0)
