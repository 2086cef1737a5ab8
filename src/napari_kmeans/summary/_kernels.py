"""Compiled loops that count pixel values.

They take flat arrays of bit patterns: unsigned, or integers whose sign is extended to 64 bits. As patterns,
they are all treated as unsigned. `include` is None, or an array that is nonzero where a pixel is used.
"""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiled import kernel

_inlined = kernel(inline="always")  # a call would update the reference count of each array


@kernel
def count_values(raw: Any, include: Any, counts: Any) -> None:
    """Count 8- or 16-bit values."""
    for i in range(raw.size):
        if include is None or include[i]:
            counts[raw[i]] += 1


@kernel
def count_prefixes(raw: Any, include: Any, prefix_shift: Any, counts: Any, least: Any, most: Any) -> None:
    """Count the values with each prefix, and find the smallest and the largest of them."""
    for i in range(raw.size):
        if include is None or include[i]:
            pattern = np.uint64(raw[i])
            prefix = _prefix(pattern, prefix_shift)
            counts[prefix] += 1
            if pattern < least[prefix]:
                least[prefix] = pattern
            if pattern > most[prefix]:
                most[prefix] = pattern


@kernel
def count_cells(raw: Any, include: Any, prefix_shift: Any, levels: Any, counts: Any, sums: Any) -> None:
    """Count the values in each cell, and sum them modulo 2^64."""
    for i in range(raw.size):
        if include is None or include[i]:
            pattern = np.uint64(raw[i])
            cell = _cell(pattern, prefix_shift, levels)
            counts[cell] += 1
            sums[cell] += pattern


@kernel
def count_others(raw: Any, include: Any, prefix_shift: Any, levels: Any, expected: Any, counts: Any) -> None:
    """Count the values in each cell that differ from the expected one."""
    for i in range(raw.size):
        if include is None or include[i]:
            pattern = np.uint64(raw[i])
            cell = _cell(pattern, prefix_shift, levels)
            if pattern != expected[cell]:
                counts[cell] += 1


@_inlined
def _prefix(pattern: Any, prefix_shift: Any) -> Any:
    """Return the bits above the lowest `prefix_shift`; if that is None, the high 16 of the nearest float32.

    That of unsigned integers from 2^63 on is a negative number; the order of prefixes does not matter.
    """
    if prefix_shift is None:
        return np.uint64(np.float32(np.int64(pattern)).view(np.uint32) >> np.uint32(16))
    return pattern >> prefix_shift


@_inlined
def _cell(pattern: Any, prefix_shift: Any, levels: Any) -> Any:
    """Return the cell of a pattern: ``(pattern >> shift) + offset``, by the tables of its prefix.

    Cells that are cut further are the entries of the next level. Each level has a spare cell for values outside
    its cells: infinities and NaN, and pixels that changed since the last pass. `levels` is a tuple, so the
    compiler knows how many there are.
    """
    cell = _prefix(pattern, prefix_shift)
    for shift, offset, spare in levels:
        cell = min((pattern >> np.uint64(shift[cell])) + offset[cell], spare)
    return cell
