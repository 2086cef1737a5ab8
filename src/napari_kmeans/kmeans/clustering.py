"""From a summary and a number of clusters to centres, exactly or as scikit-learn does; and how many clusters.

Nothing here reads pixels.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..summary.scalar import Summary, coarsen
from .exact import OptimalPartitions
from .lloyd import kmeans

SOLVERS = ("auto", "exact", "lloyd")

N_INIT = 10
"""Starts of scikit-learn's KMeans with ``solver="lloyd"``; the best is kept."""

# Cells instead of values are an approximation anyway: a thousand a cluster find the same optimum, many times
# as fast, and a few steps on all of them remove what is left. At most clusters : points.
_COARSE = {4: 1 << 12, 16: 1 << 14}

_NOTABLE = 0.95  # of what an even spread leaves; whole numbers and chance alone can save a little


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters of a summary, from dark to bright.

    Attributes
    ----------
    centers : (k,) float64 array, or (k, d) for several features
        In the units of the summary's values.
    thresholds : (k - 1,) float64 array, or empty for several features
        Halfway between centres; a value equal to one belongs to the darker cluster.
    counts : (k,) int64 array
        Pixels of each cluster.
    inertia : float
        Sum of squared distances of the pixels to their centre, the spread inside cells included.
    n_init : int
        Random starts that were tried; 0 where none was needed.
    start_spread : float
        By how much, relative to the best, the worst of these ended above it.
    """

    centers: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    counts: NDArray[np.int64]
    inertia: float
    n_init: int = 0
    start_spread: float = 0.0

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.counts.size)


@dataclass(frozen=True)
class Suggestion:
    """A number of clusters that suits an image.

    Attributes
    ----------
    n_clusters : int
        The suggestion: at least 2, unless all pixels have one value.
    inertia : tuple of float
        Least inertia of 1, 2, …, k_max clusters: that of k clusters is ``inertia[k - 1]``. Shorter than k_max
        if there are fewer distinct values.
    reason : str
        Why, in a sentence.
    """

    n_clusters: int
    inertia: tuple[float, ...]
    reason: str

    @property
    def explained_variance(self) -> tuple[float, ...]:
        """Share of the variance that 1, 2, … clusters explain, 0 to 1."""
        total = self.inertia[0]
        return tuple(1 - inertia / total if total > 0 else 1.0 for inertia in self.inertia)


class Optimum:
    """The optimal clusterings of one summary, for any number of clusters.

    What is computed for one number is kept for the others, so moving a slider costs next to nothing.
    """

    uncertainty = 0.0

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self._partitions: dict[int, OptimalPartitions] = {}

    @property
    def n_values(self) -> int:
        """Largest number of clusters there can be."""
        return int(self.summary.values.size)

    def clustering(self, n_clusters: int) -> Clustering:
        """Return the clustering of least inertia, of at most as many clusters as there are values."""
        summary = self.summary
        n_clusters = min(n_clusters, self.n_values)
        n_points = self._n_points(n_clusters)
        if n_points not in self._partitions:
            few = summary if n_points == self.n_values else coarsen(summary, n_points)
            self._partitions[n_points] = OptimalPartitions(few.values, few.counts)
        partitions = self._partitions[n_points]
        centers, _, _ = partitions.describe(partitions.splits(n_clusters))
        return describe(summary, centers) if n_points == self.n_values else polish(summary, centers)

    def estimate(self, n_clusters: int) -> Clustering:
        """Return the optimum: it is found at once."""
        return self.clustering(n_clusters)

    def is_quick(self, n_clusters: int) -> bool:
        """Whether `clustering` takes milliseconds: the rows it needs are there, or soon made."""
        n_clusters = min(n_clusters, self.n_values)
        n_points = self._n_points(n_clusters)
        partitions = self._partitions.get(n_points)
        n_rows = partitions.n_rows if partitions is not None else 0
        return (n_clusters - 1 - n_rows) * n_points <= 1 << 15

    def _n_points(self, n_clusters: int) -> int:
        """Points that so many clusters are found on."""
        if self.summary.exact:
            return self.n_values
        enough = (n for most, n in _COARSE.items() if n_clusters <= most)
        return min(next(enough, self.n_values), self.n_values)

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Least inertia of 1 … `k_max` clusters, as far as there are distinct values."""
        return tuple(self.clustering(k).inertia for k in range(1, min(k_max, self.n_values) + 1))

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """k² times the least inertia of 1 … `k_max` clusters, as a share of that of one."""
        inertia = self.inertia(k_max)
        total = inertia[0] or 1.0
        return tuple(k * k * w / total for k, w in enumerate(inertia, start=1))


