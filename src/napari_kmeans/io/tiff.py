"""TIFF files: plain, ImageJ and OME-TIFF, read completely or block by block; label images are written."""

from __future__ import annotations

import contextlib
import logging
import re
import uuid
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
from .image_file import AXES, MICROMETERS, ImageFile, Unsupported, check_axes
from .stored_array import StoredArray
from .tiff_metadata import ASCII, GDAL_NODATA, read_metadata

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF; the last two are those of a BigTIFF."""

SUFFIXES = (".tif", ".tiff")
"""Extensions of files that are written as TIFF."""

RECORD_KEY = "napari-kmeans"
"""In the description of a file: how its labels were made."""

LAZY_BYTES = 1 << 29
"""Larger images are read block by block."""

_SIDE, _BLOCK = 1 << 10, 1 << 22  # maximum side and pixels of a block, which joins several strips or tiles

_TILE = 1 << 9
_HELD_BYTES = 1 << 29  # maximum memory for planes that share blocks and are therefore computed together
_MOST_BYTES = (1 << 32) - (1 << 25)  # maximum size of a TIFF that is not a BigTIFF, without its tags


def read(path: Path, series: int | None = None, axes: str = "") -> ImageFile:
    """Read a series of a TIFF; a large one is read block by block on demand.

    Parameters
    ----------
    path : Path
    series : int, optional
        By default the first, with a warning if there are others.
    axes : str
        Letters of the axes as they are stored, if the file states wrong ones.
    """
    import tifffile

    with _logged_warnings("tifffile") as messages, tifffile.TiffFile(path) as tiff:
        if not tiff.series:
            raise Unsupported("is a TIFF without an image")
        n_series, number = len(tiff.series), series or 0
        if not 0 <= number < n_series:
            raise Unsupported(f"has no series {number}: choose 0 to {n_series - 1}")
        chosen = tiff.series[number]
        page = chosen.keyframe
        stated = check_axes(axes, chosen.shape, chosen.axes) if axes else chosen.axes
        levels = [_read_series(path, number, chosen)]
        if not isinstance(levels[0], np.ndarray):
            levels += [_lazy_level(path, number, level) for level in range(1, len(chosen.levels))]
        (data, axes), *coarser = (
            _convert_colors(*_normalize_axes(level, stated), page, tiff.is_imagej) for level in levels
        )
        found = read_metadata(tiff, page, dict(zip(axes, data.shape, strict=True)), number)
    if n_series > 1 and series is None:
        messages.append(f"it contains {n_series} images; only the first is used: {data.shape}")
    for message in messages:
        if "GDAL_NODATA" not in message:  # tifffile's own check is stricter than ours
            warnings.warn(f"{path}: {message}", UserWarning, stacklevel=3)
    return ImageFile(path, data, axes, coarser=[level for level, _ in coarser], **vars(found))


def _read_series(path: Path, number: int, series: Any) -> Any:
    """Return the full resolution of a series: a NumPy array, or a dask array if it is large."""
    page = series.keyframe
    try:
        if series.nbytes > LAZY_BYTES:
            page.decode  # noqa: B018 - raises if the codec is not installed
            return _lazy_level(path, number, 0)
        return series.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        raise Unsupported(
            f"is compressed by {page.compression.name}, which needs another package: pip install imagecodecs"
        ) from None


def _lazy_level(path: Path, series: int, level: int) -> Any:
    """Return one resolution level of a series as a dask array."""
    array = StoredArray(partial(_open_level, path, series, level), str(path))
    blocks = list(array.chunks)
    for axis in sorted(range(array.ndim), key=blocks.__getitem__, reverse=True)[:2]:
        n_chunks = _BLOCK // int(np.prod(blocks))
        blocks[axis] *= max(1, min(_SIDE // blocks[axis], n_chunks))
    return array.as_dask(blocks)


def _open_level(path: Path, series: int, level: int) -> Any:
    """Open one resolution level of a series as a zarr array."""
    import tifffile
    import zarr

    with _logged_warnings("tifffile"):
        file = tifffile.TiffFile(path)
        array = zarr.open_array(file.series[series].aszarr(level=level), mode="r")
    weakref.finalize(array, file.close)  # the file stays open as long as its pixels can be read
    return array


def write(
    path: Path,
    labels: Any,
    image: ImageFile,
    *,
    record: str = "",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write labels as a TIFF with the pixel size of their image.

    The file is an ImageJ stack if possible. ImageJ supports no integers of more than 16 bits, so object
    numbers are written as `uint16` if they fit, and otherwise as `float32`, which represents integers up to
    16 777 216 exactly.

    Labels that are lazy and large, or take more than 4 GB, are written as an OME-TIFF (BigTIFF) with
    compressed tiles, one row of tiles at a time.

    Parameters
    ----------
    path : Path
        In an existing folder.
    labels : NumPy or dask array of integers
        Its axes are the image's `spatial_axes`.
    image : ImageFile
        Provides axes, pixel size and unit.
    record : str
        JSON that says how the labels were made, for the description of the file; see `io.record`.
    overwrite : bool
        Replace an existing file.
    progress : callable, optional
        Called with the completed share, 0 to 1. An exception that it raises ends the work.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if the file exists.
    OSError
        If the file cannot be written; no partial file remains.
    ValueError
        If the labels are too large for such a file.
    """
    labels = as_readable(labels)
    max_bytes = _MOST_BYTES if isinstance(labels, np.ndarray) else LAZY_BYTES
    with replacing(path, overwrite=overwrite) as partial_path:
        if labels.nbytes > max_bytes:
            _write_tiles(partial_path, labels, image, record, progress)
        else:
            _write_imagej(partial_path, path, _load(labels), image, record)


