from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from napari_kmeans.kmeans.clustering import Clustering
from napari_kmeans.kmeans.exact import OptimalPartitions
from napari_kmeans.kmeans.exact_clusterings import ExactClusterings
from napari_kmeans.kmeans.intervals import Intervals
from napari_kmeans.summary.scalar import ScalarSummary


def summary_of(values, **kwargs) -> ScalarSummary:
    return ScalarSummary(*np.unique(np.asarray(values, dtype=np.float64), return_counts=True), **kwargs)


@pytest.mark.parametrize("k", [2, 5, 12, 16])
def test_the_optimum_of_many_cells_is_found_on_all_of_them(k):
    rng = np.random.default_rng(1)
    values = np.unique(rng.lognormal(0, 1, 50_000))
    summary = ScalarSummary(values, rng.integers(1, 9, values.size), spread=1e-9, exact=False)
    best = OptimalPartitions(summary.values, summary.counts).inertia(k)
    assert ExactClusterings(summary).clustering(k).inertia == pytest.approx(best + summary.spread, rel=1e-12)


def test_there_are_no_more_clusters_than_values():
    assert ExactClusterings(summary_of([3, 3, 4])).clustering(7).centers.tolist() == [[3], [4]]
    assert len(ExactClusterings(summary_of([3, 3, 4])).inertia(12)) == 2


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("k", [1, 3, 8])
def test_lloyd_equals_scikit_learn(picture, k, seed):
    summary = summary_of(picture("coins"))
    expected = KMeans(k, n_init=10, tol=0, random_state=seed).fit(
        summary.values[:, np.newaxis], sample_weight=summary.counts
    )
    result = ExactClusterings(summary, seed).clustering(k, "lloyd")
    assert np.allclose(result.centers[:, 0], np.sort(expected.cluster_centers_[:, 0]), rtol=1e-9)
    assert result.inertia == pytest.approx(expected.inertia_, rel=1e-9)
    assert result.centers.tolist() == ExactClusterings(summary, seed).clustering(k, "lloyd").centers.tolist()


@pytest.mark.parametrize("k", range(1, 9))
def test_scikit_learn_confirms_the_optimum(picture, k):
    summary = summary_of(picture("camera"))
    assert ExactClusterings(summary).confirm(k) == "confirmed"


def test_scikit_learn_reports_clusters_that_are_not_optimal(monkeypatch):
    summary = summary_of([0, 1, 2, 10, 11, 12])
    clusterings = ExactClusterings(summary)
    wrong = Intervals.around(summary, np.array([0.0, 1.5]))
    monkeypatch.setattr(clusterings, "_optimum", lambda k: wrong)
    with pytest.warns(UserWarning, match="less than the .* taken for the optimum"):
        assert clusterings.confirm(2) == "improved by scikit-learn"


def test_inertias_that_float64_cannot_compare_are_reported():
    summary = summary_of([*np.random.default_rng(2).normal(size=1000), 1e30])
    assert ExactClusterings(summary).confirm(3) == "not comparable"


def test_confirming_does_not_change_the_result():
    summary = summary_of([0, 1, 2, 10, 11, 12])
    clusterings = ExactClusterings(summary)
    result = clusterings.clustering(2)
    before = result.centers.copy()
    clusterings.confirm(2)
    assert np.array_equal(result.centers, before)
    assert isinstance(result, Clustering)


def test_an_estimate_is_the_optimum():
    clusterings = ExactClusterings(summary_of([0, 1, 2, 10, 11, 12]))
    assert not clusterings.has_estimates
    assert clusterings.uncertainty == 0
    assert clusterings.estimate(2).centers.tolist() == [[1], [11]]


def test_is_quick_reports_whether_a_number_of_clusters_needs_long_work():
    values = np.arange(60_000, dtype=np.float64)
    clusterings = ExactClusterings(ScalarSummary(values, np.ones(values.size, dtype=np.int64)))
    assert not clusterings.is_quick(4)
    clusterings.clustering(3)
    assert clusterings.is_quick(3)
    assert not clusterings.is_quick(6)
    assert ExactClusterings(summary_of(range(256))).is_quick(12)


def test_marriott_is_relative_to_one_cluster():
    clusterings = ExactClusterings(summary_of([0, 1, 2, 10, 11, 12]))
    inertia = clusterings.inertia(4)
    expected = [k * k * each / inertia[0] for k, each in enumerate(inertia, start=1)]
    assert clusterings.marriott(4) == pytest.approx(expected)
    assert ExactClusterings(summary_of([5, 5])).marriott(3) == (0.0,)
