"""The pixels of an Image layer, and the properties that its Labels layer shares with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from ...blocks.arrays import as_readable, is_dask, is_zarr
from ...blocks.containers import levels_of
from ...blocks.pixels import Pixels
from ...features.extractor import check_smooth
from ...model.recipe import Recipe
from ...report.tables import PixelSize
from .layer_recipe import LayerRecipe
from .mask_layer import mask_from_layer
from .resolutions import Resolutions

METADATA_KEY = "napari-kmeans"

TRANSFORMS = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""Properties of a layer that place its pixels, each with an event of the same name."""


def unwrap(thing: Any) -> Any:
    """Return the object behind the proxy that napari passes to plugins, since ``is`` fails for proxies."""
    return getattr(thing, "__wrapped__", thing)


def resolutions_of(layer: Image, settings: LayerRecipe | None = None) -> Resolutions:
    """Return the pixels of an Image layer at each of its resolutions.

    Called in a worker, since masks are made and channels are stacked here.

    Raises
    ------
    ValueError, TypeError
        If the layer is not supported; the message is shown to the user.
    """
    settings = settings or LayerRecipe()
    layers = settings.channels or (layer,)
    resolutions = list(zip(*(_arrays(each) for each in layers), strict=True))
    together = bool(settings.channels)
    mask = None if settings.mask is None else mask_from_layer(settings.mask, layer)
    finest = resolutions[0][0].shape
    recipe = recipe_in_pixels(layer, settings)
    pixels = []
    for arrays in resolutions:
        image = _stack(arrays) if together else arrays[0]
        shape = image.shape[: layer.ndim]
        # Lengths are in pixels of the finest resolution.
        steps = [full / size for full, size in zip(finest, shape, strict=False)]
        smooth = [s / step for s, step in zip(sigma_of(layer, settings.smooth), steps, strict=True)]
        found = Pixels.of(
            image,
            features=replace(recipe.extractor, smooth=check_smooth(smooth)),
            channel_axis=-1 if layer.rgb or together else None,
            mask=mask if mask is None or mask.shape == shape else _coarser(mask, shape),
        )
        pixels.append(replace(found, channel_names=tuple(each.name for each in settings.channels)))
    return Resolutions(tuple(pixels), recipe)


def recipe_in_pixels(layer: Image, settings: LayerRecipe) -> Recipe:
    """Return the recipe for the pixels of the finest resolution of an Image layer."""
    spatial = [not _is_time(layer, axis) for axis in range(layer.ndim)]
    return settings.in_pixels(sigma_of(layer, settings.smooth), spatial, spacing_of(layer))


def _arrays(layer: Image) -> list[Any]:
    """Return the arrays of a layer, the finest first, or a single array if all have the same shape."""
    levels = levels_of(layer)
    return levels if len({level.shape for level in levels}) > 1 else levels[:1]


def _stack(arrays: Sequence[Any]) -> Any:
    """Stack arrays as channels along the last axis."""
    readable = [as_readable(array) for array in arrays]
    if not any(is_dask(array) for array in readable):
        return np.stack(readable, axis=-1)
    import dask.array as da

    return da.stack(readable, axis=-1)


def _coarser(mask: NDArray[np.bool_], shape: Sequence[int]) -> NDArray[np.bool_]:
    """Return the pixel of a mask that is nearest to each pixel of a coarser resolution."""
    nearest = (
        ((np.arange(size) + 0.5) * full / size).astype(np.intp)
        for size, full in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(*nearest)]


def is_lazy(layer: Image, settings: LayerRecipe) -> bool:
    """Return whether some of the pixels that `resolutions_of` returns are not in memory."""
    layers = settings.channels or (layer,)
    return any(is_dask(each) or is_zarr(each) for each in (_arrays(one)[0] for one in layers))


def sigma_of(layer: Image, smooth: float) -> list[float]:
    """Convert a standard deviation from the layer's units to pixels along each axis; 0 along time."""
    steps = spacing_of(layer)
    return [0.0 if _is_time(layer, axis) else smooth / steps[axis] for axis in range(layer.ndim)]


def spacing_of(layer: Image) -> list[float]:
    """Return the size of a pixel along each axis in the layer's units; 1 if it has no units."""
    if pixel_size(layer) is None:
        return [1.0] * layer.ndim
    return [abs(float(step)) for step in layer.scale]


def time_axes(layer: Image) -> list[int]:
    """Return the axes of time."""
    return [axis for axis in range(layer.ndim) if _is_time(layer, axis)]


def aligned_layers(layer: Image, viewer: Any) -> list[Image]:
    """Return the image layers with the pixel grid of a layer, including itself: possible channels."""
    return [
        other
        for other in viewer.layers
        if isinstance(other, Image)
        and not other.rgb
        and other.multiscale == layer.multiscale
        and other.data.shape == layer.data.shape
        and np.allclose(other.extent.world, layer.extent.world)
    ]


def transforms_of(layer: Image) -> dict[str, Any]:
    """Return the keyword arguments that place a Labels layer exactly over an image."""
    return {name: getattr(layer, name) for name in TRANSFORMS}


def axis_name(layer: Image, axis: int) -> str:
    """Return the name of an axis, or its number if it has none."""
    label = str(layer.axis_labels[axis])
    return f"axis {axis}" if label.lstrip("-").isdigit() else label


def pixel_size(layer: Image) -> PixelSize | None:
    """Return the size of a pixel in the layer's units, or None if it has none.

    It is the determinant of the transform from data to world coordinates along the spatial axes.
    """
    spatial = [axis for axis in range(layer.ndim) if not _is_time(layer, axis)]
    # Some versions of pint write micro as a Greek mu, others as a micro sign.
    units = {f"{layer.units[axis]:~P}".replace("\u03bc", "\u00b5") for axis in spatial}
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
