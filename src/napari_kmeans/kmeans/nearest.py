"""Nearest centres of points with several coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._nearest_kernels import assign

_PIECE_VALUES = 1 << 18  # coordinates converted at a time, so that they stay in the cache


def nearest(
    columns: NDArray[Any] | Sequence[NDArray[Any]],
    centers: NDArray[np.float64],
    scales: NDArray[np.float64] | None = None,
) -> NDArray[np.uint8]:
    """Return the index of the nearest centre of each point, or the first of several.

    Parameters
    ----------
    columns : sequence of d (n,) arrays, or (d, n) array
        Coordinates of the points.
    centers : (k, d) float64 array
        At most 255 centres.
    scales : (d,) float64 array, optional
        Unit of distance along each axis.

    Returns
    -------
    (n,) uint8 array
        0 to k - 1.
    """
    return nearest_with_distances(columns, centers, scales)[0]


def nearest_with_distances(
    columns: NDArray[Any] | Sequence[NDArray[Any]],
    centers: NDArray[np.float64],
    scales: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return `nearest`, and the squared distance to that centre in `scales`: (n,) float64 array.

    The distance is infinite if a coordinate is not finite, or if its square overflows.
    """
    d, size = len(columns), columns[0].size
    labels, distances = np.empty(size, dtype=np.uint8), np.empty(size)
    factors = np.ones(d) if scales is None else 1 / scales
    targets = np.ascontiguousarray(centers * factors)
    length = max(256, _PIECE_VALUES // d)
    points = np.empty((d, min(length, size)))
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, size, length):
            piece = slice(begin, begin + length)
            n = min(length, size - begin)
            if n < points.shape[1]:
                points = np.empty((d, n))
            if isinstance(columns, np.ndarray):
                np.multiply(columns[:, piece], factors[:, np.newaxis], out=points)
            else:
                for column, point, factor in zip(columns, points, factors, strict=True):
                    np.multiply(column[piece], factor, out=point)
            assign(points, targets, labels[piece], distances[piece])
    return labels, distances
