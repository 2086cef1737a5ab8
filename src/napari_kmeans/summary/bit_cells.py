"""Values of 32 and 64 bits, counted in at most 2^16 cells of bit patterns, placed where the pixels are.

A first pass counts the 16 high bits of the numbers as they lie in memory, later ones cut each of these
prefixes further. Within a prefix a number, float or integer, is an affine function of its low bits, so sums
of integers give the exact mean of each cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..features.base import ScalarFormat
from .counted_values import bits_of, high_half_histogram, histogram
from .plan import Plan, ScalarPlan
from .scalar import MAX_POINTS, ScalarSummary, merge_points

PIECE = 1 << 18
"""Pixels worked on at a time, so that temporaries stay in the cache."""

_CELLS = 1 << 15  # cells shared out among the prefixes, once by pixel count and once by density
_LARGEST = 1e140  # its square, times the pixels of the largest image, is a float64
_MAX_PASSES = 8  # of which images without both crowds and vast gaps need two or three


@dataclass(frozen=True, eq=False)
class CellsPlan(ScalarPlan):
    """Count the values of a 32- or 64-bit type in cells of bit patterns.

    A pixel's cell is found by its high bits, ``raw >> root_shift``, and then once for each refinement by
    ``(raw >> shift[cell]) - base[cell]``.

    Attributes
    ----------
    scalar : ScalarFormat
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

    samples_windows: ClassVar[bool] = False
    scalar: ScalarFormat
    root_shift: int
    n_cells: int
    start: NDArray[np.uint64]
    shift: NDArray[np.int64]
    refinements: tuple[tuple[NDArray[Any], NDArray[Any]], ...] = ()
    with_sums: bool = False
    believed: NDArray[Any] | None = None
    passes: int = 1

    @classmethod
    def first(
        cls, scalar: ScalarFormat, root_shift: int, n_cells: int, *, with_sums: bool = False
    ) -> CellsPlan:
        """Plan a first pass, over cells that are all 2^root_shift bit patterns wide."""
        start = np.arange(n_cells, dtype=np.uint64) << np.uint64(root_shift)
        shift = np.full(n_cells, root_shift, dtype=np.int64)
        return cls(scalar, root_shift, n_cells, start, shift, with_sums=with_sums)

    @property
    def passes_left(self) -> int:
        """Expected number of passes from this one on."""
        return max(4 - self.passes, 2) if self.scalar.upper is None else 1

    @property
    def _limbs(self) -> tuple[tuple[int, int], ...]:
        """Shift and width of the parts whose sums, in float64, are exact for a piece."""
        return ((0, 16),) if self.scalar.dtype.itemsize == 4 else ((0, 24), (24, 24))

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Counts of the cells, sums of the low bits, pixels as believed: (2 + limbs, n_cells + 1) int64."""
        raw = bits_of(values)
        if not self.with_sums:
            high = high_half_histogram(raw, include)
            return np.append(high, 0)[np.newaxis]
        if include is not None:
            raw = raw[include.reshape(-1)]
        out = np.zeros((2 + len(self._limbs), self.n_cells + 1), dtype=np.int64)
        size = min(PIECE, raw.size)
        fine, table = np.empty((2, size), dtype=raw.dtype)
        index, low = np.empty(size, dtype=np.intp), np.empty(size)
        row_index = np.empty(size, dtype=np.int32)
        few = self.n_cells < 1 << 16
        number = np.empty(raw.size if few else 0, dtype=np.uint16)
        for begin in range(0, raw.size, PIECE):
            piece = raw[begin : begin + PIECE]
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
                out[row] += sums_of(row_index[:n], low[:n], self.n_cells + 1).astype(np.int64)
            if self.believed is not None:
                self.believed.take(index[:n], out=table[:n], mode="clip")
                low[:n] = table[:n] == piece
                out[-1] += sums_of(row_index[:n], low[:n], self.n_cells + 1).astype(np.int64)
            if few:
                number[begin : begin + n] = index[:n]
            else:
                out[0] += np.bincount(index[:n], minlength=self.n_cells + 1)
        if few:
            out[0] = histogram(number, None)[: self.n_cells + 1]
        return out

    def finalize(self, counts: NDArray[np.int64]) -> Plan | ScalarSummary:
        """Cut crowded and wide cells further, or make the points."""
        pixels = counts[0, :-1]
        width = self._width()
        # NaN and infinities have a width that is not finite.
        kept = np.isfinite(width) & (pixels > 0)
        if not kept.any():
            return ScalarSummary(np.empty(0), np.empty(0, dtype=np.int64))
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
    ) -> ScalarSummary:
        """Turn counts and sums of low bits into ascending points."""
        pixels = counts[0, :-1][kept]
        raw, rest = self._means(counts)
        values, origin = self._distances(raw[kept])
        values = (values + self._step()[kept] * (rest[kept] / pixels)) * self.scalar.unit
        width = width[kept] * self.scalar.unit
        # Expected scatter of n values spread evenly over the cell; the sums give its mean, not its scatter.
        inside = np.where(wide[kept], (pixels - 1) * (width * width / 12), 0.0)
        order = np.argsort(values, kind="stable")
        return merge_points(values[order], pixels[order], float(inside.sum()), MAX_POINTS, origin)

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


def sums_of(index: NDArray[np.int32], weights: NDArray[np.float64], n_cells: int) -> NDArray[np.float64]:
    """Sum the weights of each cell, as `numpy.bincount` does, which is slower and holds Python's lock."""
    from scipy.sparse import csc_array  # here, for only wide types need it and its import takes a while

    column = csc_array((weights, index, np.array([0, index.size], dtype=np.int32)), shape=(n_cells, 1))
    return np.asarray(column @ np.ones(1))


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
