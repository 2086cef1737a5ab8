"""Compiled loops of the exact solver for one feature."""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiled import kernel

# Without Python's check for division by zero, loops take half the time. For more values than images of 12 bits
# have, importing numba is faster than Python's loops.
_compiled = kernel(error_model="numpy")
_compiled_for_many = kernel(error_model="numpy", interpreted_elements=5000)


@_compiled_for_many
def accumulate_runs(values: Any, weights: Any, level: int, mean_distance: Any, scatter: Any) -> None:
    """Compute mean distance and scatter of the runs of values between a block's middle and each value.

    Blocks hold 2^(level + 1) values, and the middle of a block is the first value of its right half. A run in
    the right half begins with the middle, a run in the left half ends just before it. ``mean_distance[i]`` is
    the weighted mean of the distances to the middle in the run that ends at `i`, and ``scatter[i]`` the weighted
    sum of squared distances to their own mean. Distances grow outwards, so there is no cancellation.
    """
    n = values.size
    half = 1 << level
    for middle in range(half, n, 2 * half):
        before = middle - 1
        gap = values[middle] - values[before]
        left_run = right_run = (0.0, 0.0, 0.0)
        for i in range(half):  # both runs at once, since each step waits for the previous one
            left_run = _append(left_run, values[before] - values[before - i], weights[before - i])
            mean_distance[before - i], scatter[before - i] = gap + left_run[1], left_run[2]
            if middle + i < n:
                right_run = _append(right_run, values[middle + i] - values[middle], weights[middle + i])
                mean_distance[middle + i], scatter[middle + i] = right_run[1], right_run[2]


@_compiled_for_many
def scatter_of_prefixes(values: Any, weights: Any, scatter: Any) -> None:
    """Compute the weighted sum of squared distances to the mean, for every prefix of the values."""
    run = (0.0, 0.0, 0.0)
    for i in range(values.size):
        run = _append(run, values[i] - values[0], weights[i])
        scatter[i + 1] = run[2]


@_compiled
def _append(run: Any, distance: Any, weight: Any) -> Any:
    """Append a value to a run, described by weight, mean distance and scatter (West 1979)."""
    total, mean, scatter = run
    change = distance - mean
    share = weight / (total + weight)
    return total + weight, mean + change * share, scatter + change * change * total * share


@_compiled
def find_split(
    previous: Any, weight_before: Any, mean_distance: Any, scatter: Any, low: int, high: int, stop: int
) -> Any:
    """Minimise ``previous[i] + cost(i, stop)`` over low <= i <= high; the leftmost of equal minima wins.

    ``cost(i, stop)`` is the scatter of ``values[i:stop]``, and ``weight_before[i]`` is the weight of
    ``values[:i]``. The interval consists of two runs, on both sides of the middle of the smallest block that
    contains it. Their mean distances to the middle, d₁ and d₂, add up to the distance of their means:

        cost = scatter₁ + scatter₂ + (d₁ + d₂)² · weight₁ · weight₂ / (weight₁ + weight₂)
    """
    last = stop - 1
    best, split = np.inf, low
    i = low
    while i <= min(high, last - 1):
        # The smallest block that contains both ends: the level is the highest bit in which i and last differ.
        level = 0
        while (i ^ last) >> (level + 1):
            level += 1
        middle = last >> level << level
        right_weight = weight_before[stop] - weight_before[middle]
        # All intervals that begin left of the middle need this block. Those that begin later fit into smaller ones.
        for j in range(i, min(high + 1, middle)):
            left_weight = weight_before[middle] - weight_before[j]
            distance = mean_distance[level, j] + mean_distance[level, last]
            factor = left_weight * right_weight / (left_weight + right_weight)
            total = previous[j] + (scatter[level, j] + scatter[level, last] + distance * distance * factor)
            if total < best:
                best, split = total, j
        i = middle
    if high >= last and previous[last] < best:  # an interval of one value costs nothing
        best, split = previous[last], last
    return best, split


@_compiled
def fill_row(
    n_clusters: int,
    previous: Any,
    weight_before: Any,
    mean_distance: Any,
    scatter: Any,
    row: Any,
    split: Any,
    begin: int,
    end: int,
    stride: int,
    last_stride: int,
) -> None:
    """Compute the row of `n_clusters` clusters from the `previous` one, of one cluster less.

    ``row[stop]`` is the least inertia of the prefix ``values[:stop]``, and ``split[stop]`` the index at which its
    last cluster begins. The prefixes between `begin` and `end` are visited in strides that halve from `stride`
    to `last_stride`, powers of two. Splits are monotone, so those of the two neighbours one stride away bound
    the split in between.
    """
    n = row.size - 1
    while stride >= last_stride:
        for stop in range(begin + stride, min(end, n + 1), 2 * stride):
            if stop <= n_clusters:  # each value can be a cluster
                row[stop], split[stop] = 0.0, stop - 1
            else:  # each of the other clusters needs a value
                low = max(split[stop - stride], n_clusters - 1)
                high = split[stop + stride] if stop + stride <= n else n - 1
                row[stop], split[stop] = find_split(
                    previous, weight_before, mean_distance, scatter, low, min(high, stop - 1), stop
                )
        stride //= 2
