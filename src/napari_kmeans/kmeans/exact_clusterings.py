"""Clusterings of one feature: exact, for every number of clusters."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..summary.scalar import ScalarSummary
from ..user_warning import warn_user
from .clustering import Clustering
from .exact import OptimalPartitions
from .intervals import Intervals
from .scikit_learn import kmeans

N_INIT = 10
"""Restarts of scikit-learn's KMeans with ``solver="lloyd"``; the best is kept."""

_MAX_QUICK = 1 << 17  # values times rows of the dynamic program that are computed in milliseconds


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
        self._optima: dict[int, Intervals] = {}

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
        """Return the optimum itself, which is fast to find."""
        return self.clustering(n_clusters)

    def is_quick(self, n_clusters: int) -> bool:
        """Return whether `clustering` needs few new rows of the dynamic program, or none."""
        rows = min(n_clusters, self.n_values) - 1
        if "_partitions" in self.__dict__:  # a cached property, which has been used
            rows -= self._partitions.n_rows
        return rows * self.n_values <= _MAX_QUICK

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Return the least inertia of 1 … `k_max` clusters, up to the number of distinct values."""
        return tuple(self._optimum(k).inertia for k in range(1, min(k_max, self.n_values) + 1))

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """Return k² times the least inertia of 1 … `k_max` clusters, relative to that of one cluster."""
        optima = [self._optimum(k) for k in range(1, min(k_max, self.n_values) + 1)]
        return tuple(
            k * k * found.unexplained_variance(self.summary) for k, found in enumerate(optima, start=1)
        )

    @cached_property
    def _partitions(self) -> OptimalPartitions:
        return OptimalPartitions(self.summary.values, self.summary.counts)

    def _optimum(self, n_clusters: int) -> Intervals:
        """Return the optimal clusters, and keep them."""
        if n_clusters not in self._optima:
            self._optima[n_clusters] = self._find_optimum(n_clusters)
        return self._optima[n_clusters]

    def _find_optimum(self, n_clusters: int) -> Intervals:
        """Return the clusters between the optimal borders, with thresholds that separate the same values."""
        borders = self._partitions.borders(n_clusters)
        centers, counts, scatter = self._partitions.cluster_statistics(borders)
        inertia = float(scatter.sum()) + self.summary.spread
        found = Intervals.around(self.summary, centers)
        if np.array_equal(found.counts, counts) and found.inertia <= inertia * (1 + 1e-12):
            return found
        # The values are so close that the midpoints of rounded means put some on the wrong side.
        below, above = (self.summary.values[borders[1:-1] - side] for side in (1, 0))
        thresholds = np.clip(found.thresholds, below, np.nextafter(above, below))
        return Intervals(centers, thresholds, counts, inertia)

    def _lloyd(self, n_clusters: int) -> Intervals:
        """Return the clusters that scikit-learn finds."""
        centers = self._kmeans(n_clusters, init="k-means++", n_init=N_INIT, random_state=self.random_state)
        return Intervals.around(self.summary, centers)

    def confirm(self, n_clusters: int) -> str:
        """Start scikit-learn's KMeans from an optimum and return whether it finds a better result.

        Returns
        -------
        str
            ``"confirmed"``, or ``"not comparable"`` if float64 is not precise enough: scikit-learn subtracts
            the mean, so close values become equal if others are very distant.

        Warns
        -----
        UserWarning
            If it finds an inertia that is smaller by more than 1e-9; the result is then
            ``"improved by scikit-learn"``.
        """
        summary, optimum = self.summary, self._optimum(n_clusters)
        if optimum.inertia <= summary.spread:
            return "confirmed"  # a smaller inertia is impossible
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
