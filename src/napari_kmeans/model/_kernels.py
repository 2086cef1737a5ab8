"""Compiled loops that label pixels by one feature.

`include` is None, or an array that is nonzero where a pixel is used; other pixels get label 0.
Thresholds and values are compared as keys: signed integers that ascend with the values. The tuple
`order` holds the bits that turn bit patterns into keys, and the smallest and the largest valid key; keys
beyond these are NaN.
"""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

from typing import Any

from ..compiled import kernel


@kernel
def label_by_table(raw: Any, include: Any, table: Any, out: Any) -> None:
    """Label each bit pattern by a lookup table."""
    for i in range(raw.size):
        out[i] = table[raw[i]] if include is None or include[i] else 0


@kernel
def label_by_thresholds(bits: Any, include: Any, order: Any, cuts: Any, first: Any, out: Any) -> None:
    """Add the number of thresholds below each value to `first`.

    `cuts` is a short tuple, so the compiler unrolls the comparisons into vector instructions.
    """
    inverted, flipped, least, most = order
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


@kernel
def add_thresholds(bits: Any, order: Any, cuts: Any, out: Any) -> None:
    """Add the number of further thresholds below each value to its label, unless that is 0."""
    inverted, flipped, _, _ = order
    for i in range(bits.size):
        key = _key(bits[i], inverted, flipped)
        above = 0
        for cut in cuts:
            above += key > cut
        out[i] = out[i] + above if out[i] else 0


@kernel
def _key(bits: Any, inverted: Any, flipped: Any) -> Any:
    """Return the key of a bit pattern: invert negative floats, and flip the sign bit of unsigned integers."""
    return (bits ^ inverted if bits < 0 else bits) ^ flipped
