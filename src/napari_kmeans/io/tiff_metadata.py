"""Metadata of a TIFF file: pixel sizes, names, missing values and position on a map."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .image_file import MICROMETERS, TIMES, GeoTag

GDAL_NODATA = 42113
"""Tag of a GeoTIFF with the value of missing pixels."""

ASCII = 2
"""Type of a tag that contains text."""

# Pixel scale, tie points and transformation, followed by the keys of the coordinate reference system.
_GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737)

_METER = 9001  # unit of a projected coordinate system

_SPELLINGS = {
    "µm": "um", "micron": "um", "microns": "um", "micrometer": "um", "micrometre": "um", "in": "inch",
    "inches": "inch", "pixel": "", "pixels": "", "px": "", "reference frame": "",
}  # fmt: skip

_TIME_SPELLINGS = {
    "µs": "us", "msec": "ms", "millisecond": "ms", "sec": "s", "second": "s", "seconds": "s",
    "minute": "min", "minutes": "min", "hr": "h", "hour": "h", "d": "day",
}  # fmt: skip


@dataclass(frozen=True)
class TiffMetadata:
    """Metadata of a TIFF file; the attributes are those of `ImageFile`."""

    pixel_size: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    time_unit: str = ""
    channel_names: tuple[str, ...] = ()
    time_names: tuple[str, ...] = ()
    nodata: float | None = None
    geo_tags: tuple[GeoTag, ...] = ()


def read_metadata(tiff: Any, page: Any, shape: Mapping[str, int], series: int = 0) -> TiffMetadata:
    """Return the metadata of a series of a TIFF.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    page : tifffile.TiffPage
        First page of the series.
    shape : mapping of str to int
        Length of the image along each axis.
    series : int
    """
    if tiff.is_ome:
        pixels = _ome_pixels(tiff.ome_metadata, series)
        size, unit = _size_from_ome(pixels)
        step, time_unit = _time_from_ome(pixels)
        names = _names_from_ome(pixels)
    else:
        size, unit = _size_from_instrument(tiff, page) or _size_from_map(tiff) or _size_from_tags(tiff, page)
        imagej = tiff.imagej_metadata or {}
        step, time_unit = _valid_length(imagej.get("finterval")), _time_unit(imagej.get("tunit", "s"))
        names = _names_from_imagej(imagej, shape)
    if step and time_unit:
        size = {"T": step, **size}
    channel_names, time_names = names
    return TiffMetadata(
        pixel_size={axis: length for axis, length in size.items() if axis in shape},
        unit=unit,
        time_unit=time_unit if step and "T" in shape else "",
        channel_names=channel_names if len(channel_names) == shape.get("C") else (),
        time_names=time_names if len(time_names) == shape.get("T") else (),
        nodata=_nodata(page),
        geo_tags=_geo_tags(page),
    )


def _geo_tags(page: Any) -> tuple[GeoTag, ...]:
    """Return the tags that place a GeoTIFF on a map; empty for other files."""
    tags = [page.tags[code] for code in _GEO_TAGS if code in page.tags]
    return tuple(GeoTag(tag.code, int(tag.dtype), tag.count, tag.value) for tag in tags)


def _size_from_map(tiff: Any) -> tuple[dict[str, float], str] | None:
    """Return the pixel size of a GeoTIFF, if its coordinates are in metres."""
    found = tiff.geotiff_metadata or {}
    scale = found.get("ModelPixelScale")
    if not scale or int(found.get("ProjLinearUnitsGeoKey", 0)) != _METER:
        return None
    width, height = map(_valid_length, scale[:2])
    return ({"Y": height, "X": width}, "m") if width and height else None


def _size_from_instrument(tiff: Any, page: Any) -> tuple[dict[str, float], str] | None:
    """Return the pixel size from the vendor tags of a microscope or a slide scanner."""
    import tifffile

    size: dict[str, Any] = {}
    factor = MICROMETERS["m"]
    if tiff.is_fei:
        scan = (tiff.fei_metadata or {}).get("Scan", {})
        size = {"Y": scan.get("PixelHeight"), "X": scan.get("PixelWidth")}
    elif tiff.is_sem:
        found = tiff.sem_metadata or {}
        entry = found.get("ap_image_pixel_size") or found.get("ap_pixel_size") or ()
        _, length, unit = (*entry, "", "", "")[:3]  # name, value and unit, which may be missing
        size, factor = {"Y": length, "X": length}, MICROMETERS.get(_normalize_unit(unit), 0.0)
    elif tiff.is_lsm:
        found = tiff.lsm_metadata or {}
        size = {axis: found.get(f"VoxelSize{axis}") for axis in "ZYX"}
    elif page.is_svs:
        length = tifffile.tifffile.svs_description_metadata(page.description).get("MPP")
        size, factor = {"Y": length, "X": length}, 1.0
    known = {axis: float(length) * factor for axis, length in size.items() if _valid_length(length)}
    return (known, "um") if factor and {"Y", "X"} <= known.keys() else None


def _names_from_imagej(
    imagej: Mapping[str, Any], shape: Mapping[str, int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of channels and time steps: labels of planes that depend on one of these axes only."""
    sizes = [shape.get(axis, 1) for axis in "TZC"]
    labels = imagej.get("Labels") or []
    if len(labels) != math.prod(sizes):
        return (), ()
    planes = np.array([" ".join(str(label).split()) for label in labels], dtype=object).reshape(sizes)
    if (planes == planes[:1, :1]).all():
        return tuple(planes[0, 0]), ()
    return (), tuple(planes[:, 0, 0]) if (planes == planes[:, :1, :1]).all() else ()


