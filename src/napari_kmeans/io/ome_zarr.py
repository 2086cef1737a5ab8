"""OME-Zarr images (NGFF), of versions 0.1 to 0.5, read block by block, from a folder or from a server.

References
----------
.. [1] J. Moore et al., "OME-NGFF: a next-generation file format for expanding bioimaging data-access
       strategies", Nature Methods 18, 1496-1498, 2021; the text is at https://ngff.openmicroscopy.org.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .image_file import MICROMETERS, ImageFile, Level, Location, Store, Unsupported, Url
from .stored_array import StoredArray

UNITS = {
    "meter": "m", "centimeter": "cm", "millimeter": "mm", "micrometer": "um", "nanometer": "nm",
    "picometer": "pm", "inch": "inch", "second": "s", "millisecond": "ms", "microsecond": "us",
    "nanosecond": "ns", "minute": "min", "hour": "h", "day": "day",
}  # fmt: skip
"""Spelling of units in the format, and in this package."""

TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
"""Types of axes with the usual names."""

_ORDER = "TCZYX"


def is_store(path: Path) -> bool:
    """Whether a folder holds a zarr group or array."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray", ".zattrs"))


def attributes(group: Any) -> dict[str, Any]:
    """What the format says of a group; since version 0.5 in a place of its own."""
    own = group.attrs.asdict()
    return dict(own["ome"]) if isinstance(own.get("ome"), dict) else own


def read(at: Location) -> ImageFile:
    """Open an image of any number of resolutions; no pixel is read before it is asked for.

    A single channel is taken without asking; of a collection of images (bioformats2raw) the first is.

    Raises
    ------
    OSError
        If there is nothing, or it cannot be reached.
    ValueError
        If it is no such image; `Unsupported` begins without the name.

    Warns
    -----
    UserWarning
        If only a part of it can be had.
    """
    group = _open(at)
    description = attributes(group)
    place: Location = at
    if "multiscales" not in description and "bioformats2raw.layout" in description:
        if "1" in group:
            warnings.warn(f"{at} holds several images, of which the first is used", UserWarning, stacklevel=3)
        group, place = group["0"], _inside(at, "0")
        description = attributes(group)
    if "multiscales" not in description:
        raise Unsupported(_why_no_image(at, group, description))
    multiscale = description["multiscales"][0]
    if "axes" not in multiscale and "coordinateSystems" in multiscale:
        raise Unsupported("is of a later version of OME-Zarr than 0.5")
    paths = [dataset["path"] for dataset in multiscale["datasets"]]
    arrays = [StoredArray(partial(_open_array, str(place), path), f"{place}/{path}") for path in paths]
    ndim = arrays[0].ndim
    described = _axes(multiscale, ndim)
    axes = _letters(described)
    if any(array.ndim != ndim for array in arrays) or len(axes) != ndim:
        raise Unsupported(f"describes {len(axes)} axes of an array of {ndim}")
    common = multiscale.get("coordinateTransformations", [])
    levels = [
        Level(array.shape, *_placed([*dataset.get("coordinateTransformations", []), *common], ndim, at))
        for array, dataset in zip(arrays, multiscale["datasets"], strict=True)
    ]
    version = "0.4" if group.metadata.zarr_format == 2 else "0.5"
    channels = description.get("omero", {}).get("channels", [])
    full, *coarser = (array.as_dask() for array in arrays)
    image = ImageFile(
        at,
        full,
        axes,
        **_lengths(axes, described, levels[0]),
        coarser=coarser,
        channel_names=tuple(str(channel.get("label", i)) for i, channel in enumerate(channels)),
        store=Store(place, version, tuple(described), tuple(levels)),
    )
    axis = image.channel_axis
    return image if axis is None or image.data.shape[axis] > 1 else image.at_channel(0)


def _open(at: Location) -> Any:
    """Open a group, or say what is there instead."""
    import zarr

    try:
        return zarr.open_group(str(at), mode="r")
    except (OSError, ValueError, TypeError, KeyError):  # which one is another matter in each version
        try:
            array = zarr.open_array(str(at), mode="r")
        except (OSError, ValueError, TypeError, KeyError) as error:
            if isinstance(at, Url):
                reason = " ".join(str(error).split())
                raise Unsupported(f"holds no OME-Zarr image, or cannot be reached ({reason})") from None
            raise Unsupported("is a folder without an OME-Zarr image in it") from None
    raise Unsupported(
        f"is a zarr array of {array.ndim} axes without the description of an OME-Zarr image; "
        "in Python, fit and predict take it as it is"
    )


