"""OME-Zarr label images, written block by block; an incomplete one is never left behind."""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import as_readable, in_memory, is_zarr
from ..blocks.boxes import Box, even_lengths, grid_boxes
from ..blocks.loop import run
from ..blocks.progress import Progress, subprogress
from ..labels.counts import count_block_labels
from . import ome_zarr
from .atomic import replacing_folder
from .image_file import TIMES, ImageFile, Level, stem

MAX_LABEL = 255
"""Highest label that is counted."""

_CHUNK = 1 << 10  # side of a chunk along rows and columns, if the blocks of the labels are unsuitable
_SUITABLE_BLOCK = range(1 << 14, (1 << 22) + 1)  # pixels of blocks that become chunks unchanged
_COARSEST = 1 << 9  # side of a level that is not halved again


def write(
    path: Path,
    labels: Any,
    image: ImageFile,
    *,
    metadata: Callable[[NDArray[np.int64] | None], LabelMetadata] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write labels as an OME-Zarr label image, in the OME-Zarr version of their image.

    Level 0 contains the labels, and each coarser level the nearest labels of the level before it. If the
    image is a pyramid, the labels get the same levels; otherwise rows and columns are halved for each level.

    Parameters
    ----------
    path : Path
        A new store, or ``labels/NAME`` in an OME-Zarr image, whose list of labels is then updated.
    labels : array of integers
        NumPy, dask or a similar array that can be sliced; its axes are the image's `spatial_axes`. Only a few
        blocks are in memory at a time, and each is computed once.
    image : ImageFile
        Provides axes, scale, origin and units.
    metadata : callable, optional
        Returns the metadata of the labels from the counts of labels 1 to 255, (255,), or from None if there
        may be more labels. It is called after the pixels are written, because a lazy stack of models is
        computed only then.
    overwrite : bool
        Replace an existing label image. Nothing else is ever replaced.
    progress : callable, optional
        Called with the completed share, 0 to 1, after each block. An exception that it raises stops the computation.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if `path` exists.
    OSError
        If pixels cannot be read or labels cannot be written. No partial labels remain, and existing ones
        are unchanged.
    ValueError
        If the format does not support such labels, or if labels cannot be written to this path.
    """
    import zarr

    if labels.dtype.kind not in "iu" or not 2 <= labels.ndim <= 5:
        raise ValueError(
            f"OME-Zarr supports integer labels in 2 to 5 dimensions, not {labels.dtype} in {labels.ndim}"
        )
    if is_zarr(labels):
        labels = as_readable(labels)
    host = host_of(path)
    pyramid = _pyramid(image, labels.shape, host)
    if overwrite and os.path.lexists(path) and "image-label" not in _attributes(path):
        raise ValueError(f"{path} is not a label image, so it is not replaced")
    if host is not None:
        path.parent.mkdir(exist_ok=True)
    try:
        with replacing_folder(path, overwrite=overwrite) as partial, _closing_store(partial) as store:
            group = zarr.open_group(store, mode="w", zarr_format=2 if pyramid.version == "0.4" else 3)
            counts = _write_levels(group, labels, pyramid, progress)
            label_metadata = metadata(counts) if metadata else LabelMetadata()
            _write_metadata(group, pyramid, stem(path), label_metadata, _source(path, image, host))
    finally:
        if host is not None and not any(path.parent.iterdir()):
            path.parent.rmdir()
    if host is not None:
        _register(host, path.name)


@dataclass(frozen=True)
class LabelMetadata:
    """Metadata of a label image.

    Attributes
    ----------
    colors : mapping of int to (4,) floats
        RGBA of labels, 0 to 1.
    properties : sequence of mappings
        Each with a ``"label-value"``.
    model : str
        JSON of the model that made the labels.
    """

    colors: Mapping[int, Sequence[float]] = field(default_factory=dict)
    properties: Sequence[Mapping[str, Any]] = ()
    model: str = ""


@contextlib.contextmanager
def _closing_store(folder: Path) -> Iterator[Any]:
    """Open a folder as a zarr store; at the end, wait for unfinished writes and prevent further ones."""
    from .closing_store import ClosingStore

    store = ClosingStore(folder)
    try:
        yield store
    finally:
        store.end_writing()


@dataclass(frozen=True)
class _Pyramid:
    """Resolution levels and axes of a label image.

    Attributes
    ----------
    version : str
        Version of OME-Zarr.
    axes : sequence of mappings
        With name, type and unit.
    levels : sequence of Level
        Beginning with the full resolution.
    """

    version: str
    axes: Sequence[Mapping[str, str]]
    levels: Sequence[Level]


def host_of(path: Path) -> Path | None:
    """Return the OME-Zarr image whose ``labels`` folder contains `path`, or None."""
    image = path.parent.parent
    return image if path.parent.name == "labels" and "multiscales" in _attributes(image) else None


def _attributes(path: Path) -> dict[str, Any]:
    """Return the OME-Zarr metadata of a folder; empty if it is not a zarr group."""
    import zarr

    if not ome_zarr.is_store(path):
        return {}
    try:
        return ome_zarr.attributes(zarr.open_group(path, mode="r", use_consolidated=False))
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _pyramid(image: ImageFile, shape: tuple[int, ...], host: Path | None) -> _Pyramid:
    """Return the resolution levels of the image if it has several, otherwise levels of halved resolution."""
    store = image.store
    axis = image.axes.find("C")
    if store is not None and axis >= 0:
        store = store.without(axis)
    if store is not None and store.levels[0].shape == shape:
        is_single = len(store.levels) == 1 and host is None
        levels = _halved(store.levels[0]) if is_single else store.levels
        return _Pyramid(store.version, store.axes, levels)
    if host is not None:
        raise ValueError(f"{host} is not the image of these labels, whose shape is {shape}")
    letters = image.axes if len(image.axes) == len(shape) else image.spatial_axes
    spelling = {short: name for name, short in ome_zarr.UNITS.items()}
    axes = []
    for letter in letters:
        stored_axis = {"name": letter.lower(), "type": ome_zarr.TYPES[letter.lower()]}
        unit = image.time_unit if letter == "T" else image.unit
        # A layer without axis names may have a unit of time along a spatial axis, or vice versa.
        is_known = letter in image.pixel_size and (unit in TIMES) == (letter == "T")
        if unit and is_known:
            stored_axis["unit"] = spelling.get(unit, unit)
        axes.append(stored_axis)
    scale = tuple(float(image.pixel_size.get(letter, 1.0)) for letter in letters)
    translation = tuple(float(image.origin.get(letter, 0.0)) for letter in letters)
    return _Pyramid("0.5", axes, _halved(Level(shape, scale, translation)))


def _halved(level: Level) -> list[Level]:
    """Return resolution levels whose rows and columns are halved down to `_COARSEST`."""
    levels = [level]
    while max(level.shape[-2:]) > _COARSEST:
        factors = [1.0] * len(level.shape)
        for axis in (-2, -1):
            factors[axis] = 2.0 if level.shape[axis] > 1 else 1.0
        shape = tuple(int(length // factor) for length, factor in zip(level.shape, factors, strict=True))
        scale = tuple(size * factor for size, factor in zip(level.scale, factors, strict=True))
        # The centre of the first pixel is the centre of the pixels that it replaces.
        shift = ((factor - 1) / 2 * size for size, factor in zip(level.scale, factors, strict=True))
        translation = tuple(old + by for old, by in zip(level.translation, shift, strict=True))
        level = Level(shape, scale, translation)
        levels.append(level)
    return levels


def _write_levels(
    group: Any, labels: Any, pyramid: _Pyramid, progress: Progress | None
) -> NDArray[np.int64] | None:
    """Write all levels, each from the one before; return the pixel counts of uint8 labels."""
    counts = None
    boxes, chunks, separate = _boxes_and_chunks(labels)
    n_pixels = [math.prod(level.shape) for level in pyramid.levels]
    # Position of the pixels of a level in level 0, along each axis.
    positions = [np.arange(length) for length in labels.shape]
    for number, level in enumerate(pyramid.levels):
        before, total = sum(n_pixels[:number]), sum(n_pixels)
        share = subprogress(progress, before / total, (before + n_pixels[number]) / total)
        level_chunks = tuple(min(chunk, length) for chunk, length in zip(chunks, level.shape, strict=True))
        array = _create_array(group, str(number), level.shape, labels.dtype, level_chunks, pyramid)
        if number == 0:
            counts = _write_full_resolution(array, labels, boxes, separate, share)
            continue
        nearest = [
            _nearest(position, (np.arange(length) + 0.5) * (full_length / length) - 0.5)
            for position, length, full_length in zip(positions, level.shape, labels.shape, strict=True)
        ]
        _write_coarser(group[str(number - 1)], array, nearest, share)
        positions = [position[index] for position, index in zip(positions, nearest, strict=True)]
    return counts


def _create_array(
    group: Any, name: str, shape: tuple[int, ...], dtype: Any, chunks: tuple[int, ...], pyramid: _Pyramid
) -> Any:
    """Create the array of one level."""
    options: dict[str, Any] = {
        "name": name,
        "shape": shape,
        "dtype": dtype,
        "chunks": chunks,
        "fill_value": 0,
    }
    if pyramid.version == "0.4":
        from numcodecs import Blosc

        options["compressors"] = [Blosc(cname="zstd", clevel=1, shuffle=Blosc.NOSHUFFLE)]
        return group.create_array(chunk_key_encoding={"name": "v2", "separator": "/"}, **options)
    from zarr.codecs import BloscCodec

    options["compressors"] = [BloscCodec(cname="zstd", clevel=1, shuffle="noshuffle")]
    return group.create_array(dimension_names=[axis["name"] for axis in pyramid.axes], **options)


def _boxes_and_chunks(labels: Any) -> tuple[list[Box], tuple[int, ...], bool]:
    """Choose how labels are read and stored.

    Returns
    -------
    boxes : list of boxes
        Each consists of whole blocks of the labels.
    chunks : tuple of int
        Shape of the chunks to store.
    separate : bool
        Whether no two boxes share a chunk, so that several boxes can be written at the same time.
    """
    goals = [_CHUNK if axis >= labels.ndim - 2 else 1 for axis in range(labels.ndim)]
    blocks = getattr(labels, "chunks", None)
    if blocks is None:
        chunks = tuple(min(goal, length) for goal, length in zip(goals, labels.shape, strict=True))
        return _boxes(labels.shape, chunks), chunks, True
    sizes = tuple(lengths[0] for lengths in blocks)
    if all(map(_is_even, blocks)) and math.prod(sizes) in _SUITABLE_BLOCK:
        return _boxes(labels.shape, sizes), sizes, True
    box_lengths, chunks, separate = zip(*map(_cut_axis, blocks, goals), strict=True)
    return grid_boxes(box_lengths), chunks, all(separate)


def _is_even(lengths: Sequence[int]) -> bool:
    """Return whether blocks along an axis have the same length; the last one may be shorter."""
    return set(lengths[:-1]) <= {lengths[0]} and lengths[-1] <= lengths[0]


def _cut_axis(lengths: Sequence[int], goal: int) -> tuple[Sequence[int], int, bool]:
    """Return lengths of boxes, length of chunks, and whether no two boxes share a chunk, along one axis.

    Parameters
    ----------
    lengths : sequence of int
        Lengths of the blocks of the labels.
    goal : int
        Maximum length of a chunk.
    """
    if not _is_even(lengths):
        return lengths, goal, False
    size, total = lengths[0], sum(lengths)
    if size <= goal:
        size *= goal // size  # join small blocks
        return even_lengths(total, size), size, True
    # Split large blocks into equal parts, if possible.
    n_parts = range(-(-size // goal), -(-2 * size // goal) + 1)
    part = next((size // n for n in n_parts if size % n == 0), 0)
    return even_lengths(total, size), part or goal, part > 0 or size >= total


def _boxes(shape: Sequence[int], sizes: Sequence[int]) -> list[Box]:
    """Cut an array of `shape` into boxes of these sizes."""
    return grid_boxes([even_lengths(length, size) for length, size in zip(shape, sizes, strict=True)])


def _write_full_resolution(
    array: Any, labels: Any, boxes: Sequence[Box], separate: bool, progress: Progress | None
) -> NDArray[np.int64] | None:
    """Write level 0; return the pixel counts of uint8 labels."""
    lock = contextlib.nullcontext() if separate else threading.Lock()
    is_counted = labels.dtype == np.uint8

    def store(box: Box) -> NDArray[np.int64]:
        block = np.ascontiguousarray(in_memory(labels[box]))
        with lock:
            array[box] = block
        return count_block_labels(block, MAX_LABEL) if is_counted else no_counts

    no_counts = np.zeros(MAX_LABEL, np.int64)
    total = no_counts.copy()
    for counts in run(store, boxes, progress):
        total += counts
    return total if is_counted else None


def _write_coarser(
    finer: Any, array: Any, nearest: Sequence[NDArray[np.intp]], progress: Progress | None
) -> None:
    """Write a level from the one before; `nearest` holds the source indices along each axis."""

    def store(box: Box) -> None:
        indices = [index[side] for index, side in zip(nearest, box, strict=True)]
        slab = finer[tuple(slice(index[0], index[-1] + 1) for index in indices)]
        array[box] = slab[np.ix_(*(index - index[0] for index in indices))]

    for _ in run(store, _boxes(array.shape, array.chunks), progress):
        pass


def _nearest(positions: NDArray[np.intp], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the ascending position that is nearest to each centre."""
    after = np.searchsorted(positions, centers).clip(min(1, positions.size - 1), positions.size - 1)
    before = np.maximum(after - 1, 0)
    return np.where(centers - positions[before] <= positions[after] - centers, before, after)


def _write_metadata(
    group: Any, pyramid: _Pyramid, name: str, label_metadata: LabelMetadata, source: str
) -> None:
    """Write the metadata of a label image."""
    from ome_zarr.format import format_from_version
    from ome_zarr.writer import add_metadata, write_multiscales_metadata

    version = format_from_version(pyramid.version)
    datasets = []
    for number, level in enumerate(pyramid.levels):
        transformations: list[dict[str, Any]] = [{"type": "scale", "scale": list(level.scale)}]
        if any(level.translation):
            transformations.append({"type": "translation", "translation": list(level.translation)})
        datasets.append({"path": str(number), "coordinateTransformations": transformations})
    axes = [dict(axis) for axis in pyramid.axes]
    write_multiscales_metadata(group, datasets, fmt=version, axes=axes, name=name)
    label: dict[str, Any] = {"version": pyramid.version}
    if label_metadata.colors:
        label["colors"] = [
            {"label-value": value, "rgba": [round(255 * float(part)) for part in rgba]}
            for value, rgba in label_metadata.colors.items()
        ]
    if label_metadata.properties:
        label["properties"] = [dict(row) for row in label_metadata.properties]
    if source:
        label["source"] = {"image": source}
    add_metadata(group, {"image-label": label}, fmt=version)
    if label_metadata.model:
        group.attrs["napari-kmeans"] = json.loads(label_metadata.model)


def _source(path: Path, image: ImageFile, host: Path | None) -> str:
    """Return the path from the labels to their image; empty if there is none."""
    if host is not None:
        return "../../"
    if image.store is None or not isinstance(image.store.path, Path):
        return ""
    try:
        return Path(os.path.relpath(image.store.path.resolve(), path.resolve())).as_posix()
    except ValueError:  # on another drive of Windows
        return ""


def _register(host: Path, name: str) -> None:
    """Add a label image to the list in its OME-Zarr image."""
    import zarr
    from ome_zarr.format import format_from_version
    from ome_zarr.writer import add_metadata, get_metadata

    image = zarr.open_group(host, mode="r")
    zarr_format = image.metadata.zarr_format
    version = format_from_version("0.4" if zarr_format == 2 else "0.5")
    group = zarr.open_group(host / "labels", mode="a", zarr_format=zarr_format, use_consolidated=False)
    names = get_metadata(group).get("labels", [])
    metadata: dict[str, Any] = {"labels": [*names, *([] if name in names else [name])]}
    if zarr_format == 3:
        metadata["version"] = version.version
    add_metadata(group, metadata, fmt=version)
    if image.metadata.consolidated_metadata is not None:
        # zarr format 3 does not standardize it. The filter stays: `catch_warnings` is not thread-safe.
        warnings.filterwarnings("ignore", "Consolidated metadata is currently not part", UserWarning)
        zarr.consolidate_metadata(host, zarr_format=zarr_format)
