"""A folder of zarr that can be closed to writing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zarr.storage import LocalStore


class ClosingStore(LocalStore):
    """Knows which writes are under way, so that a folder can be removed for good.

    zarr writes several pieces at a time on threads of its own. When one fails, or whoever waits for it is
    interrupted, the others go on, and would make the folder anew that has been removed meanwhile.
    """

    def __init__(self, root: Path | str, *, read_only: bool = False) -> None:
        super().__init__(root, read_only=read_only)
        self._changed = threading.Condition()
        self._under_way = 0
        self._closed = False

    def end_writing(self) -> None:
        """Let no further write begin, and wait for those that have."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._under_way)

    @contextlib.contextmanager
    def _one_more(self) -> Iterator[None]:
        with self._changed:
            if self._closed:
                raise RuntimeError(f"{self.root} is no longer written to")
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    # All ways to write that zarr has

    async def set(self, key: str, value: Any) -> None:
        """Write a piece."""
        with self._one_more():
            await super().set(key, value)

    async def set_if_not_exists(self, key: str, value: Any) -> None:
        """Write a piece if there is none."""
        with self._one_more():
            await super().set_if_not_exists(key, value)

    def set_sync(self, key: str, value: Any) -> None:
        """Write a piece on this thread."""
        with self._one_more():
            super().set_sync(key, value)
