"""The controls in the sections *Prepare*, *Where* and *Clean up*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from magicgui.widgets import ComboBox, FloatSlider, FloatSpinBox, PushButton
from napari.layers import Image, Labels, Shapes
from napari.layers.base import Layer

from ...features.channels import Channels
from ...features.texture import Texture
from ...model.recipe import Recipe
from ...preprocess.illumination import Illumination
from ..layers.image_layer import axis_name, unwrap
from .control import CLEAN_UP, PREPARE, WHERE, Context, Control, declared, of_clean_up, of_features

NONE = "none"
"""Choice of `illumination` and `normalize`: none."""

WHOLE = -1
"""Choice of `where`: the whole image."""

NO_MASK = "no mask"
"""Choice of `mask`: no layer."""

A_VALUE = "a value"
"""Choice of `leave_out`: the value in `no_data`."""

_ILLUMINATIONS: list[tuple[str, Any]] = [
    ("None", NONE),
    ("Uneven background", "additive"),
    ("Shading", "multiplicative"),
]

_NORMS = [("None", NONE), ("By sum", "l1"), ("By length", "l2"), ("By maximum", "max")]

_EXCLUDED: list[tuple[str, Any]] = [
    ("Nothing", ()),
    ("Zeros", (0,)),
    ("Saturated", ("saturated",)),
    ("Zeros and saturated", (0, "saturated")),
    ("A value…", A_VALUE),
]

_MAX_COHERENCE = 3  # on the slider
_OF_SEVERAL_FEATURES = ("rgb", "lab", "texture")


# Prepare


def _kind_of_illumination(dock: Context) -> str | None:
    illumination = dock.settings.recipe.illumination
    return None if illumination is None else illumination.kind


def _illumination_note(dock: Context) -> str:
    titles = {kind: title for title, kind in _ILLUMINATIONS}
    return titles.get(_kind_of_illumination(dock), "").lower()


def _is_of_one_feature(dock: Context) -> bool:
    return not dock.settings.channels and dock.settings.recipe.features.name not in _OF_SEVERAL_FEATURES


def _choose_illumination(dock: Context, kind: str | None) -> bool:
    return dock.session.choose_recipe(illumination=None if kind is None else Illumination(kind))


_PREPARE = (
    declared(
        Recipe,
        "illumination",
        tip="Remove uneven illumination: stray light and background, or shading and vignetting",
        place=PREPARE,
        choices=_ILLUMINATIONS,
        none=NONE,
        shown=_kind_of_illumination,
        change=_choose_illumination,
        note=_illumination_note,
    ),
    declared(
        Recipe,
        "smooth",
        place=PREPARE,
        shown=lambda dock: dock.settings.smooth,
        change=lambda dock, value: dock.session.choose(smooth=value),
    ),
    declared(
        Recipe,
        "coherence",
        kind=FloatSlider,
        tip="Favour large regions: cost of two neighbours with different labels, in units of the noise",
        place=PREPARE,
        details={"value": 0, "min": 0, "max": _MAX_COHERENCE, "step": 0.1},
        shown=lambda dock: min(dock.settings.coherence, _MAX_COHERENCE),
        change=lambda dock, value: dock.session.choose(coherence=round(value, 6)),
        is_enabled=_is_of_one_feature,
        hint=lambda dock: (
            "" if _is_of_one_feature(dock) else "Only for a single feature; use Majority instead"
        ),
        note=lambda dock: f"coherence {dock.settings.coherence:g}" if dock.settings.coherence else "",
        is_dragged=True,
    ),
    of_features(
        Channels,
        "normalize",
        tip="Compare spectra by their shape: divide the channels of each pixel by their norm",
        place=PREPARE,
        choices=_NORMS,
        none=NONE,
    ),
    of_features(Texture, "window", place=PREPARE, unit="pixels"),
)


# Where


def where_choices(image: Image | None) -> list[tuple[str, int]]:
    """Return what can share its clusters: the whole image, or each position along an axis."""
    axes = range(image.ndim - 2) if image is not None else range(0)
    return [("Whole stack", WHOLE), *((f"Each {axis_name(image, axis)}", axis) for axis in axes)]


def mask_choices(image: Image | None, layers: Sequence[Layer], own: Layer | None) -> list[tuple[str, Any]]:
    """Return the layers that can be a mask of an image; never its own overlay."""
    masks = [layer for layer in layers if isinstance(layer, Labels | Shapes) and layer is not own]
    return [("Whole image", NO_MASK), *((layer.name, layer) for layer in masks if image is not None)]


def excluded_choice(exclude: tuple[float | str, ...]) -> tuple[Any, float | None]:
    """Return what `leave_out` and `no_data` show for excluded values."""
    if exclude in [choice for _, choice in _EXCLUDED]:
        return exclude, None
    return A_VALUE, next((float(value) for value in exclude if not isinstance(value, str)), None)


def _mask_choices(dock: Context) -> list[tuple[str, Any]]:
    own = None if dock.image is None else dock.session.overlay.layer
    return mask_choices(dock.image, dock.viewer.layers, own)


def _is_stack(dock: Context) -> bool:
    return dock.image is not None and bool(dock.image.ndim > 2)


def _where_note(dock: Context) -> str:
    return str(dock.widgets["where"].current_choice).lower() if _is_stack(dock) else ""


def _is_value_excluded(dock: Context) -> bool:
    return bool(dock.widgets["leave_out"].value == A_VALUE)


def _shown_excluded(dock: Context) -> tuple[Any, float]:
    """Return what `leave_out` and `no_data` show; a typed value is shown as such, even 0."""
    exclude, typed = dock.settings.recipe.exclude, dock.widgets["no_data"].value
    if _is_value_excluded(dock) and exclude == (typed,):
        return A_VALUE, typed
    choice, value = excluded_choice(exclude)
    return choice, typed if value is None else value


def _choose_excluded(dock: Context, _value: Any) -> bool:
    chosen = dock.widgets["leave_out"].value
    exclude = (dock.widgets["no_data"].value,) if chosen == A_VALUE else tuple(chosen)
    return dock.session.choose_recipe(exclude=exclude)


def _exclude_note(dock: Context) -> str:
    exclude = dock.settings.recipe.exclude
    return "without " + ", ".join(map(str, exclude)) if exclude else ""


_WHERE = (
    Control(
        name="where",
        kind=ComboBox,
        label="Clusters for",
        tip="Whether the whole stack shares its clusters, or each plane has its own",
        place=WHERE,
        choices=lambda dock: where_choices(dock.image),
        none=WHOLE,
        shown=lambda dock: dock.settings.per_axis,
        change=lambda dock, axis: dock.session.choose_per_axis(axis),
        applies=_is_stack,
        note=_where_note,
    ),
    Control(
        name="mask",
        kind=ComboBox,
        label="Mask",
        tip="Cluster only the pixels inside the labels or shapes of a layer",
        place=WHERE,
        choices=_mask_choices,
        none=NO_MASK,
        shown=lambda dock: dock.settings.mask,
        change=lambda dock, mask: dock.session.choose(mask=unwrap(mask)),
        note=lambda dock: "" if dock.settings.mask is None else f"in {dock.settings.mask.name}",
    ),
    declared(
        Recipe,
        "exclude",
        name="leave_out",
        tip="Exclude pixels with these values; they get label 0",
        place=WHERE,
        choices=_EXCLUDED,
        shown=lambda dock: _shown_excluded(dock)[0],
        change=_choose_excluded,
        note=_exclude_note,
    ),
    Control(
        name="no_data",
        kind=FloatSpinBox,
        label="Value",
        tip="The value to exclude",
        place=WHERE,
        details={"value": 0, "min": -1e12, "max": 1e12, "step": 1},
        shown=lambda dock: _shown_excluded(dock)[1],
        change=_choose_excluded,
        applies=_is_value_excluded,
    ),
)


_CLEAN_UP = (
    of_clean_up("majority"),
    of_clean_up("min_size"),
    of_clean_up("fill_holes"),
    Control(
        name="objects",
        kind=PushButton,
        label="Split into objects",
        tip="Number and measure the connected components of the selected clusters, or of all clusters",
        place=CLEAN_UP,
        is_enabled=lambda dock: dock.session.overlay.layer is not None,
    ),
)

SECTION_CONTROLS = (*_PREPARE, *_WHERE, *_CLEAN_UP)
