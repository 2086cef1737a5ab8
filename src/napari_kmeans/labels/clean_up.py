"""Clean up label images: majority filter, then small regions, then holes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import check_unmasked, in_memory, is_dask
from ..blocks.boxes import Box, Chunks, add_halo, grid_boxes, tile_chunks
from ..blocks.loop import run
from ..blocks.progress import Progress, subprogress
from ..options import check_number, option, options_of
from . import _region_kernels as kernels
from . import region_graph
from .checks import check_axes, check_labels, check_spacing, check_spatial
from .majority import Ball, majority
from .volumes import as_volume

_BLOCK = 1 << 20  # pixels of a block
_ROUNDING = 1e-12  # relative; a size in world units is rarely an exact number of pixels


@dataclass(frozen=True)
class CleanUp:
    """Parameters of `clean_labels`; a step whose parameter is 0 is skipped.

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
        If a parameter is not a finite number of 0 or more.
    """

    majority: float = option(
        0,
        "Give each pixel the most frequent label within this radius.",
        label="Majority",
        metavar="R",
        minimum=0,
        unit="length",
    )
    min_size: float = option(
        0,
        "Merge regions smaller than this into the neighbour with the longest shared border.",
        label="Smallest region",
        metavar="N",
        minimum=0,
        unit="size",
    )
    fill_holes: float = option(
        0, "Fill holes smaller than this.", label="Fill holes", metavar="N", minimum=0, unit="size"
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
    """Smooth a label image, merge small regions and fill holes, in this order.

    A region is a set of pixels of one label that are connected by their faces (4 neighbours in 2-D, 6 in
    3-D).

    Parameters
    ----------
    labels : uint8 array
        Labels from `segment` or `KMeansModel.predict`; NumPy, dask or zarr, with 1 to 3 spatial axes. Pixels
        of label 0 are excluded: they stay 0 and do not affect other pixels.
    majority : float, default 0
        Radius of a majority filter: each pixel gets the most frequent label around it (the lowest wins a
        tie), as in `skimage.filters.rank.majority` with the footprint ``disk(majority)`` or
        ``ball(majority)``.
    min_size : float, default 0
        Regions smaller than this are merged into the neighbour with the longest shared border (the lower
        label wins a tie). Only neighbours that are large enough, or have been merged into a large region, are
        considered. Regions without such a neighbour stay.
    fill_holes : float, default 0
        Holes smaller than this get the label around them. A hole is a connected set of pixels of other labels
        that is surrounded by a single label. An object surrounded by background is also a hole, so choose a
        value below the size of your objects. Sets that touch the border of the image or an excluded pixel are
        not holes.
    spacing : float or sequence of float, optional
        Size of a pixel along each spatial axis. `majority` is then a length, and `min_size` and `fill_holes`
        are areas or volumes, in the same units. Without it, all are in pixels.
    per_axis : int or sequence of int, optional
        Axes that are not spatial, such as time; each position along them is cleaned separately.
    mask : array of bool or integers, optional
        Mask with the shape of `labels`; True (or nonzero) pixels are used. Label 0 inside the mask is then
        background and treated like any other label. Only pixels outside the mask are excluded; they keep
        their label.
    progress : callable, optional
        Called with the completed share, 0 to 1. An exception that it raises stops the computation.

    Returns
    -------
    uint8 array
        Has the shape of `labels`. A NumPy array for a NumPy array; for a dask or zarr array, a lazy dask
        array with the same chunks.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid; the message names it and suggests what to pass instead.

    Notes
    -----
    Filling a hole removes whole regions and makes none smaller. So in the result no hole is smaller than
    `fill_holes`, and no region is smaller than `min_size`, unless excluded pixels separate it from all large
    regions. Cleaning the result again without `majority` changes nothing.

    Chunks and blocks do not change the result. The majority filter of a lazy array is lazy. Regions can
    extend over the whole image, so `min_size` and `fill_holes` read a lazy array once immediately, a few
    chunks at a time; their result is lazy and reads the array again. Additional memory grows with the number
    of regions: 5 to 20 bytes per pixel for typical images, up to 200 for noise, where most regions are single
    pixels.

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
    cleaned: NDArray[np.uint8] = _clean_positions(labels, mask, axes, clean, progress)
    return cleaned


