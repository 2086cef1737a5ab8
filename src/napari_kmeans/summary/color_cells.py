"""Count colours, or two or three channels, in cells.

A first pass finds the range of the values, from which their integer codes are chosen. The codes of a pixel
become one key (see `codes`). A second pass counts the pixels of each key (see `sorted_cells`). Blocks
contribute integers only, so neither their size nor their order changes a bit of the result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Block
from ..features.feature_space import ScalarFormat, VectorFormat
from ._color_kernels import count_runs, sort_keys
from .bit_cells import PrefixPlan
from .bit_patterns import values_of
from .codes import Coder, Even, Leading, Shifted, deinterleave, interleave
from .sorted_cells import LIMIT, Cells, merge_parts
from .vector import VectorSummary, check_integers, standardized, unrepresentable

_PIECE = 1 << 18  # pixels counted at a time
_MAX_UNMERGED = 2 * LIMIT  # cells in parts before they are merged
_TOLERANCE = 1e-4  # largest scatter within equal parts, relative to the least inertia of 64 clusters
_MAX_WHITES = 8  # highlights of floats from 0 to 1 may exceed white by this factor


def first_plan(vector: VectorFormat) -> RangePlan | CountPlan:
    """Return the plan of the first pass over two or three values a pixel."""
    if vector.dtype.itemsize == 1:
        low = int(np.iinfo(vector.dtype).min)
        return CountPlan(vector, (Shifted(low),) * vector.n_features, 8)
    return RangePlan(vector)


def usable_columns(
    values: NDArray[Any], include: NDArray[np.bool_] | None, n_features: int
) -> list[NDArray[Any]]:
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


class Ranges(NamedTuple):
    """Ranges of the values of some pixels, from which their codes are chosen.

    Attributes
    ----------
    n_pixels : int
    ends : list of (number, number)
        Smallest and largest value along each axis; empty without pixels.
    prefixes : list of (3, 2^16) uint64 arrays
        Counts of `PrefixPlan` along each axis; empty for integers of at most 16 bits.
    """

    n_pixels: int
    ends: list[tuple[Any, Any]]
    prefixes: list[NDArray[np.uint64]]


@dataclass(frozen=True)
class RangePlan:
    """Find the range of the values along each axis; for 32 and 64 bits, of those with each leading 16 bits."""

    passes_left: ClassVar[int] = 2
    vector: VectorFormat

    def chunk(self, block: Block) -> Ranges:
        """Count the pixels, and find the smallest and largest values along each axis."""
        columns = usable_columns(*block.values(), self.vector.n_features)
        n_pixels = columns[0].size
        ends = [(column.min().item(), column.max().item()) for column in columns if n_pixels]
        prefixes = []
        if self.vector.dtype.kind == "f" or self.vector.dtype.itemsize > 2:
            prefixes = [self._prefix_plan.count(column.astype(self._floats), None) for column in columns]
        return Ranges(n_pixels, ends, prefixes)

    def combine(self, a: Ranges, b: Ranges) -> Ranges:
        """Merge the ranges of two parts of the image."""
        ends = a.ends or b.ends
        if a.ends and b.ends:
            pairs = zip(a.ends, b.ends, strict=True)
            ends = [(min(low, low2), max(high, high2)) for (low, high), (low2, high2) in pairs]
        prefixes = [
            self._prefix_plan.combine(one, other) for one, other in zip(a.prefixes, b.prefixes, strict=True)
        ]
        return Ranges(a.n_pixels + b.n_pixels, ends, prefixes)

    def scale(self, counts: Ranges, factor: int) -> Ranges:
        """Multiply the numbers of pixels; the ranges stay."""
        n_pixels, ends, prefixes = counts
        return Ranges(n_pixels * factor, ends, [self._prefix_plan.scale(axis, factor) for axis in prefixes])

    def finalize(self, counts: Ranges) -> CountPlan | VectorSummary:
        """Choose the codes along each axis, and return the plan that counts their keys."""
        n_pixels, ends, prefixes = counts
        if not ends:
            return _empty_summary(self.vector)
        # A key has 63 bits, and sums of codes over all pixels must not overflow.
        max_bits = min(63 // self.vector.n_features, 31, 63 - n_pixels.bit_length())
        coders: list[Coder] = []
        if self.vector.dtype.kind == "f":
            self._check_white(max(high for _, high in ends))
            for (low, high), counted in zip(ends, prefixes, strict=True):
                coders.append(self._even_or_leading(Even(low, high, max_bits), counted))
            return CountPlan(self.vector, tuple(coders), max_bits)
        lengths = [int(high - low).bit_length() for low, high in ends]
        longest = min(max(*lengths, 1), max_bits)
        for axis, ((low, high), length) in enumerate(zip(ends, lengths, strict=True)):
            check_integers(low, high)
            if length <= max_bits:
                # Codes of shorter ranges are shifted, so that all axes are equally important.
                coders.append(Shifted(low, longest - length))
            else:
                coders.append(self._even_or_leading(Even(low, high, max_bits), prefixes[axis]))
        return CountPlan(self.vector, tuple(coders), longest)

    def _check_white(self, largest: float) -> None:
        """Raise ``ValueError`` if colours to be converted are not on a scale of 0 to 1."""
        white = self.vector.white
        if white is not None and largest > _MAX_WHITES * white:
            scale = next((top for top in (255, 65535) if largest <= top), largest)
            raise ValueError(
                f"image has colours up to {largest:.4g}, and floats are converted from a scale of 0 to 1; "
                f"divide the image by {scale:.6g} first"
            )

    @property
    def _prefix_plan(self) -> PrefixPlan:
        """The plan that counts the 16 leading bits of floats along one axis, and finds the range of each."""
        return PrefixPlan(ScalarFormat(self._floats))

    @property
    def _floats(self) -> np.dtype[Any]:
        """Type of the floats whose leading bits are counted."""
        return self.vector.dtype if self.vector.dtype.kind == "f" else np.dtype(np.float64)

    def _even_or_leading(self, even: Even, prefixes: NDArray[np.uint64]) -> Even | Leading:
        """Choose between equal parts and leading bits for the values along one axis.

        `prefixes` are the counts and ranges of their leading bits. Equal parts are fine enough if the scatter
        within them would hardly affect 64 clusters. The least inertia of these is estimated by the asymptotic law
        of optimal quantizers [1]_, assuming that pixels with the same leading bits are evenly spread over their
        range: (Σ (n w²)^(1/3))³ / (12 k²).

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
        unit = max(float(width.max()), even.width)
        # In 64 parts each: a few may contain most pixels, and 63 clusters can have parts for themselves.
        terms = np.sort(np.repeat(np.cbrt(n / 64 * (width / unit / 64) ** 2), 64))[:-63]
        scatter = n.sum() * (even.width / unit) ** 2  # both sides are multiplied by 12
        return even if scatter <= _TOLERANCE * np.sum(terms) ** 3 / 64**2 else leading


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
        columns = usable_columns(*block.values(), d)
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
        if len(parts) > 1 and sum(part.keys.size for part in parts) > _MAX_UNMERGED:
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
            return _empty_summary(self.vector)
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
            if cells.products:  # the scatter of the codes, by the mean difference between neighbouring codes
                factors = [np.sum(coder.steps(code) * cells.counts) / n_pixels for coder, code in pairs]
                scatter += cells.scatter(codes) * np.outer(factors, factors)
        if self.vector.white is not None and scatter.any():
            scatter = _convert_scatter(scatter, self.vector, stored, cells.counts)
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


def _convert_scatter(
    scatter: NDArray[np.float64],
    vector: VectorFormat,
    stored: list[NDArray[np.float64]],
    counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the scatter matrix after a colour conversion, assuming the same scatter in all cells."""
    step = (vector.white or 1.0) * 1e-4
    here = vector.features(stored)
    slopes = []  # slopes[m][i] is the derivative of feature i by stored value m, in each cell
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


def _empty_summary(vector: VectorFormat) -> VectorSummary:
    """Return the summary of an image without pixels to count."""
    d = vector.n_features
    return VectorSummary(
        np.empty((0, d)), np.empty(0, dtype=np.int64), np.zeros((d, d)), np.ones(d), np.zeros(d), 0
    )
