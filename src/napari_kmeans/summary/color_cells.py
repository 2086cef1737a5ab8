"""Colours, and two or three channels: how many pixels there are of each.

A pixel's values become whole numbers, and these one key (`codes`). Sorted keys are counted. If there are
more than `LIMIT` different ones, the last bit of all is dropped, again and again: cells that halve one axis
in turn, and whose sums of codes are kept, so that a cell lies at the mean of its pixels. All that blocks
contribute are integers and a cell depends on the pixels alone, so neither the size nor the order of blocks
can change a bit of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Block
from ..features.base import ScalarFormat, VectorFormat
from .bit_cells import PrefixPlan
from .codes import Coder, Even, Leading, Shifted, deinterleave, interleave
from .counted_values import histogram
from .vector import VectorSummary

LIMIT = 1 << 20
"""Most cells."""

_PIECE = 1 << 18  # pixels of wide types worked on at a time
_SHORT_PIECE = 1 << 15  # cells multiplied at a time, so that products stay in the cache
_MANY_PARTS = 2 * LIMIT  # cells in parts that wait to be added up


# What blocks contribute


@dataclass(frozen=True, eq=False)
class Cells:
    """Counted cells, sorted by key.

    Attributes
    ----------
    shift : int
        Low bits that were dropped from the keys.
    keys : (n,) uint64 array
        Strictly ascending.
    counts : (n,) int64 array
    sums : (d, n) int64 array or None
        Of the codes along each axis; None while no bit was dropped and they follow from the keys.
    products : list of int
        Sums over all pixels of the products of two codes, for each pair of axes; as Python's integers, which
        do not overflow. Empty while no bit was dropped.
    """

    shift: int
    keys: NDArray[np.uint64]
    counts: NDArray[np.int64]
    sums: NDArray[np.int64] | None = None
    products: tuple[int, ...] = ()

    def coarser(self, shift: int, n_axes: int) -> Cells:
        """Drop more bits."""
        if shift == self.shift:
            return self
        keys = self.keys >> np.uint64(shift - self.shift)
        starts = _starts(keys)
        sums, products = self.sums, self.products
        if sums is None:
            codes = deinterleave(self.keys, n_axes)
            products = tuple(_products(codes, self.counts))
            codes *= self.counts
            sums = codes
        return Cells(
            shift,
            keys[starts],
            np.add.reduceat(self.counts, starts),
            np.add.reduceat(sums, starts, axis=1),
            products,
        )

    def limited(self, n_axes: int) -> Cells:
        """Drop as many bits as are needed for at most `LIMIT` cells."""
        return self.coarser(self.shift + _surplus_bits(self.keys), n_axes)


def _surplus_bits(keys: NDArray[np.uint64]) -> int:
    """How many low bits to drop from ascending keys for at most `LIMIT` different ones."""
    if keys.size <= LIMIT:
        return 0
    few, many = -1, 64
    while many - few > 1:
        middle = (few + many) // 2
        n_steps = 0
        for begin in range(0, keys.size - 1, _PIECE):
            piece = keys[begin : begin + _PIECE + 1] >> np.uint64(middle)
            n_steps += int(np.count_nonzero(piece[1:] != piece[:-1]))
        if n_steps < LIMIT:
            many = middle
        else:
            few = middle
    return many


def _products(codes: NDArray[np.int64], counts: NDArray[np.int64]) -> list[int]:
    """Weighted sums of the products of each two rows, as Python's integers."""
    d = len(codes)
    pairs = [(i, j) for i in range(d) for j in range(i, d)]
    sums = [0] * len(pairs)
    for begin in range(0, counts.size, _SHORT_PIECE):
        piece = slice(begin, begin + _SHORT_PIECE)
        for at, (i, j) in enumerate(pairs):
            product = codes[i, piece] * codes[j, piece]  # of at most 62 bits
            # Two halves of at most 31 bits, times the pixels of the largest image: 63 bits.
            low = int(np.sum((product & 0x7FFFFFFF) * counts[piece]))
            sums[at] += (int(np.sum((product >> 31) * counts[piece])) << 31) + low
    return sums


