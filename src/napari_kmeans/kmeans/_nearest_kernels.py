"""Compiled loops that find nearest centres, and Lloyd's iteration, for several features.

Points are given as columns: a C-contiguous (d, n) float64 array, one row per feature. A squared distance is
summed feature by feature, so its bits depend neither on the size of a block nor on the number of threads.
Compiled code does not check bounds; with ``NUMBA_DISABLE_JIT=1`` the same functions run in Python.
"""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel

Floats = NDArray[np.float64]
Labels = NDArray[np.uint8]

_BLOCK = 256  # points compared at a time, so that their distances stay in the cache
_BLOCK_VALUES = 1 << 15  # coordinates copied at a time
_STEPS_AHEAD = 8  # further steps of the centres for which points are watched


@kernel
def assign(columns: Floats, centers: Floats, labels: Labels, distances: Floats) -> None:
    """Find the nearest centre of each point, or the first of several.

    Parameters
    ----------
    columns : (d, n) array
    centers : (k, d) array
    labels : (n,) array
        Receives 0 to k - 1.
    distances : (n,) array
        Receives the squared distance to the nearest centre.
    """
    d, n = columns.shape
    distance = np.empty(_BLOCK)
    nearest = np.empty(_BLOCK, dtype=np.int64)
    for begin in range(0, n, _BLOCK):
        best = distances[begin : begin + _BLOCK]
        size = best.size
        best[:] = np.inf
        nearest[:] = 0
        for number in range(centers.shape[0]):
            distance[:] = 0.0
            for axis in range(d):
                center = centers[number, axis]
                column = columns[axis, begin : begin + _BLOCK]
                for i in range(size):
                    step = column[i] - center
                    distance[i] += step * step
            for i in range(size):
                closer = distance[i] < best[i]
                nearest[i] = number if closer else nearest[i]
                best[i] = distance[i] if closer else best[i]
        for i in range(size):
            labels[begin + i] = nearest[i]


@kernel
def sum_clusters(columns: Floats, weights: Floats, labels: Labels, sums: Floats, totals: Floats) -> None:
    """Sum the weighted points of each cluster into a (k, d) array, and their weights into a (k,) array."""
    d, n = columns.shape
    sums[:] = 0.0
    totals[:] = 0.0
    for i in range(n):
        totals[labels[i]] += weights[i]
    for axis in range(d):
        column = columns[axis]
        for i in range(n):
            sums[labels[i], axis] += weights[i] * column[i]


@kernel
def lloyd(columns: Floats, weights: Floats, centers: Floats, max_iter: int, labels: Labels) -> int:
    """Move each centre to the mean of its nearest points until no point changes its cluster.

    A point is compared with all centres only if they have moved far enough to change its label [1]_. By the
    triangle inequality, this takes as much movement, of its own centre and the fastest other one together, as
    the point is closer to its own centre than to any other. An empty cluster restarts at the point that adds
    most to the inertia.

    Parameters
    ----------
    columns : (d, n) array
    weights : (n,) array
    centers : (k, d) array
        Changed in place.
    max_iter : int
    labels : (n,) array
        Receives 0 to k - 1.

    Returns
    -------
    int
        Number of iterations.

    References
    ----------
    .. [1] G. Hamerly, "Making k-means even faster", Proceedings of SDM, 130-140, 2010.
    """
    d, n = columns.shape
    k = centers.shape[0]
    sums, totals, steps = np.empty((k, d)), np.empty(k), np.zeros(k)
    moved = np.zeros(k)  # steps of each centre and of the fastest other one, summed over the iterations
    valid_until = np.empty(n)  # the label of a point is valid until `moved` of its cluster reaches this
    valid_until[:] = -np.inf
    horizon, watched = np.zeros(k), np.arange(n)  # until `horizon`, only labels of watched points may change
    labels[:] = 0
    _reassign(columns, weights, centers, watched, moved, valid_until, labels, sums, totals)
    sum_clusters(columns, weights, labels, sums, totals)
    iteration = 0
    while iteration < max_iter:
        iteration += 1
        _move_centers(columns, weights, labels, sums, totals, centers, steps)
        # To the step of each centre, add that of the fastest other one.
        fastest = np.argmax(steps)
        largest, steps[fastest] = steps[fastest], 0.0
        second = np.max(steps)
        steps += largest
        steps[fastest] += second
        moved += steps
        if np.any(moved >= horizon):
            horizon = moved + _STEPS_AHEAD * steps
            watched = np.flatnonzero(valid_until <= horizon[labels])
        if _reassign(columns, weights, centers, watched, moved, valid_until, labels, sums, totals) == 0:
            break
    sum_clusters(columns, weights, labels, sums, totals)
    for number in range(k):
        for axis in range(d):
            if totals[number] > 0.0:
                centers[number, axis] = sums[number, axis] / totals[number]
    return iteration


