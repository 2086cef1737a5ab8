"""Fresh processes, one per contender, which run in turn so that they do not disturb each other.

In one process, libraries share a memory allocator, their thread pools compete (scikit-learn, faiss and ITK
each have their own), and their peaks of memory cannot be distinguished. The image is loaded in each process;
only one process works at any time.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import images
from .contenders import BY_NAME

_PIECE = 1 << 20
_READY_SECONDS = 60.0  # for imports, the warm-up and loading the image
_VISIT_SECONDS = 0.05  # a fast contender runs several times in each round, for up to this time …
_VISIT_RUNS = 5  # … and at most this number of times


class TimedOut(Exception):
    """A contender exceeded its time limit; its process has been ended."""


class Failed(Exception):
    """A contender raised an exception."""


class Worker:
    """A contender in its own process, with the image loaded and the library warm."""

    def __init__(self, name: str, image: Path, dtype: str, k: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, name, image, dtype, k), daemon=True)
        self._process.start()
        theirs.close()
        self._receive(_READY_SECONDS)

    def ask(self, question: str, timeout: float) -> Any:
        """Run "first" or "visit" in the process, and return the result.

        Raises
        ------
        TimedOut, Failed
            The worker is then closed.
        """
        self._connection.send(question)
        return self._receive(timeout)

    def _receive(self, timeout: float) -> Any:
        if not self._connection.poll(timeout):
            self.close()
            raise TimedOut(f"stopped after {timeout:g} s")
        try:
            answer = self._connection.recv()
        except EOFError:
            self.close()
            raise Failed(f"failed: its process ended with status {self._process.exitcode}") from None
        if isinstance(answer, Failed):
            self.close()
            raise answer
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._connection.close()


def _serve(connection: Connection, name: str, path: Path, dtype: str, k: int) -> None:
    """Answer questions until the process is ended."""
    try:
        run = BY_NAME[name].prepare()
        # A small image warms up lazy imports, thread pools and compiled kernels.
        run(images.make(dtype, 256), k, dtype)
        image = np.load(path)
        connection.send("ready")
        while True:
            if connection.recv() == "first":
                connection.send(_first(run, image, dtype, k, BY_NAME[name].clusters))
            else:
                connection.send(_visit(run, image, dtype, k))
    except (EOFError, KeyboardInterrupt):
        pass
    except Exception as error:
        connection.send(Failed("failed: " + "".join(traceback.format_exception_only(error)).strip()))


def _first(run: Any, image: NDArray, dtype: str, k: int, clusters: bool) -> dict[str, float | None]:
    """Run once, and return the time, the peak memory and the inertia of the labels."""
    before = _forget_peak()
    begin = time.perf_counter()
    labels = run(image, k, dtype)
    seconds = time.perf_counter() - begin
    memory = max(0, _peak() - before)
    return {
        "seconds": seconds,
        "memory": memory,
        "inertia": inertia(image, labels, dtype) if clusters else None,
    }


def _visit(run: Any, image: NDArray, dtype: str, k: int) -> list[float]:
    times: list[float] = []
    while len(times) < _VISIT_RUNS and sum(times) < _VISIT_SECONDS:
        begin = time.perf_counter()
        labels = run(image, k, dtype)
        times.append(time.perf_counter() - begin)
        del labels
    return times


def inertia(image: NDArray, labels: NDArray, dtype: str) -> float:
    """Return the inertia: the sum of squared distances to the mean of the pixels with the same label."""
    flat, labels = images.values(image, dtype), np.asarray(labels).reshape(-1)
    if dtype in images.SEVERAL:
        return sum(_inertia(flat[..., axis].reshape(-1), labels) for axis in range(flat.shape[-1]))
    return _inertia(flat.reshape(-1), labels)


def _inertia(flat: NDArray, labels: NDArray) -> float:
    pieces = [slice(at, at + _PIECE) for at in range(0, flat.size, _PIECE)]
    origin = float(flat[0])
    n, total = np.zeros(257), np.zeros(257)
    for piece in pieces:
        n += np.bincount(labels[piece], minlength=257)
        total += np.bincount(labels[piece], weights=flat[piece] - origin, minlength=257)
    means = origin + total / np.maximum(n, 1)
    return float(sum(np.sum((flat[piece] - means[labels[piece]]) ** 2) for piece in pieces))


def _forget_peak() -> int:
    """Reset the peak memory to the current bytes, if the system supports it; return the new peak."""
    import psutil

    now = psutil.Process().memory_info().rss
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        now = max(now, _peak())
    return now


def _peak() -> int:
    """Return the peak memory in bytes since the last reset, if any."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
