"""Kernels: loops over pixels that numba compiles, or that Python runs while this is faster.

Importing numba and loading the compiled loops takes half a second, longer than Python needs for a small
image. So until a process imports numba, Python runs the kernels on arrays of up to `INTERPRETED_ELEMENTS`
elements, for up to `INTERPRETED_SECONDS` in total; with ``NUMBA_DISABLE_JIT=1`` it always does. Both give
the same bits.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from time import thread_time
from types import FunctionType
from typing import Any

import numpy as np

INTERPRETED_ELEMENTS = 400_000
"""Largest array that Python visits before numba is imported; an element takes 0.1 to 9 microseconds."""

INTERPRETED_SECONDS = 0.15
"""Time that Python may spend before numba is imported; it is wasted if numba is needed in the end."""

_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
_seconds = 0.0  # spent by Python
_lock = threading.RLock()


class Kernel:
    """A function that numba compiles and runs without the GIL; see `kernel`.

    Parameters
    ----------
    function : callable
        Takes arrays and numbers, and may call other kernels.
    options : dict
        Options of `numba.njit`.
    interpreted_elements : float
        Largest array that Python visits.
    """

    def __init__(
        self, function: FunctionType, options: dict[str, Any], interpreted_elements: float = math.inf
    ) -> None:
        self._function = function
        self._options = options
        self._largest = interpreted_elements
        self._compiled: Any = None
        self._interpreted: Any = None
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    def __call__(self, *args: Any) -> Any:
        """Call the function, compiled or interpreted."""
        global _seconds
        if self._compiled is not None or not is_interpreted() or not (_DISABLED or self._is_small(args)):
            return self.compiled(*args)
        begin = thread_time()
        with np.errstate(all="ignore"):  # compiled code does not warn
            result = self.interpreted(*args)
        _seconds += thread_time() - begin
        return result

    def _is_small(self, args: tuple[Any, ...]) -> bool:
        largest = min(self._largest, INTERPRETED_ELEMENTS)
        return all(arg.size <= largest for arg in args if isinstance(arg, np.ndarray))

    @property
    def compiled(self) -> Any:
        """The function as `numba.njit` returns it."""
        if self._compiled is None:
            with _lock:
                if self._compiled is None:
                    self._compiled = _compile(self._calling("compiled"), self._options)
        return self._compiled

    @property
    def interpreted(self) -> Any:
        """The function as Python runs it."""
        if self._interpreted is None:
            self._interpreted = self._calling("interpreted")
        return self._interpreted

    def _calling(self, form: str) -> FunctionType:
        """Return the function with each kernel that it calls in the same form."""
        plain = self._function
        known = plain.__globals__
        called = {
            name: getattr(known[name], form)
            for name in plain.__code__.co_names
            if isinstance(known.get(name), Kernel)
        }
        bound = FunctionType(
            plain.__code__, {**known, **called}, plain.__name__, plain.__defaults__, plain.__closure__
        )
        bound.__qualname__ = plain.__qualname__
        return bound


def kernel(function: Any = None, *, interpreted_elements: float = math.inf, **options: Any) -> Any:
    """Decorate a function that numba compiles when this saves time; with or without options.

    The machine code is kept beside the module, or in the user's cache folder if the module's folder is not
    writable. If neither is, every process compiles the function again.

    Parameters
    ----------
    function : callable
        Takes arrays and numbers.
    interpreted_elements : float
        Largest array that Python visits, if less than `INTERPRETED_ELEMENTS`.
    **options
        Options of `numba.njit`.
    """
    if function is None:
        return partial(kernel, interpreted_elements=interpreted_elements, **options)
    return Kernel(function, options, interpreted_elements)


def _compile(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Return the function as `numba.njit` returns it, cached on disk if possible."""
    from numba import njit

    try:
        return njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # no folder is writable
        return njit(nogil=True, **options)(function)


def is_interpreted() -> bool:
    """Return whether Python runs the kernels for small arrays."""
    return _DISABLED or ("numba" not in sys.modules and _seconds < INTERPRETED_SECONDS)
