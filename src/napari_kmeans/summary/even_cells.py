"""Floats in equal cells over their range, where it has neither gaps nor crowds: one pass, half the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..features.base import ScalarFormat
from .bit_cells import PIECE, CellsPlan, fine_enough, sums_of
from .counted_values import bits_of
from .plan import Plan, ScalarPlan
from .scalar import MAX_POINTS, ScalarSummary, merge_points

_EVEN_CELLS = (1 << 16) - 1  # one less than there is room for, since scaling may round up
_WORTH_A_LOOK = 1 << 19  # pixels of a float image from which windows are looked at before all are counted
_MARGIN = 4  # share of the range they leave for others on each side


def first_plan(scalar: ScalarFormat, n_pixels: int) -> Plan:
    """Return the plan of the first pass over so many values of 32 or 64 bits, stored as `scalar` tells."""
    if scalar.upper is not None:
        # The range is known beforehand: one pass over equal cells will do.
        shift = max(int(scalar.upper).bit_length() - 16, 0)
        return CellsPlan.first(scalar, shift, n_cells=(scalar.upper >> shift) + 1, with_sums=True)
    cells = CellsPlan.first(scalar, root_shift=8 * scalar.dtype.itemsize - 16, n_cells=1 << 16)
    return LookPlan(cells) if scalar.dtype.kind == "f" and n_pixels >= _WORTH_A_LOOK else cells


@dataclass(frozen=True, eq=False)
class LookPlan(ScalarPlan):
    """Look at windows of a float image, to tell whether equal cells over its range will do.

    They take half the time of cells placed where the pixels are. What the windows suggest is never relied on:
    `EvenCellsPlan` finds out for itself.

    Attributes
    ----------
    cells : CellsPlan
        What to do otherwise.
    """

    samples_windows: ClassVar[bool] = True
    passes_left: ClassVar[int] = 20
    cells: CellsPlan

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Counts of the cells."""
        return self.cells.count(values, include)

    def finalize(self, counts: NDArray[np.int64]) -> Plan:
        """Choose the cells."""
        return self._even(counts[0, :-1]) or self.cells

    def _even(self, pixels: NDArray[np.int64]) -> EvenCellsPlan | None:
        """Plan equal cells, if the pixels that were looked at suggest that these will be fine enough."""
        least, most, width = self.cells.ends()
        kept = np.isfinite(width) & (pixels > 0)
        if not kept.any() or pixels[~kept].any():
            return None
        low, high = float(least[kept].min()), float(most[kept].max())
        margin = (high - low) / _MARGIN
        low, high = low - margin, high + margin
        scalar = self.cells.scalar
        if not 256 * _EVEN_CELLS / np.finfo(scalar.dtype).max < high - low < np.inf:
            return None
        # As if pixels were spread evenly in their prefix: these are few, and 63 of them may be most of all.
        n, w = (np.repeat(each[kept] / 64, 64) for each in (pixels, width))
        inside = np.full(w.size, (high - low) / _EVEN_CELLS)
        if not fine_enough(n, w, np.ones(w.size, dtype=bool), n, 1e-5, inside=inside):
            return None
        return EvenCellsPlan(scalar, low, high, otherwise=self.cells)


@dataclass(frozen=True, eq=False)
class EvenCellsPlan(ScalarPlan):
    """Count floats in equal cells, for a range that has neither gaps nor crowds; else fall back.

    Attributes
    ----------
    scalar : ScalarFormat
    low, high : float
        Range of the cells.
    otherwise : CellsPlan
        What to do if values lie outside, NaN among them, or the cells turn out too coarse.
    """

    samples_windows: ClassVar[bool] = False
    passes_left: ClassVar[int] = 1
    scalar: ScalarFormat
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
        size = min(PIECE, flat.size)
        step, (whole, index) = np.empty(size, dtype=real), np.empty((2, size), dtype=np.int32)
        weights = np.empty(size)
        bits, beyond = bits_of(step), bits_of(np.array(256 * both.size, dtype=real))[0]
        for begin in range(0, flat.size, PIECE):
            piece = flat[begin : begin + PIECE]
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
            both += sums_of(index[:n], weights[:n], both.size)
            if (begin // PIECE) % 8 == 7:
                _take_apart(both, out)
        _take_apart(both, out)
        return out

    def finalize(self, counts: NDArray[np.int64]) -> Plan | ScalarSummary:
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
        return merge_points((self.low + place * width) * unit, pixels, float(inside.sum()), MAX_POINTS)


def _take_apart(both: NDArray[np.float64], out: NDArray[np.int64]) -> None:
    """Add counts and places to `out`, and begin anew."""
    sums = both.astype(np.int64)
    out[0, :-1] += sums >> 30
    out[1, :-1] += sums & ((1 << 30) - 1)
    both[:] = 0
