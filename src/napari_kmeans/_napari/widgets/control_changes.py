"""From a control that the user changed to what is asked of the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from napari.layers import Image

from ...features.channels import Channels
from ...features.feature_space import FeatureSpace
from ...features.registry import FEATURES
from ...preprocess.illumination import Illumination
from ..layers.image_layer import aligned_layers, unwrap
from ..session.session import Session
from .controls import A_VALUE, NO_ILLUMINATION, NO_MASK, WHOLE, Controls

Change = Callable[[Session, Controls, Any, Any], bool]
"""Takes session, controls, viewer and the new value; returns whether anything changed."""


def channels_of(session: Session, viewer: Any) -> tuple[Image, ...]:
    """Return the layers to cluster together: the selected ones, or else all with the same pixel grid."""
    image = session.image
    if image.rgb:
        return ()
    candidates = aligned_layers(image, viewer)
    selected = [layer for layer in candidates if layer in viewer.layers.selection]
    return tuple(selected if len(selected) > 1 and image in selected else candidates)


def _features(session: Session, controls: Controls, viewer: Any, name: str) -> bool:
    channels = channels_of(session, viewer) if name == Channels.name else ()
    return session.choose_features(FEATURES[name](), channels)


def _option_names(space: type[FeatureSpace]) -> set[str]:
    """Return the names of the options of a feature space."""
    return {each.name for each in fields(space)}  # type: ignore[arg-type]


def _option(name: str) -> Change:
    """Return the choice of an option of the feature space."""

    def choose(session: Session, controls: Controls, viewer: Any, value: Any) -> bool:
        value = tuple(value) if isinstance(value, list | tuple) else value
        space = type(session.asked.recipe.features)
        # Options without a control get their defaults, which may depend on the others.
        shown: dict[str, Any] = {
            each: getattr(controls, each).value
            for each in ("standardize", "sigma")
            if each in _option_names(space)
        }
        return session.choose_recipe(features=space(**{**shown, name: value}))

    return choose


def _excluded(session: Session, controls: Controls, viewer: Any, _value: Any) -> bool:
    chosen = controls.leave_out.value
    return session.choose_recipe(exclude=(controls.no_data.value,) if chosen == A_VALUE else tuple(chosen))


def _clean_up(name: str) -> Change:
    def choose(session: Session, controls: Controls, viewer: Any, value: float) -> bool:
        return session.choose_recipe(clean_up=replace(session.asked.recipe.clean_up, **{name: value}))

    return choose


def _illumination(session: Session, controls: Controls, viewer: Any, kind: str) -> bool:
    return session.choose_recipe(illumination=None if kind == NO_ILLUMINATION else Illumination(kind))


CHANGES: dict[str, Change] = {
    "n_clusters": lambda session, controls, viewer, value: session.choose_k(value),
    "features": _features,
    "standardize": _option("standardize"),
    "sigma": _option("sigma"),
    "illumination": _illumination,
    "smooth": lambda session, controls, viewer, value: session.choose(smooth=value),
    "coherence": lambda session, controls, viewer, value: session.choose(coherence=round(value, 6)),
    "where": lambda session, controls, viewer, axis: session.choose_where(None if axis == WHOLE else axis),
    "mask": lambda session, controls, viewer, mask: session.choose(
        mask=None if mask == NO_MASK else unwrap(mask)
    ),
    "leave_out": _excluded,
    "no_data": _excluded,
    "majority": _clean_up("majority"),
    "min_size": _clean_up("min_size"),
    "fill_holes": _clean_up("fill_holes"),
}
"""What each control asks of the session."""

CONTINUOUS = ("n_clusters", "coherence")
"""Controls that are dragged: all steps of a drag are one step of undo."""
