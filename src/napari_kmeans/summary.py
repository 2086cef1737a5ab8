"""The summary of an image: how many pixels there are of each value.

K-means never needs the pixels, only weighted points. They are counted by a reducer in one or more passes,

    plan → counts of a block (they add up) → the next plan, or the summary,

and all that blocks contribute are integers, so neither their size nor their order can change a bit of it.

Values of at most 16 bits are counted one by one (`LevelsPlan`). Wider ones are counted in at most 2^16 cells,
placed where the pixels are (`CellsPlan`): a first pass counts the 16 high bits of the numbers as they lie in
memory, later ones cut each of these prefixes further. Within a prefix a number, float or integer, is an
affine function of its low bits, so sums of integers give the exact mean of each cell.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from .features import Scalar

if TYPE_CHECKING:
    from .pixels import Block

try:  # Reaches memory speed; has no wheel for every platform.
    import ihist
except ImportError:  # pragma: no cover - depends on the platform
    ihist = None

MAX_POINTS = 1 << 16
"""Most weighted points in a summary."""

_PIECE = 1 << 18  # pixels worked on at a time, so that temporaries stay in the cache
_CELLS = 1 << 15  # cells shared out among the prefixes, once by pixel count and once by density
_EVEN_CELLS = (1 << 16) - 1  # one less than there is room for, since scaling may round up
_WORTH_A_LOOK = 1 << 19  # pixels of a float image from which windows are looked at before all are counted
_MARGIN = 4  # share of the range they leave for others on each side
_LARGEST = 1e140  # its square, times the pixels of the largest image, is a float64
_MAX_PASSES = 8  # of which images without both crowds and vast gaps need two or three


@dataclass(frozen=True, eq=False)
class Summary:
    """Weighted points that stand for the pixels of an image.

    Attributes
    ----------
    values : (n,) float64 array
        Strictly ascending, in the image's own units less `origin`: a value, or the mean of a cell.
    counts : (n,) int64 array
        Pixels at each value.
    spread : float
        Sum of squared distances of the pixels to the value that stands for them, in squared units.
    exact : bool
        Whether each point is a single value, so that `spread` is 0.
    origin : int
        Subtracted from integers that float64 could not tell apart otherwise; else 0.
    """

    values: NDArray[np.float64]
    counts: NDArray[np.int64]
    spread: float = 0.0
    exact: bool = True
    origin: int = 0

    @property
    def n_pixels(self) -> int:
        """Number of pixels that were counted."""
        return int(self.counts.sum())


class Plan(Protocol):
    """What one pass over the pixels counts."""

    @property
    def looks_only(self) -> bool:
        """Whether some windows of a large image are enough to count, and not all of it."""

    def count_block(self, block: Block) -> Any:
        """Count a block."""

    def merge(self, a: Any, b: Any) -> Any:
        """Add what two parts of the image counted, in any order: the sum is the same to the bit."""

    def next(self, counts: Any) -> Any:
        """From the counts of all blocks, the plan of another pass or the result."""


class _Counting(ABC):
    """A plan whose counts are arrays of integers, of one value a pixel."""

    @abstractmethod
    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Count the values to use: integers that are added over blocks, in any order."""

    def count_block(self, block: Block) -> NDArray[np.int64]:
        """Count a block."""
        return self.count(*block.values())

    def merge(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add what two parts of the image counted."""
        return np.add(a, b, out=a)


def first_plan(scalar: Scalar, n_pixels: int) -> Plan:
    """Return the plan of the first pass over so many values, stored as `scalar` tells."""
    if scalar.dtype.itemsize <= 2:
        return LevelsPlan(scalar)
    if scalar.upper is not None:
        # The range is known beforehand: one pass over equal cells will do.
        shift = max(int(scalar.upper).bit_length() - 16, 0)
        return CellsPlan.first(scalar, shift, n_cells=(scalar.upper >> shift) + 1, with_sums=True)
    cells = CellsPlan.first(scalar, root_shift=8 * scalar.dtype.itemsize - 16, n_cells=1 << 16)
    return LookPlan(cells) if scalar.dtype.kind == "f" and n_pixels >= _WORTH_A_LOOK else cells


# Values of at most 16 bits


@dataclass(frozen=True)
class LevelsPlan(_Counting):
    """Count each value of an 8- or 16-bit type by itself, in one pass."""

    looks_only: ClassVar[bool] = False
    scalar: Scalar

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Histogram of the bit patterns: (2^bits,) int64."""
        return _histogram(_bits(values), include)

    def next(self, counts: NDArray[np.int64]) -> Summary:
        """Order the bit patterns by value."""
        levels = level_values(self.scalar.dtype)
        present = np.flatnonzero(counts)
        present = present[np.isfinite(levels[present])]
        values, inverse = np.unique(levels[present], return_inverse=True)  # -0.0 and 0.0 are one value
        merged = np.zeros(values.size, dtype=np.int64)
        np.add.at(merged, inverse, counts[present])
        return Summary(values * self.scalar.unit, merged)


def level_values(dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Value of each bit pattern of an 8- or 16-bit type: (2^bits,) float64."""
    bits = np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}")
    return bits.view(dtype).astype(np.float64)


def count_values(values: NDArray[np.uint8], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Count bytes of any shape: (256,) int64."""
    return _histogram(_bits(values), include)


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    """Bit patterns of a block as a flat array of unsigned integers."""
    return np.ascontiguousarray(values).reshape(-1).view(f"u{values.dtype.itemsize}")


def _histogram(raw: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Count 8- or 16-bit unsigned integers; `raw` is flat."""
    if ihist is not None and raw.size < 1 << 32:
        if include is None and raw.dtype == np.uint8 and raw.size >= 1 << 20:
            # Two bytes at a time, which takes half as many steps, and the odd one by itself.
            even = raw.size & ~1
            pairs = ihist.histogram(raw[:even].view(np.uint16), parallel=False).reshape(256, 256)
            counts = pairs.sum(axis=0, dtype=np.uint32) + pairs.sum(axis=1, dtype=np.uint32)
            return np.asarray(counts + np.bincount(raw[even:], minlength=256))
        mask = None if include is None else np.ascontiguousarray(include).reshape(-1).view(np.uint8)
        return np.asarray(ihist.histogram(raw, mask=mask, parallel=False), dtype=np.int64)
    if include is not None:
        raw = raw[include.reshape(-1)]
    counts = np.zeros(1 << 8 * raw.dtype.itemsize, dtype=np.int64)
    for start in range(0, raw.size, _PIECE):
        counts += np.bincount(raw[start : start + _PIECE], minlength=counts.size)
    return counts


def _sums(index: NDArray[np.int32], weights: NDArray[np.float64], n_cells: int) -> NDArray[np.float64]:
    """Sum the weights of each cell, as `numpy.bincount` does, which is slower and holds Python's lock."""
    from scipy.sparse import csc_array  # here, for only wide types need it and its import takes a while

    column = csc_array((weights, index, np.array([0, index.size], dtype=np.int32)), shape=(n_cells, 1))
    return np.asarray(column @ np.ones(1))


def _high_half_histogram(raw: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Count the 16 high bits of 32- or 64-bit unsigned integers; `raw` is flat."""
    if ihist is not None and raw.size < 1 << 32:
        halves = raw.view(np.uint16).reshape(1, raw.size, -1)
        high = halves.shape[-1] - 1 if sys.byteorder == "little" else 0
        mask = None
        if include is not None:
            mask = np.ascontiguousarray(include).reshape(1, -1).view(np.uint8)
        counts = ihist.histogram(halves, components=[high], mask=mask, parallel=False)
        return np.asarray(counts[0], dtype=np.int64)
    high_bits = (raw >> (8 * raw.dtype.itemsize - 16)).astype(np.uint16)
    return _histogram(high_bits, include)


# Wider values


@dataclass(frozen=True, eq=False)
class CellsPlan(_Counting):
    """Count the values of a 32- or 64-bit type in cells of bit patterns.

    A pixel's cell is found by its high bits, ``raw >> root_shift``, and then once for each refinement by
    ``(raw >> shift[cell]) - base[cell]``.

    Attributes
    ----------
    scalar : Scalar
    root_shift : int
        Low bits that the first pass leaves out.
    n_cells : int
        Cells this pass counts, not including a last one for what is left out.
    start, shift : arrays
        For each cell of this pass: its first bit pattern, and its width in bits.
    refinements : tuple of (shift, base)
        One entry a cell of the level above, in each.
    with_sums : bool
        Whether low bits are summed beside the counts; the first of several passes can do without.
    believed : array or None
        For each cell, and the last one, the only bit pattern it is believed to hold: how many of its pixels
        do is counted too.
    passes : int
        Which pass this is, from 1.
    """

    looks_only: ClassVar[bool] = False
    scalar: Scalar
    root_shift: int
    n_cells: int
    start: NDArray[np.uint64]
    shift: NDArray[np.int64]
    refinements: tuple[tuple[NDArray[Any], NDArray[Any]], ...] = ()
    with_sums: bool = False
    believed: NDArray[Any] | None = None
    passes: int = 1

    @classmethod
    def first(cls, scalar: Scalar, root_shift: int, n_cells: int, *, with_sums: bool = False) -> CellsPlan:
        """Plan a first pass, over cells that are all 2^root_shift bit patterns wide."""
        start = np.arange(n_cells, dtype=np.uint64) << np.uint64(root_shift)
        shift = np.full(n_cells, root_shift, dtype=np.int64)
        return cls(scalar, root_shift, n_cells, start, shift, with_sums=with_sums)

    @property
    def _limbs(self) -> tuple[tuple[int, int], ...]:
        """Shift and width of the parts whose sums, in float64, are exact for a piece."""
        return ((0, 16),) if self.scalar.dtype.itemsize == 4 else ((0, 24), (24, 24))

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Counts of the cells, sums of the low bits, pixels as believed: (2 + limbs, n_cells + 1) int64."""
        raw = _bits(values)
        if not self.with_sums:
            high = _high_half_histogram(raw, include)
            return np.append(high, 0)[np.newaxis]
        if include is not None:
            raw = raw[include.reshape(-1)]
        out = np.zeros((2 + len(self._limbs), self.n_cells + 1), dtype=np.int64)
        size = min(_PIECE, raw.size)
        fine, table = np.empty((2, size), dtype=raw.dtype)
        index, low = np.empty(size, dtype=np.intp), np.empty(size)
        row_index = np.empty(size, dtype=np.int32)
        few = self.n_cells < 1 << 16
        number = np.empty(raw.size if few else 0, dtype=np.uint16)
        for begin in range(0, raw.size, _PIECE):
            piece = raw[begin : begin + _PIECE]
            n = piece.size
            # The arithmetic wraps around as one type; only small numbers are left after it. (`mode` is
            # there because numpy.take buffers its output otherwise; no index is out of range.)
            np.right_shift(piece, raw.dtype.type(self.root_shift), out=fine[:n])
            index[:n] = fine[:n]
            for shift, base in self.refinements:
                shift.take(index[:n], out=table[:n], mode="clip")
                np.right_shift(piece, table[:n], out=fine[:n])
                base.take(index[:n], out=table[:n], mode="clip")
                np.subtract(fine[:n], table[:n], out=fine[:n])
                index[:n] = fine[:n]
            row_index[:n] = index[:n]
            for row, (shift_by, width) in enumerate(self._limbs, start=1):
                np.right_shift(piece, raw.dtype.type(shift_by), out=fine[:n])
                np.bitwise_and(fine[:n], raw.dtype.type((1 << width) - 1), out=fine[:n])
                low[:n] = fine[:n]
                out[row] += _sums(row_index[:n], low[:n], self.n_cells + 1).astype(np.int64)
            if self.believed is not None:
                self.believed.take(index[:n], out=table[:n], mode="clip")
                low[:n] = table[:n] == piece
                out[-1] += _sums(row_index[:n], low[:n], self.n_cells + 1).astype(np.int64)
            if few:
                number[begin : begin + n] = index[:n]
            else:
                out[0] += np.bincount(index[:n], minlength=self.n_cells + 1)
        if few:
            out[0] = _histogram(number, None)[: self.n_cells + 1]
        return out

    def next(self, counts: NDArray[np.int64]) -> Plan | Summary:
        """Cut crowded and wide cells further, or make the points."""
        pixels = counts[0, :-1]
        width = self._width()
        # NaN and infinities have a width that is not finite.
        kept = np.isfinite(width) & (pixels > 0)
        if not kept.any():
            return Summary(np.empty(0), np.empty(0, dtype=np.int64))
        if np.abs(self._values_at(self.start[kept])).max() > _LARGEST:
            raise ValueError(
                f"image holds values beyond {_LARGEST:.0e}, whose squares no float64 can hold; leave them "
                "out with a mask, or divide the image"
            )
        wide = self.shift > 0
        if self.with_sums:
            # All at the start of their cell, pixels have a single value: no part of their sum can be less.
            sums = counts[1:-1, :-1]
            parts = ((self.start >> np.uint64(at)) & np.uint64((1 << bits) - 1) for at, bits in self._limbs)
            wide &= (sums > [part.astype(np.int64) * pixels for part in parts]).any(axis=0)
            wide &= counts[-1, :-1] < pixels
        loose = np.where(kept & wide, pixels - 1, 0)  # alone in a cell, a pixel's value is known
        bits = _share_out(np.where(loose > 0, pixels, 0), width, self.shift)
        if self.with_sums:
            done = self.scalar.upper is not None or self.passes >= _MAX_PASSES
            scatter = loose * np.square(width, where=kept, out=np.zeros(width.size))
            hardly_less = np.sum(np.ldexp(scatter, -2 * bits)) > np.sum(scatter) / 2
            if done or hardly_less or fine_enough(pixels, width, kept, loose, 2e-6):
                return self._summary(counts, width, kept, wide)
            # Values that are few (8-bit ones divided by 255) would take many passes to set apart bit by bit.
            raw, rest = self._means(counts)
            if self.believed is None and fine_enough(pixels, width, kept, np.where(rest > 0, loose, 0), 2e-6):
                believed = np.append(raw, np.uint64(0)).astype(f"u{self.scalar.dtype.itemsize}")
                return replace(self, believed=believed, passes=self.passes + 1)
        return self._refined(bits, kept)

    def even(self, counts: NDArray[np.int64]) -> EvenCellsPlan | None:
        """From the counts of some of the pixels, a plan of equal cells, if these seem to be fine enough."""
        pixels, width = counts[0, :-1], self._width()
        kept = np.isfinite(width) & (pixels > 0)
        if not kept.any() or pixels[~kept].any():
            return None
        ends = self._values_at(self.start[kept]), self._values_at((self.start + _last(self.shift))[kept])
        low, high = float(np.min(ends)), float(np.max(ends))
        margin = (high - low) / _MARGIN
        low, high = low - margin, high + margin
        if not 256 * _EVEN_CELLS / np.finfo(self.scalar.dtype).max < high - low < np.inf:
            return None
        # As if pixels were spread evenly in their prefix: these are few, and 63 of them may be most of all.
        n, w = (np.repeat(each[kept] / 64, 64) for each in (pixels, width))
        inside = np.full(w.size, (high - low) / _EVEN_CELLS)
        if not fine_enough(n, w, np.ones(w.size, dtype=bool), n, 1e-5, inside=inside):
            return None
        return EvenCellsPlan(self.scalar, low, high, otherwise=self)

    def ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Least and largest value of each cell, and its width; not finite for those of NaN and infinities."""
        ends = self._values_at(self.start), self._values_at(self.start + _last(self.shift))
        return np.minimum(*ends), np.maximum(*ends), self._width()

    def _width(self) -> NDArray[np.float64]:
        """Width of each cell in stored values; not finite for the cells of NaN and infinities."""
        low, high = self._values_at(self.start), self._values_at(self.start + _last(self.shift))
        with np.errstate(invalid="ignore", over="ignore"):
            return np.abs(high - low) + np.abs(self._step())

    def _step(self) -> NDArray[np.float64]:
        """Distance of two neighbouring bit patterns at each cell, in stored values."""
        if self.scalar.dtype.kind != "f":
            return np.ones(self.n_cells)
        base = self._prefix()
        with np.errstate(invalid="ignore", over="ignore"):
            return self._values_at(base + np.uint64(1)) - self._values_at(base)

    def _prefix(self) -> NDArray[np.uint64]:
        """First bit pattern that differs from each cell's in no more than the bits that are summed."""
        low = np.uint64(sum(width for _, width in self._limbs))
        return self.start >> low << low

    def _values_at(self, raw: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Float64 values of bit patterns."""
        dtype = self.scalar.dtype
        with np.errstate(invalid="ignore"):
            return raw.astype(f"u{dtype.itemsize}").view(dtype).astype(np.float64)

    def _refined(self, bits: NDArray[np.int64], kept: NDArray[np.bool_]) -> CellsPlan:
        """Cut each kept cell into 2^bits, and send all others to the last one."""
        parts = np.where(kept, np.int64(1) << bits, 0)
        first = np.cumsum(parts) - parts
        n_cells = int(parts.sum())
        finer = self.shift - bits
        # (raw >> shift) - base is the number of the new cell. What is left out is shifted to nothing and
        # lands beyond the last cell, and so does what earlier passes left out: the entry appended here.
        all_bits = 8 * self.scalar.dtype.itemsize
        shift = np.append(np.where(kept, finer, all_bits), all_bits).astype(np.uint64)
        base = np.full(self.n_cells + 1, -n_cells)
        base[:-1][kept] = ((self.start >> shift[:-1]).astype(np.int64) - first)[kept]
        unsigned = f"u{self.scalar.dtype.itemsize}"
        table = (shift.astype(unsigned), base.astype(unsigned))
        parent = np.repeat(np.arange(self.n_cells), parts)
        new_shift = finer[parent]
        step = (np.arange(n_cells) - first[parent]).astype(np.uint64)
        start = self.start[parent] + (step << new_shift.astype(np.uint64))
        return replace(
            self,
            n_cells=n_cells,
            refinements=(*self.refinements, table),
            start=start,
            shift=new_shift,
            with_sums=True,
            believed=None,
            passes=self.passes + 1,
        )

    def _summary(
        self,
        counts: NDArray[np.int64],
        width: NDArray[np.float64],
        kept: NDArray[np.bool_],
        wide: NDArray[np.bool_],
    ) -> Summary:
        """Turn counts and sums of low bits into ascending points."""
        pixels = counts[0, :-1][kept]
        raw, rest = self._means(counts)
        values, origin = self._distances(raw[kept])
        values = (values + self._step()[kept] * (rest[kept] / pixels)) * self.scalar.unit
        width = width[kept] * self.scalar.unit
        # Expected scatter of n values spread evenly over the cell; the sums give its mean, not its scatter.
        inside = np.where(wide[kept], (pixels - 1) * (width * width / 12), 0.0)
        order = np.argsort(values, kind="stable")
        return _merge_points(values[order], pixels[order], float(inside.sum()), MAX_POINTS, origin)

    def _means(self, counts: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Mean bit pattern of each cell, as a whole one and a remainder in its pixels' number."""
        pixels = np.maximum(counts[0, :-1], 1)
        whole = rest = np.zeros(pixels.size, dtype=np.int64)
        for sums, (_, bits) in zip(counts[-2:0:-1, :-1], reversed(self._limbs), strict=True):
            quotient, rest = np.divmod((rest << bits) + sums, pixels)
            whole = (whole << bits) + quotient
        return self._prefix() + whole.astype(np.uint64), rest

    def _distances(self, raw: NDArray[np.uint64]) -> tuple[NDArray[np.float64], int]:
        """Values of bit patterns, less an origin that keeps 64-bit integers apart."""
        if self.scalar.dtype.kind == "f" or self.scalar.dtype.itemsize < 8:
            return self._values_at(raw), 0
        whole = raw.view(self.scalar.dtype)
        origin = int(whole.min())
        if max(abs(origin), abs(int(whole.max()))) < 1 << 52:
            return whole.astype(np.float64), 0
        return np.array([float(int(value) - origin) for value in whole]), origin


def _last(shift: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Low bits of the last pattern in cells of this width."""
    return (np.uint64(1) << shift.astype(np.uint64)) - np.uint64(1)


@dataclass(frozen=True, eq=False)
class LookPlan(_Counting):
    """Look at windows of a float image, to tell whether equal cells over its range will do.

    They take half the time of cells placed where the pixels are. What the windows suggest is never relied on:
    `EvenCellsPlan` finds out for itself.

    Attributes
    ----------
    cells : CellsPlan
        What to do otherwise.
    """

    looks_only: ClassVar[bool] = True
    cells: CellsPlan

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Counts of the cells."""
        return self.cells.count(values, include)

    def next(self, counts: NDArray[np.int64]) -> Plan:
        """Choose the cells."""
        return self.cells.even(counts) or self.cells


@dataclass(frozen=True, eq=False)
class EvenCellsPlan(_Counting):
    """Count floats in equal cells, for a range that has neither gaps nor crowds; else fall back.

    Attributes
    ----------
    scalar : Scalar
    low, high : float
        Range of the cells.
    otherwise : CellsPlan
        What to do if values lie outside, NaN among them, or the cells turn out too coarse.
    """

    looks_only: ClassVar[bool] = False
    scalar: Scalar
    low: float
    high: float
    otherwise: CellsPlan

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Counts of the cells, and sums of the places within them in 256ths: (2, 2^16 + 1) int64.

        The last cell is for whole pieces with any value outside.
        """
        flat = np.ascontiguousarray(values).reshape(-1)
        if include is not None:
            flat = flat[include.reshape(-1)]
        real = flat.dtype.type
        low, scale = real(self.low), real(256 * _EVEN_CELLS / (self.high - self.low))
        out, both = np.zeros((2, _EVEN_CELLS + 2), dtype=np.int64), np.zeros(_EVEN_CELLS + 1)
        size = min(_PIECE, flat.size)
        step, (whole, index) = np.empty(size, dtype=real), np.empty((2, size), dtype=np.int32)
        weights = np.empty(size)
        bits, beyond = _bits(step), _bits(np.array(256 * both.size, dtype=real))[0]
        for begin in range(0, flat.size, _PIECE):
            piece = flat[begin : begin + _PIECE]
            n = piece.size
            np.subtract(piece, low, out=step[:n])
            np.multiply(step[:n], scale, out=step[:n])
            # As bit patterns, what is negative, infinite or NaN lies above all else, and one look tells that
            # each pixel has a cell: a sum beyond the last would be written there unnoticed.
            if bits[:n].max() >= beyond:
                out[0, -1] += n
                continue
            whole[:n] = step[:n]
            np.right_shift(whole[:n], 8, out=index[:n])
            # One sum gives counts and places: a pixel weighs 2^30 and its place in the cell, and as many
            # as these add up to less than 2^30 in places, and to less than 2^53 in all.
            np.bitwise_and(whole[:n], 255, out=whole[:n])
            np.bitwise_or(whole[:n], 1 << 30, out=whole[:n])
            weights[:n] = whole[:n]
            both += _sums(index[:n], weights[:n], both.size)
            if (begin // _PIECE) % 8 == 7:
                _take_apart(both, out)
        _take_apart(both, out)
        return out

    def next(self, counts: NDArray[np.int64]) -> Plan | Summary:
        """Make the points, unless too many pixels share a cell."""
        outside, counts = counts[0, -1], counts[:, :-1]
        width = (self.high - self.low) / _EVEN_CELLS
        kept = counts[0] > 0
        if outside or not fine_enough(counts[0], np.full(kept.size, width), kept, counts[0], 1e-5):
            return self.otherwise
        pixels = counts[0, kept]
        place = np.flatnonzero(kept) + (counts[1, kept] / pixels + 0.5) / 256
        unit = self.scalar.unit
        # Where a pixel lies in its cell is known to a 256th, even if it is alone there.
        inside = (pixels - 1 + 256**-2) * (width * width * (unit * unit / 12))
        return _merge_points((self.low + place * width) * unit, pixels, float(inside.sum()), MAX_POINTS)


def _take_apart(both: NDArray[np.float64], out: NDArray[np.int64]) -> None:
    """Add counts and places to `out`, and begin anew."""
    sums = both.astype(np.int64)
    out[0, :-1] += sums >> 30
    out[1, :-1] += sums & ((1 << 30) - 1)
    both[:] = 0


def fine_enough(
    pixels: NDArray[Any],
    width: NDArray[np.float64],
    kept: NDArray[np.bool_],
    loose: NDArray[Any],
    tolerance: float,
    inside: NDArray[np.float64] | None = None,
) -> bool:
    """Whether a cut within a cell could hardly matter to 64 clusters.

    Compares the scatter of the `loose` pixels, whose place in their cell (of width `inside`, if given) is not
    known, with the least inertia of 64 clusters at this density, by the asymptotic law of optimal quantisers
    (Panter and Dite, "Quantization distortion in pulse-count modulation with nonuniform spacing of levels",
    Proc. IRE 39, 1951): (Σ (n w²)^(1/3))³ / (12 k²).
    """
    n, w = pixels[kept].astype(np.float64), width[kept]
    inner = w if inside is None else inside[kept]
    top = max(w.max(), inner.max())
    w, inner = w / top, inner / top
    scatter = np.sum(loose[kept] * inner * inner)
    # Clusters can have cells for themselves: those farthest out must not hide what the others lack.
    density = np.sort(np.cbrt(n * w * w))[:-63]
    return bool(scatter <= tolerance * np.sum(density) ** 3 / 64**2)


def _share_out(
    pixels: NDArray[np.int64], width: NDArray[np.float64], shift: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Bits to cut each cell by, at most `shift`, so that there are at most about 2^16 cells in all.

    The larger of two shares: by pixel count, which outliers cannot bend, and by (count · width²)^(1/3), the
    density of an optimal quantiser. Only exponents of two enter, so that no machine's cube root can differ.
    """
    bits = np.zeros(pixels.size, dtype=np.int64)
    filled = np.flatnonzero(pixels)
    if not filled.size:
        return bits
    n, (mantissa, exponent) = pixels[filled].astype(np.float64), np.frexp(width[filled])
    _, by_count = np.frexp(n * (_CELLS * math.sqrt(0.5) / n.sum()))
    _, cubed = np.frexp(n * mantissa * mantissa)
    density = (cubed + 2 * exponent.astype(np.int64)) // 3
    density -= density.max()
    # A few pixels far out would claim all cells and leave most of them empty.
    most = np.maximum(np.frexp(n)[1] + 4, 8)
    few, many = -16, int((most - density).max())
    while few < many:
        room = (few + many + 1) // 2
        if np.ldexp(1.0, np.minimum(density + room, most)).sum() <= _CELLS:
            few = room
        else:
            many = room - 1
    wanted = np.maximum(by_count, np.minimum(density + few, most))
    bits[filled] = np.clip(wanted, 0, np.minimum(shift[filled], 16))
    return bits


def coarsen(summary: Summary, limit: int) -> Summary:
    """Return the same pixels in at most `limit` points."""
    return _merge_points(summary.values, summary.counts, summary.spread, limit, summary.origin)


def group_values(values: NDArray[np.float64], counts: NDArray[Any], limit: int) -> NDArray[np.int64]:
    """Put ascending values into at most `limit` groups of neighbours, narrower where they lie densest.

    Returns
    -------
    (n,) int64 array
        Number of each value's group, ascending from 0; not every number need occur.
    """
    gap = np.diff(values, prepend=values[0])
    group = np.cumsum(gap > 0, dtype=np.int64)  # equal values (-0.0 and 0.0) are one point anyway
    if group[-1] < limit:
        return group
    with np.errstate(under="ignore", over="ignore"):
        scaled = gap / gap.max()
        density = np.cbrt(counts * scaled * scaled)
    share = np.maximum(_fill(counts, limit / 2), _fill(density, limit / 2))
    # Cumulated up to and with a point: a wide gap or a crowd before it opens a new group.
    return np.asarray(np.floor(np.cumsum(share) * (limit / share.sum() * (1 - 1e-9))), dtype=np.int64)


def _merge_points(
    values: NDArray[np.float64], counts: NDArray[np.int64], spread: float, limit: int, origin: int = 0
) -> Summary:
    """Make a summary of at most `limit` points from ascending ones, merging where they lie densest."""
    group = group_values(values, counts, limit)
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    if starts.size == values.size:
        return Summary(values, counts, spread, exact=spread == 0.0, origin=origin)
    sizes = np.diff(starts, append=values.size)
    merged = np.add.reduceat(counts, starts)
    first = values[starts]
    mean = first + np.add.reduceat(counts * (values - np.repeat(first, sizes)), starts) / merged
    residual = values - np.repeat(mean, sizes)
    total = spread + float(np.sum(counts * residual * residual))
    return Summary(mean, merged, total, exact=total == 0.0, origin=origin)


def _fill(weights: NDArray[Any], total: float) -> NDArray[np.float64]:
    """Share `total` out by weight, but at most 1 to each: a point needs no more than a group of its own."""
    ascending = np.sort(weights).astype(np.float64)
    # With 1 for each of the largest, this is left for the others, and this is what they weigh.
    left = total - np.arange(weights.size)[::-1]
    rest = np.cumsum(ascending)
    last = np.flatnonzero((left > 0) & (left * ascending <= rest))[-1]
    unit = max(rest[last], np.finfo(np.float64).tiny)  # beside a vast weight all others may be 0
    return np.asarray(np.minimum(weights * (left[last] / unit), 1.0))
