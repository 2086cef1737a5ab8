"""Versions of a summary of several features, from coarse to fine: a search starts with few points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._color_kernels import average_cells, scatter_across
from .vector import VectorSummary

_CELLS = (1 << 11, 1 << 14, 1 << 17)  # points of the stages of counted cells; more are never searched
_SAMPLE = ((1 << 12, 1 << 10), (1 << 15, 1 << 12))  # most and fewest points of the stages of a sample
_VALUES = 1 << 21  # features times points of a stage of a sample, within these limits

Stage = tuple[NDArray[np.float64], NDArray[np.float64], float]
"""Points as (d, n) columns, their weights, and the sum of squared distances that merging them has added."""


def search_stages(summary: VectorSummary, columns: NDArray[np.float64]) -> list[Stage]:
    """Return versions of the points of a summary from coarse to fine.

    The last one is fine enough for the result: all points, unless there are more than 2^17 cells.

    Parameters
    ----------
    summary : VectorSummary
    columns : (d, n) array
        Its points, in units of their scales.
    """
    weights = summary.counts.astype(np.float64)
    n = weights.size
    if summary.keys is None:
        # A sample is in random order, so its first points are a smaller sample.
        sizes = (max(min(most, _VALUES // len(columns)), fewest) for most, fewest in _SAMPLE)
        coarse = [(np.ascontiguousarray(columns[:, :m]), weights[:m], 0.0) for m in sizes if m < n]
        return [*coarse, (columns, weights, 0.0)]
    if n <= _CELLS[0]:
        return [(columns, weights, 0.0)]
    stages = _merged_cells(summary.keys, columns, weights)
    return stages if n > _CELLS[-1] else [*stages, (columns, weights, 0.0)]


def _merged_cells(
    keys: NDArray[np.uint64], columns: NDArray[np.float64], weights: NDArray[np.float64]
) -> list[Stage]:
    """Merge counted points into fewer cells.

    Points of a cell share the leading bits of their keys. The cells with the largest scatter are divided, so
    that all have similar scatter, as in an optimal quantizer [1]_.

    References
    ----------
    .. [1] A. Gersho, "Asymptotically optimal block quantization", IEEE Transactions on Information Theory
           25(4), 373-380, 1979.
    """
    scatter = scatter_across(keys, columns, weights)
    stages = []
    for n_cells in _CELLS:
        if n_cells < weights.size:
            least = np.partition(scatter, scatter.size - n_cells)[scatter.size - n_cells]
            # The scatter of a cell is at least that of its halves, so these are borders of whole cells.
            starts = np.append(0, np.flatnonzero(scatter > least) + 1)
            stages.append(average_cells(columns, weights, starts))
    return stages
