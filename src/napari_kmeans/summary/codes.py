"""Integer codes of the values of a pixel, and one key for all of them.

A key interleaves the bits of its codes (Morton order [1]_), so dropping its last bits gives a cell.

References
----------
.. [1] G. M. Morton, "A computer oriented geodetic data base and a new technique in file sequencing", IBM,
       1966.
.. [2] S. E. Anderson, "Bit twiddling hacks", https://graphics.stanford.edu/~seander/bithacks.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._color_kernels import append_code, extract_code
from .bit_patterns import values_of

# Steps that move the bits of a number two or three places apart: shift left, and keep these bits [2]_.
_STEPS = {
    2: (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ),
    3: (
        (32, 0x001F00000000FFFF),
        (16, 0x001F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ),
}

_PREFIXES = 1 << 16  # distinct leading 16 bits of a float
_NEGATIVE = 1 << 15  # the first of them that belongs to negative numbers


def interleave(codes: Sequence[NDArray[Any]], n_bits: int) -> NDArray[np.uint64]:
    """Interleave the bits of two or three codes of at most `n_bits` bits each."""
    steps = [step for step in _STEPS[len(codes)] if step[0] < n_bits * len(codes)]
    shifts, masks = (np.array(column, dtype=np.uint64) for column in zip(*steps, strict=True))
    keys = np.zeros(codes[0].size, dtype=np.uint64)
    for code in codes:
        append_code(keys, code.astype(np.uint64), shifts, masks)
    return keys


def deinterleave(keys: NDArray[np.uint64], n_axes: int) -> NDArray[np.int64]:
    """Return the codes of keys: (n_axes, n) int64 array."""
    steps = _STEPS[n_axes][::-1]
    shifts = np.array([shift for shift, _ in steps], dtype=np.uint64)
    masks = np.array([kept for _, kept in steps] + [(1 << 64 // n_axes) - 1], dtype=np.uint64)
    codes = np.empty((n_axes, keys.size), dtype=np.int64)
    for axis, code in enumerate(codes):
        extract_code(keys, n_axes - 1 - axis, shifts, masks, code)
    return codes


@dataclass(frozen=True)
class Shifted:
    """Codes of integers: the distance from the smallest, shifted left to the length of the longest code."""

    low: int
    left_shift: int = 0

    def codes(self, column: NDArray[Any]) -> Any:
        """Return the code of each value."""
        return column if column.dtype == np.uint8 else _above(column, self.low) << np.uint64(self.left_shift)

    def values(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value of each code or mean of codes."""
        return np.asarray(codes / (1 << self.left_shift) + self.low)

    def steps(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the change of the value per step of the code."""
        return np.full(codes.shape, 1 / (1 << self.left_shift))

    def variance(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance of the values that share a code: 0, since it is a single value."""
        return np.zeros(codes.shape)


def _above(column: NDArray[Any], low: int) -> NDArray[np.uint64]:
    """Return the distance of integers from the smallest, modulo 2^64, where it is exact."""
    return np.asarray(column.astype(np.uint64) - np.uint64(low % (1 << 64)))


@dataclass(frozen=True)
class Even:
    """Codes of wide values: the index of the equal part of the range that contains a value."""

    low: float | int
    high: float | int
    n_bits: int

    @property
    def width(self) -> float:
        """Width of a part."""
        if self.low == self.high:
            return 1.0
        # Slightly wider than necessary, because scaling may round up.
        return (self.high - self.low) / (1 << self.n_bits) * (1 + 1e-9)

    def codes(self, column: NDArray[Any]) -> Any:
        """Return the code of each value."""
        distance = column.astype(np.float64) - self.low
        if column.dtype.kind != "f":
            distance = _above(column, int(self.low)).astype(np.float64)
        return (distance * (1 / self.width)).astype(np.uint64)

    def values(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value of each code or mean of codes."""
        if self.low == self.high:
            return np.full(codes.shape, float(self.low))
        return np.asarray(self.low + (codes + 0.5) * self.width)

    def steps(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the change of the value per step of the code."""
        return np.full(codes.shape, self.width)

    def variance(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance of the values that share a code: 0, since it is negligible."""
        return np.zeros(codes.shape)


@dataclass(frozen=True, eq=False)
class Leading:
    """Codes of numbers with large gaps: the rank of their leading 16 bits as floats, then as many others as fit.

    Only leading bits that occur are ranked, so outliers cost one rank each and do not make the others coarse.
    Codes ascend with the values: the other bits of negative numbers are inverted.

    Attributes
    ----------
    dtype : numpy.dtype
        Type of the floats; integers are converted to it.
    n_bits : int
        Maximum length of a code, at least 16.
    first, last : (2^16,) float64 arrays
        Smallest and largest value with each of the leading bits; the smallest is larger where there is none.
    """

    dtype: np.dtype[Any]
    n_bits: int
    first: NDArray[np.float64]
    last: NDArray[np.float64]

    @cached_property
    def ascending(self) -> NDArray[np.intp]:
        """Leading bits that occur, by ascending values."""
        there = np.flatnonzero(self.first <= self.last)
        negative = there >= _NEGATIVE
        return np.concatenate([there[negative][::-1], there[~negative]])

    @cached_property
    def ranks(self) -> NDArray[np.uint64]:
        """Rank of each of the leading bits: (2^16,) array."""
        ranks = np.zeros(_PREFIXES, dtype=np.uint64)
        ranks[self.ascending] = np.arange(self.ascending.size)
        return ranks

    @property
    def n_other(self) -> int:
        """Number of bits after the leading ones."""
        return 8 * self.dtype.itemsize - 16

    @property
    def n_kept(self) -> int:
        """How many of these bits a code contains."""
        return min(max(self.n_bits - int(self.ascending.size - 1).bit_length(), 0), self.n_other)

    def widths(self, prefixes: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the width of the values that share a code, for given leading bits."""
        n_other, n_kept = self.n_other, self.n_kept
        begin = prefixes.astype(np.uint64) << np.uint64(n_other)
        end = begin | np.uint64((1 << n_other) - 1)
        return np.abs(values_of(self.dtype, end) - values_of(self.dtype, begin)) / (1 << n_kept)

    def codes(self, column: NDArray[Any]) -> Any:
        """Return the code of each value."""
        n_other, n_kept = self.n_other, self.n_kept
        floats = np.ascontiguousarray(column, dtype=self.dtype)
        bits = floats.view(f"u{self.dtype.itemsize}").astype(np.uint64)
        prefix = bits >> np.uint64(n_other)
        ones = np.uint64((1 << n_other) - 1)
        other = np.where(prefix >= _NEGATIVE, ~bits, bits) & ones
        return (self.ranks[prefix] << np.uint64(n_kept)) | (other >> np.uint64(n_other - n_kept))

    def values(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the middle of the values that share each code or mean of codes."""
        whole = np.floor(codes)
        low, high = self._ends(whole)
        return np.asarray(low + (codes - whole + 0.5 * (codes == whole)) * (high - low))

    def steps(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the change of the value per step of the code."""
        low, high = self._ends(np.floor(codes))
        return high - low

    def variance(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance of the values that share a code, if they are evenly spread."""
        return np.square(self.steps(codes)) / 12

    def _ends(self, whole: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the ends of the values of whole codes, as far as there are values with these leading bits."""
        n_other, n_kept = self.n_other, self.n_kept
        codes = whole.astype(np.uint64)
        prefix = self.ascending[codes >> np.uint64(n_kept)]
        ones, step = np.uint64((1 << n_other) - 1), np.uint64(1 << (n_other - n_kept))
        other = (codes << np.uint64(n_other - n_kept)) & ones
        begin = prefix.astype(np.uint64) << np.uint64(n_other)
        negative = prefix >= _NEGATIVE
        low = begin | np.where(negative, ~other & ones, other)
        high = np.where(negative, low - step, low + step)
        first, last = self.first[prefix], self.last[prefix]
        return np.clip(values_of(self.dtype, low), first, last), np.clip(
            values_of(self.dtype, high), first, last
        )


Coder = Shifted | Even | Leading
