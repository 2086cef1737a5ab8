"""Clusters of one feature: intervals of the value axis."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..summary.scalar import ScalarSummary
from .clustering import Clustering

_MIN_INERTIA = 1e-290  # below, squared distances lose digits


@dataclass(frozen=True, eq=False)
class Intervals:
    """Clusters of a `ScalarSummary`, in ascending order, relative to its origin.

    Attributes
    ----------
    centers : (k,) float64 array
    thresholds : (k - 1,) float64 array
        A value equal to a threshold belongs to the lower cluster.
    counts : (k,) int64 array
        Pixels of each cluster.
    inertia : float
        Sum of squared distances of the pixels to their centre, including the spread within cells.
    """

    centers: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    counts: NDArray[np.int64]
    inertia: float

    @classmethod
    def around(cls, summary: ScalarSummary, centers: NDArray[np.float64]) -> Intervals:
        """Assign each pixel to the nearest of the given centres, which need not be cluster means."""
        thresholds = midpoints(centers)
        cluster, counts = _assign(summary, thresholds)
        return cls(centers, thresholds, counts, _inertia(summary, centers, cluster))

    @classmethod
    def between(
        cls, summary: ScalarSummary, thresholds: NDArray[np.float64], centers: NDArray[np.float64]
    ) -> Intervals:
        """Return the clusters between thresholds, each with its mean as the centre.

        The mean is computed relative to the given `centers`, and an empty cluster keeps the given one.
        """
        cluster, counts = _assign(summary, thresholds)
        offset = summary.values - centers[cluster]
        shift = np.bincount(cluster, weights=summary.counts * offset, minlength=centers.size)
        centers = centers + shift / np.maximum(counts, 1)
        return cls(centers, thresholds, counts, _inertia(summary, centers, cluster))

    def to_clustering(self, summary: ScalarSummary, *, solver: str = "exact", n_init: int = 0) -> Clustering:
        """Return the clusters in the image's own units."""
        origin = summary.origin
        return Clustering(
            centers=(self.centers + origin)[:, np.newaxis],
            thresholds=self.thresholds + origin,
            counts=self.counts,
            inertia=self.inertia,
            explained_variance=1 - self.unexplained_variance(summary),
            feature_names=(),
            scales=np.ones(1),
            solver=solver,
            n_init=n_init,
            integer_thresholds=tuple(origin + math.floor(t) for t in self.thresholds) if origin else (),
        )

    def unexplained_variance(self, summary: ScalarSummary) -> float:
        """Return the inertia relative to that of a single cluster; 0 for a constant image."""
        total = total_inertia(summary)
        if total < _MIN_INERTIA and summary.values[0] < summary.values[-1]:
            # Squares of such small values underflow, but their ratio does not. The spread is negligible.
            exponent = -int(np.frexp(max(-summary.values[0], summary.values[-1]))[1])
            larger = replace(summary, values=np.ldexp(summary.values, exponent), spread=0.0)
            found = Intervals.between(
                larger, np.ldexp(self.thresholds, exponent), np.ldexp(self.centers, exponent)
            )
            return found.inertia / total_inertia(larger)
        return self.inertia / total if total > 0 else 0.0


def total_inertia(summary: ScalarSummary) -> float:
    """Return the inertia of all pixels as one cluster."""
    mean = Intervals.between(summary, np.empty(0), np.array([0.0])).centers
    return Intervals.between(summary, np.empty(0), mean).inertia


def midpoints(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the thresholds halfway between centres, without overflow."""
    return centers[:-1] + (centers[1:] / 2 - centers[:-1] / 2)


def _assign(
    summary: ScalarSummary, thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cluster of each point, and the number of pixels in each cluster."""
    splits = np.searchsorted(summary.values, thresholds, side="right")
    sizes = np.diff(splits, prepend=0, append=summary.values.size)
    cluster = np.repeat(np.arange(sizes.size), sizes)
    counts = np.zeros(sizes.size, dtype=np.int64)
    np.add.at(counts, cluster, summary.counts)
    return cluster, counts


def _inertia(summary: ScalarSummary, centers: NDArray[np.float64], cluster: NDArray[np.int64]) -> float:
    """Return the inertia of points in these clusters, including the spread within cells."""
    distance = summary.values - centers[cluster]
    return float(np.sum(summary.counts * distance * distance)) + summary.spread
