"""Waiting without blocking the window."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEventLoop, QTimer

_INTERVAL = 10  # ms between two calls of the condition


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Process events until a condition holds.

    Parameters
    ----------
    condition : callable
        Called every 10 ms.
    seconds : float

    Raises
    ------
    TimeoutError
        If the condition does not hold in time.
    """
    loop, poll, timeout = QEventLoop(), QTimer(), QTimer()

    def check() -> None:
        if condition():
            loop.exit(0)

    poll.timeout.connect(check)
    poll.start(_INTERVAL)
    timeout.setSingleShot(True)
    timeout.timeout.connect(lambda: loop.exit(1))
    timeout.start(int(1000 * seconds))
    if loop.exec():
        raise TimeoutError(f"the window was not ready after {seconds:g} seconds")


def process_events(milliseconds: int = 400) -> None:
    """Process events for a while, since napari does not signal that it has drawn."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
