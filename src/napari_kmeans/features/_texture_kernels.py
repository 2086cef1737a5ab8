"""Compiled loops for texture features.

They compute in the same order and precision as SciPy and scikit-image, so the results are the same to the
last bit on machines that do not fuse multiplications and additions. Compiled code does not check bounds; with
``NUMBA_DISABLE_JIT=1`` the same functions run in Python.
"""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel

_CHUNK = 512  # pixels averaged at a time, so that their rows stay in the cache
_ONE, _TWO = np.float32(1), np.float32(2)  # float32, so that float32 images are not widened
_QUARTER, _HALF = np.float64(0.25), np.float64(0.5)  # float64, since SciPy sums in float64


@kernel
def smooth_across(
    image: NDArray[Any], index: NDArray[np.intp], weights: NDArray[np.float64], out: NDArray[Any]
) -> None:
    """Filter along the middle axis of a (before, size, after) array.

    Parameters
    ----------
    image : (before, size, after) float array
    index : (size + 2 radius,) array
        Source of each pixel along the axis, including the padding at both ends.
    weights : (radius + 1,) array
        Weights from the middle of the symmetric kernel outwards.
    out : float array
        Receives the result.
    """
    before, size, after = image.shape
    radius = weights.size - 1
    total = np.empty(_CHUNK)
    for i in range(before):
        for begin in range(0, after, _CHUNK):
            for y in range(size):
                target = out[i, y, begin : begin + _CHUNK]
                n = target.size
                row = image[i, y, begin : begin + _CHUNK]
                for x in range(n):
                    total[x] = row[x] * weights[0]
                for distance in range(radius, 0, -1):
                    weight = weights[distance]
                    row = image[i, index[y + radius - distance], begin : begin + _CHUNK]
                    other = image[i, index[y + radius + distance], begin : begin + _CHUNK]
                    for x in range(n):
                        total[x] += (np.float64(row[x]) + np.float64(other[x])) * weight
                for x in range(n):
                    target[x] = total[x]


@kernel
def smooth_along(
    image: NDArray[Any], index: NDArray[np.intp], weights: NDArray[np.float64], out: NDArray[Any]
) -> None:
    """Filter along the last axis of a (before, size) array; see `smooth_across`."""
    before, size = image.shape
    radius = weights.size - 1
    line, total = np.empty(size + 2 * radius), np.empty(size)
    for i in range(before):
        for x in range(line.size):
            line[x] = image[i, index[x]]
        middle = line[radius : radius + size]
        for x in range(size):
            total[x] = middle[x] * weights[0]
        distance = radius
        while distance >= 4:  # four at a time, because loading and storing the total takes as long as adding
            w4, w3, w2, w1 = (
                weights[distance],
                weights[distance - 1],
                weights[distance - 2],
                weights[distance - 3],
            )
            left = line[radius - distance : radius - distance + size + 3]
            right = line[radius + distance - 3 : radius + distance + size]
            for x in range(size):
                part = total[x] + (left[x] + right[x + 3]) * w4
                part += (left[x + 1] + right[x + 2]) * w3
                part += (left[x + 2] + right[x + 1]) * w2
                total[x] = part + (left[x + 3] + right[x]) * w1
            distance -= 4
        while distance > 0:
            weight = weights[distance]
            left = line[radius - distance : radius - distance + size]
            right = line[radius + distance : radius + distance + size]
            for x in range(size):
                total[x] += (left[x] + right[x]) * weight
            distance -= 1
        for x in range(size):
            out[i, x] = total[x]


@kernel
def gradient_rows(image: NDArray[Any], out: NDArray[Any]) -> None:
    """Compute the central difference along the first of two axes, as `numpy.gradient` does."""
    n_rows, n = image.shape
    for y in range(n_rows):
        low, high = image[max(y - 1, 0)], image[min(y + 1, n_rows - 1)]
        target = out[y]
        divisor = _TWO if 0 < y < n_rows - 1 else _ONE
        for x in range(n):
            target[x] = (high[x] - low[x]) / divisor


@kernel
def gradient_columns(image: NDArray[Any], out: NDArray[Any]) -> None:
    """Compute the central difference along the last of two axes, as `numpy.gradient` does."""
    n_rows, n = image.shape
    for y in range(n_rows):
        row, target = image[y], out[y]
        low, high, middle = row[: n - 2], row[2:], target[1 : n - 1]
        for x in range(n - 2):
            middle[x] = (high[x] - low[x]) / _TWO
        target[0] = row[1] - row[0]
        target[n - 1] = row[n - 1] - row[n - 2]


@kernel
def hessian_eigenvalues(
    rows: NDArray[Any],
    mixed: NDArray[Any],
    columns: NDArray[Any],
    larger: NDArray[Any],
    smaller: NDArray[Any],
) -> None:
    """Compute the eigenvalues of a 2 × 2 Hessian matrix, as `skimage.feature.hessian_matrix_eigvals` does."""
    for y in range(rows.shape[0]):
        first, second, third, high, low = rows[y], mixed[y], columns[y], larger[y], smaller[y]
        for x in range(first.size):
            middle = (first[x] + third[x]) / _TWO
            half = (first[x] - third[x]) / _TWO
            root = np.sqrt(second[x] * second[x] + half * half)
            high[x] = middle + root
            low[x] = middle - root


@kernel
def sobel_magnitude(padded: NDArray[Any], out: NDArray[Any]) -> None:
    """Compute the edge strength of an image with a border of one pixel, as `skimage.filters.sobel` does."""
    kind = out.dtype.type
    root_two = np.sqrt(kind(2))
    n = out.shape[1]
    for y in range(out.shape[0]):
        above, row, below, target = padded[y], padded[y + 1], padded[y + 2], out[y]
        a, b, c = above[:n], above[1 : n + 1], above[2:]
        d, f = row[:n], row[2:]
        g, h, i = below[:n], below[1 : n + 1], below[2:]
        for x in range(n):
            sum_down = -_QUARTER * a[x] - _HALF * b[x] - _QUARTER * c[x]
            down = kind(sum_down + _QUARTER * g[x] + _HALF * h[x] + _QUARTER * i[x])
            sum_right = -_QUARTER * a[x] + _QUARTER * c[x] - _HALF * d[x] + _HALF * f[x]
            right = kind(sum_right - _QUARTER * g[x] + _QUARTER * i[x])
            target[x] = np.sqrt(down * down + right * right) / root_two
