"""Count values of 32 and 64 bits in about 2^16 cells of bit patterns, narrower in dense ranges.

A first pass counts the prefixes of the values, their 16 high bits, and finds the range of each. A second one
counts the cells that these ranges are cut into. Within a prefix a value, float or integer, is an affine
function of its bit pattern, so integer sums give the exact mean of each cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..features.feature_space import ScalarFormat
from ._kernels import count_cells, count_others, count_prefixes
from .bit_patterns import bit_lengths, bits_of, mask_of, range_widths, step_sizes, values_of
from .plan import Plan, ScalarPlan
from .scalar import MAX_POINTS, ScalarSummary, distances_from, merge_points

_PREFIXES = 1 << 16  # distinct prefixes of 16 bits
_CELLS = 1 << 16  # distributed among the prefixes
_LARGEST = 1e140  # its square, times the number of pixels of the largest image, is a float64
_MAX_LEVELS = 8  # of cells; most images need one, and images with dense ranges far apart two
_TOLERANCE = 5e-6  # largest scatter within cells, relative to the least inertia


def first_plan(scalar: ScalarFormat) -> PrefixPlan | CellsPlan:
    """Return the plan of the first pass over 32- or 64-bit values."""
    if scalar.upper is None:
        return PrefixPlan(scalar)
    # The maximum is known, so all cells have the same size. Prefixes of 2^16 integers each are cut by the number
    # of bits that makes about 2^16 cells in total.
    prefix = np.arange((scalar.upper >> 16) + 1, dtype=np.uint64)
    first = prefix << np.uint64(16)
    bits = max(32 - scalar.upper.bit_length(), 0)
    return CellsPlan.cut(scalar, (), prefix, first, first + np.uint64(0xFFFF), np.full(first.size, bits))


@dataclass(frozen=True)
class PrefixPlan(ScalarPlan):
    """Count the prefixes of a 32- or 64-bit type.

    The prefix of an integer is that of the nearest float32, so that small numbers have distinct prefixes.
    """

    passes_left: ClassVar[int] = 2
    scalar: ScalarFormat

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.uint64]:
        """Return pixel count, smallest and largest bit pattern of each prefix: (3, 2^16) uint64 array."""
        counts = np.zeros((3, _PREFIXES), dtype=np.uint64)
        counts[1] = np.iinfo(np.uint64).max
        count_prefixes(_raw(self.scalar, values), mask_of(include), _prefix_shift(self.scalar), *counts)
        return counts

    def combine(self, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Add the counts of two parts of the image, and merge their ranges."""
        a[0] += b[0]
        np.minimum(a[1], b[1], out=a[1])
        np.maximum(a[2], b[2], out=a[2])
        return a

    def scale(self, counts: NDArray[np.uint64], factor: int) -> NDArray[np.uint64]:
        """Multiply the pixel counts; the ranges stay."""
        return np.stack([counts[0] * np.uint64(factor), counts[1], counts[2]])

    def finalize(self, counts: NDArray[np.uint64]) -> CellsPlan | ListedValuesPlan | ScalarSummary:
        """Cut the ranges of the prefixes into cells, or return a summary if each holds a single value.

        If there are few pixels, their values are listed instead.
        """
        prefix = np.flatnonzero(counts[0])
        # Prefixes of infinities and NaN contain no finite values.
        prefix = prefix[np.isfinite(values_of(self.scalar.dtype, counts[1, prefix]))]
        pixels, first, last = counts[:, prefix]
        pixels = pixels.astype(np.int64)
        if not prefix.size:
            return ScalarSummary(np.empty(0), pixels)
        if max(np.abs(values_of(self.scalar.dtype, ends)).max() for ends in (first, last)) > _LARGEST:
            raise ValueError(
                f"image contains values beyond {_LARGEST:.0e}, whose squares overflow float64; exclude them "
                "with a mask, or divide the image by a constant"
            )
        if np.array_equal(first, last):
            return _summarize(self.scalar, pixels, first)
        if pixels.sum() <= MAX_POINTS:
            return ListedValuesPlan(self.scalar)
        bits = _allocate_bits(pixels, range_widths(self.scalar.dtype, first, last), bit_lengths(last - first))
        return CellsPlan.cut(self.scalar, (), prefix, first, last, bits)


