"""Label images of OME-Zarr: written block by block, whole or not at all."""

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
"""Most labels that are counted."""

_CHUNK = 1 << 10  # side along rows and columns, where the labels' own blocks do not tell
_FIT = range(1 << 14, (1 << 22) + 1)  # pixels of a block that is stored as it is
_COARSEST = 1 << 9  # no longer halved


def write(
    path: Path,
    labels: Any,
    image: ImageFile,
    *,
    metadata: Callable[[NDArray[np.int64] | None], LabelMetadata] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write labels as an OME-Zarr label image, in the version of the image they belong to.

    Level 0 holds the labels as they are, coarser ones the nearest label of the level before. Where the image
    is a pyramid the levels are its own, otherwise rows and columns are halved.

    Parameters
    ----------
    path : Path
        A store of its own, or ``labels/NAME`` in an OME-Zarr image, which then lists it.
    labels : array of integers
        NumPy, dask, or what can be cut like them; its axes are the image's `spatial_axes`. Never more than a
        few blocks of it are in memory, and each is computed once.
    image : ImageFile
        Where axes, scale, origin and units are taken from.
    metadata : callable, optional
        Takes the pixels of labels 1 to 255, (255,), or None if there may be more labels; returns what is
        known of the labels. Called when these are written: only then all models of a lazy stack are made.
    overwrite : bool
        Replace a label image that is there. Nothing else is ever replaced.
    progress : callable, optional
        Called with the share done, 0 to 1, after each block; what it raises ends the work.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if there is something already.
    OSError
        If pixels cannot be read or labels not be written. Nothing is left then, and what was there stays.
    ValueError
        For labels that the format cannot hold, or a place where they cannot be.
    """
    import zarr

    if labels.dtype.kind not in "iu" or not 2 <= labels.ndim <= 5:
        raise ValueError(
            f"OME-Zarr holds integer labels in 2 to 5 dimensions, not {labels.dtype} in {labels.ndim}"
        )
    if is_zarr(labels):
        labels = as_readable(labels)
    host = host_of(path)
    grid = _grid(image, labels.shape, host)
    if overwrite and os.path.lexists(path) and "image-label" not in _describes(path):
        raise ValueError(f"{path} is no label image, so it is not replaced")
    if host is not None:
        path.parent.mkdir(exist_ok=True)
    try:
        with replacing_folder(path, overwrite=overwrite) as partial, _closing(partial) as store:
            group = zarr.open_group(store, mode="w", zarr_format=2 if grid.version == "0.4" else 3)
            counts = _write_levels(group, labels, grid, progress)
            _describe(
                group,
                grid,
                stem(path),
                metadata(counts) if metadata else LabelMetadata(),
                _source(path, image, host),
            )
    finally:
        if host is not None and not any(path.parent.iterdir()):
            path.parent.rmdir()
    if host is not None:
        _register(host, path.name)


@dataclass(frozen=True)
class LabelMetadata:
    """What is known of labels.

    Attributes
    ----------
    colors : mapping of int to (4,) floats
        RGBA of labels, 0 to 1.
    properties : sequence of mappings
        Each with a ``"label-value"``.
    model : str
        JSON of the model that made them.
    """

    colors: Mapping[int, Sequence[float]] = field(default_factory=dict)
    properties: Sequence[Mapping[str, Any]] = ()
    model: str = ""


@contextlib.contextmanager
def _closing(folder: Path) -> Iterator[Any]:
    """Open a folder to zarr; in the end nothing is written to it any more."""
    from .closing_store import ClosingStore

    store = ClosingStore(folder)
    try:
        yield store
    finally:
        store.end_writing()


@dataclass(frozen=True)
class _Grid:
    """Where the pixels of each level lie."""

    version: str
    axes: Sequence[Mapping[str, str]]
    levels: Sequence[Level]


def host_of(path: Path) -> Path | None:
    """Return the OME-Zarr image that keeps label images where `path` is, if there is one."""
    image = path.parent.parent
    return image if path.parent.name == "labels" and "multiscales" in _describes(image) else None


def _describes(path: Path) -> dict[str, Any]:
    """What a folder says of itself, nothing if it is no group."""
    import zarr

    if not ome_zarr.is_store(path):
        return {}
    try:
        return ome_zarr.attributes(zarr.open_group(path, mode="r", use_consolidated=False))
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _grid(image: ImageFile, shape: tuple[int, ...], host: Path | None) -> _Grid:
    """Resolutions of the image itself where it has them, so that labels lie on it level by level."""
    store = image.store
    axis = image.axes.find("C")
    if store is not None and axis >= 0:
        store = store.without(axis)
    if store is not None and store.levels[0].shape == shape:
        alone = len(store.levels) == 1 and host is None
        levels = _halved(store.levels[0]) if alone else store.levels
        return _Grid(store.version, store.axes, levels)
    if host is not None:
        raise ValueError(f"{host} is another image than the one of the labels, whose shape is {shape}")
    letters = image.axes if len(image.axes) == len(shape) else image.spatial_axes
    spelled = {short: name for name, short in ome_zarr.UNITS.items()}
    axes = []
    for letter in letters:
        described = {"name": letter.lower(), "type": ome_zarr.TYPES[letter.lower()]}
        unit = image.time_unit if letter == "T" else image.unit
        # A unit of the other kind is what a layer has whose axes were never told apart.
        known = letter in image.pixel_size and (unit in TIMES) == (letter == "T")
        if unit and known:
            described["unit"] = spelled.get(unit, unit)
        axes.append(described)
    scale = tuple(float(image.pixel_size.get(letter, 1.0)) for letter in letters)
    translation = tuple(float(image.origin.get(letter, 0.0)) for letter in letters)
    return _Grid("0.5", axes, _halved(Level(shape, scale, translation)))


def _halved(level: Level) -> list[Level]:
    """Halve rows and columns until they are few."""
    levels = [level]
    while max(level.shape[-2:]) > _COARSEST:
        factor = [1.0] * len(level.shape)
        for axis in (-2, -1):
            factor[axis] = 2.0 if level.shape[axis] > 1 else 1.0
        shape = tuple(int(length // by) for length, by in zip(level.shape, factor, strict=True))
        scale = tuple(step * by for step, by in zip(level.scale, factor, strict=True))
        # The middle of the first pixel is that of the pixels it stands for.
        middle = ((by - 1) / 2 * step for step, by in zip(level.scale, factor, strict=True))
        translation = tuple(at + by for at, by in zip(level.translation, middle, strict=True))
        level = Level(shape, scale, translation)
        levels.append(level)
    return levels


def _write_levels(
    group: Any, labels: Any, grid: _Grid, progress: Progress | None
) -> NDArray[np.int64] | None:
    """Write all levels, each from the one before; count the pixels of uint8 labels."""
    counts = None
    pieces, chunks, apart = _cut(labels)
    n_pixels = [math.prod(level.shape) for level in grid.levels]
    # Where along each axis the pixels of a level lie in level 0.
    places = [np.arange(length) for length in labels.shape]
    for number, level in enumerate(grid.levels):
        before, total = sum(n_pixels[:number]), sum(n_pixels)
        share = subprogress(progress, before / total, (before + n_pixels[number]) / total)
        fitting = tuple(min(chunk, length) for chunk, length in zip(chunks, level.shape, strict=True))
        array = _create(group, str(number), level.shape, labels.dtype, fitting, grid)
        if number == 0:
            counts = _fill(array, labels, pieces, apart, share)
            continue
        nearest = [
            _nearest(place, (np.arange(length) + 0.5) * (whole / length) - 0.5)
            for place, length, whole in zip(places, level.shape, labels.shape, strict=True)
        ]
        _thin_out(group[str(number - 1)], array, nearest, share)
        places = [place[index] for place, index in zip(places, nearest, strict=True)]
    return counts


def _create(
    group: Any, name: str, shape: tuple[int, ...], dtype: Any, chunks: tuple[int, ...], grid: _Grid
) -> Any:
    """Create the array of one level."""
    options: dict[str, Any] = {
        "name": name,
        "shape": shape,
        "dtype": dtype,
        "chunks": chunks,
        "fill_value": 0,
    }
    if grid.version == "0.4":
        from numcodecs import Blosc

        options["compressors"] = [Blosc(cname="zstd", clevel=1, shuffle=Blosc.NOSHUFFLE)]
        return group.create_array(chunk_key_encoding={"name": "v2", "separator": "/"}, **options)
    from zarr.codecs import BloscCodec

    options["compressors"] = [BloscCodec(cname="zstd", clevel=1, shuffle="noshuffle")]
    return group.create_array(dimension_names=[axis["name"] for axis in grid.axes], **options)


def _cut(labels: Any) -> tuple[list[Box], tuple[int, ...], bool]:
    """Cut labels into boxes of whole blocks of theirs, and choose the chunks to store them in.

    The last value tells whether no two boxes share a chunk, so that several may be written at once.
    """
    goals = [_CHUNK if axis >= labels.ndim - 2 else 1 for axis in range(labels.ndim)]
    blocks = getattr(labels, "chunks", None)
    if blocks is None:
        chunks = tuple(min(goal, length) for goal, length in zip(goals, labels.shape, strict=True))
        return _boxes(labels.shape, chunks), chunks, True
    sizes = tuple(along[0] for along in blocks)
    even = [set(along[:-1]) <= {along[0]} and along[-1] <= along[0] for along in blocks]
    if all(even) and math.prod(sizes) in _FIT:
        return _boxes(labels.shape, sizes), sizes, True
    chosen, lengths, apart = [], [], all(even)
    for along, goal, is_even in zip(blocks, goals, even, strict=True):
        size, length = along[0], sum(along)
        if not is_even:
            chosen.append(goal)
            lengths.append(along)
            continue
        if size <= goal:  # small blocks together
            size *= goal // size
            chosen.append(size)
        else:  # a large one in equal parts, if it has such
            parts = range(-(-size // goal), -(-2 * size // goal) + 1)
            part = next((size // n for n in parts if size % n == 0), 0)
            chosen.append(part or goal)
            apart = apart and (part > 0 or size >= length)
        lengths.append(even_lengths(length, size))
    return grid_boxes(lengths), tuple(chosen), apart


def _boxes(shape: Sequence[int], sizes: Sequence[int]) -> list[Box]:
    """Cut an array of `shape` into boxes of these sizes."""
    return grid_boxes([even_lengths(length, size) for length, size in zip(shape, sizes, strict=True)])


def _fill(
    array: Any, labels: Any, pieces: Sequence[Box], apart: bool, share: Progress | None
) -> NDArray[np.int64] | None:
    """Write the labels themselves."""
    one_at_a_time = contextlib.nullcontext() if apart else threading.Lock()
    few = labels.dtype == np.uint8

    def store(box: Box) -> NDArray[np.int64]:
        block = np.ascontiguousarray(in_memory(labels[box]))
        with one_at_a_time:
            array[box] = block
        return count_block_labels(block, MAX_LABEL if few else 0)

    total = np.zeros(MAX_LABEL if few else 0, np.int64)
    for counts in run(store, pieces, share):
        total += counts
    return total if few else None


def _thin_out(finer: Any, array: Any, nearest: Sequence[NDArray[np.intp]], share: Progress | None) -> None:
    """Write a level from the one before, of which `nearest` are the indices along each axis."""

    def store(box: Box) -> None:
        indices = [index[side] for index, side in zip(nearest, box, strict=True)]
        slab = finer[tuple(slice(index[0], index[-1] + 1) for index in indices)]
        array[box] = slab[np.ix_(*(index - index[0] for index in indices))]

    for _ in run(store, _boxes(array.shape, array.chunks), share):
        pass


def _nearest(places: NDArray[np.intp], middles: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the place, of ascending ones, that each middle is nearest to."""
    after = np.searchsorted(places, middles).clip(min(1, places.size - 1), places.size - 1)
    before = np.maximum(after - 1, 0)
    return np.where(middles - places[before] <= places[after] - middles, before, after)


def _describe(
    group: Any,
    grid: _Grid,
    name: str,
    known: LabelMetadata,
    source: str,
) -> None:
    """Write the metadata of the format."""
    from ome_zarr.format import format_from_version
    from ome_zarr.writer import add_metadata, write_multiscales_metadata

    version = format_from_version(grid.version)
    datasets = []
    for number, level in enumerate(grid.levels):
        steps: list[dict[str, Any]] = [{"type": "scale", "scale": list(level.scale)}]
        if any(level.translation):
            steps.append({"type": "translation", "translation": list(level.translation)})
        datasets.append({"path": str(number), "coordinateTransformations": steps})
    axes = [dict(axis) for axis in grid.axes]
    write_multiscales_metadata(group, datasets, fmt=version, axes=axes, name=name)
    label: dict[str, Any] = {"version": grid.version}
    if known.colors:
        label["colors"] = [
            {"label-value": value, "rgba": [round(255 * float(part)) for part in rgba]}
            for value, rgba in known.colors.items()
        ]
    if known.properties:
        label["properties"] = [dict(row) for row in known.properties]
    if source:
        label["source"] = {"image": source}
    add_metadata(group, {"image-label": label}, fmt=version)
    if known.model:
        group.attrs["napari-kmeans"] = json.loads(known.model)


def _source(path: Path, image: ImageFile, host: Path | None) -> str:
    """Where the image lies, seen from its labels; empty if that cannot be said."""
    if host is not None:
        return "../../"
    if image.store is None or not isinstance(image.store.path, Path):
        return ""
    try:
        return Path(os.path.relpath(image.store.path.resolve(), path.resolve())).as_posix()
    except ValueError:  # on another drive
        return ""


def _register(host: Path, name: str) -> None:
    """List a label image where its image lists them."""
    import zarr
    from ome_zarr.format import format_from_version
    from ome_zarr.writer import add_metadata, get_metadata

    image = zarr.open_group(host, mode="r")
    zarr_format = image.metadata.zarr_format
    version = format_from_version("0.4" if zarr_format == 2 else "0.5")
    group = zarr.open_group(host / "labels", mode="a", zarr_format=zarr_format, use_consolidated=False)
    names = get_metadata(group).get("labels", [])
    described: dict[str, Any] = {"labels": [*names, *([] if name in names else [name])]}
    if zarr_format == 3:
        described["version"] = version.version
    add_metadata(group, described, fmt=version)
    if image.metadata.consolidated_metadata is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this is not in the standard of version 3
            zarr.consolidate_metadata(host, zarr_format=zarr_format)
