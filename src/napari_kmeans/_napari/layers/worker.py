"""Work in the background: progress, cancel, and results that nobody waits for any more are dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, QTimer, Signal

from ...blocks.loop import Cancelled, Progress

_PROGRESS_INTERVAL = 0.1  # seconds between two signals: more would only keep the window busy
_PATIENCE = 150  # ms after which a person wonders whether anything happens

# Jobs under way, cancelled ones included. A Qt object must not end in another thread, as it would if its
# own worker held the last reference to it.
_under_way: set[Job] = set()

Work = Callable[[Progress], Any]
"""Takes a progress callback, and lets pass what that raises: `Cancelled`, when the work is to end."""


def part_of(progress: Progress, begin: float, end: float) -> Progress:
    """Return the progress of a part of some work, from one share of the whole to another."""

    def tell(share: float) -> None:
        progress(begin + share * (end - begin))

    return tell


class Job(QObject):
    """One function run in a thread of napari's, which waits for it when it closes."""

    progressed = Signal(float)
    succeeded = Signal(object)
    failed = Signal(object)

    def __init__(self, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cancelled = threading.Event()
        self._reported = 0.0
        self._worker = create_worker(_Task(work, self._progress), _ignore_errors=True)
        self._worker.returned.connect(self._on_returned)
        self._worker.finished.connect(self._on_finished)

    def start(self) -> None:
        """Begin."""
        _under_way.add(self)
        self._worker.start()

    def cancel(self) -> None:
        """End at the next block; nothing is signalled any more."""
        self._cancelled.set()

    def _progress(self, share: float) -> None:
        # A worker that napari asks to quit, because its window closes, is cancelled too.
        if self._cancelled.is_set() or self._worker.abort_requested:
            raise Cancelled
        now = time.monotonic()
        if now - self._reported >= _PROGRESS_INTERVAL:
            self._reported = now
            self.progressed.emit(share)

    def _on_finished(self) -> None:
        # Not before: the worker's thread still needs the worker to say so.
        _under_way.discard(self)

    def _on_returned(self, outcome: tuple[bool, Any]) -> None:
        done, value = outcome
        if self._cancelled.is_set():
            return
        if done:
            self.succeeded.emit(value)
        elif value is not None:
            self.failed.emit(value)


class _Task:
    """What a worker calls, once.

    Napari keeps every worker for as long as its window lives. So this lets go of what it worked with, the
    image for one, and says what it is to a person who closes the window meanwhile.
    """

    def __init__(self, work: Work, progress: Progress) -> None:
        self._parts: tuple[Work, Progress] | None = work, progress

    def __call__(self) -> tuple[bool, Any]:
        assert self._parts is not None
        (work, progress), self._parts = self._parts, None
        try:
            return True, work(progress)
        except Cancelled:
            return False, None
        except Exception as error:
            return False, error.with_traceback(None)  # which would hold what it passed through

    def __repr__(self) -> str:
        return "k-means"


class Runner(QObject):
    """One job at a time: a new one replaces the one under way, whose result is dropped.

    Signals
    -------
    lasted()
        The job has begun a while ago, so that a person should see it.
    progressed(share)
        0 to 1.
    stopped()
        The job has ended, or was cancelled.
    failed(error)
    """

    lasted = Signal()
    progressed = Signal(float)
    stopped = Signal()
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._done: Callable[[Any], None] | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE)
        self._patience.timeout.connect(self.lasted)

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return self._job is not None

    def run(self, work: Work, done: Callable[[Any], None]) -> None:
        """Run `work` in the background and call `done` with its result on this thread."""
        self.stop()
        self._job, self._done = Job(work), done
        self._job.progressed.connect(self.progressed)
        self._job.succeeded.connect(self._on_succeeded)
        self._job.failed.connect(self._on_failed)
        self.progressed.emit(0.0)
        self._patience.start()
        self._job.start()

    def stop(self) -> None:
        """Cancel the job under way, if there is one."""
        if self._job is not None:
            self._job.cancel()
            self._end()

    def _end(self) -> Callable[[Any], None] | None:
        self._patience.stop()
        if self._job is not None:
            for signal in (self._job.progressed, self._job.succeeded, self._job.failed):
                signal.disconnect()
        done, self._job, self._done = self._done, None, None
        self.stopped.emit()
        return done

    def _on_succeeded(self, result: Any) -> None:
        done = self._end()
        if done is not None:
            done(result)

    def _on_failed(self, error: Exception) -> None:
        self._end()
        self.failed.emit(error)
