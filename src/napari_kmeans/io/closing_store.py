"""A zarr store in a folder that can be closed for writing."""
# mypy: allow-subclassing-any

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zarr.storage import LocalStore


class ClosingStore(LocalStore):
    """Store that can wait for unfinished writes, so its folder can be removed afterwards.

    zarr writes several chunks at a time in its own threads. If one write fails, or the caller is interrupted,
    the others continue and would create the folder again after it has been removed.
    """

    def __init__(self, root: Path | str, *, read_only: bool = False) -> None:
        super().__init__(root, read_only=read_only)
        self._changed = threading.Condition()
        self._n_writing = 0
        self._closed = False

    def end_writing(self) -> None:
        """Prevent further writes, and wait for the unfinished ones."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._n_writing)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Count a write as unfinished while the block runs."""
        with self._changed:
            if self._closed:
                raise RuntimeError(f"{self.root} is closed for writing")
            self._n_writing += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_writing -= 1
                self._changed.notify_all()

    # All methods that zarr calls to write

    async def set(self, key: str, value: Any) -> None:
        """Write a value."""
        with self._writing():
            await super().set(key, value)

    async def set_if_not_exists(self, key: str, value: Any) -> None:
        """Write a value unless the key exists."""
        with self._writing():
            await super().set_if_not_exists(key, value)

    def set_sync(self, key: str, value: Any) -> None:
        """Write a value in this thread."""
        with self._writing():
            super().set_sync(key, value)
