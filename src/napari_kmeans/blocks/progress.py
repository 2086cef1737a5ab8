"""Progress callbacks, which report progress and can cancel the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

Progress = Callable[[float], None]
"""Takes the completed share of the work, 0 to 1. Raising an exception stops the work."""


class Cancelled(Exception):
    """Raised by a progress callback to stop the work before its next block."""


@overload
def subprogress(progress: Progress, begin: float, end: float) -> Progress: ...
@overload
def subprogress(progress: Progress | None, begin: float, end: float) -> Progress | None: ...
def subprogress(progress: Progress | None, begin: float, end: float) -> Progress | None:
    """Return the progress callback of one part of the work.

    Parameters
    ----------
    progress : callable or None
        Callback of the whole work.
    begin, end : float
        Shares of the whole work at which the part begins and ends, 0 to 1.
    """
    if progress is None:
        return None

    def report(share: float) -> None:
        progress(begin + share * (end - begin))

    return report
