"""Between napari's layers and the engine: an image's pixels, and what its Labels layer shares with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image

from ..pixels import Pixels
from ..report import PixelSize
from .measure import Levels

METADATA_KEY = "napari-kmeans"


def unwrap(thing: Any) -> Any:
    """Return what is behind the proxy that napari hands to plugins, where ``is`` and weak references fail."""
    return getattr(thing, "__wrapped__", thing)


def levels_of(layer: Image, features: str = "gray") -> Levels:
    """Pixels of an Image layer, at each of its resolutions.

    Raises
    ------
    ValueError, TypeError
        With a sentence for the person, if the layer is of a kind that cannot be clustered.
    """
    levels = list(layer.data) if layer.multiscale else [layer.data]
    if len({level.shape for level in levels}) == 1:
        levels = levels[:1]
    channel_axis = -1 if layer.rgb else None
    return Levels(tuple(Pixels.of(level, features=features, channel_axis=channel_axis) for level in levels))


def transforms_of(layer: Image) -> dict[str, Any]:
    """Keywords that lay a Labels layer exactly over an image."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def axis_name(layer: Image, axis: int) -> str:
    """What the layer calls an axis, or its number if it was not named."""
    label = str(layer.axis_labels[axis])
    return f"axis {axis}" if label.lstrip("-").isdigit() else label


def pixel_size(layer: Image) -> PixelSize | None:
    """Size of a pixel in the layer's units, or None if it has none.

    The determinant of data → world over the spatial axes; a time axis is not one.
    """
    spatial = [axis for axis in range(layer.ndim) if not _is_time(layer, axis)]
    units = {f"{layer.units[axis]:~P}" for axis in spatial}
    if len(units) != 1 or units <= {"px", "pixel", ""} or len(spatial) not in (1, 2, 3):
        return None
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    steps = [np.asarray(layer.data_to_world(np.eye(layer.ndim)[axis])) - origin for axis in spatial]
    matrix = np.array(steps)[:, spatial]
    [unit] = units
    exponent = ("", "²", "³")[len(spatial) - 1]
    axes = ", ".join(axis_name(layer, axis) for axis in spatial)
    return PixelSize(float(abs(np.linalg.det(matrix))), unit + exponent, axes)


def _is_time(layer: Image, axis: int) -> bool:
    label = str(layer.axis_labels[axis]).lower()
    return label in ("t", "time") or dict(layer.units[axis].dimensionality) == {"[time]": 1}
