"""Bit patterns of stored values, as unsigned integers: conversions, and distances between the values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def bits_of(values: NDArray[Any], *, signed: bool = False) -> NDArray[Any]:
    """Return the bit patterns of a block as a flat, read-only array of integers of the same size."""
    return _read_only(values, f"{'i' if signed else 'u'}{values.dtype.itemsize}")


def mask_of(include: NDArray[np.bool_] | None) -> NDArray[np.uint8] | None:
    """Return a mask as a flat, read-only array of bytes, or None if there is no mask."""
    return None if include is None else _read_only(include, "u1")


def values_of(dtype: np.dtype[Any], bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return the float64 values of bit patterns."""
    with np.errstate(invalid="ignore"):
        return bits.astype(f"u{dtype.itemsize}").view(dtype).astype(np.float64)


def level_values(dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Return the value of each bit pattern of an 8- or 16-bit type: (2^bits,) float64 array."""
    bits = np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}")
    return bits.view(dtype).astype(np.float64)


def step_sizes(dtype: np.dtype[Any], bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return how much the value changes from each bit pattern to the next; negative for negative floats."""
    if dtype.kind != "f":
        return np.ones(bits.size)
    # An odd pattern and the one before it differ only in the last bit, so they have the same exponent.
    odd = bits | np.uint64(1)
    return values_of(dtype, odd) - values_of(dtype, odd - np.uint64(1))


def range_widths(
    dtype: np.dtype[Any], first: NDArray[np.uint64], last: NDArray[np.uint64]
) -> NDArray[np.float64]:
    """Return the widths of ranges of bit patterns from `first` to `last`, both included."""
    if dtype.kind != "f":
        return (last - first).astype(np.float64) + 1.0
    return np.abs(values_of(dtype, last) - values_of(dtype, first)) + np.abs(step_sizes(dtype, first))


def bit_lengths(numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the bit lengths of integers of less than 64 bits."""
    _, exponents = np.frexp(numbers.astype(np.float64))
    lengths = np.clip(exponents.astype(np.int64), 1, 63)
    # float64 may have rounded a number up to a power of two, which is one bit longer.
    return np.asarray(lengths - (numbers >> (lengths - 1).astype(np.uint64) == 0))


def _read_only(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    # Numba compiles a kernel once for read-only arrays and once for others; this way, once is enough.
    view = np.ascontiguousarray(array).reshape(-1).view(dtype)
    view.flags.writeable = False
    return view
