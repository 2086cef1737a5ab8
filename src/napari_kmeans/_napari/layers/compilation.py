"""How long numba has been compiling, which it does the first time that a loop is used on a machine."""

from __future__ import annotations

import time
from functools import cache
from typing import Any


class Compilation:
    """A clock that runs while numba compiles, in any thread."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._begin = 0.0
        self._depth = 0  # a function that is compiled can need others

    def start(self) -> None:
        """Begin to compile a function."""
        self._depth += 1
        if self._depth == 1:
            self._begin = time.monotonic()

    def stop(self) -> None:
        """End what was begun last."""
        self._depth -= 1
        if not self._depth:
            self._elapsed += time.monotonic() - self._begin

    @property
    def seconds(self) -> float:
        """Seconds of all compilation until now."""
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