def _clean_positions(
    labels: Any, mask: Any, axes: Sequence[int], clean: Callable[..., Any], progress: Progress | None
) -> Any:
    """Clean each position along some axes separately."""
    if not axes:
        return clean(labels, mask, progress=progress)
    axis, inner = axes[0], [other - 1 for other in axes[1:]]
    cleaned = []
    for position in range(labels.shape[axis]):
        index = (slice(None),) * axis + (position,)
        part = subprogress(progress, position / labels.shape[axis], (position + 1) / labels.shape[axis])
        mask_there = None if mask is None else mask[index]
        cleaned.append(_clean_positions(labels[index], mask_there, inner, clean, part))
    if not is_dask(labels):
        return np.stack(cleaned, axis)
    import dask.array as da

    return da.stack(cleaned, axis).rechunk(labels.chunks)


def _clean(
    labels: Any, mask: Any, *, clean_up: CleanUp, spacing: tuple[float, ...], progress: Progress | None
) -> Any:
    """Clean an array whose axes are all spatial."""
    ball = Ball(clean_up.majority, spacing) if clean_up.majority else None
    if ball is not None and not any(ball.reach):
        ball = None
    min_size, hole_size = (
        _n_pixels(size, spacing, labels.size) for size in (clean_up.min_size, clean_up.fill_holes)
    )
    uses_regions = max(min_size, hole_size) > 1  # no region is smaller than a pixel
    if ball is None and not uses_regions:
        return labels if is_dask(labels) else labels.copy()
    if ball is not None:
        labels = _smooth(labels, mask, ball, subprogress(progress, 0, 1 / 3) if uses_regions else progress)
    if uses_regions:
        stage = progress if ball is None else subprogress(progress, 1 / 3, 1)
        labels = _clean_regions(labels, mask, min_size, hole_size, spacing, stage)
    return labels


def _n_pixels(size: float, spacing: tuple[float, ...], n_total: int) -> int:
    """Convert an area or volume to a number of pixels, rounded up; at most one more than all pixels."""
    return math.ceil(min(size / math.prod(spacing) * (1 - _ROUNDING), n_total + 1))


def _smooth(labels: Any, mask: Any, ball: Ball, progress: Progress | None) -> Any:
    """Apply the majority filter block by block, with a halo as wide as the ball."""
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
        return smooth.rechunk(labels.chunks)  # map_overlap merges chunks that are narrower than the halo
    out = np.empty_like(labels)

    def write(box: Box) -> None:
        outer, crop = add_halo(box, labels.shape, halo)
        mask_there = None if mask is None else mask[outer]
        out[box] = majority(labels[outer], _included(labels[outer], mask_there), ball, crop)

    # If the ball covers the image, all pixels get the same label.
    boxes = [tuple(slice(0, n) for n in labels.shape)] if ball.covers(labels.shape) else _blocks(labels)[1]
    for _ in run(write, boxes, progress):
        pass
    return out


def _smooth_block(
    labels: NDArray[np.uint8], mask: NDArray[Any] | None = None, *, ball: Ball
) -> NDArray[np.uint8]:
    """Apply the majority filter to a block of a dask array."""
    return majority(labels, _included(labels, mask), ball)


def _clean_regions(
    labels: Any,
    mask: Any,
    min_size: int,
    hole_size: int,
    spacing: tuple[float, ...],
    progress: Progress | None,
) -> Any:
    """Merge regions below `min_size` pixels and fill holes below `hole_size` pixels."""
    grid, boxes = _blocks(labels)
    limit = max(min_size, hole_size)
    measuring, relabelling = subprogress(progress, 0, 0.75), subprogress(progress, 0.75, 1)

    def regions_of(box: Box) -> region_graph.BlockRegions:
        seams = [(side.start > 0, side.stop < n) for side, n in zip(box, labels.shape, strict=True)]
        return region_graph.block_regions(*_read_block(labels, mask, box), seams, limit)

    graph = region_graph.region_graph(list(run(regions_of, boxes, measuring)), grid, limit)
    new_label = graph.label.copy()

    def check() -> None:
        """Let the callback stop the work."""
        if relabelling is not None:
            relabelling(0)

    if min_size > 1:
        region_graph.merge_small_regions(graph, new_label, min_size, _face_areas(spacing), check)
    if hole_size > 1:
        region_graph.fill_holes(graph, new_label, hole_size, check)
    changed = new_label != graph.label
    # New labels of the regions of each block; None if none have changed.
    tables = [new_label[members] if changed[members].any() else None for members in graph.members]
    if is_dask(labels):
        return _relabel_lazily(labels, mask, dict(zip(product(*map(range, grid)), tables, strict=True)))
    return _relabel_in_memory(labels, mask, boxes, tables, relabelling)


