"""Clusterings of a coherent image: the optimum with a price on borders, for every number of clusters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..summary.coherent import CoherentSummary
from ..summary.scalar import ScalarSummary
from .clustering import Clustering
from .exact_clusterings import ExactClusterings
from .intervals import Intervals, midpoints

_MAX_ITER = 100


class CoherentClusterings:
    """Clusterings of one feature with a price on borders; see `Clusterings` for the methods.

    For given centres, the labels are the global optimum. Centres begin at the optimum without the price and
    are moved to the means of the original values until nothing changes.

    Parameters
    ----------
    coherent : CoherentSummary
    random_state : int
        Seed of ``solver="lloyd"``, which then only finds the centres to begin with.
    """

    uncertainty = 0.0
    has_estimates = False

    def __init__(self, coherent: CoherentSummary, random_state: int = 0) -> None:
        self.coherent = coherent
        self.summary = coherent.original
        self._plain = ExactClusterings(coherent.original, random_state)
        self._solve = lru_cache(maxsize=512)(self._solve_uncached)

    @property
    def n_values(self) -> int:
        """Largest possible number of clusters."""
        return min(self._plain.n_values, int(self.coherent.counts.size))

    def clustering(self, n_clusters: int, solver: str = "auto") -> Clustering:
        """Return the clustering whose labels are optimal for its centres."""
        return self._solve(min(n_clusters, self.n_values), solver)

    def estimate(self, n_clusters: int) -> Clustering:
        """Return the clustering, which is found at once."""
        return self.clustering(n_clusters)

    def is_quick(self, n_clusters: int) -> bool:
        """Return whether `clustering` takes milliseconds."""
        return self._plain.is_quick(n_clusters)

    def confirm(self, n_clusters: int) -> str:
        """Return an empty string: scikit-learn has no price on borders."""
        return ""

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Return the inertia of 1 … `k_max` clusters."""
        return tuple(self.clustering(k).inertia for k in range(1, min(k_max, self.n_values) + 1))

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """Return k² times the inertia of 1 … `k_max` clusters, relative to that of one cluster."""
        inertia = self.inertia(k_max)
        total = inertia[0] or 1.0
        return tuple(k * k * w / total for k, w in enumerate(inertia, start=1))

    def _solve_uncached(self, n_clusters: int, solver: str) -> Clustering:
        coherent = self.coherent
        centers = self._plain.clustering(n_clusters, solver).centers[:, 0]
        thresholds, counts, means, _ = coherent.between(midpoints(centers))
        for _ in range(_MAX_ITER):
            # A cluster without pixels keeps its centre.
            moved = np.where(counts > 0, means, centers)
            before = thresholds
            thresholds, counts, means, _ = coherent.between(midpoints(moved))
            centers = moved
            if np.array_equal(thresholds, before):
                break
        centers = np.where(counts > 0, means, centers)
        return coherent_clustering(coherent, thresholds, centers)


def coherent_clustering(
    coherent: CoherentSummary, thresholds: NDArray[np.float64], centers: NDArray[np.float64]
) -> Clustering:
    """Return the clusters between thresholds on the coherent image.

    Parameters
    ----------
    coherent : CoherentSummary
    thresholds : (k - 1,) float64 array
    centers : (k,) float64 array
        Centres of clusters without pixels.
    """
    thresholds, counts, means, inertia = coherent.between(np.asarray(thresholds, dtype=np.float64))
    total = coherent.between(np.empty(0))[3]
    return Clustering(
        centers=np.where(counts > 0, means, centers)[:, np.newaxis],
        thresholds=thresholds,
        counts=counts,
        inertia=inertia,
        explained_variance=1 - inertia / total if total > 0 else 1.0,
        feature_names=(),
        scales=np.ones(1),
        solver="exact",
    )


def clusters_between(
    summary: ScalarSummary | CoherentSummary, thresholds: NDArray[np.float64], centers: NDArray[np.float64]
) -> Clustering:
    """Return the clusters between thresholds; `centers` are those of clusters without pixels."""
    if isinstance(summary, CoherentSummary):
        return coherent_clustering(summary, thresholds, centers)
    origin = summary.origin
    return Intervals.between(summary, thresholds - origin, centers - origin).to_clustering(summary)
