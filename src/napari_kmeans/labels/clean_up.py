"""Clean-up of a label image: majority smoothing, small regions, holes; in one fixed order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import as_readable, in_memory, is_dask, is_zarr
from ..blocks.boxes import Box, Chunks, add_halo, grid_boxes, tile_chunks
from ..blocks.loop import run
from ..blocks.pixels import check_axis
from ..blocks.progress import Progress, subprogress
from ..options import Option, check_number, option, options_of
from . import region_graph
from .majority import Ball, majority

_BLOCK = 1 << 20  # pixels: temporaries take some 50 bytes for each
_ROUNDING = 1e-12  # of a size in units, which is seldom a whole number of pixels to the last bit

_POSITIVE = Option("", minimum=0)


@dataclass(frozen=True)
class CleanUp:
    """How labels are cleaned: the steps of `clean_labels`, each skipped if 0.

    Parameters
    ----------
    majority : float, default 0
        Radius of the majority filter.
    min_size : float, default 0
        Regions smaller than this are merged into a neighbour.
    fill_holes : float, default 0
        Holes smaller than this are filled.

    Raises
    ------
    TypeError, ValueError
        If one is not a finite number of 0 or more.
    """

    majority: float = option(
        0,
        "Give each pixel the most frequent label within radius R.",
        label="Majority",
        metavar="R",
        minimum=0,
        unit="length",
    )
    min_size: float = option(
        0,
        "Merge regions smaller than N into the neighbour with the longest shared border.",
        label="Smallest region",
        metavar="N",
        minimum=0,
        unit="size",
    )
    fill_holes: float = option(
        0, "Fill holes smaller than N.", label="Fill holes", metavar="N", minimum=0, unit="size"
    )

    def __post_init__(self) -> None:
        for name, _, details in options_of(self):
            check_number(name, getattr(self, name), details)

    def __bool__(self) -> bool:
        return any(vars(self).values())


def clean_labels(
    labels: NDArray[np.uint8],
    *,
    majority: float = 0,
    min_size: float = 0,
    fill_holes: float = 0,
    spacing: float | Sequence[float] | None = None,
    per_axis: int | Sequence[int] | None = None,
    mask: NDArray[Any] | None = None,
    progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Clean a label image: smooth it, remove small regions, fill holes; in this order.

    A region is a set of pixels of one label that are connected by their faces (4 neighbours in 2-D, 6 in
    3-D).

    Parameters
    ----------
    labels : uint8 array
        As `segment` and `KMeansModel.predict` make it; NumPy, dask or zarr, with 1 to 3 spatial axes. 0 is
        excluded: it stays 0, and counts neither as a label nor as a neighbour.
    majority : float, default 0
        Radius within which each pixel gets the most frequent label (the lowest of several), as
        `skimage.filters.rank.majority` with the footprint ``disk(majority)`` or ``ball(majority)``.
    min_size : float, default 0
        Regions smaller than this become part of the neighbour that they share the longest border with (of
        equal ones that with the lower label). Only neighbours that are large enough count, or that have
        become part of one that is; regions without any stay.
    fill_holes : float, default 0
        Holes smaller than this get the label around them. A hole is a connected set of pixels of other labels
        with one label all around it; so is an object in its background, which must therefore be larger. What
        touches the border of the image or an excluded pixel is none.
    spacing : float or sequence of float, optional
        Size of a pixel along each spatial axis. `majority` is then a length, and the sizes are areas or
        volumes, in the same units; without it all are in pixels.
    per_axis : int or sequence of int, optional
        Axes that are not spatial, such as time: each position along them is cleaned by itself.
    mask : array, optional
        Of the same shape; nonzero = use the pixel. With it a label of 0 inside is background, which takes
        part as any other label does; only what is outside is excluded, and keeps its label.
    progress : callable, optional
        Called with the share done, 0 to 1; what it raises ends the work.

    Returns
    -------
    uint8 array
        Of the same shape. NumPy in, NumPy out; for dask and zarr a lazy dask array of the same chunks.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was given and what would do.

    Notes
    -----
    Filling a hole takes whole regions away and makes none smaller. So in the result no hole is smaller than
    `fill_holes` and no region smaller than `min_size`, but for those that no large one can be reached from
    without crossing excluded pixels; and cleaning it once more, without `majority`, changes nothing.

    Chunks and blocks never change a result. The majority of a lazy array is lazy. Regions know no bounds, so
    `min_size` and `fill_holes` read a lazy array once right away, a few chunks at a time; their result is
    lazy, and reads it again. Memory beyond that grows with the number of regions: in pictures 5 to 20 bytes
    a pixel, in noise, where most pixels are regions of their own, up to 200.

    Examples
    --------
    >>> import numpy as np, napari_kmeans
    >>> labels = np.array([[1, 1, 1, 1], [1, 2, 1, 3], [1, 1, 1, 3]], dtype=np.uint8)
    >>> napari_kmeans.clean_labels(labels, min_size=2)
    array([[1, 1, 1, 1],
           [1, 1, 1, 3],
           [1, 1, 1, 3]], dtype=uint8)
    """
    clean_up = CleanUp(majority, min_size, fill_holes)
    labels, mask = check_labels(labels, mask)
    axes = check_axes(per_axis, labels.ndim)
    sizes = check_spacing(spacing, check_spatial(labels, axes))
    if 0 in labels.shape:
        return labels
    clean = partial(_clean, clean_up=clean_up, spacing=sizes)
    cleaned: NDArray[np.uint8] = _by_position(labels, mask, axes, clean, progress)
    return cleaned


