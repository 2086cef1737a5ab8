"""Compiled loops over the values of one feature: the exact solver, and Lloyd's iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# Without Python's check for division by zero, loops take half the time.
_compiled = njit(nogil=True, cache=True, error_model="numpy")


@_compiled
def accumulate_runs(values: Any, weights: Any, mean: Any, scatter: Any) -> None:
    """Describe all runs of values from or to the centre of a block, for every size of block.

    Blocks of level *l* hold 2^(l + 1) values. ``mean[l, i]`` is the mean distance of the values between `i` and
    the centre of its block, `i` included, to the first value right of the centre; ``scatter[l, i]`` is the
    weighted sum of squared distances to their mean. Distances grow outwards, so no two numbers cancel.
    """
    n = values.size
    for level in range(mean.shape[0]):
        half = 1 << level
        for center in range(half, n, 2 * half):
            gap = values[center] - values[center - 1]
            accumulate_run(
                values, weights, center - 1, center - half - 1, -1, gap, mean[level], scatter[level]
            )
            accumulate_run(
                values, weights, center, min(center + half, n), 1, 0.0, mean[level], scatter[level]
            )


@_compiled
def accumulate_run(
    values: Any, weights: Any, begin: int, end: int, step: int, gap: float, mean: Any, scatter: Any
) -> None:
    """Add one value after another to a run, from `begin` outwards (West 1979)."""
    weight = average = total = 0.0
    for i in range(begin, end, step):
        change = abs(values[i] - values[begin]) - average
        share = weights[i] / (weight + weights[i])
        total += change * change * weight * share
        average += change * share
        weight += weights[i]
        mean[i] = gap + average
        scatter[i] = total


@_compiled
def find_split(previous: Any, weight: Any, mean: Any, scatter: Any, low: int, high: int, stop: int) -> Any:
    """Minimise ``previous[i] + cost(i, stop)`` over low <= i <= high; of equal minima take the leftmost.

    ``cost(i, stop)`` is the scatter of ``values[i:stop]``. The interval consists of two runs, on both sides of
    the centre of the smallest block that holds it:

        cost = scatter₁ + scatter₂ + (mean₁ + mean₂)² · weight₁ · weight₂ / (weight₁ + weight₂)
    """
    last = stop - 1
    best, split = np.inf, low
    i = low
    while i <= min(high, last - 1):
        level = 0
        while (i ^ last) >> (level + 1):
            level += 1
        center = last >> level << level
        right = weight[stop] - weight[center]
        for j in range(i, min(high + 1, center)):
            distance = mean[level, j] + mean[level, last]
            reduced = (weight[center] - weight[j]) * right / (weight[stop] - weight[j])
            total = previous[j] + (scatter[level, j] + scatter[level, last] + distance * distance * reduced)
            if total < best:
                best, split = total, j
        i = center
    if high >= last and previous[last] < best:  # an interval of one value costs nothing
        best, split = previous[last], last
    return best, split


@_compiled
def next_row(k: int, previous: Any, weight: Any, mean: Any, scatter: Any, row: Any, split: Any) -> None:
    """Compute the least inertia of every prefix in `k` clusters from that in `k` - 1, and the last splits.

    Prefixes are visited by strides P/2, P/4, … 1. Splits are monotone, so those of the two neighbours one
    stride away bound the split in between.
    """
    n = row.size - 1
    stride = 1
    while 2 * stride <= n:
        stride *= 2
    while stride:
        for stop in range(stride, n + 1, 2 * stride):
            if stop <= k:  # one cluster for each value
                row[stop], split[stop] = 0.0, stop - 1
            else:
                low = max(split[stop - stride], k - 1)
                high = split[stop + stride] if stop + stride <= n else n - 1
                row[stop], split[stop] = find_split(
                    previous, weight, mean, scatter, low, min(high, stop - 1), stop
                )
        stride //= 2
