"""Changes that the user makes, applied to the session; each of them can be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from ..session import cluster_edits
from ..session.session import Session
from .controls import CONTROLS, Controls


class SessionChanges(QObject):
    """Changes to the session that the dock shows.

    Parameters
    ----------
    controls : Controls
    session : callable
        Returns the session that the dock shows, or None.
    parent : QObject

    Signals
    -------
    changed()
        The settings of the session have changed.
    refused(error)
        The change does not suit the image; the settings have not changed.
    """

    changed = Signal()
    refused = Signal(object)

    def __init__(self, controls: Controls, session: Callable[[], Session | None], parent: QObject) -> None:
        super().__init__(parent)
        self._controls = controls
        self._session = session

    def choose(self, name: str, value: Any) -> None:
        """Set the value of a control; all steps of a drag are undone together."""
        control = CONTROLS[name]

        def change(session: Session) -> bool:
            return control.change is not None and control.change(self._controls.context, value)

        self._apply(change, is_step=not control.is_dragged)

    def drag_threshold(self, index: int, value: float) -> None:
        """Move a threshold while the mouse button is pressed."""
        self._apply(lambda session: session.move_threshold(index, value), is_step=False)

    def set_threshold(self, index: int, value: float) -> None:
        """Move a threshold to a typed value."""
        self._apply(lambda session: session.move_threshold(index, value))

    def reset_clusters(self) -> None:
        """Restore the optimal clusters."""
        self._apply(Session.reset_clusters)

    def rename(self, label: int, name: str) -> None:
        """Name a cluster."""
        self._apply(lambda session: session.edit_by(cluster_edits.rename, label, name))

    def merge(self, labels: list[int]) -> None:
        """Merge clusters."""
        self._apply(lambda session: session.edit_by(cluster_edits.merge, labels))

    def split(self, labels: list[int]) -> None:
        """Undo the merge of clusters."""
        self._apply(lambda session: session.edit_by(cluster_edits.split, labels))

    def toggle_background(self, labels: list[int]) -> None:
        """Set clusters as background, or remove them from it."""
        self._apply(lambda session: session.edit_by(cluster_edits.toggle_background, labels))

    def use_model(self, model: Any) -> None:
        """Use the clusters of a saved model; see `Session.use_model`."""
        self._apply(lambda session: session.use_model(model))

    def undo(self) -> None:
        """Undo the last change."""
        self._apply(Session.undo, is_step=False)

    def redo(self) -> None:
        """Redo the change that was undone last."""
        self._apply(Session.redo, is_step=False)

    def _apply(self, change: Callable[[Session], bool], *, is_step: bool = True) -> None:
        """Make a change. With `is_step`, it is undone separately from the changes before and after it."""
        session = self._session()
        if session is None:
            return
        if is_step:
            session.end_gesture()
        try:
            changed = change(session)
        except (TypeError, ValueError) as error:
            self.refused.emit(error)
            return
        if is_step:
            session.end_gesture()
        if changed:
            self.changed.emit()
