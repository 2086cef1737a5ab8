"""Declaration of a control of the dock: its widget, what it shows and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, ProgressBar, PushButton
from napari.layers import Image
from qtpy.QtWidgets import QWidget

from ...features.feature_space import FeatureSpace
from ...labels.clean_up import CleanUp
from ...options import options_of
from ..layers.image_layer import pixel_size
from ..layers.layer_recipe import LayerRecipe
from ..session.session import Session

_ONLY_EXPORTED = "An image this large is cleaned up only when its labels are exported, not on screen."

Choices = list[tuple[str, Any]]

FORM, PREPARE, WHERE, CLEAN_UP = "Form", "Prepare", "Where", "Clean up"
"""Where a control is placed: always visible, or in the section of that title."""


@dataclass(frozen=True, eq=False)
class Context:
    """Arguments of the functions of a control.

    Attributes
    ----------
    viewer : napari.Viewer
    shown : callable
        Returns the session that the dock shows, or None.
    widgets : dict of str to magicgui widget
        All controls by name.
    """

    viewer: Any
    shown: Callable[[], Session | None]
    widgets: dict[str, Any] = field(default_factory=dict)

    @property
    def session(self) -> Session:
        """The session that the dock shows; there must be one."""
        session = self.shown()
        assert session is not None
        return session

    @property
    def image(self) -> Image | None:
        """The image of the session, or None without a session."""
        session = self.shown()
        return None if session is None else session.image

    @property
    def settings(self) -> LayerRecipe:
        """The settings of the session."""
        return self.session.settings


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control of the dock.

    Attributes
    ----------
    name : str
        The dock has the widget as an attribute of this name.
    kind : type
        Type of the magicgui widget.
    label, tip : str
    place : str
        `FORM`, or the title of a section; empty for the row of buttons.
    details : mapping
        Keyword arguments of the widget.
    choices : list or callable, optional
        Titles and values; a callable takes the context, which may have no session.
    none : object
        Value of the widget that represents None, which magicgui treats as no choice.
    shown : callable, optional
        Takes the context; returns the value to show.
    change : callable, optional
        Takes the context and a value and changes the settings; returns whether anything changed.
    applies : callable, optional
        Takes the context; returns whether the control is visible. By default, it always is.
    is_enabled : callable
        Takes the context; returns whether the control can be used.
    hint : callable
        Takes the context; returns a tooltip for the current state, or an empty string for `tip`.
    note : callable
        Takes the context; returns the note beside the title of the section, or an empty string.
    unit : {"", "length", "size", "pixels"}
        Unit of a number: a length, an area or volume in units of the layer, or a length in pixels.
    is_dragged : bool
        Whether all steps of a drag are undone together.
    """

    name: str
    kind: Any
    label: str
    tip: str
    place: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    choices: Choices | Callable[[Context], Choices] | None = None
    none: Any = None
    shown: Callable[[Context], Any] | None = None
    change: Callable[[Context, Any], bool] | None = None
    applies: Callable[[Context], bool] | None = None
    is_enabled: Callable[[Context], bool] = lambda dock: True
    hint: Callable[[Context], str] = lambda dock: ""
    note: Callable[[Context], str] = lambda dock: ""
    unit: str = ""
    is_dragged: bool = False

    @property
    def has_own_text(self) -> bool:
        """Whether the widget shows its label itself."""
        return self.kind in (CheckBox, PushButton)

    @property
    def has_value(self) -> bool:
        """Whether the user sets a value."""
        return self.kind not in (PushButton, ProgressBar)

    def make(self, dock: Context, **details: Any) -> Any:
        """Create the widget; `details` are additional keyword arguments."""
        given = {**self.details, **details, "text" if self.has_own_text else "label": self.label}
        choices = self.choices
        if choices is not None:
            given["choices"] = (lambda _widget: choices(dock)) if callable(choices) else choices
        widget = self.kind(name=self.name, tooltip=self.tip, **given)
        widget.native.setToolTip(self.tip)
        for part in (
            widget.native,
            *widget.native.findChildren(QWidget),
        ):  # a slider may have a box beside it
            if not part.accessibleName():
                part.setAccessibleName(self.label.strip() or self.tip)
        return widget

    def text(self, dock: Context, value: float | None = None) -> str:
        """Return the label and the value as text, such as "smooth 2 px".

        Parameters
        ----------
        dock : Context
        value : float, optional
            A number that the widget may show rounded.
        """
        widget = dock.widgets[self.name]
        if self.choices is not None:
            return f"{self.label.lower()} {widget.current_choice.lower()}"
        return f"{self.label.lower()} {value:g}{widget.native.suffix() if self.unit else ''}"


def declared(owner: type, option_name: str, /, **details: Any) -> Control:
    """Return the control of a declared option, with the label, tooltip, range and unit of the option.

    Parameters
    ----------
    owner : type
        The dataclass that declares the option.
    option_name : str
    **details
        Further attributes of the control, or overrides.
    """
    default, option = next(
        (default, option) for each, default, option in options_of(owner) if each == option_name
    )
    kind, unset = FloatSpinBox, default or 0
    widget = {"value": unset, "min": option.minimum, "max": min(option.maximum, 1e9), "step": 1}
    if "choices" in details:
        kind, unset, widget = ComboBox, default, {}
    elif isinstance(default, bool):
        kind, widget = CheckBox, {"value": default}

    def note(dock: Context) -> str:
        assert control.shown is not None
        value = control.shown(dock)
        return "" if value == unset else control.text(dock, value)

    given = {"name": option_name, "kind": kind, "label": option.label, "tip": option.help, "details": widget}
    control = Control(**{**given, "unit": option.unit, "note": note, **details})
    return control


def unit_suffixes(image: Image) -> dict[str, str]:
    """Return the suffixes of number boxes, by unit."""
    pixel = pixel_size(image)
    length, size = (" px", " px") if pixel is None else (f" {pixel.unit.rstrip('²³')}", f" {pixel.unit}")
    return {"length": length, "size": size, "pixels": " px"}


def of_features(space: type[FeatureSpace], name: str, **details: Any) -> Control:
    """Return the control of an option of a feature space, visible while that space is chosen."""
    return _of_part("features", space, name, applies=lambda dock: _is_clustered_by(dock, space), **details)


def of_clean_up(name: str) -> Control:
    """Return the control of an option of the clean-up."""

    def hint(dock: Context) -> str:
        return f"{control.tip} {_ONLY_EXPORTED}" if is_only_exported(dock) else ""

    control = _of_part("clean_up", CleanUp, name, place=CLEAN_UP, hint=hint)
    return control


def is_only_exported(dock: Context) -> bool:
    """Return whether only exported labels are cleaned up, because those on screen are computed on demand."""
    resolutions = dock.session.resolutions
    return resolutions is not None and resolutions.stays_on_demand


def _is_clustered_by(dock: Context, space: type[FeatureSpace]) -> bool:
    return isinstance(dock.settings.recipe.features, space)


def _of_part(part: str, owner: type, name: str, **details: Any) -> Control:
    """Return the control of an option that belongs to a part of the recipe."""

    def shown(dock: Context) -> Any:
        return getattr(getattr(dock.settings.recipe, part), name)

    def change(dock: Context, value: Any) -> bool:
        if not isinstance(getattr(dock.settings.recipe, part), owner):
            return False
        value = tuple(value) if isinstance(value, list) else value
        changed = replace(getattr(dock.settings.recipe, part), **{name: value})
        return dock.session.choose_recipe(**{part: changed})

    return declared(owner, name, **{"shown": shown, "change": change, **details})
