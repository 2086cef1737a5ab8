"""Weighted points that k-means runs on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..summary.vector import outer_products
from ._nearest_kernels import assign, lloyd, sum_clusters
from ._projection_kernels import orthonormalize, project
from ._start_kernels import plus_plus, scatter_of_cluster, split_cluster

Floats = NDArray[np.float64]
Labels = NDArray[np.uint8]

N_AXES = 32
"""Number of principal axes that represent more features."""

_MAX_ITER = 300  # of Lloyd's iteration
_AXES_POINTS = 1024  # points used to find the axes
_FEW_VALUES = 1 << 19  # features times points; with more, restarts use the principal axes
_CUT = 1e-9  # share of the largest variance below which an axis is ignored


@dataclass(frozen=True, eq=False)
class WeightedPoints:
    """Points in the units of their scales, relative to an origin.

    Attributes
    ----------
    columns : (d, n) float64 array
        C-contiguous.
    weights : (n,) float64 array
        Number of pixels of each point.
    spread : float
        Sum of squared distances between the pixels and their points.
    scatter : (d, d) float64 array, or None
        Scatter matrix of the pixels about their points; None if they coincide.
    """

    columns: Floats
    weights: Floats
    spread: float = 0.0
    scatter: Floats | None = None

    @property
    def size(self) -> int:
        """Number of points."""
        return int(self.weights.size)

    @cached_property
    def n_distinct(self) -> int:
        """Number of distinct points; at least 2^13 if there are more."""
        # Distinct points have distinct projections along an axis in an arbitrary direction.
        factors = np.random.RandomState(0).random_sample(len(self.columns))
        for size in (1 << 14, self.size):
            along = np.zeros(min(size, self.size))
            for column, factor in zip(self.columns, factors, strict=True):
                along += column[:size] * factor
            n = int(np.unique(along).size)
            if n >= 1 << 13:
                break
        return n

    def assign(self, centers: Floats) -> tuple[Labels, Floats]:
        """Return the nearest centre of each point, and its squared distance."""
        labels, distances = np.empty(self.size, dtype=np.uint8), np.empty(self.size)
        assign(self.columns, np.ascontiguousarray(centers), labels, distances)
        return labels, distances

    def inertia(self, centers: Floats) -> float:
        """Return the inertia of the pixels around their nearest centres."""
        return float(np.sum(self.assign(centers)[1] * self.weights)) + self.spread

    def lloyd(self, centers: Floats) -> tuple[Floats, Labels]:
        """Move centres by Lloyd's iteration; return them and the cluster of each point."""
        centers, labels = centers.copy(), np.empty(self.size, dtype=np.uint8)
        lloyd(self.columns, self.weights, centers, _MAX_ITER, labels)
        return centers, labels

    def restart(self, randoms: Floats) -> tuple[Floats, float]:
        """Return the result of one restart of k-means++, and its inertia; see `plus_plus`."""
        centers, _ = self.lloyd(plus_plus(self.columns, self.weights, randoms))
        return centers, self.inertia(centers)

    def means(self, labels: Labels, n_clusters: int) -> Floats:
        """Return the mean of each cluster: (n_clusters, d) array, 0 if it is empty."""
        sums, totals = np.empty((n_clusters, len(self.columns))), np.empty(n_clusters)
        sum_clusters(self.columns, self.weights, labels, sums, totals)
        return sums / np.maximum(totals, 1)[:, np.newaxis]

    @cached_property
    def whitening(self) -> tuple[Floats, Floats]:
        """Mean of the pixels, and the matrix that whitens them."""
        mean = np.sum(self.columns * (self.weights / self.weights.sum()), axis=1)
        total = outer_products((self.columns - mean[:, np.newaxis]).T, self.weights)
        if self.scatter is not None:
            total += self.scatter
        variances, axes = np.linalg.eigh(total / self.weights.sum())
        kept = variances > _CUT * variances[-1]
        return mean, axes[:, kept] / np.sqrt(variances[kept])

    @cached_property
    def axes(self) -> Floats | None:
        """Principal axes: (d, 32) orthonormal columns; None if there are no more than 32 features."""
        if len(self.columns) <= N_AXES:
            return None
        subset = self.columns[:, :_AXES_POINTS]
        subset = subset - np.sum(subset / subset.shape[1], axis=1)[:, np.newaxis]
        axes = np.zeros((N_AXES, len(subset)))
        axes[: subset.shape[1]] = subset[:, :N_AXES].T
        orthonormalize(axes)
        # Subspace iteration: the leading axes, which separate clusters, converge quickly.
        for _ in range(2):
            places = project(subset, np.ascontiguousarray(axes.T))
            axes = project(np.ascontiguousarray(subset.T), np.ascontiguousarray(places.T))
            orthonormalize(axes)
        return np.ascontiguousarray(axes.T)

    @cached_property
    def projected(self) -> WeightedPoints:
        """The points along their principal axes; unchanged if there are few features."""
        return self if self.axes is None else replace(self, columns=self.project(self.columns))

    @property
    def searched(self) -> WeightedPoints:
        """Points used for restarts: these, or `projected` if these have too many values."""
        return self if self.columns.size <= _FEW_VALUES else self.projected

    def project(self, columns: Floats) -> Floats:
        """Return the coordinates of other (d, m) points along the principal axes."""
        return columns if self.axes is None else project(np.ascontiguousarray(columns), self.axes)


class Splits:
    """Deterministic starts: clusters are split in two, one after another.

    The cluster with the largest scatter is split at its mean, perpendicular to its principal axis [1]_.

    References
    ----------
    .. [1] T. Su and J. G. Dy, "In search of deterministic methods for initializing K-means and Gaussian
           mixture clustering", Intelligent Data Analysis 11(4), 319-338, 2007.
    """

    def __init__(self, points: WeightedPoints) -> None:
        d = len(points.columns)
        self._points = points
        self._labels = np.zeros(points.size, dtype=np.uint8)
        self._means, self._scatters = [np.empty(d)], [np.empty((d, d))]
        self._found: list[Floats] = []
        self._measure(0)
        self._keep()

    def centers(self, n_clusters: int) -> Floats:
        """Return the means of clusters: (n_clusters, d) array, with fewer rows if there are fewer points."""
        while len(self._found) < n_clusters:
            old = int(np.argmax([np.trace(scatter) for scatter in self._scatters]))
            new = len(self._means)
            scatter, mean = self._scatters[old], self._means[old]
            if not split_cluster(self._points.columns, self._labels, scatter, mean, old, new):
                return self._found[-1]  # all points of each cluster are the same
            self._means.append(np.empty_like(self._means[0]))
            self._scatters.append(np.empty_like(self._scatters[0]))
            self._measure(old)
            self._measure(new)
            self._keep()
        return self._found[n_clusters - 1]

    def _measure(self, number: int) -> None:
        """Compute mean and scatter of a cluster."""
        points = self._points
        scatter_of_cluster(
            points.columns, points.weights, self._labels, number, self._means[number], self._scatters[number]
        )

    def _keep(self) -> None:
        self._found.append(np.stack(self._means))
