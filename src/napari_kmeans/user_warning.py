"""Warnings that name the line of the user's program instead of a line in this package."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

_collected: ContextVar[list[str] | None] = ContextVar("_collected", default=None)


@contextlib.contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Collect the messages of `warn_user` in this thread instead of issuing warnings.

    `warnings.catch_warnings` changes the filters of all threads, so background threads must not use it.
    """
    messages: list[str] = []
    token = _collected.set(messages)
    try:
        yield messages
    finally:
        _collected.reset(token)


def warn_user(message: str) -> None:
    """Issue a ``UserWarning`` at the innermost caller outside this package, or collect it."""
    messages = _collected.get()
    if messages is not None:
        messages.append(message)
        return
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
