"""How loops over pixels and levels are compiled; only modules of such loops import this one, and numba with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function with numba the first time that it is called; a decorator, with or without options.

    It runs without Python's lock. The machine code is kept beside the module, or in the user's cache folder if
    the former cannot be written. If neither can, every process compiles the function again.

    Parameters
    ----------
    function : callable
        Of arrays and numbers.
    **options
        Of `numba.njit`.
    """
    if function is None:
        return partial(kernel, **options)
    try:
        return njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # no folder can be written
        return njit(nogil=True, **options)(function)