class Clusterings(Protocol):
    """What finds clusters of an image's summary: `Optimum`, and `search.Search` for several features."""

    @property
    def uncertainty(self) -> float:
        """Relative error that `marriott` may have; of numbers of clusters so close, the least wins."""

    @property
    def n_values(self) -> int:
        """Largest number of clusters there can be, if that is less than 256."""

    def clustering(self, n_clusters: int) -> Clustering:
        """Return the best clustering there is."""

    def estimate(self, n_clusters: int) -> Clustering:
        """Return one within milliseconds, which may be less good."""

    def is_quick(self, n_clusters: int) -> bool:
        """Whether `clustering` takes milliseconds."""

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Inertia of 1 … `k_max` clusters."""

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """Marriott's criterion for 1 … `k_max` clusters, as a share of that for one."""


def describe(
    summary: Summary, centers: NDArray[np.float64], thresholds: NDArray[np.float64] | None = None
) -> Clustering:
    """Clusters of a summary with given centres, or with given thresholds and the means between them.

    With thresholds a cluster may be empty; its centre is then the one given.
    """
    means = thresholds is not None
    if thresholds is None:
        thresholds = midpoints(centers)
    splits = np.searchsorted(summary.values, thresholds, side="right")
    cluster = np.repeat(np.arange(centers.size), np.diff(splits, prepend=0, append=summary.values.size))
    counts = np.zeros(centers.size, dtype=np.int64)
    np.add.at(counts, cluster, summary.counts)
    if means:
        offset = summary.values - centers[cluster]
        shift = np.bincount(cluster, weights=summary.counts * offset, minlength=centers.size)
        centers = centers + shift / np.maximum(counts, 1)
    distance = summary.values - centers[cluster]
    inertia = float(np.sum(summary.counts * distance * distance)) + summary.spread
    return Clustering(centers, thresholds, counts, inertia)


