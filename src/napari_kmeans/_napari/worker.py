"""Work in the background: progress, cancel, and results that nobody waits for any more are dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from ..blocks import Cancelled, Progress

_PROGRESS_INTERVAL = 0.05  # seconds between two signals: more would only keep the window busy


class Job(QObject):
    """One function run in a thread of napari's, which waits for it when it closes.

    Parameters
    ----------
    function : callable
        Takes a progress callback, and raises `Cancelled` from it when the job is to end.
    """

    progressed = Signal(float)
    succeeded = Signal(object)
    failed = Signal(object)

    def __init__(self, function: Callable[[Progress], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._function = function
        self._cancelled = threading.Event()
        self._reported = 0.0
        self._worker = create_worker(self._work, _ignore_errors=True)
        self._worker.returned.connect(self._on_returned)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def cancel(self) -> None:
        """End at the next block; nothing is signalled any more."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def _work(self) -> Any:
        try:
            return True, self._function(self._progress)
        except Cancelled:
            return False, None
        except Exception as error:
            return False, error

    def _progress(self, share: float) -> None:
        # A worker that napari asks to quit, because its window closes, is cancelled too.
        if self.cancelled or self._worker.abort_requested:
            raise Cancelled
        now = time.monotonic()
        if now - self._reported >= _PROGRESS_INTERVAL:
            self._reported = now
            self.progressed.emit(share)

    def _on_returned(self, outcome: tuple[bool, Any]) -> None:
        done, value = outcome
        if self.cancelled:
            return
        if done:
            self.succeeded.emit(value)
        elif value is not None:
            self.failed.emit(value)
