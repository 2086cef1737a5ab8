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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._color_kernels import append_code, extract_code

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
    up: int = 0

    def codes(self, column: NDArray[Any]) -> Any:
        """Return the code of each value."""
        return column if column.dtype == np.uint8 else _above(column, self.low) << np.uint64(self.up)

    def values(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value of each code or mean of codes."""
        return np.asarray(codes / (1 << self.up) + self.low)

    def steps(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the change of the value per step of the code."""
        return np.full(codes.shape, 1 / (1 << self.up))


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


@dataclass(frozen=True)
class Leading:
    """Codes of floats with large gaps: their leading bits, so that outliers do not make the others coarse.

    Codes ascend with the values: bits of negative numbers are inverted.
    """

    dtype: np.dtype[Any]
    n_bits: int

    def codes(self, column: NDArray[Any]) -> Any:
        """Return the code of each value."""
        n_all = 8 * self.dtype.itemsize
        bits = np.ascontiguousarray(column).view(f"u{self.dtype.itemsize}")
        sign = bits.dtype.type(1 << (n_all - 1))
        ascending = np.where(bits & sign, ~bits, bits | sign)
        return (ascending >> bits.dtype.type(n_all - self.n_bits)).astype(np.uint64)

    def values(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the middle of the values that share each code or mean of codes."""
        n_all = 8 * self.dtype.itemsize
        whole = np.floor(codes)
        low, high = (self._at(whole, end, n_all) for end in (0, 1))
        return np.asarray(low + (codes - whole + 0.5 * (codes == whole)) * (high - low))

    def steps(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the change of the value per step of the code."""
        whole, n_all = np.floor(codes), 8 * self.dtype.itemsize
        return self._at(whole, 1, n_all) - self._at(whole, 0, n_all)

    def _at(self, whole: NDArray[np.float64], end: int, n_all: int) -> NDArray[np.float64]:
        kind = np.dtype(f"u{self.dtype.itemsize}").type
        codes = whole.astype(np.uint64) + np.uint64(end)
        ascending = codes.astype(kind) << kind(n_all - self.n_bits)
        sign = kind(1 << (n_all - 1))
        bits = np.where(ascending & sign, ascending ^ sign, ~ascending)
        return np.asarray(bits.view(self.dtype), dtype=np.float64)


Coder = Shifted | Even | Leading
