"""Compiled loops that find the centres from which k-means of several features starts.

Points are given as columns, as in `_nearest_kernels`.
"""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel

Floats = NDArray[np.float64]
Labels = NDArray[np.uint8]

_POWER_ITERATIONS = 30


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
