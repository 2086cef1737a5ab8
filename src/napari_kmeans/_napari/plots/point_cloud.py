"""Two axes of a summary of several features, and a subset of its points that looks like all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...model.model import KMeansModel
from ...summary.vector import VectorSummary, outer_products

N_SHOWN = 2000
"""Largest number of points that are drawn and coloured at each step of the slider."""

_GRIDS = ((128, 80), (96, 60), (72, 45), (56, 35))  # the last has at most N_SHOWN cells
_FAR = 5  # in ranges of nearly all pixels
_N_SAMPLED = 1 << 14  # points that ranges and correlations are computed from

Span = tuple[float, float]


class PointCloud:
    """A summary of several features, prepared for drawing along any two of them.

    Parameters
    ----------
    cloud : VectorSummary
    """

    def __init__(self, cloud: VectorSummary) -> None:
        # Points with more pixels come last, so they replace others where only one point can be drawn.
        order = np.argsort(cloud.counts, kind="stable")
        self.positions = cloud.positions[order]
        self.counts = cloud.counts[order].astype(np.float64)
        self.names = cloud.names
        step = -(-order.size // _N_SAMPLED)
        self._some, self._some_counts = self.positions[::-step], self.counts[::-step]

    def extent(self, axis: int) -> Span:
        """Return the range of nearly all pixels along an axis; a few far outliers are excluded."""
        values = self._some[:, axis]
        order = np.argsort(values, kind="stable")
        cumulated = np.cumsum(self._some_counts[order])
        ends = np.searchsorted(cumulated, np.array([0.0005, 0.9995]) * cumulated[-1])
        first, last = values[order[ends.clip(max=order.size - 1)]]
        low, high = float(self.positions[:, axis].min()), float(self.positions[:, axis].max())
        # Outliers are excluded only if the rest would otherwise be too narrow to see.
        if last > first and high - low > _FAR * (last - first):
            reach = 0.25 * (last - first)
            low, high = max(low, float(first - reach)), min(high, float(last + reach))
        return (low, high) if low < high else (low - 0.5, high + 0.5)

    def informative_axes(self, spread: NDArray[np.float64] | None = None) -> tuple[int, int]:
        """Return the axis with the largest variance, and the one with the largest part not explained by it.

        Parameters
        ----------
        spread : (d,) float64 array, optional
            A variance per axis; by default that of the points.
        """
        mean = np.average(self._some, axis=0, weights=self._some_counts)
        covariance = outer_products(self._some - mean, self._some_counts) / self._some_counts.sum()
        variance = np.diagonal(covariance)
        spread = variance if spread is None else spread
        first = int(np.argmax(spread))
        scale = variance * variance[first]
        shared = np.divide(covariance[first] ** 2, scale, out=np.zeros_like(scale), where=scale > 0)
        own = spread * (1 - shared)
        own[first] = -1
        return first, int(np.argmax(own))

    def thinned(
        self, axes: tuple[int, int], view: tuple[Span, Span]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Choose points to draw: of overlapping points, the one with the most pixels.

        Parameters
        ----------
        axes : (int, int)
        view : two pairs of float
            The visible range of each axis.

        Returns
        -------
        chosen : (n,) int64 array
            At most `N_SHOWN` points.
        pixels : (n,) float64 array
            Number of pixels of each, including those of the points that it represents.
        """
        x, y = (self.positions[:, axis] for axis in axes)
        (left, right), (bottom, top) = view
        [inside] = np.nonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
        across = (x[inside] - left) * ((1 - 1e-9) / (right - left))
        up = (y[inside] - bottom) * ((1 - 1e-9) / (top - bottom))
        for columns, rows in _GRIDS:
            cell = (across * columns).astype(np.int64) * rows + (up * rows).astype(np.int64)
            heaviest = np.full(columns * rows, -1)
            heaviest[cell] = inside
            [filled] = np.nonzero(heaviest >= 0)
            if filled.size <= N_SHOWN:
                break
        pixels = np.bincount(cell, weights=self.counts[inside], minlength=heaviest.size)
        return heaviest[filled].astype(np.int64), pixels[filled].astype(np.float64)


def variance_between(model: KMeansModel) -> NDArray[np.float64]:
    """Return the variance of the centres along each feature, in squared scales: (d,) float64 array."""
    places = model.centers / model.scales
    weights = model.counts if model.counts.any() else None
    mean = np.average(places, axis=0, weights=weights)
    return np.asarray(np.average((places - mean) ** 2, axis=0, weights=weights))