def _ome_pixels(xml: str, series: int) -> Mapping[str, Any]:
    """Return the element ``Pixels`` of an image of an OME-TIFF."""
    import tifffile

    images = _as_list(tifffile.xml2dict(xml)["OME"].get("Image"))
    return images[series].get("Pixels", {}) if series < len(images) else {}


def _as_list(elements: Any) -> list[Any]:
    """Return repeated elements as a list, even if there is only one."""
    return elements if isinstance(elements, list) else [] if elements is None else [elements]


def _time_from_ome(pixels: Mapping[str, Any]) -> tuple[float | None, str]:
    """Return the time between two steps and its unit."""
    return _valid_length(pixels.get("TimeIncrement")), _time_unit(pixels.get("TimeIncrementUnit", "s"))


def _names_from_ome(pixels: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of channels, and the times of the steps if they are not evenly spaced."""
    names = [str(channel.get("Name", "")) for channel in _as_list(pixels.get("Channel"))]
    planes = [
        plane for plane in _as_list(pixels.get("Plane")) if not plane.get("TheC") and not plane.get("TheZ")
    ]
    times = {
        plane.get("TheT"): f"{plane['DeltaT']:g} {_time_unit(plane.get('DeltaTUnit', 's'))}".strip()
        for plane in planes
        if isinstance(plane.get("DeltaT"), int | float)
    }
    is_even = _valid_length(pixels.get("TimeIncrement")) is not None
    steps = (
        () if is_even or set(times) != set(range(len(times))) else tuple(times[i] for i in range(len(times)))
    )
    return tuple(names) if all(names) else (), steps


def _nodata(page: Any) -> float | None:
    """Return the value of missing pixels of a GeoTIFF; None if the type cannot hold it, or if it is NaN."""
    tag = page.tags.get(GDAL_NODATA)
    if tag is None or page.photometric.name not in ("MINISBLACK", "RGB"):  # others are converted
        return None
    text, dtype = str(tag.value).strip(" \0").replace(",", "."), page.dtype
    try:
        value = int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            rounded = float(dtype.type(value))
        return rounded if math.isfinite(rounded) else None
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return int(value) if low <= value <= high and value == int(value) else None


def _size_from_tags(tiff: Any, page: Any) -> tuple[dict[str, float], str]:
    """Return pixel size and unit from ImageJ's metadata and the resolution tags, by ImageJ's rules."""
    imagej = tiff.imagej_metadata or {}
    size = {}
    for axis, name in (("X", "XResolution"), ("Y", "YResolution")):
        n_pixels, length = page.tags[name].value if name in page.tags else (1, 1)
        size[axis] = length / n_pixels if n_pixels and length else 1.0
    unit = _normalize_unit(imagej.get("unit", ""))
    tag = page.tags.get("ResolutionUnit")
    if "unit" not in imagej and tag is not None:
        unit = {2: "inch", 3: "cm"}.get(int(tag.value), "")
        if unit == "inch" and size["X"] in (1.0, 1 / 72):  # defaults for an unknown pixel size
            return {}, ""
    if spacing := _valid_length(imagej.get("spacing")):
        size["Z"] = spacing
    is_known = unit or any(length != 1 for length in size.values())
    return (size, unit) if is_known else ({}, "")


def _size_from_ome(pixels: Mapping[str, Any]) -> tuple[dict[str, float], str]:
    """Return pixel size and unit of the first image of an OME-TIFF."""
    size, units = {}, {}
    for axis in "ZYX":
        if length := _valid_length(pixels.get(f"PhysicalSize{axis}")):
            size[axis] = length
            units[axis] = _normalize_unit(pixels.get(f"PhysicalSize{axis}Unit", "um"))
    if len(set(units.values())) == 1:
        return size, units.popitem()[1]
    if size and all(unit in MICROMETERS for unit in units.values()):
        return {axis: length * MICROMETERS[units[axis]] for axis, length in size.items()}, "um"
    return {}, ""


def _valid_length(value: object) -> float | None:
    """Return a positive length, or None; ImageJ writes negative ones for flipped stacks."""
    if not isinstance(value, int | float) or not np.isfinite(value) or not value:
        return None
    return abs(float(value))


def _normalize_unit(name: object) -> str:
    """Return a unit as spelled in this package; empty for pixels."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), str(name))
    text = " ".join(text.replace("μ", "µ").split())  # Greek mu → micro sign
    return _SPELLINGS.get(text.lower(), text)


def _time_unit(name: object) -> str:
    """Return a unit of time as spelled in this package; empty if it is unknown."""
    text = str(name).replace("μ", "µ").strip()
    text = _TIME_SPELLINGS.get(text.lower(), text)
    return text if text in TIMES else ""
