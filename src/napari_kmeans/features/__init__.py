"""What a pixel is described by.

A feature space is one class in this package and one entry in `FEATURES`; the dock, the command line and the
model file find it there. Its functions work on one block, so that cutting an image into blocks can never
change a result: pixel by pixel, or with a halo of the neighbours they look at.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from .base import Feature, Scalar, Vector
from .channels import Channels
from .color import Color, Lab
from .gray import Gray, Single
from .texture import Texture

__all__ = ["FEATURES", "Feature", "Gray", "Scalar", "Vector", "get_feature", "options_of"]

_GRAY = Gray("gray", "Grayscale", (2125, 7154, 721))

FEATURES: dict[str, Feature] = {
    feature.name: feature
    for feature in (
        _GRAY,
        Gray("gray601", "Grayscale (Rec. 601)", (2990, 5870, 1140), rounded=True),
        Color("rgb", "Colour (RGB)"),
        Lab("lab", "Colour (Lab)"),
        Single("red", "Red"),
        Single("green", "Green"),
        Single("blue", "Blue"),
        Single("saturation", "Saturation"),
        Single("value", "Value"),
        Channels("channels", "Channels"),
        Texture("texture", "Texture", _GRAY),
    )
}


def get_feature(name: object, **options: Any) -> Feature:
    """Look a feature space up by its name, or say which there are.

    Parameters
    ----------
    name : str
        Such as ``"gray"``.
    **options
        Those that it has, such as ``standardize`` of ``"channels"``; None stands for the usual value.

    Raises
    ------
    ValueError
        For a name or an option that is not known, and for values that make no sense.
    """
    if not isinstance(name, str) or name not in FEATURES:
        raise ValueError(f"features={name!r} is not known; use one of {', '.join(map(repr, FEATURES))}")
    feature = FEATURES[name]
    chosen = {option: value for option, value in options.items() if value is not None}
    for option in chosen:
        if option not in options_of(feature):
            others = [repr(other.name) for other in FEATURES.values() if option in options_of(other)]
            raise ValueError(f"{option} is an option of features={', '.join(others)}, not of {name!r}")
    return replace(feature, **chosen) if chosen else feature


def options_of(feature: Feature) -> tuple[str, ...]:
    """Name the options that a feature space has."""
    return tuple(field.name for field in fields(feature) if field.metadata.get("option"))