@kernel
def _move_centers(
    columns: Floats,
    weights: Floats,
    labels: Labels,
    sums: Floats,
    totals: Floats,
    centers: Floats,
    steps: Floats,
) -> None:
    """Move each centre to the mean of its cluster, and write the lengths of the steps to `steps`.

    The centre of an empty cluster moves to the point that adds most to the inertia, if there is one.
    """
    for number in range(centers.shape[0]):
        steps[number] = 0.0
        far = -1
        if totals[number] <= 0.0:
            far = _farthest(columns, weights, centers, labels)
            if far < 0:
                continue
        squares = 0.0
        for axis in range(centers.shape[1]):
            new = columns[axis, far] if far >= 0 else sums[number, axis] / totals[number]
            step = new - centers[number, axis]
            squares += step * step
            centers[number, axis] = new
        steps[number] = np.sqrt(squares)


@kernel
def _reassign(
    columns: Floats,
    weights: Floats,
    centers: Floats,
    watched: NDArray[np.intp],
    moved: Floats,
    valid_until: Floats,
    labels: Labels,
    sums: Floats,
    totals: Floats,
) -> int:
    """Find the nearest centre of the watched points whose labels may change; return how many did."""
    d = columns.shape[0]
    block = max(16, min(_BLOCK, _BLOCK_VALUES // d))
    points = np.empty((d, block))
    distance, best, next_best = np.empty(block), np.empty(block), np.empty(block)
    nearest, chosen = np.empty(block, dtype=np.int64), np.empty(block, dtype=np.int64)
    n_changed = 0
    for begin in range(0, watched.size, block):
        size = 0
        for i in watched[begin : begin + block]:
            chosen[size] = i
            size += not valid_until[i] > moved[labels[i]]
        if size == 0:
            continue
        for axis in range(d):
            column, row = columns[axis], points[axis]
            for i in range(size):
                row[i] = column[chosen[i]]
        best[:] = np.inf
        next_best[:] = np.inf
        nearest[:] = 0
        for number in range(centers.shape[0]):
            distance[:] = 0.0
            for axis in range(d):
                center = centers[number, axis]
                column = points[axis, :size]
                for i in range(size):
                    step = column[i] - center
                    distance[i] += step * step
            for i in range(size):
                closer = distance[i] < best[i]
                beaten = best[i] if closer else distance[i]
                next_best[i] = beaten if beaten < next_best[i] else next_best[i]
                nearest[i] = number if closer else nearest[i]
                best[i] = distance[i] if closer else best[i]
        for i in range(size):
            at, old = chosen[i], labels[chosen[i]]
            valid_until[at] = moved[nearest[i]] + np.sqrt(next_best[i]) - np.sqrt(best[i])
            if old != nearest[i]:
                n_changed += 1
                labels[at] = nearest[i]
                totals[old] -= weights[at]
                totals[nearest[i]] += weights[at]
                for axis in range(d):
                    part = weights[at] * points[axis, i]
                    sums[old, axis] -= part
                    sums[nearest[i], axis] += part
    return n_changed


@kernel
def _farthest(columns: Floats, weights: Floats, centers: Floats, labels: Labels) -> int:
    """Return the point that adds most to the inertia; -1 if all points lie at their centres."""
    far, most = -1, 0.0
    for i in range(weights.size):
        squares = 0.0
        for axis in range(columns.shape[0]):
            step = columns[axis, i] - centers[labels[i], axis]
            squares += step * step
        if weights[i] * squares > most:
            far, most = i, weights[i] * squares
    return far
