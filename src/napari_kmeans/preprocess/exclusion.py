"""Values that are excluded, such as zeros, a no-data value or saturated pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..options import is_number

SATURATED = "saturated"
"""Placeholder for the largest value of an integer image."""

_LARGEST_INT = 1 << 1023  # larger integers do not fit into float64


def check_exclude(exclude: Any) -> tuple[float | str, ...]:
    """Return the excluded values, without duplicates.

    Raises
    ------
    TypeError, ValueError
        If one is neither a finite number nor `SATURATED`.
    """
    if exclude is None:
        return ()
    values = [exclude] if isinstance(exclude, str) or not isinstance(exclude, Iterable) else list(exclude)
    checked: list[float | str] = []
    for value in values:
        if isinstance(value, str):
            if value != SATURATED:
                raise ValueError(f"exclude={value!r:.80} must be a number or {SATURATED!r}")
            checked.append(value)
        elif not is_number(value):
            raise TypeError(f"exclude must contain numbers or {SATURATED!r}, not {value!r:.80}")
        elif isinstance(value, int) and abs(value) > _LARGEST_INT:
            raise ValueError("exclude contains an integer beyond 1e308, which no image contains")
        elif not math.isfinite(value):
            raise ValueError(f"exclude={value} is unnecessary: non-finite values are always excluded")
        else:
            checked.append(value.item() if isinstance(value, np.generic) else value)
    return tuple(dict.fromkeys(checked))


def included_pixels(channels: NDArray[Any], exclude: Sequence[float | str]) -> NDArray[np.bool_]:
    """Return where a pixel has at least one channel without an excluded value.

    Parameters
    ----------
    channels : (..., n_channels) array
    exclude : sequence of float or "saturated"
    """
    include = np.ones(channels.shape[:-1], dtype=bool)
    for value in exclude:
        if isinstance(value, str):
            value = int(np.iinfo(channels.dtype).max)
        elif channels.dtype.kind != "f" and value == int(value):
            value = int(value)  # a float would equal several large integers
        elif channels.dtype.kind == "f" and abs(value) > float(np.finfo(channels.dtype).max):
            continue  # no value of this type; rounded to it, the number would be infinite
        include &= (channels != value).any(axis=-1)
    return include
