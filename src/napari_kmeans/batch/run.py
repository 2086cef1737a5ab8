"""Process all images of a batch, one after the other or in several processes."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from ..blocks import loop
from .one_image import Outcome, process
from .plan import Job
from .task import Stage, Task

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of a worker process: numerical libraries use one thread, because processes run in parallel."""

SECONDS_TO_START = 4.0
"""Minimum work for starting another process, which imports napari-kmeans and its image readers, and competes
for the disk."""


def run(
    jobs: Sequence[Job],
    task: Task,
    *,
    n_processes: int = 1,
    overwrite: bool = False,
    skip_existing: bool = False,
    rows: bool = False,
    thumbnails: bool = False,
    stage: Callable[[Job], Stage] | None = None,
) -> Iterator[Outcome]:
    """Process all images, and yield the outcome for each as soon as it is done.

    An image that fails does not stop the others. Closing the iterator stops the work and leaves no incomplete
    outputs.

    Parameters
    ----------
    jobs : sequence of Job
    task : Task
    n_processes : int
        Maximum number, including this process. It measures the first images: others are started only if the
        remaining work takes longer than starting them. Each process then uses one thread; a single process
        uses all threads.
    overwrite : bool
        Replace existing files.
    skip_existing : bool
        Skip images whose outputs are complete and were made by the same task from the same file.
    rows : bool
        Return the rows for a table of all images with each outcome.
    thumbnails : bool
        Return a thumbnail for a contact sheet of all images with each outcome.
    stage : callable, optional
        Called with each job that this process begins; returns its `Stage`. An exception that a callback
        raises, such as `Cancelled`, stops the computation.

    Yields
    ------
    Outcome
        With several processes, in the order in which images are done.
    """
    options = {"overwrite": overwrite, "skip_existing": skip_existing, "rows": rows, "thumbnails": thumbnails}
    waiting = deque(jobs)
    done: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    pace = _TimeEstimator()
    n_running = 1
    with contextlib.ExitStack() as stack:
        n_yielded = 0
        while n_yielded < len(jobs):
            with contextlib.suppress(IndexError):
                if n_running == 1 and pace.seconds_for(len(waiting)) > SECONDS_TO_START:
                    n_running = max(1, min(n_processes, len(waiting)))
                    for _ in range(n_running - 1):
                        stack.enter_context(_Worker(task, options, waiting, done, n_running))
                job = waiting.popleft()
                n_threads = loop.N_THREADS if n_running == 1 else 1 if waiting else n_running
                with threads(n_threads), pace.measure():
                    done.put(process(job, task, stage(job) if stage else None, **options))
            # When no job is left, wait for the jobs of the workers.
            is_last = not waiting
            while n_yielded < len(jobs):
                try:
                    outcome = done.get(block=is_last)
                except queue.Empty:
                    break
                if isinstance(outcome, BaseException):
                    raise outcome
                n_yielded += 1
                yield outcome


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Use this number of threads for the blocks of an image."""
    before, loop.N_THREADS = loop.N_THREADS, max(1, min(n, loop.N_THREADS))
    try:
        yield
    finally:
        loop.N_THREADS = before


class _TimeEstimator:
    """Estimator of the time per image in this process, from the last two images."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=2)

    @contextlib.contextmanager
    def measure(self) -> Iterator[None]:
        """Measure how long an image takes."""
        begin = time.perf_counter()
        yield
        self._seconds.append(time.perf_counter() - begin)

    def seconds_for(self, n_images: int) -> float:
        """Return the estimated time for images; 0 as long as there is no estimate."""
        # The time of the first image includes imports, so it counts only if it is far longer than these.
        if not self._seconds or (len(self._seconds) == 1 and self._seconds[0] <= SECONDS_TO_START / 2):
            return 0.0
        return min(self._seconds) * n_images


_GRACE = 10.0  # seconds for a worker to exit
_IDLE = 0.02  # seconds for its thread to notice that no jobs are left


class _Worker:
    """A process that takes jobs from a queue until it is empty, and the thread that feeds it.

    This is a separate program, because `multiprocessing` would run the main module of a user's script again.
    """

    def __init__(
        self,
        task: Task,
        options: dict[str, Any],
        waiting: deque[Job],
        done: queue.SimpleQueue[Outcome | BaseException],
        n_processes: int,
    ) -> None:
        self._task, self._options, self._waiting, self._done = task, options, waiting, done
        self._n_processes = n_processes
        self._stopped = self._has_job = False

    def __enter__(self) -> _Worker:
        command = [sys.executable, "-P", "-c", "from napari_kmeans.batch.worker import main; main()"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._thread = threading.Thread(target=self._feed, name="napari-kmeans-batch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._thread.join(_IDLE)
        if not self._has_job:  # nothing is incomplete, and an orderly exit would take longer than many images
            self._process.kill()
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # the worker removes incomplete outputs and exits
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        self._process.stdout.close()

    def _feed(self) -> None:
        job: Job | None = None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            send(self._process.stdin, (self._task, self._options))
            receive(self._process.stdout)  # it has started
            while True:
                self._has_job = True
                try:
                    job = self._waiting.popleft()
                except IndexError:
                    break
                if self._stopped:
                    return
                send(self._process.stdin, (job, 1 if self._waiting else self._n_processes))
                found = receive(self._process.stdout)
                self._done.put(found)
                job = None
        except (OSError, ValueError, EOFError, pickle.UnpicklingError):
            if self._stopped:
                return
            if job is None:  # this worker never started; the others do the work
                return
            self._done.put(
                Outcome(job, "failed", error=f"{job.image}: the process that read it ended unexpectedly")
            )
        finally:
            self._has_job = False


def send(pipe: IO[bytes], message: object) -> None:
    """Send an object to another process."""
    pickle.dump(message, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Return the next object that another process has sent.

    Raises
    ------
    EOFError
        If the process has ended.
    """
    return pickle.load(pipe)