def _write_imagej(
    partial_path: Path, path: Path, labels: NDArray[Any], image: ImageFile, record: str
) -> None:
    """Write labels, or a float image of values from 0 to 1, as an ImageJ stack."""
    import tifffile

    highest = 1 if labels.dtype.kind == "f" else int(labels.max())
    # Without this display range, ImageJ shows labels 1, 2, 3 of 255 as black.
    metadata = {"axes": image.spatial_axes, "min": 0, "max": max(1, highest)}
    if highest > 1 << 24:
        raise ValueError(f"{path} cannot hold {highest} objects; clean the labels first to get fewer")
    if labels.dtype.kind != "f" and labels.dtype != np.uint8:
        labels = labels.astype(np.uint16 if highest < 1 << 16 else np.float32)
    size, unit = image.pixel_size, image.unit
    if unit == "m":  # tags are ratios of 32-bit integers, which are too coarse for pixels per metre
        size, unit = {axis: length * MICROMETERS["m"] for axis, length in size.items()}, "um"
    if unit:
        # ImageJ's description is ASCII; this is its own escape.
        metadata["unit"] = re.sub(r"[^ -~]", lambda c: f"\\u{ord(c[0]):04X}", unit)
    if "Z" in size:
        metadata["spacing"] = size["Z"]
    if "T" in size and image.time_unit:
        metadata |= {"finterval": size["T"], "tunit": image.time_unit}
    if image.time_names and image.spatial_axes[0] == "T":
        n_planes = int(np.prod(labels.shape[1:-2]))
        metadata["Labels"] = [name for name in image.time_names for _ in range(n_planes)]
    if record:
        metadata[RECORD_KEY] = record
    resolution = (1 / size["X"], 1 / size["Y"]) if {"X", "Y"} <= size.keys() else None
    tifffile.imwrite(
        partial_path,
        np.ascontiguousarray(labels),
        imagej=True,
        photometric="minisblack",
        resolution=resolution,
        metadata=metadata,
        extratags=_geo_tags(image),
    )


def _write_tiles(path: Path, labels: Any, image: ImageFile, record: str, progress: Progress | None) -> None:
    """Write labels as an OME-TIFF (BigTIFF), with only one row of tiles in memory."""
    import tifffile

    # By default, tifffile makes an identifier of the time, and the same labels would give other bytes.
    identifier = uuid.uuid5(uuid.NAMESPACE_OID, f"{record}{labels.shape}{labels.dtype}")
    metadata: dict[str, Any] = {"axes": image.spatial_axes, "UUID": str(identifier)}
    if record:
        metadata["Description"] = f"{RECORD_KEY}={record}"
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
        extratags=_geo_tags(image),
    )


def _geo_tags(image: ImageFile) -> list[tuple[int, int, int, Any, bool]]:
    """Return the tags that place labels like their image on a map, where label 0 is a missing pixel."""
    if not image.geo_tags:
        return []
    tags = [(tag.code, tag.dtype, tag.count, tag.value, True) for tag in image.geo_tags]
    return [*tags, (GDAL_NODATA, ASCII, 0, "0", True)]


def _tiles(labels: Any, progress: Progress | None) -> Iterator[NDArray[Any]]:
    """Yield tiles in the order of the file."""
    height, width = labels.shape[-2:]
    waiting = np.empty((0, width), labels.dtype)  # rows that do not fill a tile yet
    n_read = n_rows_in_plane = 0
    for rows in _row_groups(labels):
        n_read += rows.size
        if progress is not None:  # before the last tile, since the generator is not resumed after it
            progress(n_read / labels.size)
        n_rows_in_plane = (n_rows_in_plane + len(rows)) % height
        rows = np.concatenate([waiting, rows]) if len(waiting) else rows
        n_complete = len(rows) - (len(rows) % _TILE if n_rows_in_plane else 0)
        for top, left in product(range(0, n_complete, _TILE), range(0, width, _TILE)):
            tile = rows[top : min(top + _TILE, n_complete), left : left + _TILE]
            yield np.pad(tile, [(0, _TILE - side) for side in tile.shape])
        waiting = rows[n_complete:]