@dataclass(frozen=True)
class ListedValuesPlan(ScalarPlan):
    """List the values of few pixels: each distinct value becomes a point."""

    passes_left: ClassVar[int] = 1
    scalar: ScalarFormat

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.uint64]:
        """Return the distinct bit patterns in ascending order, and their counts: (2, n) uint64 array."""
        used = np.isfinite(values) if include is None else np.isfinite(values) & include
        raw, counts = np.unique(bits_of(values[used]), return_counts=True)
        return np.stack([raw.astype(np.uint64), counts.astype(np.uint64)])

    def combine(self, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Add the counts of two parts of the image."""
        both = np.concatenate([a, b], axis=1)
        raw, place = np.unique(both[0], return_inverse=True)
        counts = np.zeros_like(raw)
        np.add.at(counts, place, both[1])
        return np.stack([raw, counts])

    def scale(self, counts: NDArray[np.uint64], factor: int) -> NDArray[np.uint64]:
        """Return the counts as if each pixel had occurred `factor` times."""
        return counts * np.array([[1], [factor]], dtype=np.uint64)

    def finalize(self, counts: NDArray[np.uint64]) -> ScalarSummary:
        """Return the summary."""
        raw, pixels = counts
        return _summarize(self.scalar, pixels.astype(np.int64), raw)


@dataclass(frozen=True, eq=False)
class _Level:
    """Lookup tables of one level of cells, for `_kernels.count_cells`.

    Attributes
    ----------
    shift : (n,) uint8 array
    offset : (n,) uint64 array
        A value with bit pattern p is in cell ``(p >> shift[i]) + offset[i]``, modulo 2^64, where i is its
        prefix or its cell of the level above.
    n_cells : int
        Number of cells, and the index of the spare cell.
    """

    shift: NDArray[np.uint8]
    offset: NDArray[np.uint64]
    n_cells: int


@dataclass(frozen=True, eq=False)
class CellsPlan(ScalarPlan):
    """Count the values of a 32- or 64-bit type in cells of bit patterns.

    Attributes
    ----------
    scalar : ScalarFormat
    levels : tuple of _Level
        One for each pass that counts cells, each of which cuts cells of the level above.
    first, last : (n_cells,) uint64 arrays
        Smallest and largest bit pattern of each cell.
    """

    passes_left: ClassVar[int] = 1
    scalar: ScalarFormat
    levels: tuple[_Level, ...]
    first: NDArray[np.uint64]
    last: NDArray[np.uint64]

    @classmethod
    def cut(
        cls,
        scalar: ScalarFormat,
        levels: tuple[_Level, ...],
        index_above: NDArray[Any],
        first: NDArray[np.uint64],
        last: NDArray[np.uint64],
        bits: NDArray[np.int64],
    ) -> CellsPlan:
        """Cut each range of bit patterns into about 2^bits cells.

        `index_above` is the index of each range in the level above; pixels of all others are not counted.
        """
        # A cell contains the patterns of a range that are equal after a shift. Cells are numbered range by range.
        shift = (bit_lengths(last - first) - bits).astype(np.uint64)
        begin = first >> shift
        parts = ((last >> shift) - begin).astype(np.int64) + 1
        end = np.cumsum(parts)
        offset = (end - parts).astype(np.uint64) - begin  # modulo 2^64
        n_cells, n_above = int(end[-1]), levels[-1].n_cells + 1 if levels else _PREFIXES
        # Indices that are not cut lead to the spare cell, whose index is n_cells.
        level = _Level(
            np.full(n_above, 63, dtype=np.uint8), np.full(n_above, n_cells, dtype=np.uint64), n_cells
        )
        level.shift[index_above] = shift
        level.offset[index_above] = offset
        parent = np.repeat(np.arange(parts.size), parts)  # the range of each cell
        start = (np.arange(n_cells).astype(np.uint64) - offset[parent]) << shift[parent]
        width = (np.uint64(1) << shift[parent]) - np.uint64(1)
        return cls(
            scalar,
            (*levels, level),
            np.maximum(start, first[parent]),
            np.minimum(start + width, last[parent]),
        )

    @property
    def tables(self) -> tuple[tuple[NDArray[np.uint8], NDArray[np.uint64], np.uint64], ...]:
        """Shifts, offsets and spare cell of each level, for `_kernels.count_cells`."""
        return tuple((level.shift, level.offset, np.uint64(level.n_cells)) for level in self.levels)

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Return pixel count and sum of the bit patterns, modulo 2^64: (2, n_cells + 1) int64 array."""
        counts = np.zeros((2, self.first.size + 1), dtype=np.int64)
        with np.errstate(over="ignore"):  # arithmetic is modulo 2^64; NumPy would warn
            sums = counts[1].view(np.uint64)
            count_cells(
                _raw(self.scalar, values),
                mask_of(include),
                _prefix_shift(self.scalar),
                self.tables,
                counts[0],
                sums,
            )
        return counts

    def finalize(self, counts: NDArray[np.int64]) -> Plan | ScalarSummary:
        """Return the summary, or the plan of the next pass.

        The next pass cuts the cells with several values, or finds out which cells have a single value.
        """
        pixels, sums = counts[:, :-1]
        n = np.maximum(pixels, 1).astype(np.uint64)
        span = self.last - self.first
        excess = sums.view(np.uint64) - self.first * n  # modulo 2^64
        # In a wide cell with many pixels, the sum may have wrapped around. The middle of the cell stands for
        # its mean until the cell is cut.
        is_known = span < (1 << 63) / n
        mean = self.first + np.where(is_known, excess // n, span // np.uint64(2))
        remainder = np.where(is_known, excess % n, np.uint64(0))
        # A cell may have several values if its mean lies strictly between its ends. It certainly has if the mean is
        # fractional. Otherwise the mean is its only value, or an integer by chance: in one of n cells with n pixels.
        may_have_several = (pixels > 1) & (~is_known | (excess > 0) & (excess < span * n))
        has_several = may_have_several & (~is_known | (remainder > 0))
        n_unplaced = np.where(may_have_several, pixels - 1, 0)
        if not may_have_several.any() or (has_several.any() and self.is_fine(pixels, n_unplaced)):
            # The scatter of n pixels around their mean is n - 1 variances. Of n cells with several values, one
            # has an integer mean by chance and adds nothing, so the others add n variances: n (1 - 1/n) = n - 1.
            return self.summarize(pixels, mean, remainder, np.where(has_several, pixels, 0))
        scatter = pixels * np.square(self.width)  # 12 times, as everywhere in this class but in `summarize`
        certain, uncertain = np.sum(scatter[has_several]), np.sum(scatter[may_have_several & ~has_several])
        if len(self.levels) < _MAX_LEVELS and certain > uncertain:
            return self.cut_further(pixels, mean, remainder, n_unplaced)
        return SingleValuesPlan(self, pixels, mean, remainder)

    @property
    def width(self) -> NDArray[np.float64]:
        """Widths of the cells, in stored units."""
        return range_widths(self.scalar.dtype, self.first, self.last)

    def is_fine(self, pixels: NDArray[np.int64], n_unplaced: NDArray[np.int64]) -> bool:
        """Return whether cutting cells further would hardly change 64 clusters.

        Compares the scatter of the pixels whose position in their cell is unknown with the least inertia of 64
        clusters. For cells at distances d, the asymptotic law of optimal quantizers [1]_ estimates this as
        (Σ (n d²)^(1/3))³ / (12 k²). Both sides are multiplied by 12.

        Parameters
        ----------
        pixels : (n_cells,) int64 array
        n_unplaced : (n_cells,) int64 array
            For each cell, the number of pixels that can vary around its mean; 0 if it contains a single value.

        References
        ----------
        .. [1] P. F. Panter and W. Dite, "Quantization distortion in pulse-count modulation with nonuniform
               spacing of levels", Proceedings of the IRE 39(1), 44-48, 1951.
        """
        filled = np.flatnonzero(pixels)
        start, width = values_of(self.scalar.dtype, self.first[filled]), self.width[filled]
        # Bit patterns of negative floats ascend as their values descend.
        distance = np.maximum(np.abs(np.diff(start, append=start[-1])), width)
        unit = distance.max()
        # 63 clusters can have one cell each, so the largest 63 terms are ignored.
        terms = np.cbrt(pixels[filled] * np.square(distance / unit))
        others = np.partition(terms, -63)[:-63] if terms.size > 63 else np.zeros(1)
        scatter = np.sum(n_unplaced[filled] * np.square(width / unit))
        return bool(scatter <= _TOLERANCE * np.sum(others) ** 3 / 64**2)

    def cut_further(
        self,
        pixels: NDArray[np.int64],
        mean: NDArray[np.uint64],
        remainder: NDArray[np.uint64],
        n_unplaced: NDArray[np.int64],
    ) -> CellsPlan | ScalarSummary:
        """Cut the cells with unplaced pixels, or return the summary if that would not halve their scatter."""
        filled = np.flatnonzero(pixels)
        width = self.width
        bits = _allocate_bits(np.where(n_unplaced > 0, pixels, 0), width, bit_lengths(self.last - self.first))
        scatter = n_unplaced * np.square(width)
        if np.sum(np.ldexp(scatter, -2 * bits)) > np.sum(scatter) / 2:
            return self.summarize(pixels, mean, remainder, n_unplaced)
        first, last = self.first[filled], self.last[filled]
        return CellsPlan.cut(self.scalar, self.levels, filled, first, last, bits[filled])

    def summarize(
        self,
        pixels: NDArray[np.int64],
        mean: NDArray[np.uint64],
        remainder: NDArray[np.uint64],
        n_unplaced: NDArray[np.int64],
    ) -> ScalarSummary:
        """Return the summary, with the scatter within cells estimated for evenly spread values.

        `mean` and `remainder` are as in `SingleValuesPlan`, and `n_unplaced` as in `is_fine`. A cell of width w
        whose values are s apart has the variance (w² - s²) / 12.
        """
        filled = np.flatnonzero(pixels)
        width, step = self.width, np.abs(step_sizes(self.scalar.dtype, self.first))
        variance = (width - step) * (width + step) / 12 * self.scalar.unit**2
        return _summarize(
            self.scalar,
            pixels[filled],
            mean[filled],
            remainder[filled],
            spread=float(np.sum(n_unplaced * variance)),
            exact=not n_unplaced.any(),
        )


@dataclass(frozen=True, eq=False)
class SingleValuesPlan(ScalarPlan):
    """Find the cells that contain a single value: those without a pixel that differs from their mean.

    Separating a few distinct values bit by bit, such as 8-bit values divided by 255, would take many passes.

    Attributes
    ----------
    cells : CellsPlan
    pixels : (n_cells,) int64 array
        Number of pixels in each cell.
    mean, remainder : (n_cells,) uint64 arrays
        Quotient and remainder of the sum of each cell's bit patterns by its number of pixels.
    """

    passes_left: ClassVar[int] = 1
    cells: CellsPlan
    pixels: NDArray[np.int64]
    mean: NDArray[np.uint64]
    remainder: NDArray[np.uint64]

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Count the pixels of each cell that differ from its mean: (n_cells + 1,) int64 array."""
        counts = np.zeros(self.mean.size + 1, dtype=np.int64)
        expected = np.append(self.mean, np.uint64(0))
        with np.errstate(over="ignore"):
            scalar, tables = self.cells.scalar, self.cells.tables
            count_others(
                _raw(scalar, values), mask_of(include), _prefix_shift(scalar), tables, expected, counts
            )
        return counts

    def finalize(self, counts: NDArray[np.int64]) -> CellsPlan | ScalarSummary:
        """Return the summary, or cut the cells with several values further."""
        cells, n_unplaced = self.cells, np.where(counts[:-1] > 0, self.pixels - 1, 0)
        if not n_unplaced.any() or len(cells.levels) == _MAX_LEVELS or cells.is_fine(self.pixels, n_unplaced):
            return cells.summarize(self.pixels, self.mean, self.remainder, n_unplaced)
        return cells.cut_further(self.pixels, self.mean, self.remainder, n_unplaced)


def _prefix_shift(scalar: ScalarFormat) -> np.uint64 | None:
    """Return the number of bits below the prefix; None for integers, unless their maximum is known.

    A known maximum is below 2^23, so there are at most 128 prefixes of 2^16 integers each.
    """
    if scalar.dtype.kind == "f" or scalar.upper is not None:
        return np.uint64(8 * scalar.dtype.itemsize - 16)
    return None


def _raw(scalar: ScalarFormat, values: NDArray[Any]) -> NDArray[Any]:
    """Return the bit patterns of values, as `_kernels` takes them: those of signed integers with their sign."""
    return bits_of(values, signed=scalar.dtype.kind == "i" and scalar.upper is None)


def _summarize(
    scalar: ScalarFormat,
    pixels: NDArray[np.int64],
    mean: NDArray[np.uint64],
    remainder: NDArray[np.uint64] | None = None,
    spread: float = 0.0,
    exact: bool = True,
) -> ScalarSummary:
    """Turn cells, or single values, into ascending points, at most `MAX_POINTS`."""
    origin = _origin(scalar, mean)
    values = distances_from(origin, mean.view(scalar.dtype)) if origin else values_of(scalar.dtype, mean)
    if remainder is not None:
        values += step_sizes(scalar.dtype, mean) * (remainder / pixels)
    values *= scalar.unit
    order = np.argsort(values, kind="stable")
    values, pixels = values[order], pixels[order]
    if origin:
        _check_distances(values, origin)
    return merge_points(values, pixels, spread, MAX_POINTS, exact=exact, origin=origin)


def _origin(scalar: ScalarFormat, raw: NDArray[np.uint64]) -> int:
    """Return the origin that keeps 64-bit integers distinct as float64: the middle one, or 0 if all are small.

    The middle one of the distinct integers is near most of them, also if many pixels are far away: a special
    value for missing data, or a background of 0.
    """
    if scalar.dtype.kind == "f" or scalar.dtype.itemsize < 8:
        return 0
    whole = raw.view(scalar.dtype)
    if max(abs(int(whole.min())), abs(int(whole.max()))) < 1 << 52:
        return 0
    return int(np.partition(whole, whole.size // 2)[whole.size // 2])


def _check_distances(values: NDArray[np.float64], origin: int) -> None:
    """Raise ``ValueError`` if integers are so far from the origin that rounding may make them equal."""
    rounding = np.spacing(np.maximum(np.abs(values[1:]), np.abs(values[:-1])))
    if np.any((rounding > 1) & (np.diff(values) <= 2 * rounding)):
        low, high = (origin + int(end) for end in (values[0], values[-1]))
        raise ValueError(
            f"image has integers from about {low:.6g} to {high:.6g}, too far apart for float64 to represent "
            "their differences; exclude those at one end with a mask"
        )


def _allocate_bits(
    pixels: NDArray[np.int64], width: NDArray[np.float64], max_bits: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the number of bits to cut each range by, for at most about 2^16 cells in total.

    Each range gets the larger of two shares: an eighth of the cells by pixel count, which outliers cannot
    affect, and half of them by (count · width²)^(1/3), as in an optimal quantizer. The result is scaled to
    all cells. Shares are logarithms, in thirds of a bit: the binary exponents of count³ and of count · width².
    So no cube root is computed, and every machine gets the same bits.
    """
    bits = np.zeros(pixels.size, dtype=np.int64)
    filled = np.flatnonzero(pixels)
    if not filled.size:
        return bits
    n, (mantissa, exponent) = pixels[filled].astype(np.float64), np.frexp(width[filled])
    # At most 256 cells, or 32 per pixel up to 2^16: otherwise a few outliers would get all cells, most of them empty.
    limit = np.minimum(np.minimum(max_bits[filled], 16), np.maximum(np.frexp(n)[1] + 4, 8))

    def scaled_to(n_cells: int, thirds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add the same number of thirds to all shares: the largest that gives at most `n_cells` cells."""
        low, high = -int(thirds.max()), 3 * 16 - int(thirds.min())
        while low < high:
            middle = (low + high + 1) // 2
            if np.sum(1 << np.clip((thirds + middle) // 3, 0, limit)) <= n_cells:
                low = middle
            else:
                high = middle - 1
        return thirds + low

    by_count = scaled_to(_CELLS // 8, np.frexp(n * n * n)[1].astype(np.int64))
    by_density = scaled_to(_CELLS // 2, np.frexp(n * mantissa * mantissa)[1] + 2 * exponent.astype(np.int64))
    bits[filled] = np.clip(scaled_to(_CELLS, np.maximum(by_count, by_density)) // 3, 0, limit)
    return bits
