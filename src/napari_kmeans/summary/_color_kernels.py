"""Compiled loops over the keys of colours.

Compiled code does not check bounds; with ``NUMBA_DISABLE_JIT=1`` the same functions run in Python.
"""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]

_DIGIT = 11  # bits that are sorted at a time


@kernel
def append_code(keys: Keys, codes: Keys, shifts: Keys, masks: Keys) -> None:
    """Shift the keys by one bit and insert the bits of one more code, two or three places apart, in place."""
    for i in range(keys.size):
        code = codes[i]
        for step in range(shifts.size):
            code = (code | (code << shifts[step])) & masks[step]
        keys[i] = (keys[i] << np.uint64(1)) | code


@kernel
def extract_code(keys: Keys, place: int, shifts: Keys, masks: Keys, codes: Integers) -> None:
    """Undo `append_code` for the code whose last bit is at `place`."""
    for i in range(keys.size):
        code = (keys[i] >> np.uint64(place)) & masks[0]
        for step in range(shifts.size):
            code = (code | (code >> shifts[step])) & masks[step + 1]
        codes[i] = np.int64(code)


@kernel
def sort_keys(keys: Keys, n_bits: int) -> Keys:
    """Radix-sort keys of at most `n_bits` bits, last digit first; `keys` is overwritten."""
    other = np.empty_like(keys)
    counts = np.empty(1 << _DIGIT, dtype=np.int64)
    mask = np.uint64((1 << _DIGIT) - 1)
    for shift in range(0, n_bits, _DIGIT):
        low = np.uint64(shift)
        counts[:] = 0
        for i in range(keys.size):
            counts[np.int64((keys[i] >> low) & mask)] += 1
        before = 0
        for digit in range(counts.size):
            count = int(counts[digit])
            counts[digit] = before
            before += count
        for i in range(keys.size):
            last = np.int64((keys[i] >> low) & mask)
            other[counts[last]] = keys[i]
            counts[last] += 1
        keys, other = other, keys
    return keys


@kernel
def count_runs(keys: Keys) -> tuple[Keys, Integers]:
    """Return the distinct keys of a sorted array, and how often each occurs."""
    n = 0
    for i in range(keys.size):
        n += i == 0 or keys[i] != keys[i - 1]
    different, counts = np.empty(n, dtype=np.uint64), np.zeros(n, dtype=np.int64)
    n = -1
    for i in range(keys.size):
        if i == 0 or keys[i] != keys[i - 1]:
            n += 1
            different[n] = keys[i]
        counts[n] += 1
    return different, counts


@kernel
def merge_cells(
    a_keys: Keys, a_columns: Integers, b_keys: Keys, b_columns: Integers
) -> tuple[Keys, Integers]:
    """Merge two sorted lists of cells; columns, (m, n) arrays, of equal keys are added."""
    m = a_columns.shape[0]
    keys = np.empty(a_keys.size + b_keys.size, dtype=np.uint64)
    columns = np.empty((m, keys.size), dtype=np.int64)
    a = b = n = 0
    while a < a_keys.size or b < b_keys.size:
        from_a = b == b_keys.size or (a < a_keys.size and a_keys[a] <= b_keys[b])
        from_b = a == a_keys.size or (b < b_keys.size and b_keys[b] <= a_keys[a])
        keys[n] = a_keys[a] if from_a else b_keys[b]
        for row in range(m):
            value = np.int64(0)
            if from_a:
                value += a_columns[row, a]
            if from_b:
                value += b_columns[row, b]
            columns[row, n] = value
        a += from_a
        b += from_b
        n += 1
    return keys[:n].copy(), columns[:, :n].copy()


@kernel
def scatter_across(keys: Keys, columns: Floats, weights: Floats) -> Floats:
    """Return, for each pair of neighbours, the scatter of the smallest cell that contains both.

    Points of a cell share the leading bits of their keys, so cells form a binary tree. The higher the first
    bit in which two neighbours differ, the larger is the cell that is divided between them. Moments are added
    up from the leaves, as soon as a cell is complete [1]_.

    Parameters
    ----------
    keys : (n,) array
        Strictly ascending.
    columns : (d, n) array
    weights : (n,) array

    Returns
    -------
    (n - 1,) array
        Sum of the weighted squared distances from the mean of the cell.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance:
           analysis and recommendations", The American Statistician 37(3), 242-247, 1983.
    """
    d, n = columns.shape
    scatter = np.zeros(max(n - 1, 0))
    # Complete cells whose right neighbours are still open: at most one for each bit.
    mean, weight, inner = np.empty((66, d)), np.empty(66), np.empty(66)
    divided = np.empty(66, dtype=np.uint64)  # the bits in which the last key of each and the next differ
    place = np.empty(66, dtype=np.int64)
    depth = 0
    for i in range(n):
        differ = keys[i] ^ keys[i + 1] if i < n - 1 else np.uint64(0xFFFFFFFFFFFFFFFF)
        for axis in range(d):
            mean[depth, axis] = columns[axis, i]
        weight[depth], inner[depth] = weights[i], 0.0
        while depth > 0 and divided[depth - 1] < differ:
            left, right = depth - 1, depth
            total = weight[left] + weight[right]
            squares = 0.0
            for axis in range(d):
                step = mean[right, axis] - mean[left, axis]
                squares += step * step
                mean[left, axis] += step * (weight[right] / total)
            inner[left] += inner[right] + squares * (weight[left] * weight[right] / total)
            weight[left] = total
            scatter[place[left]] = inner[left]
            depth = left
        divided[depth], place[depth] = differ, i
        depth += 1
    return scatter


@kernel
def average_cells(columns: Floats, weights: Floats, starts: Integers) -> tuple[Floats, Floats, float]:
    """Merge each run of points into its mean.

    Parameters
    ----------
    columns : (d, n) array
    weights : (n,) array
    starts : (m,) array
        First point of each run.

    Returns
    -------
    means : (d, m) array
    totals : (m,) array
        Weights of the runs.
    spread : float
        Sum of the weighted squared distances of the points from the means.
    """
    d, n = columns.shape
    m = starts.size
    means, totals = np.empty((d, m)), np.zeros(m)
    for cell in range(m):
        for i in range(starts[cell], starts[cell + 1] if cell < m - 1 else n):
            totals[cell] += weights[i]
    spread = 0.0
    for axis in range(d):
        for cell in range(m):
            begin, end = starts[cell], starts[cell + 1] if cell < m - 1 else n
            first = columns[axis, begin]
            total = 0.0
            for i in range(begin, end):
                total += weights[i] * (columns[axis, i] - first)
            mean = first + total / totals[cell]
            means[axis, cell] = mean
            for i in range(begin, end):
                step = columns[axis, i] - mean
                spread += weights[i] * (step * step)
    return means, totals, spread
