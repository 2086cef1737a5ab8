"""All feature spaces, by name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from .channels import Channels
from .color import RGB, Lab
from .feature_space import FeatureSpace
from .gray import Blue, Gray, Gray601, Green, Red, Saturation, Value
from .stain import DAB, Eosin, Hematoxylin, Stain
from .texture import Texture

FEATURES: dict[str, type[FeatureSpace]] = {
    space.name: space
    for space in (
        *(Gray, Gray601, RGB, Lab, Red, Green, Blue, Saturation, Value),
        *(Hematoxylin, Eosin, DAB, Stain, Channels, Texture),
    )
}


def get_feature_space(features: object, **options: Any) -> FeatureSpace:
    """Return a feature space.

    Parameters
    ----------
    features : str or FeatureSpace
        A name in `FEATURES`, or an object that is returned unchanged.
    **options
        Options of a feature space given by name.

    Raises
    ------
    TypeError
        If the feature space has no such option.
    ValueError
        If the name is unknown or an option is out of range.
    """
    if isinstance(features, FeatureSpace) and not options:
        return features
    if not isinstance(features, str) or features not in FEATURES:
        raise ValueError(f"features={features!r} must be one of {', '.join(map(repr, FEATURES))}")
    return FEATURES[features](**options)


def features_from_dict(content: dict[str, Any]) -> FeatureSpace:
    """Return the feature space that a recipe stores as a dict."""
    options = {name: tuple(v) if isinstance(v, list) else v for name, v in content.items() if name != "name"}
    name = content["name"]
    if not isinstance(name, str) or name not in FEATURES:
        raise ValueError(f"features {name!r:.40} must be one of {', '.join(FEATURES)}")
    space = FEATURES[name]
    known = [each.name for each in fields(space)]  # type: ignore[arg-type]  # every subclass is a dataclass
    for option_name in options:
        if option_name not in known:
            raise ValueError(f"features {name!r} has no option {option_name!r:.40}")
    if space is Stain and "vector" not in options:
        raise ValueError(f"features {name!r} needs a vector, the colour of the stain")
    return space(**options)