def midpoints(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Thresholds of the nearest centre, without overflow."""
    return centers[:-1] + (centers[1:] / 2 - centers[:-1] / 2)


def polish(summary: Summary, centers: NDArray[np.float64], max_iter: int = 100) -> Clustering:
    """Move centres to the means of what is nearest to them, until nothing moves: Lloyd's iteration."""
    # Each mean from a sum over its own values alone, so that far ones cannot blur it; `describe` makes the
    # last one exact.
    weighted = summary.counts * summary.values
    splits = None
    for _ in range(max_iter):
        inner = np.searchsorted(summary.values, midpoints(centers), side="right")
        moved = np.concatenate([[0], inner, [summary.values.size]])
        if splits is not None and np.array_equal(moved, splits):
            break
        splits = moved
        # Where an interval is empty, reduceat gives its first value; the centre stays then.
        starts = np.minimum(splits[:-1], summary.values.size - 1)
        filled = np.diff(splits) > 0
        count = np.add.reduceat(summary.counts, starts)
        centers = np.where(filled, np.add.reduceat(weighted, starts) / count, centers)
    exact = describe(summary, centers, midpoints(centers)).centers
    return min(describe(summary, exact), describe(summary, centers), key=lambda result: result.inertia)


def lloyd(summary: Summary, n_clusters: int, random_state: int) -> Clustering:
    """Cluster a summary with scikit-learn's KMeans: k-means++, `N_INIT` starts, the best kept.

    Parameters
    ----------
    summary : Summary
    n_clusters : int
        At most the number of distinct values.
    random_state : int
    """
    centers = _kmeans(summary, n_clusters, init="k-means++", n_init=N_INIT, random_state=random_state)
    return describe(summary, centers)


def confirm(summary: Summary, clustering: Clustering) -> str:
    """Let scikit-learn's KMeans look for something better than an optimum, starting there.

    Returns
    -------
    str
        "confirmed", or "not comparable" where float64 cannot hold the comparison: scikit-learn subtracts
        the mean, and with values very far apart the nearer ones vanish in that.

    Warns
    -----
    UserWarning
        If it finds an inertia lower by more than 1e-9; the result is then "improved by scikit-learn".
    """
    if clustering.inertia <= summary.spread:
        return "confirmed"  # nothing is below zero
    mean = _weighted_mean(summary)
    with np.errstate(over="ignore", invalid="ignore"):
        reach = max(mean - summary.values[0], summary.values[-1] - mean)
        # It compares squares of distances from the mean; their rounding must not drown the scatter.
        comparable = np.spacing(reach * reach) <= 1e-10 * clustering.inertia / summary.n_pixels
    if not comparable:
        return "not comparable"
    start = clustering.centers[:, np.newaxis]
    found = describe(summary, _kmeans(summary, clustering.n_clusters, init=start, n_init=1))
    if found.inertia < clustering.inertia * (1 - 1e-9):
        warnings.warn(
            f"scikit-learn's KMeans found {clustering.n_clusters} clusters of inertia {found.inertia:.12g}, "
            f"less than the {clustering.inertia:.12g} held for the optimum; please report this image",
            stacklevel=2,
        )
        return "improved by scikit-learn"
    return "confirmed"


def _kmeans(
    summary: Summary,
    n_clusters: int,
    *,
    n_init: int,
    init: str | NDArray[np.float64],
    random_state: int = 0,
) -> NDArray[np.float64]:
    """Ascending centres found by scikit-learn on the weighted points."""
    mean = _weighted_mean(summary)
    centers, _ = kmeans(
        summary.values[:, np.newaxis] - mean,
        summary.counts,
        n_clusters,
        init=init if isinstance(init, str) else init - mean,
        n_init=n_init,
        random_state=random_state,
    )
    return np.unique(centers[:, 0]) + mean


def _weighted_mean(summary: Summary) -> float:
    """Mean of the pixels."""
    return float(np.sum(summary.values * (summary.counts / summary.n_pixels)))


def suggest(optimum: Clusterings, k_max: int) -> Suggestion:
    """Suggest a number of clusters by Marriott's criterion.

    The k of least k² W(k), with W(k) the least inertia of k clusters: where k clusters gain most over cutting
    an even spread of values in k equal parts, for which k² W(k) is constant. That is the gap statistic with a
    uniform reference, whose expectation is known on a line; and unlike likelihoods it does not grow more
    certain merely because an image has many pixels. One cluster is suggested for an image of one value only.

    Of several features, W(k) is the determinant of the matrix of their scatter within clusters, as Marriott
    has it. It does not depend on the features' scales, and k² W(k) of an even spread is the same for every k
    whether that is a ball, a sheet or a line: colours of an image are often nearly one or the other, and
    k^(2/d) times the inertia, which fits the ball alone, would go on falling for them.

    References
    ----------
    .. [1] F. H. C. Marriott, "Practical problems in a method of cluster analysis", Biometrics 27(3), 501-514,
           1971.
    .. [2] R. Tibshirani, G. Walther and T. Hastie, "Estimating the number of clusters in a data set via the
           gap statistic", Journal of the Royal Statistical Society B 63(2), 411-423, 2001.
    """
    inertia = optimum.inertia(k_max)
    total = inertia[0]
    if len(inertia) == 1:
        n = 1
        reason = "1 is the only choice looked at." if optimum.n_values > 1 else "All pixels have one value."
        return Suggestion(n, inertia, reason)
    criterion = optimum.marriott(k_max)
    near_least = np.asarray(criterion[1:]) <= min(criterion[1:]) * (1 + optimum.uncertainty)
    n = 2 + int(np.argmax(near_least))
    share = 100 * (1 - inertia[n - 1] / total)
    if criterion[n - 1] < _NOTABLE:
        reason = (
            f"{n} clusters explain {share:.1f} % of the variance, the largest gain over an even spread of "
            f"values among 2 to {len(inertia)}."
        )
    else:
        reason = (
            f"The values form a single group, so no number stands out; {n} clusters explain {share:.1f} % of "
            "the variance."
        )
    return Suggestion(n, inertia, reason)
