"""Compiled loops that label pixels by one feature.

`include` is None, or an array that is nonzero where a pixel is used. All other pixels get label 0.
"""

from __future__ import annotations

from typing import Any

from numba import njit

_compiled = njit(nogil=True, cache=True)


@_compiled
def label_by_table(raw: Any, include: Any, table: Any, out: Any) -> None:
    """Look the label of each bit pattern up in a table."""
    for i in range(raw.size):
        out[i] = table[raw[i]] if include is None or include[i] else 0


@_compiled
def label_by_thresholds(
    bits: Any,
    include: Any,
    inverted: Any,
    flipped: Any,
    least: Any,
    most: Any,
    first: Any,
    cuts: Any,
    out: Any,
) -> None:
    """Count the thresholds below each value; `cuts` is a tuple, so the compiler sees how many there are.

    Thresholds and values are keys: integers that ascend with the values. Keys below `least` or above `most` are
    those of NaN.
    """
    for i in range(bits.size):
        key = _key(bits[i], inverted, flipped)
        label = first
        for cut in cuts:
            label += key > cut
        if key < least or key > most:
            label = 0
        if include is not None and not include[i]:
            label = 0
        out[i] = label


@_compiled
def label_by_search(
    bits: Any,
    include: Any,
    inverted: Any,
    flipped: Any,
    least: Any,
    most: Any,
    first: Any,
    cuts: Any,
    out: Any,
) -> None:
    """Find the number of thresholds below each value by binary search in the array `cuts`."""
    for i in range(bits.size):
        key = _key(bits[i], inverted, flipped)
        out[i] = 0
        if least <= key <= most and (include is None or include[i]):
            low, high = 0, cuts.size
            while low < high:
                middle = (low + high) // 2
                if key > cuts[middle]:
                    low = middle + 1
                else:
                    high = middle
            out[i] = first + low


@_compiled
def _key(bits: Any, inverted: Any, flipped: Any) -> Any:
    """Return a signed integer that ascends with the value of a bit pattern.

    Negative floats have the bits `inverted` inverted, and unsigned integers have the sign bit `flipped`.
    """
    return (bits ^ inverted if bits < 0 else bits) ^ flipped
