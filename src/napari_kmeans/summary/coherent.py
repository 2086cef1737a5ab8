"""The summary of a coherent image: its cells also carry the values of the original image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .scalar import ScalarSummary

N_CELLS = 1 << 16
"""Equal cells over the range of the coherent image."""


@dataclass(frozen=True, eq=False)
class CoherentSummary:
    """Pixels in cells of the coherent image u, with sums of their original values v.

    Clusters are intervals of u, and their centres are means of v. Thresholds at the edges of cells make both
    exact.

    Attributes
    ----------
    original : ScalarSummary
        Summary of v, for the histogram and for the centres to begin with.
    edges : (n + 1,) float64 array
        Edges of the cells of u that contain pixels, ascending; a pixel equal to an edge is below it.
    counts : (n,) int64 array
        Pixels in each cell.
    sums, squares : (n,) float64 arrays
        Sums of v - origin and of its square in each cell.
    origin : float
    """

    original: ScalarSummary
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    origin: float

    @classmethod
    def of(
        cls, original: ScalarSummary, u: NDArray[np.float32], values: NDArray[np.float32]
    ) -> CoherentSummary:
        """Summarize a coherent image and the image that it was made of, both with NaN where excluded."""
        from ..preprocess._kernels import coherent_cells

        finite = np.isfinite(u)
        low, high = float(u.min(where=finite, initial=np.inf)), float(u.max(where=finite, initial=-np.inf))
        origin = float(np.sum(original.values * (original.counts / original.n_pixels))) + original.origin
        counts, sums, squares = np.zeros(N_CELLS, dtype=np.int64), np.zeros(N_CELLS), np.zeros(N_CELLS)
        scale = (N_CELLS - 1) / (high - low) if high > low else 0.0
        finite_u = u if finite.all() else np.where(finite, u, np.float32(np.nan))
        coherent_cells(finite_u.reshape(-1), values.reshape(-1), low, scale, counts, sums, squares, origin)
        filled = np.flatnonzero(counts)
        # The float32 value just below the next cell, so that comparing pixels with an edge gives their cell.
        upper = low + (filled + 1) / scale if scale else np.full(filled.size, high)
        edges = np.concatenate([[-np.inf], _float32_below(upper, low, scale, filled)])
        return cls(original, edges, counts[filled], sums[filled], squares[filled], origin)

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return int(self.counts.sum())

    @cached_property
    def _cumulated(self) -> tuple[NDArray[np.float64], ...]:
        return tuple(
            np.concatenate([[0.0], np.cumsum(each)]) for each in (self.counts, self.sums, self.squares)
        )

    def between(self, thresholds: NDArray[np.float64]) -> Any:
        """Return counts, means and inertia of the pixels between thresholds on u, snapped to edges.

        Returns
        -------
        thresholds : (k - 1,) float64 array
        counts : (k,) int64 array
        means : (k,) float64 array
            Means of v; NaN where there are no pixels.
        inertia : float
            Sum of squared distances of v to the means.
        """
        inner = np.searchsorted(self.edges[1:-1], thresholds, side="right")
        splits = np.concatenate([[0], inner, [self.counts.size]])
        counts, sums, squares = (np.diff(each[splits]) for each in self._cumulated)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums / counts
            inertia = float(np.nansum(squares - sums * means))
        return self.edges[inner], counts.astype(np.int64), means + self.origin, max(inertia, 0.0)


def _float32_below(
    upper: NDArray[np.float64], low: float, scale: float, cell: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the largest float32 of each cell, ``int((x - low) * scale) == cell``."""
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
