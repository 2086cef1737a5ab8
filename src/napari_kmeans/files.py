"""Image files: pictures and stacks in, label images out."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .atomic import replacing

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the latter two are BigTIFF
_AXES = "TZCYXS"  # ImageJ's order: time, depth, channel, row, column, sample of a colour

# Pillow's modes that need another one to be gray, RGB or RGBA with at least 8 bits a sample.
_CONVERTED = {"LA": "RGBA", "La": "RGBA", "PA": "RGBA", "P": "RGB", "RGBX": "RGB", "RGBa": "RGBA"}
_CONVERTED |= dict.fromkeys(("CMYK", "YCbCr", "LAB", "HSV"), "RGB")

_MICROMETERS = {"m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "nm": 1e-3, "pm": 1e-6, "inch": 25_400.0}
_SPELLINGS = {
    "µm": "um", "micron": "um", "microns": "um", "micrometer": "um", "micrometre": "um", "in": "inch",
    "inches": "inch", "pixel": "", "pixels": "", "px": "", "reference frame": "",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image that was read from a file.

    Attributes
    ----------
    path : Path
    data : array
        Its axes are in the order of `axes`.
    axes : str
        One letter an axis: T time, Z depth, C channel, Y row, X column, S sample of a colour (RGB, RGBA).
    pixel_size : mapping of str to float
        Along Z, Y and X, as far as the file tells.
    unit : str
        Of `pixel_size`, such as "um"; empty if not known.
    """

    path: Path
    data: NDArray[Any]
    axes: str
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""

    @property
    def stem(self) -> str:
        """Name without folder and extension: "cells" of cells.tif and of cells.ome.tif."""
        return re.sub(r"(?<=.)\.ome$", "", self.path.stem, flags=re.IGNORECASE)

    @property
    def is_color(self) -> bool:
        """Whether the last axis holds red, green, blue and perhaps alpha."""
        return self.axes.endswith("S")

    @property
    def channel_axis(self) -> int | None:
        """The axis of colours or else of channels, as `fit` takes it."""
        axis = max(self.axes.find("S"), self.axes.find("C"))
        return None if axis < 0 else axis

    @property
    def spatial_axes(self) -> str:
        """Axes that a label image has."""
        return self.axes.replace("S", "").replace("C", "")

    def layer_keywords(self) -> dict[str, Any]:
        """Keywords of the napari image layer that shows `data`."""
        axes = self.axes.removesuffix("S")
        keywords: dict[str, Any] = {
            "name": self.stem,
            "rgb": self.is_color,
            "scale": tuple(self.pixel_size.get(axis, 1.0) for axis in axes),
            "axis_labels": tuple(axes.lower()),
        }
        if self.unit in _MICROMETERS:
            keywords["units"] = tuple(self.unit if axis in self.pixel_size else "pixel" for axis in axes)
        return keywords


