"""All controls of the dock, and one signal for changes by the user."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, QSignalBlocker, Signal

from ..layers.image_layer import pixel_size
from ..session.session import Session
from .control import Context, Control, unit_suffixes
from .form_controls import BUTTONS, FORM_CONTROLS
from .section_controls import SECTION_CONTROLS

CONTROLS: dict[str, Control] = {
    control.name: control for control in (*FORM_CONTROLS, *SECTION_CONTROLS, *BUTTONS)
}
"""Declarations of all controls by name, in the order of the dock."""

_DECIMALS = 2  # of an area or volume in world units


class Controls(QObject):
    """The widgets of all controls, such as ``controls["n_clusters"]``.

    A signal is emitted only for changes by the user. `show` sets controls without a signal; use a
    `QSignalBlocker` for several calls.

    Parameters
    ----------
    viewer : napari.Viewer
    session : callable
        Returns the session that the dock shows, or None.
    values : dict
        Initial values by name.
    parent : QObject, optional

    Signals
    -------
    chosen(name, value)
        The user has changed a control.
    """

    chosen = Signal(str, object)

    def __init__(
        self,
        viewer: Any,
        session: Callable[[], Session | None],
        values: dict[str, Any],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.context = Context(viewer, session)
        self.by_name = self.context.widgets
        for name, control in CONTROLS.items():
            given = {"value": values[name]} if name in values else {}
            widget = self.by_name[name] = control.make(self.context, **given)
            if control.has_value:
                widget.changed.connect(partial(self._on_changed, name))
        # While the user types a number, the first digits are not a valid choice yet.
        self["n_clusters"].native.setKeyboardTracking(False)

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name]

    def refresh(self) -> None:
        """Show the settings of the session."""
        dock = self.context
        suffixes = unit_suffixes(dock.session.image)
        in_pixels = pixel_size(dock.session.image) is None
        with QSignalBlocker(self):
            for name, control in CONTROLS.items():
                widget = self.by_name[name]
                if control.unit:
                    widget.native.setSuffix(suffixes[control.unit])
                if control.unit == "size":  # a number of pixels is whole
                    widget.native.setDecimals(0 if in_pixels else _DECIMALS)
                widget.native.setEnabled(control.is_enabled(dock))
                widget.native.setToolTip(control.hint(dock) or control.tip)
                if control.shown is None or not self.applies(name):
                    continue
                if callable(control.choices):
                    widget.reset_choices()
                self.show(**{name: control.shown(dock)})

    def applies(self, name: str) -> bool:
        """Return whether a control applies to the current session."""
        applies = CONTROLS[name].applies
        return applies is None or (self.context.image is not None and applies(self.context))

    def notes(self, place: str) -> list[str]:
        """Return notes on the settings in a section."""
        names = [name for name, control in CONTROLS.items() if control.place == place and self.applies(name)]
        return [note for name in names if (note := CONTROLS[name].note(self.context))]

    def show(self, **values: Any) -> None:
        """Set controls by name; a value that is not among the choices is ignored."""
        with QSignalBlocker(self):
            for name, value in values.items():
                widget, none = self.by_name[name], CONTROLS[name].none
                value = none if value is None else value
                if hasattr(widget, "choices") and value not in widget.choices:
                    continue
                widget.value = value

    def _on_changed(self, name: str, value: Any) -> None:
        none = CONTROLS[name].none
        self.chosen.emit(name, None if none is not None and value == none else value)
