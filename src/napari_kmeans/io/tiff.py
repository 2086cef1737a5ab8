"""TIFF files: of ImageJ, of OME and plain ones, read as a whole or block by block; labels written as such."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
import weakref
from collections.abc import Iterator
from functools import partial
from itertools import accumulate, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import as_readable, in_memory
from ..blocks.boxes import Box
from ..blocks.loop import array_boxes, run
from ..blocks.progress import Progress
from .atomic import replacing
from .image_file import MICROMETERS, ImageFile, Unsupported
from .stored_array import StoredArray

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF begins; the latter two are BigTIFF."""

SUFFIXES = (".tif", ".tiff")
"""Of files that are written as TIFF."""

LAZY_BYTES = 1 << 29
"""Images that are larger are read block by block."""

_AXES = "TZCYXS"  # ImageJ's order: time, depth, channel, row, column, sample of a colour

_SPELLINGS = {
    "µm": "um", "micron": "um", "microns": "um", "micrometer": "um", "micrometre": "um", "in": "inch",
    "inches": "inch", "pixel": "", "pixels": "", "px": "", "reference frame": "",
}  # fmt: skip

_SIDE, _BLOCK = 1 << 10, 1 << 22  # strips and tiles are read together up to this side, and so many pixels

_TILE = 1 << 9
_HELD_BYTES = 1 << 29  # of planes that share blocks and so are computed together
_MOST_BYTES = (1 << 32) - (1 << 25)  # in a TIFF that is no BigTIFF, less some for its tags


def read(path: Path) -> ImageFile:
    """Read the first series of a TIFF, a large one block by block as its pixels are asked for."""
    import tifffile

    with _remarks("tifffile") as remarks, tifffile.TiffFile(path) as tiff:
        if not tiff.series:
            raise Unsupported("is a TIFF without an image in it")
        series = tiff.series[0]
        page = series.keyframe
        levels = [_pixels(path, series)]
        if not isinstance(levels[0], np.ndarray):
            levels += [_lazily(path, level) for level in range(1, len(series.levels))]
        (data, axes), *coarser = (
            _plain_colors(*_in_order(level, series.axes), page, tiff.is_imagej) for level in levels
        )
        pixel_size, unit = _ome_size(tiff.ome_metadata) if tiff.is_ome else _tag_size(tiff, page)
        n_series = len(tiff.series)
    if n_series > 1:
        remarks.append(f"it holds {n_series} images, of which the first is used: {data.shape}")
    for remark in remarks:
        warnings.warn(f"{path}: {remark}", UserWarning, stacklevel=3)
    return ImageFile(
        path,
        data,
        axes,
        {a: s for a, s in pixel_size.items() if a in axes},
        unit,
        coarser=[level for level, _ in coarser],
    )


def _pixels(path: Path, series: Any) -> Any:
    """All pixels of the full resolution, or a dask array of them."""
    page = series.keyframe
    try:
        if series.nbytes > LAZY_BYTES:
            page.decode  # noqa: B018 - complains of a codec that is not installed
            return _lazily(path, 0)
        return series.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        raise Unsupported(
            f"is compressed by {page.compression.name}, for which another package is needed: "
            "pip install imagecodecs"
        ) from None