def read_image(path: Path) -> ImageFile:
    """Read a TIFF (also multi-page, of ImageJ or OME), PNG or JPEG file.

    Palettes become colours, gray with alpha becomes RGBA, and white-is-zero is turned over; whether a TIFF
    holds colours is told by its tags, never by its size.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is empty, damaged, or of a kind that is not supported.

    Warns
    -----
    UserWarning
        If only a part of what is in the file can be had.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(26)
    if not head:
        raise ValueError(f"{path} is empty")
    read = _read_tiff if head.startswith(_TIFF) else _read_picture
    try:
        image = read(path)
    except _Unsupported as error:
        raise ValueError(f"{path} {error}") from None
    except MemoryError:
        raise ValueError(f"{path} needs more memory than there is") from None
    except Exception as error:  # decoders raise anything at all on what they cannot read
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} cannot be read as an image ({reason})") from error
    if not image.data.size:
        raise ValueError(f"{path} holds no pixel")
    if head.startswith(b"\x89PNG") and head[24] == 16 and head[25] in (2, 4, 6):
        warnings.warn(f"{path} has 16 bits a colour sample, of which 8 are used", UserWarning, stacklevel=2)
    return image


def write_labels(
    path: Path, labels: NDArray[np.uint8] | NDArray[np.int32], image: ImageFile, *, overwrite: bool = False
) -> None:
    """Write the labels of an image as a TIFF that ImageJ opens as a stack of the same pixel size.

    ImageJ knows no integers wider than 16 bits, so numbers of objects are written as `uint16` where they fit,
    and else as `float32`, which holds whole numbers up to 16 777 216.

    Parameters
    ----------
    path : Path
        In a folder that exists.
    labels : uint8 or int32 array
        Its axes are the image's `spatial_axes`.
    image : ImageFile
        Where axes, pixel size and unit are taken from.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if there is a file already.
    OSError
        If it cannot be written; nothing is left then.
    ValueError
        If there are more labels than can be told apart in such a file.
    """
    import tifffile

    # The display range: without it ImageJ shows labels 1, 2, 3 of 255 as black.
    highest = int(labels.max())
    metadata = {"axes": image.spatial_axes, "min": 0, "max": max(1, highest)}
    if highest > 1 << 24:
        raise ValueError(f"{path} cannot hold {highest} objects; cleaning the labels before leaves fewer")
    stored = (
        labels if labels.dtype == np.uint8 else labels.astype(np.uint16 if highest < 1 << 16 else np.float32)
    )
    size, unit = image.pixel_size, image.unit
    if unit == "m":  # the tags are ratios of 32-bit numbers: too small for pixels a metre
        size, unit = {axis: length * _MICROMETERS["m"] for axis, length in size.items()}, "um"
    if unit:
        # ImageJ's own escape; its description holds ASCII only.
        metadata["unit"] = re.sub(r"[^ -~]", lambda c: f"\\u{ord(c[0]):04X}", unit)
    if "Z" in size:
        metadata["spacing"] = size["Z"]
    resolution = (1 / size["X"], 1 / size["Y"]) if {"X", "Y"} <= size.keys() else None
    with replacing(path, overwrite=overwrite) as partial:
        tifffile.imwrite(
            partial,
            np.ascontiguousarray(stored),
            imagej=True,
            photometric="minisblack",
            resolution=resolution,
            metadata=metadata,
        )


class _Unsupported(ValueError):
    """What is wrong with a file, to be read after its name."""


def _read_picture(path: Path) -> ImageFile:
    """Read PNG, JPEG and what else Pillow knows."""
    import imageio.v3 as iio
    from PIL import Image

    try:
        # Pillow takes pictures above 179 megapixels for an attack; these are chosen by who runs this.
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            file = iio.imopen(path, "r", plugin="pillow")
        except OSError:
            raise _Unsupported("is no image of a known kind: TIFF, PNG or JPEG") from None
        with file:
            info = file.metadata(index=0, exclude_applied=False)
            mode = _CONVERTED.get(info["mode"])
            if "transparency" in info and info["mode"] in ("1", "L", "P", "RGB"):
                mode = "RGBA"
            data = file.read(index=0, mode=mode)
            frames = file.properties(index=...).n_images or 1
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if frames > 1:
        warnings.warn(
            f"{path} holds {frames} pictures, of which the first is used", UserWarning, stacklevel=3
        )
    return ImageFile(path, data, "YX" if data.ndim == 2 else "YXS")


def _read_tiff(path: Path) -> ImageFile:
    """Read the first series of a TIFF."""
    import tifffile

    with _remarks("tifffile") as remarks, tifffile.TiffFile(path) as tiff:
        if not tiff.series:
            raise _Unsupported("is a TIFF without an image in it")
        series = tiff.series[0]
        page = series.keyframe
        try:
            data = series.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            raise _Unsupported(
                f"is compressed by {page.compression.name}, for which another package is needed: "
                "pip install imagecodecs"
            ) from None
        data, axes = _in_order(data, series.axes)
        data, axes = _plain_colors(data, axes, page, tiff.is_imagej)
        pixel_size, unit = _ome_size(tiff.ome_metadata) if tiff.is_ome else _tag_size(tiff, page)
        n_series = len(tiff.series)
    if n_series > 1:
        remarks.append(f"it holds {n_series} images, of which the first is used: {data.shape}")
    for remark in remarks:
        warnings.warn(f"{path}: {remark}", UserWarning, stacklevel=3)
    return ImageFile(path, data, axes, {a: s for a, s in pixel_size.items() if a in axes}, unit)


@contextlib.contextmanager
def _remarks(name: str) -> Iterator[list[str]]:
    """Collect what a library logs about a file, which otherwise goes to the terminal over several lines."""
    remarks: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            remarks.append(" ".join(record.getMessage().split()))

    logger, collector = logging.getLogger(name), Collector(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield remarks
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagate


def _in_order(data: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Name every axis by one of `_AXES`, and bring them into that order."""
    named = ""
    for axis in reversed(axes):
        if axis not in _AXES or axis in named:
            # Pages of no stated meaning are planes, as ImageJ sees them, and then times.
            axis = next((free for free in "ZT" if free not in axes + named), "")
            if not axis:
                raise _Unsupported(f"has axes {axes}; time, depth, channels, rows and columns can be had")
        named = axis + named
    if not {"Y", "X"} <= set(named):
        raise _Unsupported(f"has axes {axes}; rows (Y) and columns (X) are needed")
    order = sorted(range(len(named)), key=lambda i: _AXES.index(named[i]))
    return np.transpose(data, order), "".join(named[i] for i in order)


