from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.kmeans.intervals import Intervals, midpoints, total_inertia
from napari_kmeans.summary.scalar import ScalarSummary


def summary_of(values, **kwargs) -> ScalarSummary:
    return ScalarSummary(*np.unique(np.asarray(values, dtype=np.float64), return_counts=True), **kwargs)


def test_clusters_around_centres_end_halfway_between_them():
    result = Intervals.around(summary_of([0, 0, 1, 10, 12], spread=0.5, exact=False), np.array([0.5, 11.0]))
    assert result.thresholds.tolist() == [5.75]
    assert result.counts.tolist() == [3, 2]
    assert result.inertia == 0.25 * 3 + 2 + 0.5


def test_clusters_between_thresholds_have_their_means_as_centres():
    result = Intervals.between(summary_of([0, 1, 10, 12]), np.array([0.0, 10.0]), np.array([3.0, 4.0, 5.0]))
    assert result.centers.tolist() == [0, 5.5, 12]
    assert result.counts.tolist() == [1, 2, 1]
    empty = Intervals.between(summary_of([0, 1]), np.array([5.0]), np.array([0.5, 7.0]))
    assert empty.centers.tolist() == [0.5, 7]
    assert empty.counts.tolist() == [2, 0]


def test_midpoints_do_not_overflow():
    assert midpoints(np.array([-1.7e308, 1.7e308])).tolist() == [0]
    assert midpoints(np.array([1.5e308, 1.7e308])).tolist() == [1.6e308]


def test_clusters_are_returned_in_the_units_of_the_image():
    summary = summary_of([0, 0, 3, 10, 12], origin=2**63)
    found = Intervals.around(summary, np.array([1.0, 11.0])).to_clustering(summary, solver="lloyd", n_init=3)
    assert found.centers.tolist() == [[2.0**63 + 1], [2.0**63 + 11]]
    assert found.thresholds.tolist() == [2.0**63 + 6]
    assert found.integer_thresholds == (2**63 + 6,)
    assert found.counts.tolist() == [3, 2]
    assert (found.solver, found.n_init) == ("lloyd", 3)
    assert found.explained_variance == 1 - found.inertia / total_inertia(summary)


def test_a_constant_image_is_fully_explained():
    summary = summary_of([7, 7, 7])
    assert total_inertia(summary) == 0
    assert Intervals.around(summary, np.array([7.0])).to_clustering(summary).explained_variance == 1


@pytest.mark.parametrize("scale", [1e-150, 1e-170, 1e-300])
def test_unexplained_variance_of_values_whose_squares_vanish(scale):
    values, counts = np.array([1.0, 2.0, 5.0, 9.0, 11.0]), np.array([3, 1, 4, 2, 5])
    expected, tiny = (
        Intervals.between(
            summary, np.array([3.5]) * factor, np.array([1.0, 9.0]) * factor
        ).unexplained_variance(summary)
        for factor in (1.0, scale)
        for summary in [ScalarSummary(values * factor, counts)]
    )
    assert 0 < expected < 1
    assert tiny == pytest.approx(expected, rel=1e-9)
