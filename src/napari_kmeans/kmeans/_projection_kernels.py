"""Compiled loops that project points onto principal axes.

Points are given as columns, as in `_nearest_kernels`. The loops replace matrix products, whose rounding depends
on the number of threads.
"""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel

Floats = NDArray[np.float64]

_SHORT_BLOCK = 64  # points projected at a time


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