def _open_array(group: str, path: str) -> Any:
    import zarr

    return zarr.open_array(group, path=path, mode="r")


def _inside(at: Location, name: str) -> Location:
    return at / name if isinstance(at, Path) else Url(f"{at.rstrip('/')}/{name}")


def _why_no_image(at: Location, group: Any, description: Mapping[str, Any]) -> str:
    """Say what a group is, and where in it images are."""
    if wells := description.get("plate", {}).get("wells"):
        example = _inside(at, f"{wells[0]['path']}/0")
        return f"is a plate of {len(wells)} wells; name an image in it, such as {example}"
    if fields := description.get("well", {}).get("images"):
        return (
            f"is a well of {len(fields)} images; name one of them, such as {_inside(at, fields[0]['path'])}"
        )
    if labels := description.get("labels"):
        return f"holds label images; name one of them, such as {_inside(at, labels[0])}"
    return "is a zarr group without the description of an OME-Zarr image"


def _axes(multiscale: Mapping[str, Any], ndim: int) -> list[dict[str, str]]:
    """Axes as they have been described since version 0.4."""
    named: Sequence[Any] = multiscale.get("axes") or "tczyx"[-ndim:]
    return [
        {"name": axis, "type": TYPES.get(axis, "space")} if isinstance(axis, str) else dict(axis)
        for axis in named
    ]


def _letters(axes: Sequence[Mapping[str, str]]) -> str:
    """One letter of `_ORDER` for each axis."""
    types = [axis.get("type") or TYPES.get(axis["name"].lower(), "") for axis in axes]
    space = iter("ZYX"[-types.count("space") :] if types.count("space") <= 3 else "")
    letters = ""
    for kind in types:
        if kind == "space":
            letters += next(space, "?")
        else:  # what is neither time nor channels is looked through as times are
            letters += "C" if kind == "channel" else "T"
    order = [_ORDER.find(letter) for letter in letters]
    if order != sorted(set(order)) or -1 in order or not letters.endswith("YX"):
        names = ", ".join(axis["name"] for axis in axes)
        raise Unsupported(f"has axes {names}; at most a time, channels, and two or three of space can be had")
    return letters


def _placed(
    steps: Sequence[Mapping[str, Any]], ndim: int, at: Location
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Follow transformations one after the other: scale and translation."""
    scale, translation = [1.0] * ndim, [0.0] * ndim
    for step in steps:
        kind = step.get("type")
        numbers = step.get(str(kind))
        if kind == "identity":
            continue
        if kind not in ("scale", "translation") or not isinstance(numbers, list) or len(numbers) != ndim:
            warnings.warn(
                f"{at} is placed by a {kind} that is not understood, and left out", UserWarning, stacklevel=4
            )
        elif kind == "translation":
            translation = [old + float(new) for old, new in zip(translation, numbers, strict=True)]
        elif all(math.isfinite(number) and number > 0 for number in numbers):
            scale = [old * number for old, number in zip(scale, numbers, strict=True)]
            translation = [old * number for old, number in zip(translation, numbers, strict=True)]
        else:
            warnings.warn(f"{at} has the scale {numbers}, which is left out", UserWarning, stacklevel=4)
    return tuple(scale), tuple(translation)


def _lengths(axes: str, described: Sequence[Mapping[str, str]], level: Level) -> dict[str, Any]:
    """Pixel sizes, units and origin as `ImageFile` has them."""
    units = {
        letter: UNITS.get(axis.get("unit", ""), axis.get("unit", ""))
        for letter, axis in zip(axes, described, strict=True)
    }
    size = {letter: length for letter, length in zip(axes, level.scale, strict=True) if letter != "C"}
    origin = {letter: length for letter, length in zip(axes, level.translation, strict=True) if letter != "C"}
    spatial = {units[letter] for letter in axes if letter in "ZYX"}
    if len(spatial) > 1 and spatial <= MICROMETERS.keys():
        for letter in axes:
            if letter in "ZYX":
                size[letter] *= MICROMETERS[units[letter]]
                origin[letter] *= MICROMETERS[units[letter]]
        spatial = {"um"}
    unit = spatial.pop() if len(spatial) == 1 else ""
    if not any(units.values()) and all(length == 1 for length in size.values()):
        size = {}
    return {"pixel_size": size, "unit": unit, "time_unit": units.get("T", ""), "origin": origin}