def check_labels(labels: Any, mask: Any) -> tuple[Any, Any]:
    """Check a label image and its mask; what is lazy comes back as dask arrays of the same chunks."""
    if not (isinstance(labels, np.ndarray) or is_dask(labels) or is_zarr(labels)):
        kind = f"{type(labels).__module__}.{type(labels).__name__}"
        raise TypeError(f"labels must be a NumPy, dask or zarr array, not {kind}")
    if labels.dtype != np.uint8:
        raise TypeError(
            f"labels has dtype {labels.dtype} and must be uint8, as `predict` makes it; "
            "labels.astype(numpy.uint8) makes it so if no label is above 255"
        )
    labels = as_readable(labels)
    if mask is not None:
        mask = as_readable(mask)
        if mask.shape != labels.shape:
            raise ValueError(f"mask has shape {mask.shape} and must have that of labels, {labels.shape}")
        if is_dask(labels):
            import dask.array as da

            mask = mask.rechunk(labels.chunks) if is_dask(mask) else da.from_array(mask, chunks=labels.chunks)
        else:
            mask = in_memory(mask)
    return labels, mask


def check_axes(per_axis: object, ndim: int) -> list[int]:
    """Return the axes named by `per_axis`, counted from 0, in ascending order."""
    if per_axis is None:
        return []
    given = list(per_axis) if isinstance(per_axis, Sequence) else [per_axis]
    axes = sorted({check_axis("per_axis", axis, ndim) for axis in given})
    if len(axes) < len(given):
        raise ValueError(f"per_axis={per_axis!r} names an axis twice")
    return axes


def check_spatial(labels: Any, apart: Sequence[int]) -> int:
    """Return the number of spatial axes: all but those `apart`."""
    n_spatial: int = labels.ndim - len(apart)
    if not 1 <= n_spatial <= 3:
        raise ValueError(
            f"labels has {n_spatial} spatial axes and must have 1 to 3; name those that are not spatial in "
            "per_axis"
        )
    return n_spatial


def check_spacing(spacing: object, n_spatial: int) -> tuple[float, ...]:
    """Return the size of a pixel along each spatial axis."""
    if spacing is None:
        return (1.0,) * n_spatial
    sizes: list[Any] = list(spacing) if isinstance(spacing, Sequence | np.ndarray) else [spacing] * n_spatial
    if len(sizes) != n_spatial:
        raise ValueError(
            f"spacing={spacing!r} has length {len(sizes)} and must have a number for each of {n_spatial} "
            "spatial axes"
        )
    for size in sizes:
        check_number("spacing", size, _POSITIVE)
        if not size:
            raise ValueError(f"spacing={spacing!r} must be above 0 along each axis")
    return tuple(map(float, sizes))


def _by_position(
    labels: Any, mask: Any, axes: Sequence[int], clean: Callable[..., Any], progress: Progress | None
) -> Any:
    """Clean each position along some axes by itself."""
    if not axes:
        return clean(labels, mask, progress=progress)
    axis, inner = axes[0], [other - 1 for other in axes[1:]]
    cleaned = []
    for position in range(labels.shape[axis]):
        index = (slice(None),) * axis + (position,)
        part = subprogress(progress, position / labels.shape[axis], (position + 1) / labels.shape[axis])
        masked = None if mask is None else mask[index]
        cleaned.append(_by_position(labels[index], masked, inner, clean, part))
    if not is_dask(labels):
        return np.stack(cleaned, axis)
    import dask.array as da

    return da.stack(cleaned, axis).rechunk(labels.chunks)


def _clean(
    labels: Any, mask: Any, *, clean_up: CleanUp, spacing: tuple[float, ...], progress: Progress | None
) -> Any:
    """Clean an array whose axes are all spatial."""
    pixel = math.prod(spacing)
    min_size, fill_holes = (
        math.ceil(size / pixel * (1 - _ROUNDING)) for size in (clean_up.min_size, clean_up.fill_holes)
    )
    by_regions = max(min_size, fill_holes) > 1  # no region is smaller than a pixel
    ball = Ball(clean_up.majority, spacing) if clean_up.majority else None
    smooth = ball is not None and any(ball.reach)
    if not smooth and not by_regions:
        return labels if is_dask(labels) else labels.copy()
    if ball is not None and smooth:
        labels = _smooth(labels, mask, ball, subprogress(progress, 0, 1 / 3) if by_regions else progress)
    if by_regions:
        stage = subprogress(progress, 1 / 3, 1) if smooth else progress
        labels = _clean_regions(labels, mask, min_size, fill_holes, spacing, stage)
    return labels


