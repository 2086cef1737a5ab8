"""Waiting for something in a window that goes on living meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEventLoop, QTimer

_INTERVAL = 10  # ms between two looks


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Let the window live until a condition holds.

    Parameters
    ----------
    condition : callable
        Quick, for it is asked again and again.
    seconds : float

    Raises
    ------
    TimeoutError
        If it does not hold in time.
    """
    loop, poll, too_late = QEventLoop(), QTimer(), QTimer()

    def look() -> None:
        if condition():
            loop.exit(0)

    poll.timeout.connect(look)
    poll.start(_INTERVAL)
    too_late.setSingleShot(True)
    too_late.timeout.connect(lambda: loop.exit(1))
    too_late.start(int(1000 * seconds))
    if loop.exec():
        raise TimeoutError(f"the window was not ready after {seconds:g} seconds")


def let_draw(milliseconds: int = 400) -> None:
    """Let the window draw what it was given, which nobody is told of."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
