"""Program of a worker process: takes jobs from its standard input and returns outcomes."""

from __future__ import annotations

import _thread
import contextlib
import os
import pickle
import queue
import signal
import sys
import threading
import time
import warnings
from typing import Any

from .one_image import process
from .run import receive, send, threads

_GRACE = 5.0  # seconds to remove incomplete files


def main() -> None:
    """Process jobs until the parent process closes the pipe or exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C
    signal.signal(signal.SIGTERM, _stop)
    # Output printed by libraries must not mix with the outcomes.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    warnings.simplefilter("always", UserWarning)
    warnings.showwarning = _print_warning  # type: ignore[assignment]
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        threading.Thread(target=_read, args=(jobs,), daemon=True).start()
        if (first := jobs.get()) is None:
            return
        task, options = first
        send(answers, "started")
        while (message := jobs.get()) is not None:
            job, n_threads = message
            with threads(n_threads):
                try:
                    answer: object = process(job, task, **options)
                except Exception as error:  # a bug; the parent process raises it again
                    answer = RuntimeError(f"{job.image}: {type(error).__name__}: {error}")
            send(answers, answer)


def _print_warning(message: Warning | str, *_: object) -> None:
    print(f"napari-kmeans: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _read(jobs: queue.SimpleQueue[Any]) -> None:
    """Receive jobs; stop the work at once if the pipe is closed."""
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            jobs.put(receive(sys.stdin.buffer))
    jobs.put(None)
    _thread.interrupt_main(signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


if __name__ == "__main__":
    main()