def _smooth(labels: Any, mask: Any, ball: Ball, progress: Progress | None) -> Any:
    """Smooth by majority, block by block with a halo as wide as the ball."""
    # Farther than the image there is nothing to see.
    halo = tuple(min(reach, n - 1) for reach, n in zip(ball.reach, labels.shape, strict=True))
    if is_dask(labels):
        import dask.array as da

        smooth = da.map_overlap(
            _smooth_block,
            *((labels,) if mask is None else (labels, mask)),
            depth=halo,
            boundary="none",
            ball=ball,
            dtype=np.uint8,
            meta=np.empty((0,) * labels.ndim, dtype=np.uint8),
        )
        return smooth.rechunk(labels.chunks)  # small chunks were joined to be as wide as the halo
    out = np.empty_like(labels)

    def write(box: Box) -> None:
        outer, crop = add_halo(box, labels.shape, halo)
        block = _smooth_block(labels[outer], None if mask is None else mask[outer], ball=ball)
        out[box] = block if crop is None else block[crop]

    for _ in run(write, _blocks(labels)[1], progress):
        pass
    return out


def _smooth_block(
    labels: NDArray[np.uint8], mask: NDArray[Any] | None = None, *, ball: Ball
) -> NDArray[np.uint8]:
    return majority(labels, (labels if mask is None else mask) != 0, ball)


def _clean_regions(
    labels: Any,
    mask: Any,
    min_size: int,
    fill_holes: int,
    spacing: tuple[float, ...],
    progress: Progress | None,
) -> Any:
    """Remove regions and holes of fewer pixels than these."""
    region_graph.prepare()
    grid, boxes = _blocks(labels)
    limit = max(min_size, fill_holes)
    # A face is as large as the pixel over its size across. In whole numbers, which add up in any order.
    weights = [max(1, round(min(spacing) / size * (1 << 20))) for size in spacing]
    looking = subprogress(progress, 0, 0.75)
    writing = deciding = subprogress(progress, 0.75, 1)

    def look(box: Box) -> region_graph.Part:
        seams = [(at.start > 0, at.stop < n) for at, n in zip(box, labels.shape, strict=True)]
        return region_graph.look(in_memory(labels[box]), _included(mask, box), seams, weights, limit)

    graph = region_graph.join(list(run(look, boxes, looking)), grid, weights, limit)
    decided = graph.label.copy()

    def check() -> None:
        if deciding is not None:
            deciding(0)

    if min_size > 1:
        region_graph.absorb(graph, decided, min_size, check)
    if fill_holes > 1:
        region_graph.fill(graph, decided, fill_holes, check)
    changed = decided != graph.label
    tables = [decided[members] if changed[members].any() else None for members in graph.members]
    if is_dask(labels):
        import dask.array as da

        return da.map_blocks(
            _relabel_block,
            *((labels,) if mask is None else (labels, mask)),
            tables=dict(zip(product(*map(range, grid)), tables, strict=True)),
            dtype=np.uint8,
            meta=np.empty((0,) * labels.ndim, dtype=np.uint8),
        )
    out = np.empty_like(labels)
    table_at = {_corner(box): table for box, table in zip(boxes, tables, strict=True)}

    def write(box: Box) -> None:
        out[box] = _relabel(labels[box], _included(mask, box), table_at[_corner(box)])

    for _ in run(write, boxes, writing):
        pass
    return out


def _relabel(
    labels: NDArray[np.uint8], include: NDArray[np.bool_] | None, table: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    """Give the regions of a block their new labels; what is excluded keeps its own."""
    if table is None:
        return labels
    ids = region_graph.number_regions(labels, include)
    return np.where(ids > 0, table[ids], labels)


def _relabel_block(
    labels: NDArray[np.uint8],
    mask: NDArray[Any] | None = None,
    *,
    tables: dict[tuple[int, ...], NDArray[np.uint8] | None],
    block_id: tuple[int, ...],
) -> NDArray[np.uint8]:
    return _relabel(labels, None if mask is None else mask != 0, tables[block_id])


def _included(mask: Any, box: Box) -> NDArray[np.bool_] | None:
    return None if mask is None else in_memory(mask[box]) != 0


def _corner(box: Box) -> tuple[int, ...]:
    return tuple(at.start for at in box)


def _blocks(labels: Any) -> tuple[tuple[int, ...], list[Box]]:
    """Return the grid of blocks and their boxes: dask's chunks, or tiles of an array in memory."""
    if is_dask(labels):
        from dask.array.core import slices_from_chunks

        return tuple(map(len, labels.chunks)), list(slices_from_chunks(labels.chunks))
    chunks: Chunks = tile_chunks(labels.shape, _BLOCK)
    return tuple(map(len, chunks)), grid_boxes(chunks)
