"""Time that numba spends on compiling, which it does the first time that a function is used on a machine."""

from __future__ import annotations

import time
from functools import cache
from typing import Any


class Compilation:
    """A clock that runs while numba compiles, in any thread."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._begin = 0.0
        self._depth = 0  # compiling a function can require compiling others

    def start(self) -> None:
        """Note that the compilation of a function begins."""
        self._depth += 1
        if self._depth == 1:
            self._begin = time.monotonic()

    def stop(self) -> None:
        """Note that the compilation of a function ends."""
        self._depth -= 1
        if not self._depth:
            self._elapsed += time.monotonic() - self._begin

    @property
    def seconds(self) -> float:
        """Total compilation time so far, in seconds."""
        return self._elapsed + (time.monotonic() - self._begin if self._depth else 0.0)


@cache
def compilation() -> Compilation:
    """Return the clock of this process; the first call imports numba."""
    from numba.core import event

    clock = Compilation()

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            clock.start()

        def on_end(self, event: Any) -> None:
            clock.stop()

    event.register("numba:compile", Listener())
    return clock
