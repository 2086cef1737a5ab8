"""Values of at most 16 bits, counted one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..features.base import ScalarFormat
from .plan import ScalarPlan
from .scalar import ScalarSummary


@dataclass(frozen=True)
class CountedValuesPlan(ScalarPlan):
    """Count each value of an 8- or 16-bit type, in one pass."""

    passes_left: ClassVar[int] = 1
    scalar: ScalarFormat

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Return the histogram of the bit patterns: (2^bits,) int64 array."""
        return histogram(values, include)

    def finalize(self, counts: NDArray[np.int64]) -> ScalarSummary:
        """Sort the bit patterns by value."""
        levels = level_values(self.scalar.dtype)
        present = np.flatnonzero(counts)
        present = present[np.isfinite(levels[present])]
        values, inverse = np.unique(levels[present], return_inverse=True)  # -0.0 and 0.0 are one value
        merged = np.zeros(values.size, dtype=np.int64)
        np.add.at(merged, inverse, counts[present])
        return ScalarSummary(values * self.scalar.unit, merged)


def level_values(dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Return the value of each bit pattern of an 8- or 16-bit type: (2^bits,) float64 array."""
    bits = np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}")
    return bits.view(dtype).astype(np.float64)


def histogram(values: NDArray[Any], include: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Count the bit patterns of 8- or 16-bit values of any shape: (2^bits,) int64 array."""
    from ._kernels import count_values  # here, since importing numba takes a while

    counts = np.zeros((4, 1 << 8 * values.dtype.itemsize), dtype=np.int64)
    count_values(bits_of(values), mask_of(include), counts)
    return np.asarray(counts.sum(axis=0))


def bits_of(values: NDArray[Any]) -> NDArray[Any]:
    """Return the bit patterns of a block as a flat, read-only array of unsigned integers."""
    return _read_only(values, f"u{values.dtype.itemsize}")


def mask_of(include: NDArray[np.bool_] | None) -> NDArray[np.uint8] | None:
    """Return a mask as a flat, read-only array of bytes; None stays None."""
    return None if include is None else _read_only(include, "u1")


def _read_only(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    # Numba compiles a kernel once for read-only arrays and once for others; this way, once is enough.
    view = np.ascontiguousarray(array).reshape(-1).view(dtype)
    view.flags.writeable = False
    return view
