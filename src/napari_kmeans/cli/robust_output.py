"""Output streams that survive encoding errors and closed pipes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


class RobustStream:
    """A text stream that never fails: it escapes characters it cannot encode, and ignores a closed pipe.

    Parameters
    ----------
    stream : text file
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_open = stream is not None  # pythonw has no streams

    def write(self, text: str) -> int:
        """Write text."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Flush the buffer."""
        self._try("flush")

    def _try(self, method: str, *arguments: Any) -> None:
        """Call a method of the stream; after the first error, do nothing."""
        if not self._is_open:
            return
        try:
            getattr(self._stream, method)(*arguments)
        except OSError:  # a closed pipe, or a full disk behind a redirection
            self._is_open = False
            with contextlib.suppress(OSError, ValueError):
                # At exit, Python flushes the buffer and would report an error.
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def robust_output() -> Iterator[None]:
    """Use robust streams for standard output and standard error."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (RobustStream(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
