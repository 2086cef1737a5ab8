"""Between napari's layers and the engine: an image's pixels, and what its Labels layer shares with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from ...blocks.arrays import as_readable, is_dask, is_zarr
from ...blocks.pixels import Pixels
from ...report.tables import PixelSize
from ..session.measure import Resolutions
from ..session.parameters import Parameters
from .mask import mask_of

METADATA_KEY = "napari-kmeans"


def unwrap(thing: Any) -> Any:
    """Return what is behind the proxy that napari hands to plugins, where ``is`` and weak references fail."""
    return getattr(thing, "__wrapped__", thing)


def resolutions_of(layer: Image, parameters: Parameters | None = None) -> Resolutions:
    """Pixels of an Image layer, at each of its resolutions, described as a person chose.

    A worker calls it, for masks are made and channels put together here.

    Raises
    ------
    ValueError, TypeError
        With a sentence for the person, if the layer is of a kind that cannot be clustered like this.
    """
    chosen = parameters or Parameters()
    layers = chosen.channels or (layer,)
    resolutions = list(zip(*(_resolutions(each) for each in layers), strict=True))
    together = bool(chosen.channels)
    mask = None if chosen.mask is None else mask_of(chosen.mask, layer)
    finest = resolutions[0][0].shape
    levels = []
    for arrays in resolutions:
        image = _stack(arrays) if together else arrays[0]
        shape = image.shape[: layer.ndim]
        # Sizes are those of the finest level's pixels.
        steps = [full / size for full, size in zip(finest, shape, strict=False)]
        levels.append(
            Pixels.of(
                image,
                features=chosen.features,
                channel_axis=-1 if layer.rgb or together else None,
                mask=mask if mask is None or mask.shape == shape else _coarser(mask, shape),
                smooth=[
                    sigma / step for sigma, step in zip(sigma_of(layer, chosen.smooth), steps, strict=True)
                ],
                exclude=chosen.exclude,
                **chosen.options,
            )
        )
    return Resolutions(tuple(levels))


def _resolutions(layer: Image) -> list[Any]:
    """Arrays of a layer, the finest first; a single one where all have one size."""
    levels = list(layer.data) if layer.multiscale else [layer.data]
    return levels if len({level.shape for level in levels}) > 1 else levels[:1]


def _stack(arrays: Sequence[Any]) -> Any:
    """Arrays as the channels of one, along the last axis."""
    readable = [as_readable(array) for array in arrays]
    if not any(is_dask(array) for array in readable):
        return np.stack(readable, axis=-1)
    import dask.array as da

    return da.stack(readable, axis=-1)


def _coarser(mask: NDArray[np.bool_], shape: Sequence[int]) -> NDArray[np.bool_]:
    """Of a mask of the finest level, the pixel nearest to each of a coarser one."""
    nearest = (
        ((np.arange(size) + 0.5) * full / size).astype(np.intp)
        for size, full in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(*nearest)]


def is_lazy(layer: Image, parameters: Parameters) -> bool:
    """Whether not all of the pixels that `resolutions_of` returns would be in memory."""
    layers = parameters.channels or (layer,)
    return any(is_dask(each) or is_zarr(each) for each in (_resolutions(one)[0] for one in layers))


def sigma_of(layer: Image, smooth: float) -> list[float]:
    """Standard deviation along each axis in pixels, of one in the layer's units; 0 along time."""
    steps = spacing_of(layer)
    return [0.0 if _is_time(layer, axis) else smooth / steps[axis] for axis in range(layer.ndim)]


def spacing_of(layer: Image) -> list[float]:
    """Distance of pixels along each axis in the layer's units; 1, for pixels, where it has none."""
    if pixel_size(layer) is None:
        return [1.0] * layer.ndim
    return [abs(float(step)) for step in layer.scale]


def time_axes(layer: Image) -> list[int]:
    """Axes that are not spatial."""
    return [axis for axis in range(layer.ndim) if _is_time(layer, axis)]


def alike(layer: Image, viewer: Any) -> list[Image]:
    """Image layers that lie pixel on pixel with one, itself among them: they can be its channels."""
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
