"""Label images as TIFF: ImageJ stacks, and large ones as OME-TIFF, written one row of tiles at a time."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
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
from .image_file import MICROMETERS, ImageFile
from .record import KEY
from .tiff import LAZY_BYTES
from .tiff_metadata import ASCII, GDAL_NODATA

SUFFIXES = (".tif", ".tiff")
"""Extensions of files that are written as TIFF."""

_TILE = 1 << 9  # side of a tile in pixels
_HELD_BYTES = 1 << 29  # maximum memory for planes that share blocks and are therefore computed together
_MAX_BYTES = (1 << 32) - (1 << 25)  # maximum size of a TIFF that is not a BigTIFF, without its tags


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
    16,777,216 exactly.

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
        How the labels were made, as JSON for the description of the file; see `io.record`.
    overwrite : bool
        Replace an existing file.
    progress : callable, optional
        Called with the completed share, 0 to 1. An exception that it raises stops the computation.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if the file exists.
    OSError
        If the file cannot be written; no partial file remains.
    ValueError
        If the labels are too large for a TIFF file.
    """
    labels = as_readable(labels)
    max_bytes = _MAX_BYTES if isinstance(labels, np.ndarray) else LAZY_BYTES
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
        raise ValueError(
            f"{path} cannot hold {highest} objects; clean the labels first to reduce their number"
        )
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
        metadata[KEY] = record
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

    # By default, tifffile derives an identifier from the time, so the same labels would give other bytes.
    identifier = uuid.uuid5(uuid.NAMESPACE_OID, f"{record}{labels.shape}{labels.dtype}")
    metadata: dict[str, Any] = {"axes": image.spatial_axes, "UUID": str(identifier)}
    if record:
        metadata["Description"] = f"{KEY}={record}"
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
    """Return the tags that place labels on the map like their image, with label 0 as missing pixels."""
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
    many rows.
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
