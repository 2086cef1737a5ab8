"""Compiled loops of k-means for several features.

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
_SHORT_BLOCK = 64  # points projected at a time
_BLOCK_VALUES = 1 << 15  # coordinates copied at a time
_POWER_ITERATIONS = 30
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
    moved = np.zeros(k)  # movement of each centre and the fastest other one, summed over the iterations
    valid_until = np.empty(n)  # the label of a point is valid until `moved` of its cluster reaches this
    valid_until[:] = -np.inf
    horizon, watched = np.zeros(k), np.arange(n)  # until `horizon`, only labels of watched points may change
    labels[:] = 0
    _reassign(columns, weights, centers, watched, moved, valid_until, labels, sums, totals)
    sum_clusters(columns, weights, labels, sums, totals)
    iteration = 0
    while iteration < max_iter:
        iteration += 1
        for number in range(k):
            steps[number] = 0.0
            far = -1
            if totals[number] <= 0.0:
                far = _farthest(columns, weights, centers, labels)
                if far < 0:
                    continue
            squares = 0.0
            for axis in range(d):
                new = columns[axis, far] if far >= 0 else sums[number, axis] / totals[number]
                step = new - centers[number, axis]
                squares += step * step
                centers[number, axis] = new
            steps[number] = np.sqrt(squares)
        fastest = np.argmax(steps)
        largest, steps[fastest] = steps[fastest], 0.0
        second = np.max(steps)
        steps += largest  # relative to the fastest of the other centres
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


@kernel
def plus_plus(columns: Floats, weights: Floats, randoms: Floats) -> Floats:
    """Choose centres by greedy k-means++: the best of several candidates each time [1]_.

    Parameters
    ----------
    columns : (d, n) array
    weights : (n,) array
    randoms : (k, n_candidates) array
        Uniform in [0, 1): one row for each centre.

    Returns
    -------
    (k, d) array

    References
    ----------
    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", Proceedings of
           SODA, 1027-1035, 2007.
    """
    d, n = columns.shape
    k, n_candidates = randoms.shape
    centers = np.empty((k, d))
    closest, candidate, best, cumulated = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    closest[:] = np.inf
    for number in range(k):
        total = 0.0
        for i in range(n):
            total += weights[i] * closest[i] if number else weights[i]
            cumulated[i] = total
        least = np.inf
        for trial in range(n_candidates if number else 1):
            wanted = randoms[number, trial] * total
            at, end = 0, n - 1  # the first point at which `cumulated` exceeds `wanted`
            while at < end:
                middle = (at + end) // 2
                if cumulated[middle] > wanted:
                    end = middle
                else:
                    at = middle + 1
            candidate[:] = 0.0
            for axis in range(d):
                column = columns[axis]
                center = column[at]
                for i in range(n):
                    step = column[i] - center
                    candidate[i] += step * step
            inertia = 0.0
            for i in range(n):
                candidate[i] = min(candidate[i], closest[i])
                inertia += weights[i] * candidate[i]
            if inertia < least:
                least = inertia
                best[:] = candidate
                for axis in range(d):
                    centers[number, axis] = columns[axis, at]
        closest[:] = best
    return centers


@kernel
def split_cluster(
    columns: Floats, labels: Labels, scatter: Floats, center: Floats, old: int, new: int
) -> int:
    """Move the points beyond the centre of a cluster, along its principal axis, to a new cluster.

    Parameters
    ----------
    columns : (d, n) array
    labels : (n,) array
        Changed in place.
    scatter : (d, d) array
        Scatter matrix of the cluster.
    center : (d,) array
        Its mean.
    old, new : int
        Numbers of the cluster and of the new one.

    Returns
    -------
    int
        Number of points that were moved; 0 if no others would be left.
    """
    d, n = columns.shape
    widest = 0
    for axis in range(d):
        if scatter[axis, axis] > scatter[widest, widest]:
            widest = axis
    direction, turned = np.empty(d), np.empty(d)
    for i in range(d):
        direction[i] = scatter[widest, i]
    for _ in range(_POWER_ITERATIONS):
        squares = 0.0
        for i in range(d):
            turned[i] = 0.0
            for j in range(d):
                turned[i] += scatter[i, j] * direction[j]
            squares += turned[i] * turned[i]
        if not squares > 0.0:
            break
        length = np.sqrt(squares)
        for i in range(d):
            direction[i] = turned[i] / length
    n_moved = n_left = 0
    for i in range(n):
        if labels[i] == old:
            place = 0.0
            for axis in range(d):
                place += (columns[axis, i] - center[axis]) * direction[axis]
            if place > 0.0:
                labels[i] = new
                n_moved += 1
            else:
                n_left += 1
    if n_left == 0:  # the rounded centre lies beside all points
        for i in range(n):
            if labels[i] == new:
                labels[i] = old
        return 0
    return n_moved


@kernel
def scatter_of_cluster(
    columns: Floats, weights: Floats, labels: Labels, number: int, center: Floats, scatter: Floats
) -> None:
    """Compute the mean (d,) and the scatter matrix (d, d) of one cluster, in place."""
    d, n = columns.shape
    total = 0.0
    origin, step = np.empty(d), np.empty(d)  # relative to one of the points, the mean of equal ones is exact
    center[:] = 0.0
    scatter[:] = 0.0
    for i in range(n):
        if labels[i] == number:
            if total == 0.0:
                origin[:] = columns[:, i]
            total += weights[i]
            for axis in range(d):
                center[axis] += weights[i] * (columns[axis, i] - origin[axis])
    for axis in range(d):
        center[axis] = origin[axis] + center[axis] / total
    for i in range(n):
        if labels[i] == number:
            for axis in range(d):
                step[axis] = columns[axis, i] - center[axis]
                for other in range(axis + 1):
                    scatter[axis, other] += weights[i] * step[axis] * step[other]
    for axis in range(d):
        for other in range(axis):
            scatter[other, axis] = scatter[axis, other]


@kernel
def project(columns: Floats, axes: Floats) -> Floats:
    """Return the coordinates of (d, n) points along (d, m) axes: (m, n) array."""
    d, n = columns.shape
    m = axes.shape[1]
    out = np.zeros((m, n))
    for begin in range(0, n, _SHORT_BLOCK):
        for axis in range(d):
            column = columns[axis, begin : begin + _SHORT_BLOCK]
            for number in range(m):
                part = out[number, begin : begin + _SHORT_BLOCK]
                factor = axes[axis, number]
                for i in range(column.size):
                    part[i] += factor * column[i]
    return out


@kernel
def orthonormalize(vectors: Floats) -> None:
    """Make (m, d) vectors orthonormal by Gram-Schmidt, in place; linearly dependent ones become 0."""
    for number in range(vectors.shape[0]):
        vector = vectors[number]
        before = _product(vector, vector)
        for _ in range(2):  # the second round removes rounding errors
            for other in range(number):
                share = _product(vector, vectors[other])
                for i in range(vector.size):
                    vector[i] -= share * vectors[other, i]
        after = _product(vector, vector)
        factor = 1 / np.sqrt(after) if after > 1e-18 * before else 0.0
        for i in range(vector.size):
            vector[i] *= factor


@kernel
def _product(a: Floats, b: Floats) -> float:
    """Return the scalar product of two vectors."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total
