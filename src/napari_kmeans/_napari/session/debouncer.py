"""Calls delayed until there has been no request for a while."""

from __future__ import annotations

from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer


class Debouncer(QSignalDebouncer):
    """A debouncer that reports whether a call is pending."""

    def __init__(self, parent: QObject, milliseconds: int) -> None:
        super().__init__(parent=parent)
        self.setTimeout(milliseconds)
        self.is_pending = False
        self.triggered.connect(self._on_triggered)

    def call_later(self) -> None:
        """Call once there has been no further request during the timeout."""
        self.is_pending = True
        self.throttle()

    def stop(self) -> None:
        """Drop the pending call."""
        self.is_pending = False
        self.cancel()

    def _on_triggered(self) -> None:
        self.is_pending = False
