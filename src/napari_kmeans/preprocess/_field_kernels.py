"""Compiled loops over the pixels of an illumination field.

Where float32 is combined with a float, float64 is explicit: numba chooses it by itself, Python does not.
"""
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from ..compiled import kernel


@kernel
def add_products(rows, columns, field):
    """Add Σ over i of ``rows[i, y] * columns[i, x]`` to ``field[y, x]``.

    Terms are added one after the other, so the sum of a pixel is the same in any block of the image.
    """
    for y in range(field.shape[0]):
        line = field[y]
        for i in range(rows.shape[0]):
            factor, column = rows[i, y], columns[i]
            for x in range(line.size):
                line[x] += factor * column[x]


@kernel
def subtract_field(values, unit, field, out):
    """Write ``values * unit - field`` to `out`; the field is the same in all planes."""
    for plane in range(values.shape[0]):
        for y in range(values.shape[1]):
            before, line, after = values[plane, y], field[y], out[plane, y]
            for x in range(before.size):
                after[x] = np.float64(before[x]) * unit - line[x]


@kernel
def multiply_field(values, unit, field, out):
    """Write ``values * unit * field`` to `out`; the field is the same in all planes."""
    for plane in range(values.shape[0]):
        for y in range(values.shape[1]):
            before, line, after = values[plane, y], field[y], out[plane, y]
            for x in range(before.size):
                after[x] = np.float64(before[x]) * unit * line[x]
