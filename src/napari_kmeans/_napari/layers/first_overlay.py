"""Compilation ahead of the first Labels layer of a process."""

from __future__ import annotations

from functools import cache

import numpy as np


@cache
def compile_label_dictionaries() -> None:
    """Compile numba's dictionaries of small integers, in which napari looks up the colours of labels.

    This takes seconds. In a worker, it does not delay the first overlay.
    """
    from numba import typed, types

    for dtype in (np.uint16, np.uint8):  # napari uses 8 bits for fewer than 254 colours
        kind = getattr(types, np.dtype(dtype).name)
        table = typed.Dict.empty(key_type=types.uint8, value_type=kind)
        table[np.uint8(1)] = dtype(1)
