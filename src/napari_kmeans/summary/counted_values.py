"""Count values of at most 16 bits one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..features.feature_space import ScalarFormat
from ._kernels import count_values
from .bit_patterns import bits_of, level_values, mask_of
from .plan import ScalarPlan
from .scalar import ScalarSummary

_MIN_PAIRED = 1 << 20  # bytes; from here on, counting two at a time is faster
_MAX_COUNTED = 1 << 31  # values counted with 32-bit counters, twice as many of which fit into the cache


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


def histogram(values: NDArray[Any], include: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Count the bit patterns of 8- or 16-bit values of any shape: (2^bits,) int64 array."""
    raw, mask = bits_of(values), mask_of(include)
    if raw.itemsize == 1 and mask is None and raw.size >= _MIN_PAIRED:
        # Two bytes at a time take half as many steps.
        even = raw.size & ~1
        pairs = _count(raw[:even].view(np.uint16), None).reshape(256, 256)
        return np.asarray(pairs.sum(axis=0) + pairs.sum(axis=1) + _count(raw[even:], None))
    return _count(raw, mask)


def _count(raw: NDArray[Any], mask: NDArray[np.uint8] | None) -> NDArray[np.int64]:
    """Count the bit patterns of flat unsigned integers: (2^bits,) int64 array."""
    total = np.zeros(1 << 8 * raw.itemsize, dtype=np.int64)
    for begin in range(0, raw.size, _MAX_COUNTED):
        piece = slice(begin, begin + _MAX_COUNTED)
        counts = np.zeros(total.size, dtype=np.uint32)
        count_values(raw[piece], None if mask is None else mask[piece], counts)
        total += counts
    return total
