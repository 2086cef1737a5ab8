"""Background jobs with progress and cancellation; results that are no longer needed are dropped."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

from napari.qt.threading import FunctionWorker, create_worker
from qtpy.QtCore import QObject, QTimer, Signal

from ...blocks.progress import Cancelled, Progress
from .compilation import compilation

_PROGRESS_INTERVAL = 0.1  # seconds between two signals; more signals would only keep the window busy
_SHOW_AFTER = 150  # ms until progress is shown
_CHECK_EVERY = 250  # ms between two checks whether numba is compiling
_PREPARING_AFTER = 1.0  # seconds of compiling until this is shown

# Running jobs, including cancelled ones. A Qt object must not be destroyed in another thread, which would happen
# if its own worker held the last reference to it.
_running: set[Job] = set()

Work = Callable[[Progress], Any]
"""A function of a progress callback. It must not catch `Cancelled`, which the callback raises to end the work."""


class Job(QObject):
    """One function run in a thread of napari. napari waits for it when it closes.

    Attributes
    ----------
    compiled_before : float or None
        Seconds that numba had spent on compiling when the work began; None before that.
    """

    progressed = Signal(float)
    succeeded = Signal(object)
    failed = Signal(object)

    def __init__(self, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cancelled = threading.Event()
        self._reported = 0.0
        self.compiled_before: float | None = None
        task = _Task(self._watched(work), self._progress)
        self._worker = create_worker(task, _ignore_errors=True, _worker_class=_Worker)
        self._worker.returned.connect(self._on_returned)
        self._worker.finished.connect(self._on_finished)

    def start(self) -> None:
        """Start the work."""
        _running.add(self)
        self._worker.start()

    def cancel(self) -> None:
        """Stop at the next block, without further signals."""
        self._cancelled.set()

    def _watched(self, work: Work) -> Work:
        """Return work that first stores the compilation time so far."""

        def watched(progress: Progress) -> Any:
            self.compiled_before = compilation().seconds
            return work(progress)

        return watched

    @property
    def compiled(self) -> float:
        """Seconds that numba has spent on compiling since the work began."""
        return 0.0 if self.compiled_before is None else compilation().seconds - self.compiled_before

    def _progress(self, share: float) -> None:
        # napari asks workers to quit when its window closes.
        if self._cancelled.is_set() or self._worker.abort_requested:
            raise Cancelled
        now = time.monotonic()
        if now - self._reported >= _PROGRESS_INTERVAL:
            self._reported = now
            self.progressed.emit(share)

    def _on_finished(self) -> None:
        # Not earlier, because the thread of the worker still needs the worker to emit this signal.
        _running.discard(self)

    def _on_returned(self, outcome: tuple[bool, Any]) -> None:
        done, value = outcome
        if self._cancelled.is_set():
            return
        if done:
            self.succeeded.emit(value)
        elif value is not None:
            self.failed.emit(value)


class _Worker(FunctionWorker):
    """A worker that does not change the warning filters.

    Before Python 3.14, all threads share these filters, and napari's worker replaces them while it runs. A warning
    silenced in another thread would then be shown, and the filters and the display of warnings might never be
    restored.
    """

    def run(self) -> None:
        with contextlib.suppress(RuntimeError):  # the application has closed and deleted the signals
            self.started.emit()
            self._running = True
            outcome = self.work()
            if not self.abort_requested:
                self.returned.emit(outcome)
            self._running = False
            self.finished.emit()
            self._finished.emit(self)


class _Task:
    """The function of a worker, called once.

    napari keeps every worker as long as its window exists, so this object releases the image when the work is
    done. napari shows its name if the user closes the window meanwhile.
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
            return False, error.with_traceback(None)  # a traceback would keep the image alive

    def __repr__(self) -> str:
        return "k-means"


class Runner(QObject):
    """Runs one job at a time: a new job replaces the running one, whose result is dropped, or waits for it.

    Signals
    -------
    taking_long()
        The job has run for a while, so its progress should be shown.
    progressed(share)
        0 to 1.
    preparing()
        The job has spent more than a second on compiling, and is still compiling.
    stopped()
        The job has ended or was cancelled.
    failed(error)
    """

    taking_long = Signal()
    progressed = Signal(float)
    preparing = Signal()
    stopped = Signal()
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._compiled = 0.0
        self._compiling_timer = QTimer(self)
        self._compiling_timer.setInterval(_CHECK_EVERY)
        self._compiling_timer.timeout.connect(self._check_compilation)
        self._done: Callable[[Any], None] | None = None
        self._key: Hashable = None
        self._queue: dict[Hashable, tuple[Work, Callable[[Any], None]]] = {}
        self._show_timer = QTimer(self)
        self._show_timer.setSingleShot(True)
        self._show_timer.setInterval(_SHOW_AFTER)
        self._show_timer.timeout.connect(self.taking_long)

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._job is not None

    def run(self, work: Work, done: Callable[[Any], None]) -> None:
        """Run `work` in the background and call `done` with its result on this thread."""
        self.stop()
        self._run(work, done)

    def _run(self, work: Work, done: Callable[[Any], None]) -> None:
        self._job, self._done = Job(work), done
        self._job.progressed.connect(self.progressed)
        self._job.succeeded.connect(self._on_succeeded)
        self._job.failed.connect(self._on_failed)
        self.progressed.emit(0.0)
        self._show_timer.start()
        self._compiled = 0.0
        self._compiling_timer.start()
        self._job.start()

    def queue(self, key: Hashable, work: Work, done: Callable[[Any], None]) -> None:
        """Run `work` after the jobs before it, whose results are kept; a job with the same key is replaced."""
        self._queue.pop(key, None)
        self._queue[key] = work, done
        if self._key == key:
            self._cancel()
        self._run_next()

    def stop(self) -> None:
        """Cancel the running job, if there is one, and those that wait for it."""
        self._queue.clear()
        self._cancel()

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._end()

    def _check_compilation(self) -> None:
        if self._job is not None:
            before, self._compiled = self._compiled, self._job.compiled
            if self._compiled > max(before, _PREPARING_AFTER):
                self.preparing.emit()

    def _end(self) -> Callable[[Any], None] | None:
        self._show_timer.stop()
        self._compiling_timer.stop()
        if self._job is not None:
            for signal in (self._job.progressed, self._job.succeeded, self._job.failed):
                signal.disconnect()
        done, self._job, self._done, self._key = self._done, None, None, None
        self.stopped.emit()
        return done

    def _on_succeeded(self, result: Any) -> None:
        done = self._end()
        if done is not None:
            done(result)
        self._run_next()

    def _on_failed(self, error: Exception) -> None:
        self._end()
        self.failed.emit(error)
        self._run_next()

    def _run_next(self) -> None:
        if self._queue and not self.busy:
            key = next(iter(self._queue))
            self._run(*self._queue.pop(key))
            self._key = key
