"""The summary of a coherent image: its cells also carry the values of the original image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..preprocess._coherence_kernels import count_borders, count_cells
from .scalar import ScalarSummary

N_CELLS = 1 << 16
"""Equal cells over the range of the coherent image."""

_MIN_RANGE = 1e-5  # of the range of the values; a smaller range is the rounding error of a constant image


@dataclass(frozen=True, eq=False)
class CoherentIntervals:
    """Clusters of a coherent image: intervals of its values.

    Attributes
    ----------
    thresholds : (k - 1,) float64 array
        At edges of cells.
    counts : (k,) int64 array
        Pixels of each cluster.
    means : (k,) float64 array
        Means of the original values; NaN for clusters without pixels.
    inertia : float
        Sum of squared distances of the original values to the means.
    borders : (k - 1,) float64 array
        Sum of the weights of the pairs of neighbours that each threshold separates.
    """

    thresholds: NDArray[np.float64]
    counts: NDArray[np.int64]
    means: NDArray[np.float64]
    inertia: float
    borders: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CoherentSummary:
    """Pixels in cells of the coherent image u, with sums of their original values v.

    Clusters are intervals of u, and their centres are means of v. Thresholds at the edges of cells make both
    exact.

    Attributes
    ----------
    original : ScalarSummary
        Summary of v, for the histogram and the initial centres.
    edges : (n + 1,) float64 array
        Edges of the cells of u that contain pixels, ascending; a pixel equal to an edge is below it.
    counts : (n,) int64 array
        Pixels in each cell.
    sums, squares : (n,) float64 arrays
        Sums of v - origin and of its square in each cell.
    borders : (n,) float64 array
        Sum of the weights of the pairs of neighbours that a threshold at the upper edge of a cell separates.
    origin : float
    """

    original: ScalarSummary
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    borders: NDArray[np.float64]
    origin: float

    @classmethod
    def of(
        cls,
        original: ScalarSummary,
        u: NDArray[np.float32],
        values: NDArray[np.float32],
        weights: Sequence[float],
    ) -> CoherentSummary:
        """Summarize a coherent image.

        Parameters
        ----------
        original : ScalarSummary
            Summary of `values`.
        u, values : float32 arrays
            The coherent image and the image that it was made from, with NaN for excluded pixels.
        weights : sequence of float
            Weight of a pair of neighbours along each axis.
        """
        finite = np.isfinite(u)
        low, high = float(u.min(where=finite, initial=np.inf)), float(u.max(where=finite, initial=-np.inf))
        origin = float(np.sum(original.values * (original.counts / original.n_pixels))) + original.origin
        counts, sums, squares = np.zeros(N_CELLS, dtype=np.int64), np.zeros(N_CELLS), np.zeros(N_CELLS)
        least = _MIN_RANGE * float(np.ptp(original.values)) if original.values.size else 0.0
        scale = (N_CELLS - 1) / (high - low) if high - low > least else 0.0
        finite_u = u if finite.all() else np.where(finite, u, np.float32(np.nan))
        count_cells(finite_u.reshape(-1), values.reshape(-1), low, scale, counts, sums, squares, origin)
        borders = np.zeros(N_CELLS)
        for axis, weight in enumerate(weights):
            if weight > 0:
                changes = np.zeros(N_CELLS, dtype=np.int64)
                outer = int(np.prod(u.shape[:axis], dtype=np.int64))
                count_borders(finite_u.reshape(outer, u.shape[axis], -1), low, scale, changes)
                borders += weight * np.cumsum(changes)
        filled = np.flatnonzero(counts)
        upper = low + (filled + 1) / scale if scale else np.full(filled.size, high)
        below_all = float(np.nextafter(np.float32(low), np.float32(-np.inf)))
        edges = np.concatenate([[below_all], _float32_below(upper, low, scale, filled)])
        return cls(original, edges, counts[filled], sums[filled], squares[filled], borders[filled], origin)

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return int(self.counts.sum())

    @cached_property
    def coherent(self) -> ScalarSummary:
        """Summary of the coherent image alone, with each pixel at the upper edge of its cell."""
        return ScalarSummary(self.edges[1:], self.counts, exact=False)

    @cached_property
    def _cumulated(self) -> tuple[NDArray[np.float64], ...]:
        """Counts, sums and squares of all cells before each edge: (n + 1,) arrays."""
        return tuple(
            np.concatenate([[0.0], np.cumsum(each)]) for each in (self.counts, self.sums, self.squares)
        )

    def has_edges_at(self, thresholds: NDArray[np.float64]) -> bool:
        """Return whether thresholds lie at edges of cells, so that `between` counts exactly."""
        return bool(np.isin(thresholds, self.edges).all())

    def between(self, thresholds: NDArray[np.float64]) -> CoherentIntervals:
        """Return the clusters between thresholds on u, after moving these to edges of cells."""
        inner = np.searchsorted(self.edges[1:], thresholds, side="right")
        splits = np.concatenate([[0], inner, [self.counts.size]])
        counts, sums, squares = (np.diff(each[splits]) for each in self._cumulated)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums / counts
            inertia = float(np.nansum(squares - sums * means))
        borders = np.where(inner > 0, self.borders[inner - 1], 0.0)
        return CoherentIntervals(
            self.edges[inner], counts.astype(np.int64), means + self.origin, max(inertia, 0.0), borders
        )


def _float32_below(
    upper: NDArray[np.float64], low: float, scale: float, cell: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the largest float32 of each cell, ``int((x - low) * scale) == cell``.

    Comparing a pixel with such an edge gives its exact cell.
    """
    edge = upper.astype(np.float32)
    if not scale:
        return edge.astype(np.float64)
    for _ in range(4):
        beyond = ((edge.astype(np.float64) - low) * scale).astype(np.int64) > cell
        edge = np.where(beyond, np.nextafter(edge, np.float32(-np.inf)), edge)
    for _ in range(4):
        following = np.nextafter(edge, np.float32(np.inf))
        inside = ((following.astype(np.float64) - low) * scale).astype(np.int64) <= cell
        edge = np.where(inside, following, edge)
    return edge.astype(np.float64)
