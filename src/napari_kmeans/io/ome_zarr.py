"""OME-Zarr images (NGFF) of versions 0.1 to 0.5, read block by block from a folder or a server.

References
----------
.. [1] J. Moore et al., "OME-NGFF: a next-generation file format for expanding bioimaging data-access
       strategies", Nature Methods 18, 1496-1498, 2021; specification at https://ngff.openmicroscopy.org.
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
"""Units as spelled in this package, by their OME-Zarr names."""

TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
"""Types of axes by their usual names."""

_ORDER = "TCZYX"


def is_store(path: Path) -> bool:
    """Return whether a folder is a zarr group or array."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray", ".zattrs"))


def images_of_plate(folder: Path) -> list[str]:
    """Return the paths of the images of a plate or well; empty if the folder is neither."""
    import zarr

    try:
        found = attributes(zarr.open_group(folder, mode="r"))
        if wells := found.get("plate", {}).get("wells"):
            paths = [str(well["path"]) for well in wells]
            return [f"{path}/{image}" for path in paths for image in images_of_plate(folder / path)]
        return [str(image["path"]) for image in found.get("well", {}).get("images", [])]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []


def attributes(group: Any) -> dict[str, Any]:
    """Return the OME-Zarr metadata of a group; since version 0.5 they are under the key "ome"."""
    found = group.attrs.asdict()
    return dict(found["ome"]) if isinstance(found.get("ome"), dict) else found


def read(at: Location) -> ImageFile:
    """Open an image with any number of resolution levels; pixels are read on demand.

    A channel axis of length 1 is removed. From a collection of images (bioformats2raw), the first is read.

    Raises
    ------
    OSError
        If there is no such location, or it cannot be reached.
    ValueError
        If it is not a supported image; see `Unsupported`.

    Warns
    -----
    UserWarning
        If only part of the image or of its metadata is used.
    """
    group = _open_group(at)
    metadata = attributes(group)
    group_path: Location = at
    if "multiscales" not in metadata and "bioformats2raw.layout" in metadata:
        if "1" in group:
            warnings.warn(f"{at} contains several images; only the first is used", UserWarning, stacklevel=3)
        group, group_path = group["0"], _inside(at, "0")
        metadata = attributes(group)
    if not metadata.get("multiscales"):
        raise Unsupported(_why_not_an_image(at, metadata))
    multiscale = metadata["multiscales"][0]
    if "axes" not in multiscale and "coordinateSystems" in multiscale:
        raise Unsupported("has an OME-Zarr version newer than 0.5, which is not supported")
    paths = [dataset["path"] for dataset in multiscale["datasets"]]
    arrays = [
        StoredArray(partial(_open_array, str(group_path), path), f"{group_path}/{path}") for path in paths
    ]
    ndim = arrays[0].ndim
    stored_axes = _axes(multiscale, ndim)
    axes = _letters(stored_axes)
    if any(array.ndim != ndim for array in arrays) or len(axes) != ndim:
        raise Unsupported(f"has metadata for {len(axes)} axes, but arrays of {ndim}")
    common = multiscale.get("coordinateTransformations", [])
    levels = [
        Level(
            array.shape,
            *_scale_and_translation([*dataset.get("coordinateTransformations", []), *common], ndim, at),
        )
        for array, dataset in zip(arrays, multiscale["datasets"], strict=True)
    ]
    version = "0.4" if group.metadata.zarr_format == 2 else "0.5"
    channels = metadata.get("omero", {}).get("channels", [])
    full, *coarser = (array.as_dask() for array in arrays)
    image = ImageFile(
        at,
        full,
        axes,
        **_physical_keywords(axes, stored_axes, levels[0]),
        coarser=coarser,
        channel_names=tuple(str(channel.get("label", i)) for i, channel in enumerate(channels)),
        store=Store(group_path, version, tuple(stored_axes), tuple(levels)),
    )
    axis = image.channel_axis
    return image if axis is None or image.data.shape[axis] > 1 else image.at_channel(0)


