"""Values of at most 16 bits, counted one by one; and the histograms that wider ones are counted by, too."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..features.base import ScalarFormat
from .plan import ScalarPlan
from .scalar import ScalarSummary

try:  # Reaches memory speed; has no wheel for every platform.
    import ihist
except ImportError:  # pragma: no cover - depends on the platform
    ihist = None

_PIECE = 1 << 18  # values counted at a time without it, so that temporaries stay in the cache


@dataclass(frozen=True)
class CountedValuesPlan(ScalarPlan):
    """Count each value of an 8- or 16-bit type by itself, in one pass."""

    samples_windows: ClassVar[bool] = False
    passes_left: ClassVar[int] = 1
    scalar: ScalarFormat

    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Histogram of the bit patterns: (2^bits,) int64."""
        return histogram(bits_of(values), include)

    def finalize(self, counts: NDArray[np.int64]) -> ScalarSummary:
        """Order the bit patterns by value."""
        levels = level_values(self.scalar.dtype)
        present = np.flatnonzero(counts)
        present = present[np.isfinite(levels[present])]
        values, inverse = np.unique(levels[present], return_inverse=True)  # -0.0 and 0.0 are one value
        merged = np.zeros(values.size, dtype=np.int64)
        np.add.at(merged, inverse, counts[present])
        return ScalarSummary(values * self.scalar.unit, merged)


def level_values(dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Value of each bit pattern of an 8- or 16-bit type: (2^bits,) float64."""
    bits = np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}")
    return bits.view(dtype).astype(np.float64)


def count_values(values: NDArray[np.uint8], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Count bytes of any shape: (256,) int64."""
    return histogram(bits_of(values), include)


def bits_of(values: NDArray[Any]) -> NDArray[Any]:
    """Bit patterns of a block as a flat array of unsigned integers."""
    return np.ascontiguousarray(values).reshape(-1).view(f"u{values.dtype.itemsize}")


def histogram(raw: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
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


def high_half_histogram(raw: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[np.int64]:
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
    return histogram(high_bits, include)
