"""Clusterings of one feature: exact, for every number of clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..summary.scalar import ScalarSummary, coarsen
from ..user_warning import warn_user
from .clustering import Clustering
from .exact import OptimalPartitions
from .intervals import Intervals, polish
from .lloyd import kmeans

N_INIT = 10
"""Restarts of scikit-learn's KMeans with ``solver="lloyd"``; the best is kept."""

# Cells approximate values anyway. About a thousand cells per cluster give the same optimum many times as
# fast, and a few of Lloyd's iterations on all cells remove the remaining difference. Largest k : points.
_COARSE = {4: 1 << 12, 16: 1 << 14}


class ExactClusterings:
    """The optimal clusterings of one feature; see `Clusterings` for the methods.

    Parameters
    ----------
    summary : ScalarSummary
    random_state : int
        Seed of ``solver="lloyd"``.
    """

    uncertainty = 0.0
    has_estimates = False

    def __init__(self, summary: ScalarSummary, random_state: int = 0) -> None:
        self.summary = summary
        self.random_state = random_state
        self._partitions: dict[int, OptimalPartitions] = {}

    @property
    def n_values(self) -> int:
        """Largest possible number of clusters: the number of distinct values."""
        return int(self.summary.values.size)

    def clustering(self, n_clusters: int, solver: str = "auto") -> Clustering:
        """Return the clustering of least inertia, or with ``solver="lloyd"`` the one scikit-learn finds."""
        n_clusters = min(n_clusters, self.n_values)
        if solver == "lloyd":
            return self._lloyd(n_clusters).to_clustering(self.summary, solver="lloyd")
        return self._optimum(n_clusters).to_clustering(self.summary)

    def estimate(self, n_clusters: int) -> Clustering:
        """Return the optimum, which is found at once."""
        return self.clustering(n_clusters)

    def is_quick(self, n_clusters: int) -> bool:
        """Return whether the rows of the dynamic program that `clustering` needs exist or are few."""
        n_clusters = min(n_clusters, self.n_values)
        n_points = self._n_points(n_clusters)
        partitions = self._partitions.get(n_points)
        n_rows = partitions.n_rows if partitions is not None else 0
        return (n_clusters - 1 - n_rows) * n_points <= 1 << 15

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Return the least inertia of 1 … `k_max` clusters, up to the number of distinct values."""
        return tuple(self._optimum(k).inertia for k in range(1, min(k_max, self.n_values) + 1))

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """Return k² times the least inertia of 1 … `k_max` clusters, relative to that of one cluster."""
        inertia = self.inertia(k_max)
        total = inertia[0] or 1.0
        return tuple(k * k * w / total for k, w in enumerate(inertia, start=1))

    def _optimum(self, n_clusters: int) -> Intervals:
        summary = self.summary
        n_points = self._n_points(n_clusters)
        if n_points not in self._partitions:
            few = summary if n_points == self.n_values else coarsen(summary, n_points)
            self._partitions[n_points] = OptimalPartitions(few.values, few.counts)
        partitions = self._partitions[n_points]
        centers, _, _ = partitions.cluster_statistics(partitions.splits(n_clusters))
        return Intervals.around(summary, centers) if n_points == self.n_values else polish(summary, centers)

    def _n_points(self, n_clusters: int) -> int:
        """Return the number of points that this many clusters are found on."""
        if self.summary.exact:
            return self.n_values
        enough = (n for most, n in _COARSE.items() if n_clusters <= most)
        return min(next(enough, self.n_values), self.n_values)

    def _lloyd(self, n_clusters: int) -> Intervals:
        centers = self._kmeans(n_clusters, init="k-means++", n_init=N_INIT, random_state=self.random_state)
        return Intervals.around(self.summary, centers)

    def confirm(self, n_clusters: int) -> str:
        """Start scikit-learn's KMeans from an optimum and return whether it finds something better.

        Returns
        -------
        str
            ``"confirmed"``, or ``"not comparable"`` where float64 cannot represent the comparison:
            scikit-learn subtracts the mean, and nearby values coincide next to very distant ones.

        Warns
        -----
        UserWarning
            If it finds an inertia that is smaller by more than 1e-9; the result is then
            ``"improved by scikit-learn"``.
        """
        summary, optimum = self.summary, self._optimum(n_clusters)
        if optimum.inertia <= summary.spread:
            return "confirmed"  # no inertia is smaller
        mean = self._mean()
        with np.errstate(over="ignore", invalid="ignore"):
            reach = max(mean - summary.values[0], summary.values[-1] - mean)
            # The rounding of squared distances from the mean must not exceed the differences to compare.
            comparable = np.spacing(reach * reach) <= 1e-10 * optimum.inertia / summary.n_pixels
        if not comparable:
            return "not comparable"
        centers = self._kmeans(n_clusters, init=optimum.centers[:, np.newaxis], n_init=1)
        found = Intervals.around(summary, centers)
        if found.inertia < optimum.inertia * (1 - 1e-9):
            warn_user(
                f"scikit-learn's KMeans found {n_clusters} clusters of inertia "
                f"{found.inertia:.12g}, less than the {optimum.inertia:.12g} taken for the optimum; please "
                "report this image"
            )
            return "improved by scikit-learn"
        return "confirmed"

    def _kmeans(
        self, n_clusters: int, *, n_init: int, init: str | NDArray[np.float64], random_state: int = 0
    ) -> NDArray[np.float64]:
        """Return the ascending centres that scikit-learn finds on the weighted points."""
        mean = self._mean()
        centers, _ = kmeans(
            self.summary.values[:, np.newaxis] - mean,
            self.summary.counts,
            n_clusters,
            init=init if isinstance(init, str) else init - mean,
            n_init=n_init,
            random_state=random_state,
        )
        return np.unique(centers[:, 0]) + mean

    def _mean(self) -> float:
        """Return the mean of the pixels."""
        return float(np.sum(self.summary.values * (self.summary.counts / self.summary.n_pixels)))