def _relabel_in_memory(
    labels: NDArray[np.uint8],
    mask: Any,
    boxes: Sequence[Box],
    tables: Sequence[NDArray[np.uint8] | None],
    progress: Progress | None,
) -> NDArray[np.uint8]:
    """Give the regions of all blocks their new labels; there is one table for each box."""
    out = np.empty_like(labels)
    table_at = {_corner(box): table for box, table in zip(boxes, tables, strict=True)}

    def write(box: Box) -> None:
        out[box] = _relabel(*_read_block(labels, mask, box), table_at[_corner(box)])

    for _ in run(write, boxes, progress):
        pass
    return out


def _relabel_lazily(labels: Any, mask: Any, tables: dict[tuple[int, ...], NDArray[np.uint8] | None]) -> Any:
    """Give the regions of a dask array their new labels; tables are listed by the number of the chunk."""
    import dask.array as da

    return da.map_blocks(
        _relabel_block,
        *((labels,) if mask is None else (labels, mask)),
        tables=tables,
        dtype=np.uint8,
        meta=np.empty((0,) * labels.ndim, dtype=np.uint8),
    )


def _face_areas(spacing: tuple[float, ...]) -> NDArray[np.int64]:
    """Return the area of a pixel face across each axis of a volume, up to a factor.

    It is inversely proportional to the size of a pixel along the axis. Areas are integers, so that their sums
    do not depend on the order.
    """
    areas = [max(1, round(min(spacing) / size * (1 << 20))) for size in spacing]
    return np.array([1] * (3 - len(areas)) + areas, dtype=np.int64)


def _relabel(
    labels: NDArray[np.uint8], include: NDArray[np.bool_], table: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    """Give the regions of a block their new labels; excluded pixels keep their label."""
    if table is None:
        return labels
    ids, _ = region_graph.number_regions(labels, include)
    out = np.empty(labels.shape, dtype=np.uint8)
    kernels.relabel(as_volume(labels), ids, table, as_volume(out))
    return out


def _relabel_block(
    labels: NDArray[np.uint8],
    mask: NDArray[Any] | None = None,
    *,
    tables: dict[tuple[int, ...], NDArray[np.uint8] | None],
    block_id: tuple[int, ...],
) -> NDArray[np.uint8]:
    """Relabel a block of a dask array."""
    return _relabel(labels, _included(labels, mask), tables[block_id])


def _read_block(labels: Any, mask: Any, box: Box) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the labels in a box, and which pixels are not excluded."""
    block = in_memory(labels[box])
    return block, _included(block, None if mask is None else in_memory(mask[box]))


def _included(labels: NDArray[np.uint8], mask: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Return which pixels of a block are not excluded."""
    check_unmasked("labels", labels)
    if mask is None:
        return np.not_equal(labels, 0)
    check_unmasked("mask", mask)
    return np.asarray(mask != 0)


def _corner(box: Box) -> tuple[int, ...]:
    return tuple(side.start for side in box)


def _blocks(labels: Any) -> tuple[tuple[int, ...], list[Box]]:
    """Return the grid of blocks and their boxes: dask's chunks, or tiles of an array in memory."""
    if is_dask(labels):
        from dask.array.core import slices_from_chunks

        return tuple(map(len, labels.chunks)), list(slices_from_chunks(labels.chunks))
    chunks: Chunks = tile_chunks(labels.shape, _BLOCK)
    return tuple(map(len, chunks)), grid_boxes(chunks)