def _open_group(at: Location) -> Any:
    """Open a group, or raise an error that describes what the location contains."""
    import zarr

    try:
        return zarr.open_group(str(at), mode="r")
    except (OSError, ValueError, TypeError, KeyError):  # depends on the version of zarr
        try:
            array = zarr.open_array(str(at), mode="r")
        except (OSError, ValueError, TypeError, KeyError) as error:
            if isinstance(at, Url):
                reason = " ".join(str(error).split())
                raise Unsupported(f"is not an OME-Zarr image, or cannot be reached ({reason})") from None
            raise Unsupported(
                "is a folder, but not an OME-Zarr image; name the images in it, or use napari-kmeans batch with a recipe"
            ) from None
    raise Unsupported(
        f"is a zarr array of {array.ndim} axes without the metadata of an OME-Zarr image; "
        "in Python, open it with zarr and pass it to segment"
    )


def _open_array(group: str, path: str) -> Any:
    """Open an array in a group."""
    import zarr

    return zarr.open_array(group, path=path, mode="r")


def _inside(at: Location, name: str) -> Location:
    """Return the location of a group or an array inside a store."""
    return at / name if isinstance(at, Path) else Url(f"{at.rstrip('/')}/{name}")


def _why_not_an_image(at: Location, metadata: Mapping[str, Any]) -> str:
    """Return why a group is not an image, and the images that it contains, for an error message."""
    if wells := metadata.get("plate", {}).get("wells"):
        example = _inside(at, f"{wells[0]['path']}/0")
        return f"is a plate of {len(wells)} wells; choose an image in it, such as {example}"
    if fields := metadata.get("well", {}).get("images"):
        return f"is a well of {len(fields)} images; choose one, such as {_inside(at, fields[0]['path'])}"
    if labels := metadata.get("labels"):
        return f"contains label images; choose one, such as {_inside(at, labels[0])}"
    return "is a zarr group without the metadata of an OME-Zarr image"


def _axes(multiscale: Mapping[str, Any], ndim: int) -> list[dict[str, str]]:
    """Return the axes in the form of version 0.4 and later."""
    stored: Sequence[Any] = multiscale.get("axes") or "tczyx"[-ndim:]
    return [
        {"name": axis, "type": TYPES.get(axis, "space")} if isinstance(axis, str) else dict(axis)
        for axis in stored
    ]


def _letters(axes: Sequence[Mapping[str, str]]) -> str:
    """Return a letter of `_ORDER` for each axis."""
    types = [axis.get("type") or TYPES.get(axis["name"].lower(), "") for axis in axes]
    space = iter("ZYX"[-types.count("space") :] if types.count("space") <= 3 else "")
    letters = ""
    for kind in types:
        if kind == "space":
            letters += next(space, "?")
        else:  # axes of other types are treated like time
            letters += "C" if kind == "channel" else "T"
    order = [_ORDER.find(letter) for letter in letters]
    if order != sorted(set(order)) or -1 in order or not letters.endswith("YX"):
        names = ", ".join(axis["name"] for axis in axes)
        raise Unsupported(
            f"has axes {names}; only time, channels and two or three spatial axes are supported"
        )
    return letters


def _scale_and_translation(
    transformations: Sequence[Mapping[str, Any]], ndim: int, at: Location
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Combine transformations that are applied one after the other."""
    scale, translation = [1.0] * ndim, [0.0] * ndim
    for transformation in transformations:
        kind = transformation.get("type")
        numbers = transformation.get(str(kind))
        if kind == "identity":
            continue
        if kind not in ("scale", "translation") or not isinstance(numbers, list) or len(numbers) != ndim:
            warnings.warn(
                f"{at} has a transformation of type {kind}, which is not supported and is ignored",
                UserWarning,
                stacklevel=4,
            )
        elif kind == "translation":
            translation = [old + float(new) for old, new in zip(translation, numbers, strict=True)]
        elif all(math.isfinite(number) and number > 0 for number in numbers):
            scale = [old * number for old, number in zip(scale, numbers, strict=True)]
            translation = [old * number for old, number in zip(translation, numbers, strict=True)]
        else:
            warnings.warn(
                f"{at} has the scale {numbers}, which is invalid and is ignored", UserWarning, stacklevel=4
            )
    return tuple(scale), tuple(translation)


def _physical_keywords(axes: str, stored_axes: Sequence[Mapping[str, str]], level: Level) -> dict[str, Any]:
    """Return pixel size, units and origin as keywords of `ImageFile`."""
    units = {
        letter: UNITS.get(axis.get("unit", ""), axis.get("unit", ""))
        for letter, axis in zip(axes, stored_axes, strict=True)
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
