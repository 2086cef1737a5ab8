"""Clusterings of a coherent image: k-means with a cost for borders, for every number of clusters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..summary.coherent import CoherentIntervals, CoherentSummary
from ..summary.scalar import ScalarSummary
from .clustering import Clustering
from .exact_clusterings import ExactClusterings
from .intervals import Intervals, midpoints

_MAX_ITER = 100  # movements of the centres


class CoherentClusterings:
    """Clusterings of one feature with a cost for borders; see `Clusterings` for the methods.

    For given centres, the labels are the global optimum. Centres are moved to the means of the original
    values until nothing changes, from two starts: the optimum without the cost, and the optimum of the
    coherent image, which has no noise. The better result is kept: the one with fewer empty clusters, then
    the one with lower energy.

    Parameters
    ----------
    summary : CoherentSummary
    random_state : int
        Seed of ``solver="lloyd"``, which finds the initial centres.
    """

    uncertainty = 0.0
    has_estimates = False

    def __init__(self, summary: CoherentSummary, random_state: int = 0) -> None:
        self.coherent = summary
        self.summary = summary.original
        self._starts = (
            ExactClusterings(summary.original, random_state),
            ExactClusterings(summary.coherent, random_state),
        )
        self._solve = lru_cache(maxsize=512)(self._solve_uncached)

    @property
    def n_values(self) -> int:
        """Largest possible number of clusters."""
        return min(start.n_values for start in self._starts)

    def clustering(self, n_clusters: int, solver: str = "auto") -> Clustering:
        """Return the clustering whose labels are optimal for its centres."""
        return self._solve(min(n_clusters, self.n_values), solver)

    def estimate(self, n_clusters: int) -> Clustering:
        """Return the clustering itself, which is fast to find."""
        return self.clustering(n_clusters)

    def is_quick(self, n_clusters: int) -> bool:
        """Return whether `clustering` takes milliseconds."""
        return all(start.is_quick(n_clusters) for start in self._starts)

    def confirm(self, n_clusters: int) -> str:
        """Return an empty string: scikit-learn has no cost for borders."""
        return ""

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Return the inertia of 1 … `k_max` clusters."""
        return tuple(self.clustering(k).inertia for k in range(1, min(k_max, self.n_values) + 1))

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """Return Marriott's criterion of the coherent image; noise dominates the inertia of the original."""
        return self._starts[1].marriott(min(k_max, self.n_values))

    def _solve_uncached(self, n_clusters: int, solver: str) -> Clustering:
        """Return the better of the results from both starts."""
        found = []
        for start in self._starts:
            centers = start.clustering(n_clusters, solver).centers[:, 0]
            if centers.size == n_clusters:
                found.append(_alternate(self.coherent, centers))
        thresholds, centers = min(found, key=lambda each: _cost(self.coherent, *each))
        return coherent_clustering(self.coherent, thresholds, centers, solver)


def _alternate(
    coherent: CoherentSummary, centers: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move centres to the means of their pixels until nothing changes; return thresholds and centres."""
    intervals = coherent.between(midpoints(centers))
    for _ in range(_MAX_ITER):
        before = intervals.thresholds
        centers = _ordered_means(intervals, centers)
        intervals = coherent.between(midpoints(centers))
        if np.array_equal(intervals.thresholds, before):
            break
    return intervals.thresholds, _ordered_means(intervals, centers)


def _ordered_means(intervals: CoherentIntervals, centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of the original values in ascending order.

    A bright speck loses most of its contrast in the coherent image, so the means of its intervals need not
    ascend; the best ascending centres are then pooled means (isotonic regression). A cluster without pixels
    keeps its centre as far as the order allows.
    """
    filled = intervals.counts > 0
    means, counts = intervals.means[filled], intervals.counts[filled]
    if (means[1:] < means[:-1]).any():
        from scipy.optimize import isotonic_regression

        means = isotonic_regression(means, weights=counts).x
    moved = centers.copy()
    moved[filled] = means
    upper_bound = np.minimum.accumulate(np.where(filled, moved, np.inf)[::-1])[::-1]
    return np.maximum.accumulate(np.minimum(moved, upper_bound))


def _cost(
    coherent: CoherentSummary, thresholds: NDArray[np.float64], centers: NDArray[np.float64]
) -> tuple[int, float]:
    """Return the number of empty clusters, and the energy: inertia plus the cost of the borders."""
    intervals = coherent.between(thresholds)
    cost = 2 * float(np.sum(np.diff(centers) * intervals.borders))
    return int(np.sum(intervals.counts == 0)), intervals.inertia + cost


def coherent_clustering(
    coherent: CoherentSummary,
    thresholds: NDArray[np.float64],
    centers: NDArray[np.float64],
    solver: str = "exact",
) -> Clustering:
    """Return the clusters between thresholds on the coherent image.

    Parameters
    ----------
    coherent : CoherentSummary
    thresholds : (k - 1,) float64 array
    centers : (k,) float64 array
        Used for clusters without pixels.
    solver : str
    """
    intervals = coherent.between(np.asarray(thresholds, dtype=np.float64))
    total = coherent.between(np.empty(0)).inertia
    return Clustering(
        centers=_ordered_means(intervals, np.asarray(centers, dtype=np.float64))[:, np.newaxis],
        thresholds=intervals.thresholds,
        counts=intervals.counts,
        inertia=intervals.inertia,
        explained_variance=1 - intervals.inertia / total if total > 0 else 1.0,
        feature_names=(),
        scales=np.ones(1),
        solver="lloyd" if solver == "lloyd" else "exact",
    )


def clusters_between(
    summary: ScalarSummary | CoherentSummary, thresholds: Sequence[float], centers: NDArray[np.float64]
) -> Clustering:
    """Return the clusters between thresholds; clusters without pixels keep their `centers`.

    Large integers among the thresholds are not rounded.
    """
    if isinstance(summary, CoherentSummary):
        return coherent_clustering(summary, np.array(thresholds, dtype=np.float64), centers)
    origin = summary.origin
    relative = np.array([threshold - origin for threshold in thresholds], dtype=np.float64)
    return Intervals.between(summary, relative, centers - origin).to_clustering(summary)
