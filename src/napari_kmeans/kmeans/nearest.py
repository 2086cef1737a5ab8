"""Which centre is nearest, for pixels described by several numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PIECE = 1 << 14  # points compared at a time, so that distances stay in the cache


def nearest(
    columns: Sequence[NDArray[Any]], centers: NDArray[np.float64], scales: NDArray[np.float64] | None = None
) -> NDArray[np.uint8]:
    """Number the nearest centre of each point; of centres equally near, the first.

    One operation at a time, in float64: a matrix product would round differently from one block shape to the
    next, and on another number of threads.

    Parameters
    ----------
    columns : sequence of d (n,) arrays
        Coordinates of the points.
    centers : (k, d) float64 array
        Of at most 255 clusters.
    scales : (d,) float64 array, optional
        What counts as a distance of 1 along each axis.

    Returns
    -------
    (n,) uint8 array
        0 to k - 1.
    """
    size = columns[0].size
    found = np.zeros(size, dtype=np.uint8)
    if len(centers) == 1:
        return found
    length = min(_PIECE, size)
    points = np.empty((len(columns), length))
    best, distance, step = np.empty((3, length))
    closer = np.empty(length, dtype=bool)
    factors = np.ones(len(columns)) if scales is None else 1 / scales
    targets = (centers * factors).tolist()
    for begin in range(0, size, _PIECE):
        number = found[begin : begin + _PIECE]
        n = number.size
        for column, point, factor in zip(columns, points, factors, strict=True):
            np.multiply(column[begin : begin + n], factor, out=point[:n])
        for index, target in enumerate(targets):
            out = distance if index else best
            for axis, (point, center) in enumerate(zip(points, target, strict=True)):
                np.subtract(point[:n], center, out=step[:n])
                np.multiply(step[:n], step[:n], out=step[:n] if axis else out[:n])
                if axis:
                    np.add(out[:n], step[:n], out=out[:n])
            if index:
                np.less(distance[:n], best[:n], out=closer[:n])
                np.minimum(best[:n], distance[:n], out=best[:n])
                number[closer[:n]] = index
    return found
