"""Detection of the final closing of a dock."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget


class Closing(QObject):
    """Call a function once when the content of a dock has lost its parent.

    Closing a dock with × sends no close event, and floating a dock hides it for a moment. Only the loss of the
    parent is final.
    """

    def __init__(self, watched: QWidget, function: Callable[[], None]) -> None:
        super().__init__(watched)
        self._function: Callable[[], None] | None = function
        self._watched = watched
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ParentChange and self._watched.parent() is None:
            function, self._function = self._function, None
            if function is not None:
                function()
        return False