def combine(parts: Sequence[Cells], n_axes: int) -> Cells:
    """Add cells up."""
    if len(parts) == 1:
        return parts[0]
    shift = max(part.shift for part in parts)
    # From the keys alone it can be told how many bits are to go; parts are much smaller without them.
    keys = np.concatenate([part.keys >> np.uint64(shift - part.shift) for part in parts])
    keys.sort()
    shift += _surplus_bits(keys)
    del keys
    parts = [part.coarser(shift, n_axes) for part in parts]
    order = np.argsort(np.concatenate([part.keys for part in parts]), kind="stable")

    def sorted_(rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(rows)[order]

    keys = sorted_([part.keys for part in parts])
    starts = _starts(keys)
    keys = keys[starts]
    counts = np.add.reduceat(sorted_([part.counts for part in parts]), starts)
    sums = None
    if shift:
        sums = np.empty((n_axes, keys.size), dtype=np.int64)
        for axis, row in enumerate(sums):
            rows = [part.sums[axis] for part in parts if part.sums is not None]
            np.add.reduceat(sorted_(rows), starts, out=row)
    products = tuple(map(sum, zip(*(part.products for part in parts), strict=True))) if shift else ()
    return Cells(shift, keys, counts, sums, products)


def _starts(keys: NDArray[Any]) -> NDArray[np.intp]:
    """Where each run of equal keys begins."""
    return np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if keys.size else np.zeros(0, dtype=np.intp)


# Passes over the pixels


def first_plan(vector: VectorFormat) -> RangePlan | CountPlan:
    """Return the plan of the first pass over two or three values a pixel."""
    if vector.dtype.itemsize == 1:
        low = int(np.iinfo(vector.dtype).min)
        return CountPlan(vector, (Shifted(low),) * vector.n_features, 8)
    return RangePlan(vector)


def usable(values: NDArray[Any], include: NDArray[np.bool_] | None, n_features: int) -> list[NDArray[Any]]:
    """Flat values of the pixels to use along each axis: those included whose values are all finite."""
    columns = [values[..., axis].reshape(-1) for axis in range(n_features)]
    chosen = None if include is None else include.reshape(-1)
    if values.dtype.kind == "f":
        finite = np.isfinite(columns[0])
        for column in columns[1:]:
            finite &= np.isfinite(column)
        if not finite.all():
            chosen = finite if chosen is None else chosen & finite
    return columns if chosen is None else [column[chosen] for column in columns]


@dataclass(frozen=True)
class RangePlan:
    """Find where the pixels lie along each axis, by the histogram of their leading 16 bits."""

    passes_left: ClassVar[int] = 2
    vector: VectorFormat

    def chunk(self, block: Block) -> Ranges:
        """Count the leading bits along each axis, and find the ends."""
        values, include = block.values()
        columns = usable(values, include, self.vector.n_features)
        counts = np.stack([self._count(column) for column in columns])
        return counts, [(column.min().item(), column.max().item()) for column in columns if column.size]

    def _count(self, column: NDArray[Any]) -> NDArray[Any]:
        if self.vector.dtype.itemsize <= 2:
            return histogram(column)
        return np.asarray(PrefixPlan(ScalarFormat(self.vector.dtype)).count(column, None)[0], dtype=np.int64)

    def combine(self, a: Ranges, b: Ranges) -> Ranges:
        """Add what two parts of the image counted."""
        if not a[1] or not b[1]:
            return a[0] + b[0], a[1] or b[1]
        ends = [
            (min(low, low2), max(high, high2)) for (low, high), (low2, high2) in zip(a[1], b[1], strict=True)
        ]
        return a[0] + b[0], ends

    def finalize(self, counts: Ranges) -> CountPlan | VectorSummary:
        """Choose codes."""
        histograms, ends = counts
        if not ends:
            return _cloud_of_none(self.vector)
        most = min(63 // self.vector.n_features, 31)  # bits of a code
        coders: list[Coder] = []
        if self.vector.dtype.kind == "f":
            for (low, high), pixels in zip(ends, histograms, strict=True):
                coders.append(_coder(self.vector.dtype, pixels, Even(low, high, most)))
            return CountPlan(self.vector, tuple(coders), most)
        lengths = [int(high - low).bit_length() for low, high in ends]
        longest = min(max(*lengths, 1), most)
        for (low, high), length in zip(ends, lengths, strict=True):
            # An axis along which values are nearer to each other is as important as the others.
            coders.append(Shifted(low, longest - length) if length <= most else Even(low, high, most))
        return CountPlan(self.vector, tuple(coders), longest)


Ranges = tuple[NDArray[np.int64], list[tuple[Any, Any]]]
"""Histogram along each axis, and the least and largest value; of no pixels no ends."""


def _coder(dtype: np.dtype[Any], pixels: NDArray[np.int64], even: Even) -> Coder:
    """Choose codes for the floats along one axis, whose leading bits were counted."""
    if even.low == even.high:
        return even
    leading = Leading(dtype, even.n_bits)
    if not np.isfinite(even.width):
        return leading
    n_low = 8 * dtype.itemsize - 16
    first = np.arange(1 << 16, dtype=f"u{dtype.itemsize}") << n_low
    with np.errstate(invalid="ignore", over="ignore"):
        ends = [(first | rest).view(dtype).astype(np.float64) for rest in (0, 1, (1 << n_low) - 1)]
        width = np.abs(ends[2] - ends[0]) + np.abs(ends[1] - ends[0])
    filled = (pixels > 0) & (first << 1 > 0)  # zero itself is met by either
    finer = filled & (width > even.width * 2.0 ** (even.n_bits - 16))
    if pixels[finer].sum() >= 0.9 * pixels[filled].sum():
        return even
    # As if pixels were spread evenly in their prefix: these are few, and 63 of them may be most of all.
    n, w = (np.repeat(each[filled] / 64, 64) for each in (pixels, width))
    top = max(w.max(), even.width)
    density = np.sort(np.cbrt(n * (w / top) ** 2))[:-63]
    scatter = n.sum() * (even.width / top) ** 2
    return even if scatter <= 1e-4 * np.sum(density) ** 3 / 64**2 else leading


@dataclass(frozen=True)
class CountPlan:
    """Count the pixels of each key, in one pass.

    Attributes
    ----------
    vector : VectorFormat
    coders : tuple of Coder
        One an axis.
    n_bits : int
        Of the longest codes.
    """

    passes_left: ClassVar[int] = 1
    vector: VectorFormat
    coders: tuple[Coder, ...]
    n_bits: int

    def chunk(self, block: Block) -> list[Cells]:
        """Cells of a block, in one part."""
        d = self.vector.n_features
        columns = usable(*block.values(), d)
        size = columns[0].size
        if self.n_bits == 8 and self.vector.dtype.itemsize == 1:
            parts = [_count_bytes(columns)] if size else []
        else:
            parts = []
            for begin in range(0, size, _PIECE):
                pieces = [column[begin : begin + _PIECE] for column in columns]
                codes = [coder.codes(piece) for coder, piece in zip(self.coders, pieces, strict=True)]
                keys = np.sort(interleave(codes, self.n_bits))
                starts = _starts(keys)
                counts = np.diff(starts, append=keys.size)
                parts.append(Cells(0, keys[starts], counts).limited(d))
        return [combine(parts, d)] if parts else []

    def combine(self, a: list[Cells], b: list[Cells]) -> list[Cells]:
        """Put parts beside each other, and add them up when they are many."""
        parts = a + b
        if len(parts) > 1 and sum(part.keys.size for part in parts) > _MANY_PARTS:
            return [combine(parts, self.vector.n_features)]
        return parts

    def finalize(self, counts: list[Cells]) -> VectorSummary:
        """Make points of the cells."""
        if not counts:
            return _cloud_of_none(self.vector)
        d = self.vector.n_features
        cells = combine(counts, d)
        n_pixels = int(cells.counts.sum())
        codes = deinterleave(cells.keys, d) if cells.sums is None else cells.sums / cells.counts
        codes = codes.astype(np.float64)
        stored = [coder.values(code) for coder, code in zip(self.coders, codes, strict=True)]
        positions = np.stack(self.vector.features(stored), axis=1)
        scatter = np.zeros((d, d))
        if cells.products:
            scatter = _scatter(cells, codes)
            factors = [
                np.sum(coder.steps(code) * cells.counts) / n_pixels
                for coder, code in zip(self.coders, codes, strict=True)
            ]
            scatter *= np.outer(factors, factors)
            if self.vector.white is not None:
                scatter = _converted(scatter, self.vector, stored, cells.counts)
        cloud = VectorSummary(
            positions,
            cells.counts,
            scatter,
            scales=np.ones(d),
            brightness_weights=np.asarray(self.vector.brightness_weights),
            n_pixels=n_pixels,
            names=self.vector.names,
        )
        return replace(cloud, scales=cloud.standard_deviations()) if self.vector.standardize else cloud


def _count_bytes(columns: Sequence[NDArray[Any]]) -> Cells:
    """Count two or three bytes a pixel."""
    keys = np.zeros(columns[0].size, dtype=np.uint32)
    tables = _tables(len(columns), columns[0].dtype.str)
    for begin in range(0, keys.size, _SHORT_PIECE):
        piece = slice(begin, begin + _SHORT_PIECE)
        for table, column in zip(tables, columns, strict=True):
            keys[piece] |= table.take(column[piece].view(np.uint8))
    keys.sort()
    starts = _starts(keys)
    return Cells(0, keys[starts].astype(np.uint64), np.diff(starts, append=keys.size)).limited(len(columns))


@cache
def _tables(d: int, dtype: str) -> list[NDArray[np.uint32]]:
    """For each axis, what every bit pattern of a byte has a part in the key."""
    codes = np.arange(256, dtype=np.uint8).view(dtype).astype(np.int16)
    codes -= codes.min()
    none = np.zeros(256, dtype=np.uint8)
    return [
        interleave([codes if axis == other else none for other in range(d)], 8).astype(np.uint32)
        for axis in range(d)
    ]


def _scatter(cells: Cells, codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scatter of the pixels' codes within their cells: (d, d) float64."""
    assert cells.sums is not None
    d = len(codes)
    total = np.zeros((d, d))
    pairs = ((i, j) for i in range(d) for j in range(i, d))
    for product, (i, j) in zip(cells.products, pairs, strict=True):
        # The sums cancel nearly: from the middle of all, as Python's integers, they do so exactly.
        origin_i, origin_j = (int(codes[axis].mean()) for axis in (i, j))
        n = int(cells.counts.sum())
        sum_i, sum_j = (int(cells.sums[axis].sum()) for axis in (i, j))
        shifted = product - origin_i * sum_j - origin_j * sum_i + origin_i * origin_j * n
        between = np.sum(cells.counts * (codes[i] - origin_i) * (codes[j] - origin_j))
        total[i, j] = total[j, i] = shifted - between
    np.fill_diagonal(total, np.maximum(np.diagonal(total), 0))
    return total


def _converted(
    scatter: NDArray[np.float64],
    vector: VectorFormat,
    stored: list[NDArray[np.float64]],
    counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Scatter after a conversion of colours, by its slope at each cell; as if all cells scattered alike."""
    step = (vector.white or 1.0) * 1e-4
    here = vector.features(stored)
    slopes = []
    for axis in range(len(stored)):
        moved = [column + step * (axis == other) for other, column in enumerate(stored)]
        slopes.append([(b - a) / step for a, b in zip(here, vector.features(moved), strict=True)])
    weight = counts / counts.sum()
    d = len(stored)
    out = np.zeros((d, d))
    for i in range(d):
        for j in range(d):
            weights = [[np.sum(weight * slopes[m][i] * slopes[n][j]) for n in range(d)] for m in range(d)]
            out[i, j] = np.sum(scatter * weights)
    return out


def _cloud_of_none(vector: VectorFormat) -> VectorSummary:
    d = vector.n_features
    return VectorSummary(
        np.empty((0, d)), np.empty(0, dtype=np.int64), np.zeros((d, d)), np.ones(d), np.zeros(d), 0
    )
