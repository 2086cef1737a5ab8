"""Smallest possible inertia, computed from the distinct pixel values without any contender."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_kmeans.kmeans.exact import OptimalPartitions

_MOST = 1 << 16


def optimum(values: NDArray, k: int) -> tuple[float, int, str]:
    """Return the smallest inertia of `k` clusters, the number of distinct values, and the method.

    Up to 65,536 distinct values the inertia is exact, and ckwrap, if installed, must agree. With more values,
    neighbours are grouped first, and Lloyd's steps over all values refine the optimum of the groups.
    """
    distinct, counts = np.unique(values, return_counts=True)
    distinct = distinct.astype(np.float64)
    if distinct.size > _MOST:
        return (
            _by_cells(distinct, counts, k),
            distinct.size,
            "exact for 65,536 cells, refined by Lloyd's steps over all pixels",
        )
    least = OptimalPartitions(distinct, counts).inertia(k)
    try:
        import ckwrap
    except ImportError:
        return least, distinct.size, "exact (not confirmed, because ckwrap is not installed)"
    theirs = float(np.sum(ckwrap.ckmeans(distinct, k, weights=counts.astype(np.float64)).withinss))
    if abs(theirs - least) > 1e-9 * least:
        raise ArithmeticError(f"the optimum is {least:.12g} here and {theirs:.12g} by ckwrap")
    return least, distinct.size, "exact, confirmed by ckwrap"


def _by_cells(distinct: NDArray[np.float64], counts: NDArray[np.int64], k: int) -> float:
    starts = np.linspace(0, distinct.size, _MOST, endpoint=False).astype(np.int64)
    offset = distinct - distinct[distinct.size // 2]
    pixels = np.add.reduceat(counts, starts)
    means = np.add.reduceat(counts * offset, starts) / pixels
    cells = OptimalPartitions(means, pixels)
    borders = np.append(starts, distinct.size)[cells.borders(k)]
    while True:
        centers = np.add.reduceat(counts * offset, borders[:-1]) / np.add.reduceat(counts, borders[:-1])
        inner = np.searchsorted(offset, (centers[1:] + centers[:-1]) / 2, side="right")
        moved = np.concatenate([[0], inner, [distinct.size]])
        if np.array_equal(moved, borders):
            break
        borders = moved
    residual = offset - np.repeat(centers, np.diff(borders))
    return float(np.sum(counts * residual * residual))