def _lazily(path: Path, level: int) -> Any:
    """One level as a dask array."""
    array = StoredArray(partial(_open, path, level), str(path))
    blocks = list(array.chunks)
    for axis in sorted(range(array.ndim), key=blocks.__getitem__, reverse=True)[:2]:
        most = _BLOCK // int(np.prod(blocks))
        blocks[axis] *= max(1, min(_SIDE // blocks[axis], most))
    return array.as_dask(blocks)


def _open(path: Path, level: int) -> Any:
    """Open one level of the first series, as a zarr array."""
    import tifffile
    import zarr

    with _remarks("tifffile"):
        file = tifffile.TiffFile(path)
        array = zarr.open_array(file.series[0].aszarr(level=level), mode="r")
    weakref.finalize(array, file.close)  # open for as long as there are pixels to ask for
    return array


def write(
    path: Path,
    labels: Any,
    image: ImageFile,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write labels as a TIFF of the same pixel size, one that ImageJ opens as a stack as long as that can be.

    ImageJ knows no integers wider than 16 bits, so numbers of objects are written as `uint16` where they fit,
    and else as `float32`, which holds whole numbers up to 16 777 216.

    Labels that are read block by block, or take more than 4 GB, are written as a BigTIFF of compressed tiles
    with OME's description, a row of tiles at a time.

    Parameters
    ----------
    path : Path
        In a folder that exists.
    labels : NumPy or dask array of integers
        Its axes are the image's `spatial_axes`.
    image : ImageFile
        Where axes, pixel size and unit are taken from.
    overwrite : bool
        Replace a file that is there.
    progress : callable, optional
        Called with the share done, 0 to 1; what it raises ends the work.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if there is a file already.
    OSError
        If it cannot be written; nothing is left then.
    ValueError
        If there are more labels than can be told apart in such a file.
    """
    labels = as_readable(labels)
    most = _MOST_BYTES if isinstance(labels, np.ndarray) else LAZY_BYTES
    with replacing(path, overwrite=overwrite) as unfinished:
        if labels.nbytes > most:
            _write_tiles(unfinished, labels, image, progress)
        else:
            _write_imagej(unfinished, path, _computed(labels), image)


def _write_imagej(unfinished: Path, path: Path, labels: NDArray[Any], image: ImageFile) -> None:
    """Write labels as ImageJ does."""
    import tifffile

    # The display range: without it ImageJ shows labels 1, 2, 3 of 255 as black.
    highest = int(labels.max())
    metadata = {"axes": image.spatial_axes, "min": 0, "max": max(1, highest)}
    if highest > 1 << 24:
        raise ValueError(f"{path} cannot hold {highest} objects; cleaning the labels before leaves fewer")
    if labels.dtype != np.uint8:
        labels = labels.astype(np.uint16 if highest < 1 << 16 else np.float32)
    size, unit = image.pixel_size, image.unit
    if unit == "m":  # the tags are ratios of 32-bit numbers: too small for pixels a metre
        size, unit = {axis: length * MICROMETERS["m"] for axis, length in size.items()}, "um"
    if unit:
        # ImageJ's own escape; its description holds ASCII only.
        metadata["unit"] = re.sub(r"[^ -~]", lambda c: f"\\u{ord(c[0]):04X}", unit)
    if "Z" in size:
        metadata["spacing"] = size["Z"]
    resolution = (1 / size["X"], 1 / size["Y"]) if {"X", "Y"} <= size.keys() else None
    tifffile.imwrite(
        unfinished,
        np.ascontiguousarray(labels),
        imagej=True,
        photometric="minisblack",
        resolution=resolution,
        metadata=metadata,
    )


def _write_tiles(path: Path, labels: Any, image: ImageFile, progress: Progress | None) -> None:
    """Write labels as a BigTIFF with OME's description, never holding more than a row of tiles."""
    import tifffile

    metadata: dict[str, Any] = {"axes": image.spatial_axes}
    for axis in "ZYX":
        if axis in image.pixel_size and image.unit in MICROMETERS:
            metadata[f"PhysicalSize{axis}"] = image.pixel_size[axis] * MICROMETERS[image.unit]
            metadata[f"PhysicalSize{axis}Unit"] = "µm"
    tifffile.imwrite(
        path,
        _tiles(labels, progress),
        shape=labels.shape,
        dtype=labels.dtype,
        ome=True,
        bigtiff=True,
        tile=(_TILE, _TILE),
        compression="zlib",
        photometric="minisblack",
        metadata=metadata,
    )


def _tiles(labels: Any, progress: Progress | None) -> Iterator[NDArray[Any]]:
    """Yield tiles in the order they have in the file."""
    height, width = labels.shape[-2:]
    waiting = np.empty((0, width), labels.dtype)  # rows that do not fill a tile yet
    read = in_plane = 0
    for piece in _pieces(labels):
        read += piece.size
        if progress is not None:  # before the last tile, after which nobody asks for more
            progress(read / labels.size)
        rows = np.concatenate([waiting, piece]) if len(waiting) else piece
        in_plane = (in_plane + len(piece)) % height
        n_rows = len(rows) - (len(rows) % _TILE if in_plane else 0)
        for top, left in product(range(0, n_rows, _TILE), range(0, width, _TILE)):
            tile = rows[top : min(top + _TILE, n_rows), left : left + _TILE]
            yield np.pad(tile, [(0, _TILE - side) for side in tile.shape])
        waiting = rows[n_rows:]


def _pieces(labels: Any) -> Iterator[NDArray[Any]]:
    """Yield planes one after the other, large ones some rows at a time.

    Each block is computed once, unless more would have to be held for that than is sensible: of blocks that
    are many planes thick, or very high.
    """
    *planes, height, width = labels.shape
    if isinstance(labels, np.ndarray):
        for whole in labels.reshape(-1, height, width):
            yield from (whole[top : top + _TILE] for top in range(0, height, _TILE))
        return
    row = width * labels.dtype.itemsize
    if planes and 1 < max(labels.chunks[-3]) <= _HELD_BYTES // (height * row):
        for outer in product(*map(range, planes[:-1])):
            for first, last in pairwise(accumulate(labels.chunks[-3], initial=0)):
                yield from _computed(labels[*outer, first:last])
        return
    most = max(1, _HELD_BYTES // row)
    blocks = pairwise(accumulate(labels.chunks[-2], initial=0))
    tops = [top for first, last in blocks for top in range(first, last, most)]
    for plane in product(*map(range, planes)):
        for top, bottom in pairwise([*tops, height]):
            yield _computed(labels[*plane, top:bottom])


def _computed(labels: Any) -> NDArray[Any]:
    """All of an array, in memory."""
    if isinstance(labels, np.ndarray):
        return labels
    whole = np.empty(labels.shape, labels.dtype)

    def compute(box: Box) -> None:
        whole[box] = in_memory(labels[box])

    for _ in run(compute, array_boxes(labels.shape, labels.chunks)):
        pass
    return whole


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


def _in_order(data: Any, axes: str) -> tuple[Any, str]:
    """Name every axis by one of `_AXES`, and bring them into that order."""
    named = ""
    for axis in reversed(axes):
        if axis not in _AXES or axis in named:
            # Pages of no stated meaning are planes, as ImageJ sees them, and then times.
            axis = next((free for free in "ZT" if free not in axes + named), "")
            if not axis:
                raise Unsupported(f"has axes {axes}; time, depth, channels, rows and columns can be had")
        named = axis + named
    if not {"Y", "X"} <= set(named):
        raise Unsupported(f"has axes {axes}; rows (Y) and columns (X) are needed")
    order = sorted(range(len(named)), key=lambda i: _AXES.index(named[i]))
    return np.transpose(data, order), "".join(named[i] for i in order)


def _plain_colors(data: Any, axes: str, page: Any, is_imagej: bool) -> tuple[Any, str]:
    """Turn what a TIFF stores into gray values, RGB or RGBA."""
    photometric = page.photometric.name
    if is_imagej and photometric in ("PALETTE", "MINISWHITE"):
        return data, axes  # only how ImageJ displays the values
    if photometric == "PALETTE":
        colors = np.asarray(page.colormap)
        # 16 bits by the standard, but some programs write 8.
        colors = (colors if colors.max() < 256 else colors >> 8).astype(np.uint8)
        if isinstance(data, np.ndarray):
            return colors.T[data], axes + "S"
        lookup = {"chunks": (*data.chunks, 3), "new_axis": data.ndim, "dtype": np.uint8}
        return data.map_blocks(colors.T.__getitem__, **lookup), axes + "S"
    if photometric == "MINISWHITE" and data.dtype.kind in "bu":
        data = np.invert(data)
    if not axes.endswith("S"):
        if photometric not in ("MINISBLACK", "MINISWHITE"):
            raise Unsupported(f"has colours of the kind {photometric}; gray, RGB and palettes can be had")
        return data, axes
    if "C" in axes:
        raise Unsupported("has both colours and channels")
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
    raise Unsupported(
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
    if size and all(unit in MICROMETERS for unit in units.values()):
        return {axis: length * MICROMETERS[units[axis]] for axis, length in size.items()}, "um"
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
