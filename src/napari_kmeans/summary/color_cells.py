"""Count colours, or two or three channels, in cells.

The values of a pixel become integer codes, and these become one key (see `codes`). Sorted keys are counted.
While there are more than `LIMIT` distinct keys, the last bit of all keys is dropped, which merges cells along
one axis after another. Sums of codes are kept, so a cell lies at the mean of its pixels. Blocks contribute
integers only, so neither their size nor their order changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Block
from ..features.feature_space import ScalarFormat, VectorFormat
from ._color_kernels import count_runs, merge_cells, sort_keys
from .bit_cells import PrefixPlan
from .codes import Coder, Even, Leading, Shifted, deinterleave, interleave
from .counted_values import values_of
from .vector import VectorSummary, check_integers, standardized, unrepresentable

LIMIT = 1 << 20
"""Maximum number of cells."""

_PIECE = 1 << 18  # pixels counted at a time
_SHORT_PIECE = 1 << 15  # cells multiplied at a time, so that products stay in the cache
_MANY_PARTS = 2 * LIMIT  # cells in parts before they are merged
_MOST_WHITES = 8  # highlights of floats from 0 to 1 may exceed white by this factor


# Counts of blocks


@dataclass(frozen=True, eq=False)
class Cells:
    """Counted cells, sorted by key.

    Attributes
    ----------
    n_dropped_bits : int
        Number of low bits that were dropped from the keys.
    keys : (n,) uint64 array
        Strictly ascending.
    counts : (n,) int64 array
    sums : (d, n) int64 array or None
        Sums of the codes along each axis; None while no bit was dropped, since they follow from the keys.
    products : list of int
        Sums over all pixels of the products of two codes, one for each pair of axes; as Python's integers,
        which do not overflow. Empty while no bit was dropped.
    """

    n_dropped_bits: int
    keys: NDArray[np.uint64]
    counts: NDArray[np.int64]
    sums: NDArray[np.int64] | None = None
    products: tuple[int, ...] = ()

    def coarser(self, shift: int, n_axes: int) -> Cells:
        """Drop more bits."""
        if shift == self.n_dropped_bits:
            return self
        keys = self.keys >> np.uint64(shift - self.n_dropped_bits)
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
        return self.coarser(self.n_dropped_bits + _surplus_bits(self.keys), n_axes)


def _surplus_bits(keys: NDArray[np.uint64]) -> int:
    """Return the number of low bits to drop from ascending keys to leave at most `LIMIT` distinct ones."""
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
    """Return the weighted sum of the products of each pair of rows, as Python integers."""
    d = len(codes)
    pairs = [(i, j) for i in range(d) for j in range(i, d)]
    sums = [0] * len(pairs)
    half = int(codes.max()).bit_length()
    for begin in range(0, counts.size, _SHORT_PIECE):
        piece = slice(begin, begin + _SHORT_PIECE)
        for at, (i, j) in enumerate(pairs):
            product = codes[i, piece] * codes[j, piece]
            # In two halves, as long as the codes, whose sums over all pixels do not overflow either.
            low = int(np.sum((product & ((1 << half) - 1)) * counts[piece]))
            sums[at] += (int(np.sum((product >> half) * counts[piece])) << half) + low
    return sums


def merge_parts(parts: Sequence[Cells], n_axes: int) -> Cells:
    """Add up cells, and drop bits while there are too many."""
    parts = list(parts)
    while len(parts) > 1:  # two at a time, so that lists of similar length are merged
        last = parts[-1:] if len(parts) % 2 else []
        merged = [_merge(a, b, n_axes) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = merged + last
    return parts[0]


def _merge(a: Cells, b: Cells, n_axes: int) -> Cells:
    shift = max(a.n_dropped_bits, b.n_dropped_bits)
    a, b = a.coarser(shift, n_axes), b.coarser(shift, n_axes)
    rows = [np.stack([c.counts]) if c.sums is None else np.vstack([c.counts, c.sums]) for c in (a, b)]
    keys, columns = merge_cells(a.keys, rows[0], b.keys, rows[1])
    products = tuple(map(sum, zip(a.products, b.products, strict=True)))
    merged = Cells(shift, keys, columns[0], columns[1:] if shift else None, products)
    return merged.limited(n_axes)


def _starts(keys: NDArray[Any]) -> NDArray[np.intp]:
    """Return the indices at which runs of equal keys begin."""
    return np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if keys.size else np.zeros(0, dtype=np.intp)


# Passes over the pixels


def first_plan(vector: VectorFormat) -> RangePlan | CountPlan:
    """Return the plan of the first pass over two or three values a pixel."""
    if vector.dtype.itemsize == 1:
        low = int(np.iinfo(vector.dtype).min)
        return CountPlan(vector, (Shifted(low),) * vector.n_features, 8)
    return RangePlan(vector)


def usable(values: NDArray[Any], include: NDArray[np.bool_] | None, n_features: int) -> list[NDArray[Any]]:
    """Return the values along each axis of the included pixels whose values are all finite."""
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
    """Find the range of the values along each axis; for 32 and 64 bits, of those with each leading 16 bits."""

    passes_left: ClassVar[int] = 2
    vector: VectorFormat

    def chunk(self, block: Block) -> Ranges:
        """Count the pixels, and find the smallest and largest values along each axis."""
        columns = usable(*block.values(), self.vector.n_features)
        n_pixels = columns[0].size
        ends = [(column.min().item(), column.max().item()) for column in columns if n_pixels]
        prefixes = []
        if self.vector.dtype.kind == "f" or self.vector.dtype.itemsize > 2:
            prefixes = [self._prefixes.count(column.astype(self._floats), None) for column in columns]
        return n_pixels, ends, prefixes

    def combine(self, a: Ranges, b: Ranges) -> Ranges:
        """Merge the ranges of two parts of the image."""
        ends = a[1] or b[1]
        if a[1] and b[1]:
            pairs = zip(a[1], b[1], strict=True)
            ends = [(min(low, low2), max(high, high2)) for (low, high), (low2, high2) in pairs]
        prefixes = [self._prefixes.combine(one, other) for one, other in zip(a[2], b[2], strict=True)]
        return a[0] + b[0], ends, prefixes

    def scale(self, counts: Ranges, factor: int) -> Ranges:
        """Multiply the numbers of pixels; the ranges stay."""
        n_pixels, ends, prefixes = counts
        return n_pixels * factor, ends, [self._prefixes.scale(axis, factor) for axis in prefixes]

    def finalize(self, counts: Ranges) -> CountPlan | VectorSummary:
        """Choose codes."""
        n_pixels, ends, prefixes = counts
        if not ends:
            return _summary_of_none(self.vector)
        # Bits of a code: a key has 63, and sums of codes over all pixels do not overflow.
        most = min(63 // self.vector.n_features, 31, 63 - n_pixels.bit_length())
        coders: list[Coder] = []
        if self.vector.dtype.kind == "f":
            self._check_white(max(high for _, high in ends))
            for (low, high), axis in zip(ends, prefixes, strict=True):
                coders.append(self._coder(axis, Even(low, high, most)))
            return CountPlan(self.vector, tuple(coders), most)
        lengths = [int(high - low).bit_length() for low, high in ends]
        longest = min(max(*lengths, 1), most)
        for number, ((low, high), length) in enumerate(zip(ends, lengths, strict=True)):
            check_integers(low, high)
            if length <= most:  # codes of shorter ranges are shifted, so that all axes are equally important
                coders.append(Shifted(low, longest - length))
            else:
                coders.append(self._coder(prefixes[number], Even(low, high, most)))
        return CountPlan(self.vector, tuple(coders), longest)

    def _check_white(self, largest: float) -> None:
        """Raise ``ValueError`` if colours to be converted are not on a scale of 0 to 1."""
        white = self.vector.white
        if white is not None and largest > _MOST_WHITES * white:
            scale = next((top for top in (255, 65535) if largest <= top), largest)
            raise ValueError(
                f"image has colours up to {largest:.4g}, and floats are converted from a scale of 0 to 1; "
                f"divide the image by {scale:.6g} first"
            )

    @property
    def _prefixes(self) -> PrefixPlan:
        """The plan that counts the 16 leading bits of floats along one axis, and finds the range of each."""
        return PrefixPlan(ScalarFormat(self._floats))

    @property
    def _floats(self) -> np.dtype[Any]:
        """Type of the floats whose leading bits are counted."""
        return self.vector.dtype if self.vector.dtype.kind == "f" else np.dtype(np.float64)

    def _coder(self, prefixes: NDArray[np.uint64], even: Even) -> Coder:
        """Choose codes for the values along one axis, given the counts and ranges of their leading bits.

        Equal parts are fine enough if the scatter within them would hardly affect 64 clusters. The least
        inertia of these is estimated by the asymptotic law of optimal quantizers [1]_, assuming that pixels
        with the same leading bits are evenly spread over their range: (Σ (n w²)^(1/3))³ / (12 k²).

        References
        ----------
        .. [1] P. F. Panter and W. Dite, "Quantization distortion in pulse-count modulation with nonuniform
               spacing of levels", Proceedings of the IRE 39(1), 44-48, 1951.
        """
        if even.low == even.high:
            return even
        tiny, largest = np.finfo(np.float64).tiny, np.finfo(np.float64).max
        if max(-even.low, even.high) < tiny:  # denormal: their leading bits are all 0
            raise unrepresentable(even.high - even.low)
        pixels = prefixes[0].astype(np.int64)
        first, last = np.sort(values_of(self._floats, prefixes[1:]), axis=0)
        first[pixels == 0] = np.inf
        leading = Leading(self._floats, even.n_bits, first, last)
        if not tiny <= even.width <= largest:
            return leading
        # Single values add no scatter, no matter how many pixels have them.
        several = np.flatnonzero((pixels > 0) & (leading.first < leading.last))
        if not several.size:
            return leading
        n = pixels[several]
        if n[leading.widths(several) > even.width].sum() >= 0.9 * n.sum():
            return even  # equal parts are narrower for nearly all pixels
        width = leading.last[several] - leading.first[several]
        top = max(float(width.max()), even.width)
        # In 64 parts each: a few may contain most pixels, and 63 clusters can have parts for themselves.
        density = np.sort(np.repeat(np.cbrt(n / 64 * (width / top / 64) ** 2), 64))[:-63]
        inside = n.sum() * (even.width / top) ** 2
        return even if inside <= 1e-4 * np.sum(density) ** 3 / 64**2 else leading


Ranges = tuple[int, list[tuple[Any, Any]], list[NDArray[np.uint64]]]
"""Number of pixels; smallest and largest value along each axis, empty without pixels; counts of `PrefixPlan`."""


@dataclass(frozen=True)
class CountPlan:
    """Count the pixels of each key, in one pass.

    Attributes
    ----------
    vector : VectorFormat
    coders : tuple of Coder
        One per axis.
    n_bits : int
        Number of bits of the longest code.
    """

    passes_left: ClassVar[int] = 1
    vector: VectorFormat
    coders: tuple[Coder, ...]
    n_bits: int

    def chunk(self, block: Block) -> list[Cells]:
        """Return the cells of a block, in one part."""
        d = self.vector.n_features
        columns = usable(*block.values(), d)
        parts = []
        for begin in range(0, columns[0].size, _PIECE):
            pieces = [column[begin : begin + _PIECE] for column in columns]
            codes = [coder.codes(piece) for coder, piece in zip(self.coders, pieces, strict=True)]
            keys = sort_keys(interleave(codes, self.n_bits), d * self.n_bits)
            parts.append(Cells(0, *count_runs(keys)).limited(d))
        return [merge_parts(parts, d)] if parts else []

    def combine(self, a: list[Cells], b: list[Cells]) -> list[Cells]:
        """Concatenate parts, and merge them when they have many cells."""
        parts = a + b
        if len(parts) > 1 and sum(part.keys.size for part in parts) > _MANY_PARTS:
            return [merge_parts(parts, self.vector.n_features)]
        return parts

    def scale(self, counts: list[Cells], factor: int) -> list[Cells]:
        """Multiply counts, sums and products."""
        return [
            replace(
                part,
                counts=part.counts * factor,
                sums=None if part.sums is None else part.sums * factor,
                products=tuple(product * factor for product in part.products),
            )
            for part in counts
        ]

    def finalize(self, counts: list[Cells]) -> VectorSummary:
        """Convert the cells to points."""
        if not counts:
            return _summary_of_none(self.vector)
        d = self.vector.n_features
        cells = merge_parts(counts, d)
        n_pixels = int(cells.counts.sum())
        codes = deinterleave(cells.keys, d) if cells.sums is None else cells.sums / cells.counts
        codes = codes.astype(np.float64)
        stored = [coder.values(code) for coder, code in zip(self.coders, codes, strict=True)]
        positions = np.stack(self.vector.features(stored), axis=1)
        pairs = list(zip(self.coders, codes, strict=True))
        with np.errstate(over="ignore", invalid="ignore"):
            scatter = np.diag([np.sum(coder.variance(code) * cells.counts) for coder, code in pairs])
            if cells.products:
                factors = [np.sum(coder.steps(code) * cells.counts) / n_pixels for coder, code in pairs]
                scatter += _scatter(cells, codes) * np.outer(factors, factors)
        if self.vector.white is not None and scatter.any():
            scatter = _converted(scatter, self.vector, stored, cells.counts)
        summary = VectorSummary(
            positions,
            cells.counts,
            scatter,
            scales=np.ones(d),
            brightness_weights=np.asarray(self.vector.brightness_weights),
            n_pixels=n_pixels,
            names=self.vector.names,
            keys=cells.keys,
        )
        if self.vector.standardize:
            summary = standardized(summary, self.vector.dtype)
        return summary.checked()


def _scatter(cells: Cells, codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scatter matrix of the pixels' codes within their cells: (d, d) float64 array."""
    assert cells.sums is not None
    d = len(codes)
    total = np.zeros((d, d))
    pairs = ((i, j) for i in range(d) for j in range(i, d))
    for product, (i, j) in zip(cells.products, pairs, strict=True):
        # The sums nearly cancel; as Python integers, relative to the mean code, their difference is exact.
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
    """Return the scatter matrix after a colour conversion, assuming the same scatter in all cells."""
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


def _summary_of_none(vector: VectorFormat) -> VectorSummary:
    d = vector.n_features
    return VectorSummary(
        np.empty((0, d)), np.empty(0, dtype=np.int64), np.zeros((d, d)), np.ones(d), np.zeros(d), 0
    )
