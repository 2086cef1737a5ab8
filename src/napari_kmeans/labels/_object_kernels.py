"""Compiled loops that measure objects."""
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from ..compiled import kernel


@kernel
def measure_objects(objects, shape, begin, n_pixels, total, first, last):
    """Add the pixels and coordinates of the objects in a block to their measurements.

    Parameters
    ----------
    objects : 1-D int32 array
        Object of each pixel of the block in C order, from 1; 0 for none.
    shape, begin : (ndim,) int64 arrays
        Shape of the block, and its first pixel in the image.
    n_pixels : (n_objects,) int64 array
    total, first, last : (ndim, n_objects) int64 arrays
        Sum, minimum and maximum of the coordinates.
    """
    for i in range(objects.size):
        if objects[i] == 0:
            continue
        k = objects[i] - 1
        n_pixels[k] += 1
        rest = i
        for axis in range(shape.size - 1, -1, -1):
            place = begin[axis] + rest % shape[axis]
            rest //= shape[axis]
            total[axis, k] += place
            first[axis, k] = min(first[axis, k], place)
            last[axis, k] = max(last[axis, k], place)


@kernel
def measure_intensities(objects, values, total, lowest, highest):
    """Add the intensities of the objects in a block to their measurements; NaN propagates.

    Parameters
    ----------
    objects : 1-D int32 array
        Object of each pixel of the block in C order, from 1; 0 for none.
    values : 1-D float64 array
    total, lowest, highest : (n_objects,) float64 arrays
    """
    for i in range(objects.size):
        if objects[i] == 0:
            continue
        k, value = objects[i] - 1, values[i]
        total[k] += value
        if not (np.isnan(lowest[k]) or lowest[k] < value):
            lowest[k] = value
        if not (np.isnan(highest[k]) or highest[k] > value):
            highest[k] = value