def _plain_colors(data: NDArray[Any], axes: str, page: Any, is_imagej: bool) -> tuple[NDArray[Any], str]:
    """Turn what a TIFF stores into gray values, RGB or RGBA."""
    photometric = page.photometric.name
    if is_imagej and photometric in ("PALETTE", "MINISWHITE"):
        return data, axes  # only how ImageJ displays the values
    if photometric == "PALETTE":
        colors = np.asarray(page.colormap)
        # 16 bits by the standard, but some programs write 8.
        colors = (colors if colors.max() < 256 else colors >> 8).astype(np.uint8)
        return colors.T[data], axes + "S"
    if photometric == "MINISWHITE" and data.dtype.kind in "bu":
        data = np.invert(data)
    if not axes.endswith("S"):
        if photometric not in ("MINISBLACK", "MINISWHITE"):
            raise _Unsupported(f"has colours of the kind {photometric}; gray, RGB and palettes can be had")
        return data, axes
    if "C" in axes:
        raise _Unsupported("has both colours and channels")
    n_samples = data.shape[-1]
    alpha = [extra.name in ("ASSOCALPHA", "UNASSALPHA") for extra in page.extrasamples]
    if photometric in ("MINISBLACK", "MINISWHITE"):
        if n_samples == 2 and alpha == [True]:
            return data[..., [0, 0, 0, 1]], axes
        return np.moveaxis(data, -1, axes.index("Y")), axes[:-3] + "CYX"  # samples that are no colours
    if photometric == "RGB" or (photometric == "YCBCR" and page.compression.name == "JPEG"):
        if n_samples == 4 and alpha == [True]:
            return data, axes
        if n_samples >= 3:
            return data[..., :3], axes
    raise _Unsupported(
        f"has {n_samples} samples a pixel of the kind {photometric}; gray, RGB and palettes can be had"
    )


def _tag_size(tiff: Any, page: Any) -> tuple[dict[str, float], str]:
    """Pixel size from ImageJ's metadata and the resolution tags, by ImageJ's own rules."""
    imagej = tiff.imagej_metadata or {}
    size = {}
    for axis, name in (("X", "XResolution"), ("Y", "YResolution")):
        pixels, length = page.tags[name].value if name in page.tags else (1, 1)
        size[axis] = length / pixels if pixels and length else 1.0
    unit = _unit(imagej.get("unit", ""))
    tag = page.tags.get("ResolutionUnit")
    if "unit" not in imagej and tag is not None:
        unit = {2: "inch", 3: "cm"}.get(int(tag.value), "")
        if unit == "inch" and size["X"] in (1.0, 1 / 72):  # what is written when nothing is known
            return {}, ""
    if spacing := _length(imagej.get("spacing")):
        size["Z"] = spacing
    known = unit or any(length != 1 for length in size.values())
    return (size, unit) if known else ({}, "")


def _ome_size(xml: str) -> tuple[dict[str, float], str]:
    """Pixel size of the first image of an OME-TIFF."""
    import tifffile

    image = tifffile.xml2dict(xml)["OME"].get("Image", {})
    pixels = (image[0] if isinstance(image, list) else image).get("Pixels", {})
    size, units = {}, {}
    for axis in "ZYX":
        if length := _length(pixels.get(f"PhysicalSize{axis}")):
            size[axis] = length
            units[axis] = _unit(pixels.get(f"PhysicalSize{axis}Unit", "um"))
    if len(set(units.values())) == 1:
        return size, units.popitem()[1]
    if size and all(unit in _MICROMETERS for unit in units.values()):
        return {axis: length * _MICROMETERS[units[axis]] for axis, length in size.items()}, "um"
    return {}, ""


def _length(value: object) -> float | None:
    """Return a length that makes sense, else None; ImageJ writes negative ones for stacks turned over."""
    if not isinstance(value, int | float) or not np.isfinite(value) or not value:
        return None
    return abs(float(value))


def _unit(name: object) -> str:
    """One spelling of a unit; empty for pixels and for what is no unit."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), str(name))
    text = " ".join(text.replace("μ", "µ").split())  # Greek mu → micro sign
    return _SPELLINGS.get(text.lower(), text)
