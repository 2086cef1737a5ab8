"""Counted cells of keys, sorted, and merged with those of other parts of the image.

While there are more than `LIMIT` distinct keys, the last bit of all keys is dropped, which merges cells along
one axis after another (see `codes`). Sums of codes are kept, so a cell lies at the mean of its pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._color_kernels import merge_cells
from .codes import deinterleave

LIMIT = 1 << 20
"""Maximum number of cells."""

_PIECE = 1 << 18  # keys compared at a time
_SHORT_PIECE = 1 << 15  # cells multiplied at a time, so that products stay in the cache


@dataclass(frozen=True, eq=False)
class Cells:
    """Numbers of pixels in cells, sorted by key: those of a block, of an image or of several.

    Attributes
    ----------
    n_dropped_bits : int
        Number of low bits that were dropped from the keys.
    keys : (n,) uint64 array
        Strictly ascending.
    counts : (n,) int64 array
        Number of pixels in each cell.
    sums : (d, n) int64 array or None
        Sums of the codes along each axis; None while no bit was dropped, since they follow from the keys.
    products : tuple of int
        Sums over all pixels of the products of two codes, one for each pair of axes; as Python's integers,
        which do not overflow. Empty while no bit was dropped.
    """

    n_dropped_bits: int
    keys: NDArray[np.uint64]
    counts: NDArray[np.int64]
    sums: NDArray[np.int64] | None = None
    products: tuple[int, ...] = ()

    def coarser(self, n_dropped_bits: int, n_axes: int) -> Cells:
        """Return the cells with this number of dropped bits, at least the current one."""
        if n_dropped_bits == self.n_dropped_bits:
            return self
        keys = self.keys >> np.uint64(n_dropped_bits - self.n_dropped_bits)
        starts = _starts(keys)
        sums, products = self.sums, self.products
        if sums is None:
            codes = deinterleave(self.keys, n_axes)
            products = tuple(_products(codes, self.counts))
            codes *= self.counts
            sums = codes
        return Cells(
            n_dropped_bits,
            keys[starts],
            np.add.reduceat(self.counts, starts),
            np.add.reduceat(sums, starts, axis=1),
            products,
        )

    def limited(self, n_axes: int) -> Cells:
        """Return at most `LIMIT` cells, with as few dropped bits as that takes."""
        return self.coarser(self.n_dropped_bits + _surplus_bits(self.keys), n_axes)

    def scatter(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scatter matrix of the pixels' codes within the cells: (d, d) float64 array.

        `codes` is a (d, n) array of the mean codes of each cell. At least one bit must have been dropped.
        """
        assert self.sums is not None
        d = len(codes)
        total = np.zeros((d, d))
        pairs = ((i, j) for i in range(d) for j in range(i, d))
        for product, (i, j) in zip(self.products, pairs, strict=True):
            # The sums nearly cancel; as Python integers, relative to the mean code, their difference is exact.
            origin_i, origin_j = (int(codes[axis].mean()) for axis in (i, j))
            n = int(self.counts.sum())
            sum_i, sum_j = (int(self.sums[axis].sum()) for axis in (i, j))
            shifted = product - origin_i * sum_j - origin_j * sum_i + origin_i * origin_j * n
            between = np.sum(self.counts * (codes[i] - origin_i) * (codes[j] - origin_j))
            total[i, j] = total[j, i] = shifted - between
        np.fill_diagonal(total, np.maximum(np.diagonal(total), 0))
        return total


def _surplus_bits(keys: NDArray[np.uint64]) -> int:
    """Return the number of low bits to drop from ascending keys to leave at most `LIMIT` distinct ones."""
    if keys.size <= LIMIT:
        return 0
    too_few, enough = -1, 64
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        n_changes = 0  # one less than distinct keys
        for begin in range(0, keys.size - 1, _PIECE):
            piece = keys[begin : begin + _PIECE + 1] >> np.uint64(middle)
            n_changes += int(np.count_nonzero(piece[1:] != piece[:-1]))
        if n_changes < LIMIT:
            enough = middle
        else:
            too_few = middle
    return enough


def _products(codes: NDArray[np.int64], counts: NDArray[np.int64]) -> list[int]:
    """Return the weighted sum of the products of each pair of rows, as Python integers."""
    d = len(codes)
    pairs = [(i, j) for i in range(d) for j in range(i, d)]
    sums = [0] * len(pairs)
    half = int(codes.max()).bit_length()
    for begin in range(0, counts.size, _SHORT_PIECE):
        piece = slice(begin, begin + _SHORT_PIECE)
        for pair, (i, j) in enumerate(pairs):
            product = codes[i, piece] * codes[j, piece]
            # The halves of a product are as long as a code, and sums of codes over all pixels do not overflow.
            low = int(np.sum((product & ((1 << half) - 1)) * counts[piece]))
            sums[pair] += (int(np.sum((product >> half) * counts[piece])) << half) + low
    return sums


def merge_parts(parts: Sequence[Cells], n_axes: int) -> Cells:
    """Add up the cells of several parts, and drop bits while there are more than `LIMIT`."""
    parts = list(parts)
    while len(parts) > 1:  # two at a time, so that lists of similar length are merged
        merged = [_merge(a, b, n_axes) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = merged + parts[2 * len(merged) :]
    return parts[0]


def _merge(a: Cells, b: Cells, n_axes: int) -> Cells:
    """Add up two lists of cells, and drop bits while there are more than `LIMIT`."""
    dropped = max(a.n_dropped_bits, b.n_dropped_bits)
    a, b = a.coarser(dropped, n_axes), b.coarser(dropped, n_axes)
    rows = [np.stack([c.counts]) if c.sums is None else np.vstack([c.counts, c.sums]) for c in (a, b)]
    keys, columns = merge_cells(a.keys, rows[0], b.keys, rows[1])
    products = tuple(map(sum, zip(a.products, b.products, strict=True)))
    merged = Cells(dropped, keys, columns[0], columns[1:] if dropped else None, products)
    return merged.limited(n_axes)


def _starts(keys: NDArray[Any]) -> NDArray[np.intp]:
    """Return the indices at which runs of equal keys begin."""
    return np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if keys.size else np.zeros(0, dtype=np.intp)
