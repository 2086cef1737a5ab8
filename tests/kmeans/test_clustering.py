from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from napari_kmeans.kmeans import clustering
from napari_kmeans.kmeans.clustering import (
    Clustering,
    ExactClusterings,
    confirm,
    describe,
    lloyd,
    midpoints,
    polish,
    suggest,
)
from napari_kmeans.kmeans.exact import OptimalPartitions
from napari_kmeans.summary.scalar import ScalarSummary


def summary_of(values, **kwargs) -> ScalarSummary:
    return ScalarSummary(*np.unique(np.asarray(values, dtype=np.float64), return_counts=True), **kwargs)


def test_clusters_are_described_by_their_centres():
    result = describe(summary_of([0, 0, 1, 10, 12], spread=0.5, exact=False), np.array([0.5, 11.0]))
    assert result.thresholds.tolist() == [5.75]
    assert result.counts.tolist() == [3, 2]
    assert result.inertia == 0.25 * 3 + 2 + 0.5


def test_clusters_between_given_thresholds_have_the_means_as_centres():
    result = describe(summary_of([0, 1, 10, 12]), np.array([3.0, 4.0, 5.0]), np.array([0.0, 10.0]))
    assert result.centers.tolist() == [0, 5.5, 12]
    assert result.counts.tolist() == [1, 2, 1]
    empty = describe(summary_of([0, 1]), np.array([0.5, 7.0]), np.array([5.0]))
    assert empty.centers.tolist() == [0.5, 7]
    assert empty.counts.tolist() == [2, 0]


def test_midpoints_do_not_overflow():
    assert midpoints(np.array([-1.7e308, 1.7e308])).tolist() == [0]
    assert midpoints(np.array([1.5e308, 1.7e308])).tolist() == [1.6e308]


def test_polishing_never_makes_it_worse():
    rng = np.random.default_rng(0)
    summary = summary_of(rng.lognormal(0, 1, 3000))
    for _ in range(20):
        start = np.sort(rng.choice(summary.values, 5, replace=False))
        assert polish(summary, start).inertia <= describe(summary, start).inertia


@pytest.mark.parametrize("k", [2, 5, 12, 16])
def test_cells_merged_for_speed_lead_to_the_same_optimum(k):
    rng = np.random.default_rng(1)
    values = np.unique(rng.lognormal(0, 1, 50_000))
    summary = ScalarSummary(values, rng.integers(1, 9, values.size), spread=1e-9, exact=False)
    assert summary.values.size > max(clustering._COARSE.values())
    best = OptimalPartitions(summary.values, summary.counts).inertia(k)
    assert ExactClusterings(summary).clustering(k).inertia <= best * (1 + 1e-7) + summary.spread


def test_there_are_no_more_clusters_than_values():
    assert ExactClusterings(summary_of([3, 3, 4])).clustering(7).centers.tolist() == [3, 4]
    assert len(ExactClusterings(summary_of([3, 3, 4])).inertia(12)) == 2


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("k", [1, 3, 8])
def test_lloyd_is_the_kmeans_of_scikit_learn(picture, k, seed):
    summary = summary_of(picture("coins"))
    expected = KMeans(k, n_init=10, tol=0, random_state=seed).fit(
        summary.values[:, np.newaxis], sample_weight=summary.counts
    )
    result = lloyd(summary, k, seed)
    assert np.allclose(result.centers, np.sort(expected.cluster_centers_[:, 0]), rtol=1e-9)
    assert result.inertia == pytest.approx(expected.inertia_, rel=1e-9)
    assert result.centers.tolist() == lloyd(summary, k, seed).centers.tolist()


@pytest.mark.parametrize("k", range(1, 9))
def test_scikit_learn_confirms_the_optimum(picture, k):
    summary = summary_of(picture("camera"))
    assert confirm(summary, ExactClusterings(summary).clustering(k)) == "confirmed"


def test_scikit_learn_would_object_to_what_is_no_optimum():
    summary = summary_of([0, 1, 2, 10, 11, 12])
    wrong = describe(summary, np.array([0.0, 1.5]))
    with pytest.warns(UserWarning, match="less than the .* held for the optimum"):
        assert confirm(summary, wrong) == "improved by scikit-learn"


def test_outliers_that_float64_cannot_compare_are_told_apart():
    summary = summary_of([*np.random.default_rng(2).normal(size=1000), 1e30])
    assert confirm(summary, ExactClusterings(summary).clustering(3)) == "not comparable"


def test_confirming_changes_nothing():
    summary = summary_of([0, 1, 2, 10, 11, 12])
    result = ExactClusterings(summary).clustering(2)
    before = result.centers.copy()
    confirm(summary, result)
    assert np.array_equal(result.centers, before)
    assert isinstance(result, Clustering)


@pytest.mark.parametrize("n_phases", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("noise", [2, 6])
@pytest.mark.parametrize("seed", [0, 1])
def test_as_many_clusters_are_suggested_as_an_image_has_phases(n_phases, noise, seed):
    rng = np.random.default_rng(seed)
    levels = 30 + 40 * np.arange(n_phases)
    sizes = rng.integers(5000, 20_000, n_phases)
    pixels = np.repeat(levels, sizes) + rng.normal(0, noise, sizes.sum())
    suggestion = suggest(ExactClusterings(summary_of(pixels.astype(np.uint8))), 12)
    assert suggestion.n_clusters == n_phases
    assert "largest gain" in suggestion.reason


@pytest.mark.parametrize(
    ("values", "n_clusters", "n_inertias"),
    [([0, 0, 1, 1, 1], 2, 2), ([5] * 9, 1, 1), ([0, 100, 255], 3, 3)],
)
def test_suggestions_for_few_values(values, n_clusters, n_inertias):
    suggestion = suggest(ExactClusterings(summary_of(values)), 12)
    assert suggestion.n_clusters == n_clusters
    assert len(suggestion.inertia) == n_inertias
    assert suggestion.explained_variance[-1] == 1
    assert suggestion.reason.endswith(".")


@pytest.mark.parametrize("values", [range(256), np.random.default_rng(3).normal(100, 20, 9999).round()])
def test_of_a_single_group_it_is_said_that_nothing_stands_out(values):
    suggestion = suggest(ExactClusterings(summary_of(values)), 12)
    assert "single group" in suggestion.reason


def test_inertia_falls_with_the_number_of_clusters(picture):
    suggestion = suggest(ExactClusterings(summary_of(picture("moon"))), 20)
    assert len(suggestion.inertia) == 20
    assert (np.diff(suggestion.inertia) < 0).all()
    assert (np.diff(suggestion.explained_variance) > 0).all()
