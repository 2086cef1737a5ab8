"""Pixel size of an image file, an xarray array or a napari layer, along its spatial axes except time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

PixelSizes = tuple[tuple[float, ...], str]
"""Sizes along the spatial axes except time, and their unit; ``((), "")`` if unknown."""

UNKNOWN: PixelSizes = ((), "")

_TIME = ("t", "time")
_EVEN = 1e-3  # relative tolerance for evenly spaced coordinates


def size_of_file(image: Any, without: Collection[int] | None = None) -> PixelSizes:
    """Return the pixel size of an `ImageFile`.

    Parameters
    ----------
    image : ImageFile
    without : collection of int, optional
        Axes that are not spatial, apart from time; by default the channel axis.
    """
    others = (image.channel_axis,) if without is None else without
    axes = [letter for axis, letter in enumerate(image.axes) if axis not in others and letter not in "TS"]
    if not axes or not all(letter in image.pixel_size for letter in axes):
        return UNKNOWN
    return tuple(float(image.pixel_size[letter]) for letter in axes), image.unit


def size_of_data_array(image: Any, without: Collection[int] = ()) -> PixelSizes:
    """Return the steps of a DataArray's coordinates, if they are even and share one unit (``units``)."""
    sizes, units = [], set()
    for axis, name in enumerate(image.dims):
        if axis in without or str(name).lower() in _TIME:
            continue
        coordinate = image.coords.get(name)
        if coordinate is None or coordinate.size < 2 or coordinate.dtype.kind not in "iuf":
            return UNKNOWN
        steps = np.diff(np.asarray(coordinate, dtype=np.float64))
        step = abs(float(steps.mean()))
        if not step or not np.allclose(np.abs(steps), step, rtol=_EVEN, atol=0):
            return UNKNOWN
        sizes.append(step)
        units.add(_normalize_micro(str(coordinate.attrs.get("units", ""))))
    return _with_one_unit(sizes, units)


def size_of_layer(layer: Any, without: Collection[int] = ()) -> PixelSizes:
    """Return the scale of a napari image layer, if its axes share one unit of length."""
    sizes, units = [], set()
    for axis, (name, step, unit) in enumerate(zip(layer.axis_labels, layer.scale, layer.units, strict=True)):
        is_time = str(name).lower() in _TIME or dict(unit.dimensionality) == {"[time]": 1}
        if axis in without or is_time:
            continue
        sizes.append(abs(float(step)))
        units.add(_normalize_micro(f"{unit:~P}"))
    return _with_one_unit(sizes, units - {"px", "pixel"})


def shared_size(sizes: Sequence[PixelSizes]) -> PixelSizes:
    """Return the pixel size that several images have in common."""
    return sizes[0] if len(set(sizes)) == 1 else UNKNOWN


def _with_one_unit(sizes: list[float], units: set[str]) -> PixelSizes:
    """Return sizes with the unit that they share; unknown if they share none."""
    if len(units) != 1 or units == {""}:
        return UNKNOWN
    return tuple(sizes), units.pop()


def _normalize_micro(unit: str) -> str:
    """Spell micro as image files do, so that a model fits both files and layers."""
    return unit.replace("\u03bc", "u").replace("\u00b5", "u")