def _row_groups(labels: Any) -> Iterator[NDArray[Any]]:
    """Yield planes one after the other, large ones in groups of rows.

    Each block is computed once, unless this would need too much memory because blocks contain many planes or
    are very high.
    """
    *planes, height, width = labels.shape
    if isinstance(labels, np.ndarray):
        for plane in labels.reshape(-1, height, width):
            yield from (plane[top : top + _TILE] for top in range(0, height, _TILE))
        return
    row_bytes = width * labels.dtype.itemsize
    if planes and 1 < max(labels.chunks[-3]) <= _HELD_BYTES // (height * row_bytes):
        for outer in product(*map(range, planes[:-1])):
            for first, last in pairwise(accumulate(labels.chunks[-3], initial=0)):
                yield from _load(labels[*outer, first:last])
        return
    max_rows = max(1, _HELD_BYTES // row_bytes)
    blocks = pairwise(accumulate(labels.chunks[-2], initial=0))
    tops = [top for first, last in blocks for top in range(first, last, max_rows)]
    for position in product(*map(range, planes)):
        for top, bottom in pairwise([*tops, height]):
            yield _load(labels[*position, top:bottom])


def _load(labels: Any) -> NDArray[Any]:
    """Load a whole array into memory."""
    if isinstance(labels, np.ndarray):
        return labels
    loaded = np.empty(labels.shape, labels.dtype)

    def compute(box: Box) -> None:
        loaded[box] = in_memory(labels[box])

    for _ in run(compute, array_boxes(labels.shape, labels.chunks)):
        pass
    return loaded


@contextlib.contextmanager
def _logged_warnings(name: str) -> Iterator[list[str]]:
    """Collect the warnings that a library logs, which would otherwise be printed on several lines."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(" ".join(record.getMessage().split()))

    logger, collector = logging.getLogger(name), Collector(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield messages
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagate


def _normalize_axes(data: Any, axes: str) -> tuple[Any, str]:
    """Return the pixels with the axes in the order of ImageJ, and their letters."""
    letters = ""
    for axis in reversed(axes):
        if axis not in AXES or axis in letters:
            # Axes of unknown meaning are depth, as in ImageJ, and then time.
            axis = next((free for free in "ZT" if free not in axes + letters), "")
            if not axis:
                raise Unsupported(
                    f"has axes {axes}; only time, depth, channels, rows and columns are supported"
                )
        letters = axis + letters
    if not {"Y", "X"} <= set(letters):
        raise Unsupported(f"has axes {axes}; rows (Y) and columns (X) are needed")
    order = sorted(range(len(letters)), key=lambda i: AXES.index(letters[i]))
    return np.transpose(data, order), "".join(letters[i] for i in order)


def _convert_colors(data: Any, axes: str, page: Any, is_imagej: bool) -> tuple[Any, str]:
    """Convert the stored pixels to gray values, RGB or RGBA."""
    photometric = page.photometric.name
    if is_imagej and photometric in ("PALETTE", "MINISWHITE"):
        return data, axes  # ImageJ only displays the values in this way
    if photometric == "PALETTE":
        colors = np.asarray(page.colormap)
        # The standard requires 16 bits, but some programs write 8.
        colors = (colors if colors.max() < 256 else colors >> 8).astype(np.uint8)
        if isinstance(data, np.ndarray):
            return colors.T[data], axes + "S"
        options = {"chunks": (*data.chunks, 3), "new_axis": data.ndim, "dtype": np.uint8}
        return data.map_blocks(colors.T.__getitem__, **options), axes + "S"
    if photometric == "MINISWHITE" and data.dtype.kind in "bu":
        data = np.invert(data)
    if not axes.endswith("S"):
        if photometric not in ("MINISBLACK", "MINISWHITE"):
            raise Unsupported(
                f"has colours of the kind {photometric}; only gray, RGB and palettes are supported"
            )
        return data, axes
    if "C" in axes:
        raise Unsupported("has both colours and channels")
    n_samples = data.shape[-1]
    is_alpha = [extra.name in ("ASSOCALPHA", "UNASSALPHA") for extra in page.extrasamples]
    if photometric in ("MINISBLACK", "MINISWHITE"):
        if n_samples == 2 and is_alpha == [True]:
            return data[..., [0, 0, 0, 1]], axes
        return np.moveaxis(data, -1, axes.index("Y")), axes[:-3] + "CYX"  # samples that are not colours
    if photometric == "RGB" or (photometric == "YCBCR" and page.compression.name == "JPEG"):
        if n_samples == 4 and is_alpha == [True]:
            return data, axes
        if n_samples >= 3:
            return data[..., :3], axes
    raise Unsupported(
        f"has {n_samples} samples per pixel of the kind {photometric}; only gray, RGB and palettes are "
        "supported"
    )
