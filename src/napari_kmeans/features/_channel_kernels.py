"""Compiled loop over the channels of pixels.

Compiled code does not check bounds; with ``NUMBA_DISABLE_JIT=1`` the same function runs in Python.
"""
# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls, no-warn-return-any

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel


@kernel
def divide_by_norm(columns: NDArray[np.float64], power: int, norms: NDArray[np.float64]) -> None:
    """Divide each pixel by the norm of its channels, in place.

    Norms are summed channel by channel, so they do not depend on the blocks to the last bit, and relative to
    the largest channel, so squares neither overflow nor underflow.

    Parameters
    ----------
    columns : (d, n) array
    power : int
        1 for the sum of absolute values, 2 for the Euclidean length, 0 for the largest absolute value.
    norms : (n,) array
        Receives the norms. Pixels of zeros stay 0.
    """
    d, n = columns.shape
    largest = np.zeros(n)
    for channel in range(d):
        column = columns[channel]
        for i in range(n):
            magnitude = abs(column[i])
            largest[i] = largest[i] if magnitude <= largest[i] else magnitude
    norms[:] = 0.0 if power > 0 else 1.0
    divisor = np.empty(n)
    for i in range(n):
        divisor[i] = 1.0 if largest[i] == 0.0 else largest[i]
    for channel in range(d):
        column = columns[channel]
        for i in range(n):
            column[i] /= divisor[i]
            if power == 1:
                norms[i] += abs(column[i])
            elif power == 2:
                norms[i] += column[i] * column[i]
    if power == 2:
        for i in range(n):
            norms[i] = np.sqrt(norms[i])
    for channel in range(d):
        column = columns[channel]
        for i in range(n):
            column[i] /= norms[i] if largest[i] > 0.0 else 1.0
    for i in range(n):
        norms[i] *= largest[i]
