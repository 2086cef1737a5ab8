"""Histograms of groups of image blocks, for resampling whole blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..blocks.hashing import splitmix64
from ..blocks.pixels import Block
from ..features.feature_space import ScalarFormat
from .scalar import ScalarSummary, distances_from, group_values, means_of_groups

N_GROUPS = 256
"""Number of groups of blocks in a large image."""

_MAX_CELLS = 1 << 12  # maximum number of cells in which values are counted
_PIECE = 1 << 16  # pixels at a time, so that temporaries stay in the cache


@dataclass(frozen=True, eq=False)
class BlockCounting:
    """Count values in cells, for each group of square blocks of the image.

    A group holds blocks at random positions, so groups vary as much as blocks do, in proportion to their size.

    Attributes
    ----------
    value_format : ScalarFormat
    origin : int
        Subtracted from the values, as in `ScalarSummary`.
    edges : (n - 1,) float64 array
        Upper edges of all cells except the last; a value equal to an edge is below it.
    sides : tuple of int
        Size of a block along each spatial axis.
    """

    value_format: ScalarFormat
    origin: int
    edges: NDArray[np.float64]
    sides: tuple[int, ...]

    def chunk(self, block: Block) -> NDArray[np.int64]:
        """Count one box of pixels, which may cut through blocks: (n_groups, n_cells) array."""
        values, include = block.values()
        group = self._groups(block).reshape(-1)
        flat, used = values.reshape(-1), None if include is None else include.reshape(-1)
        n_cells = self.edges.size + 1
        counts = np.zeros(N_GROUPS * n_cells, dtype=np.int64)
        for begin in range(0, flat.size, _PIECE):
            piece = slice(begin, begin + _PIECE)
            part = self._in_own_units(flat[piece])
            usable = np.isfinite(part)
            if used is not None:
                usable &= used[piece]
            cell = np.searchsorted(self.edges, part[usable])
            counts += np.bincount(group[piece][usable] * n_cells + cell, minlength=counts.size)
        return counts.reshape(N_GROUPS, n_cells)

    def combine(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add the counts of two parts of the image."""
        return a + b

    def _groups(self, block: Block) -> NDArray[np.int64]:
        """Return the group of each pixel of a box."""
        number: NDArray[np.int64] = np.zeros((), dtype=np.int64)
        total = 1
        for interval, size, side in zip(block.box, block.shape, self.sides, strict=True):
            begin, end, _ = interval.indices(size)
            n_blocks = -(-size // side)
            number = np.add.outer(number * n_blocks, np.arange(begin, end, dtype=np.int64) // side)
            total *= n_blocks
        if total <= N_GROUPS:
            return number
        hashed: NDArray[np.uint64] = splitmix64(number.astype(np.uint64)) % np.uint64(N_GROUPS)
        return hashed.astype(np.int64)

    def _in_own_units(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return stored values in the image's own units, relative to `origin`."""
        if self.origin:  # integers that float64 cannot represent
            return distances_from(self.origin, values)
        return values.astype(np.float64) * self.value_format.unit


def block_counting(
    summary: ScalarSummary, value_format: ScalarFormat, sides: Sequence[int]
) -> tuple[BlockCounting, NDArray[np.float64]]:
    """Return how to count the values of a summary, and the mean value of each cell.

    Parameters
    ----------
    summary : ScalarSummary
        Summary of the whole image, whose values determine the cells.
    value_format : ScalarFormat
    sides : sequence of int
        Size of a block along each spatial axis.

    Returns
    -------
    counting : BlockCounting
    means : (n_cells,) float64 array
    """
    group = group_values(summary.values, summary.counts, _MAX_CELLS)
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    means, _ = means_of_groups(summary.values, summary.counts, starts)
    last, first = summary.values[starts[1:] - 1], summary.values[starts[1:]]
    return BlockCounting(value_format, summary.origin, last + (first / 2 - last / 2), tuple(sides)), means
