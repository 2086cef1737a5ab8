"""The summary of several features: weighted points in feature space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNTED_FEATURES = (2, 3)
"""Numbers of features for which all pixels are counted; with others they are sampled."""


@dataclass(frozen=True, eq=False)
class VectorSummary:
    """Weighted points that stand for the pixels of an image, made by `color_cells` or by `sample`.

    Attributes
    ----------
    positions : (n, d) float64 array
        Points in the features' own units: a colour, the mean of a cell, or a sampled pixel.
    counts : (n,) int64 array
        Number of pixels at each point.
    scatter : (d, d) float64 array
        Sum of the outer products of the differences between the pixels and their point; zeros where each
        point is a single colour.
    scales : (d,) float64 array
        What counts as a distance of 1 along each axis.
    brightness_weights : (d,) float64 array
        Weights of the features in the brightness that orders the labels.
    n_pixels : int
        Number of pixels that the points stand for; more than the sum of `counts` for a sample.
    names : tuple of str
        Names of the features.
    brightness : (n,) float64 array or None
        Brightness of each point, where it does not follow from the features.
    """

    positions: NDArray[np.float64]
    counts: NDArray[np.int64]
    scatter: NDArray[np.float64]
    scales: NDArray[np.float64]
    brightness_weights: NDArray[np.float64]
    n_pixels: int
    names: tuple[str, ...] = ()
    brightness: NDArray[np.float64] | None = None

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.positions.shape[1])

    @property
    def is_of_cells(self) -> bool:
        """Whether all pixels were counted, so that no two points are the same; else this is a sample."""
        return self.n_features in COUNTED_FEATURES

    @property
    def sample_size(self) -> int:
        """Number of sampled pixels; 0 if all pixels were counted."""
        n_counted = int(self.counts.sum())
        return n_counted if n_counted < self.n_pixels else 0

    @property
    def pixels_per_count(self) -> float:
        """Number of pixels that each of `counts` stands for: 1 unless this is a sample."""
        return self.n_pixels / int(self.counts.sum())

    def mean(self) -> NDArray[np.float64]:
        """Return the mean of the pixels: (d,) float64 array."""
        shares = self.counts / self.counts.sum()
        return np.array([np.sum(axis * shares) for axis in self.positions.T])

    def standard_deviations(self) -> NDArray[np.float64]:
        """Return the standard deviation along each axis, 1 for a constant one: (d,) float64 array."""
        distance = self.positions - self.mean()
        squares = np.sum(self.counts[:, np.newaxis] * distance * distance, axis=0)
        variance = (squares + np.diagonal(self.scatter)) / self.counts.sum()
        return np.where(variance > 0, np.sqrt(variance), 1.0)

    def spread(self) -> float:
        """Return the sum of squared distances, in scales, between the counted pixels and their points."""
        return float(np.sum(np.diagonal(self.scatter) / self.scales**2))


def outer_products(points: NDArray[np.float64], counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the weighted sum of the outer products of points with themselves: (d, d) float64 array.

    Computed one product at a time: the rounding of a matrix product depends on the number of threads.
    """
    d = points.shape[1]
    total = np.empty((d, d))
    columns = np.ascontiguousarray(points.T)
    for i, column in enumerate(columns):
        weighted = counts * column
        for j in range(i, d):
            total[i, j] = total[j, i] = np.sum(weighted * columns[j])
    return total
