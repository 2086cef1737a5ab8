"""The regions of a label image as a graph: their labels, sizes and borders.

A region is a set of pixels of one label that are connected by their faces. The graph is built in the steps
of a reduction in dask and flox:

- *chunk*: `block_regions` numbers and measures the regions of one block.
- *combine*: `region_graph` unites regions that continue across the seams between blocks, adds up their sizes
  and collects their borders.
- *finalize*: `merge_small_regions` and `fill_holes` choose a new label for each region of the graph; the
  caller then relabels the pixels block by block.

Region numbers of only a few blocks are in memory at a time. All decisions are made on the whole graph, so
results do not depend on the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _region_kernels as kernels
from .volumes import as_volume

Ids = NDArray[np.signedinteger[Any]]
"""Numbers of regions: int32, or int64 for more than 2^31."""


@dataclass(frozen=True, eq=False)
class BlockRegions:
    """The regions of one block; region 0 contains all excluded pixels.

    Attributes
    ----------
    label : (n + 1,) uint8 array
    size : (n + 1,) int64 array
        Number of pixels.
    outer : (n + 1,) bool array
        Whether a region touches an excluded pixel or the border of the image.
    faces : Faces
        Pixel faces inside the block between two regions, at least one of which is small there.
    sides : mapping of (axis, 0 low or 1 high) to int32 array
        Region of each pixel at the sides next to another block.
    """

    label: NDArray[np.uint8]
    size: NDArray[np.int64]
    outer: NDArray[np.bool_]
    faces: Faces
    sides: Mapping[tuple[int, int], NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class Faces:
    """Pixel faces between two regions.

    Attributes
    ----------
    first, second : int32 arrays
        The two regions.
    across : uint8 array
        Axis of the volume, 0 to 2, that each face is perpendicular to.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    across: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class RegionGraph:
    """The regions of an image; region 0 contains all excluded pixels.

    Attributes
    ----------
    label, size, outer : arrays
        As for `BlockRegions`.
    begin : (n + 2,) int64 array
        The pixel faces of region r are ``begin[r]`` to ``begin[r + 1] - 1``. Faces between two regions that
        are not small are omitted.
    neighbor : int array
        Region on the other side of each face.
    across : uint8 array
        Axis of the volume, 0 to 2, that each face is perpendicular to.
    members : list of int arrays
        For each block, the region of the image that each region of the block belongs to.
    """

    label: NDArray[np.uint8]
    size: NDArray[np.int64]
    outer: NDArray[np.bool_]
    begin: NDArray[np.int64]
    neighbor: Ids
    across: NDArray[np.uint8]
    members: list[Ids]


def number_regions(labels: NDArray[np.uint8], include: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the regions of a block from 1; return the numbers, 0 for excluded pixels, and the largest."""
    volume = as_volume(labels)
    ids = np.empty(volume.shape, dtype=np.int32)
    n_regions = kernels.number_regions(volume, as_volume(include), ids)
    return ids, n_regions


def block_regions(
    labels: NDArray[np.uint8], include: NDArray[np.bool_], seams: Sequence[tuple[bool, bool]], limit: int
) -> BlockRegions:
    """Find the regions of a block.

    Parameters
    ----------
    labels : uint8 array
        With 1 to 3 axes.
    include : bool array
        Pixels that are not excluded.
    seams : sequence of (low, high)
        For each axis, whether there is another block on this side.
    limit : int
        Regions of fewer pixels are small.
    """
    ids, n_regions = number_regions(labels, include)
    n_added = 3 - labels.ndim
    at_border = np.zeros((3, 2), dtype=bool)
    at_border[n_added:] = ~np.array(seams)
    label = np.zeros(n_regions + 1, dtype=np.uint8)
    size = np.zeros(n_regions + 1, dtype=np.int64)
    outer = np.zeros(n_regions + 1, dtype=bool)
    n_faces = kernels.measure_regions(as_volume(labels), ids, at_border, label, size, outer)
    first, second = np.empty(n_faces, dtype=np.int32), np.empty(n_faces, dtype=np.int32)
    across = np.empty(n_faces, dtype=np.uint8)
    n = kernels.list_faces(ids, size < limit, first, second, across)
    sides = {
        (axis, side): np.take(ids, -side, axis=n_added + axis).reshape(-1)  # a copy, so `ids` is released
        for axis, sides_with_seam in enumerate(seams)
        for side, is_seam in enumerate(sides_with_seam)
        if is_seam
    }
    return BlockRegions(
        label, size, outer, Faces(first[:n].copy(), second[:n].copy(), across[:n].copy()), sides
    )


def region_graph(blocks: Sequence[BlockRegions], grid: Sequence[int], limit: int) -> RegionGraph:
    """Combine the regions of all blocks.

    Parameters
    ----------
    blocks : sequence of BlockRegions
        In C order of the grid of blocks.
    grid : sequence of int
        Number of blocks along each axis.
    limit : int
        Regions of fewer pixels are small.
    """
    # Nodes are the regions of all blocks, one block after the other; node 0 is for excluded pixels.
    starts = np.cumsum([0] + [block.label.size - 1 for block in blocks]).tolist()
    n_nodes = starts[-1] + 1
    label, size, outer = (
        np.concatenate([np.zeros(1, dtype)] + [getattr(block, name)[1:] for block in blocks])
        for name, dtype in (("label", np.uint8), ("size", np.int64), ("outer", bool))
    )
    region = np.arange(n_nodes, dtype=np.int32 if n_nodes < 1 << 31 else np.int64)
    for low, high, axis in _seams(grid):
        a, b = blocks[low].sides[axis, 1], blocks[high].sides[axis, 0]
        kernels.join_seam(a, b, starts[low], starts[high], label, region, outer)
    n_regions = kernels.number_roots(region)
    graph_label = np.zeros(n_regions, dtype=np.uint8)
    graph_size = np.zeros(n_regions, dtype=np.int64)
    graph_outer = np.zeros(n_regions, dtype=bool)
    kernels.combine_nodes(region, label, size, outer, graph_label, graph_size, graph_outer)
    graph_outer[0] = True
    small = graph_size < limit
    begin = np.zeros(n_regions + 1, dtype=np.int64)
    for faces, start_first, start_second in _all_faces(blocks, grid, starts):
        kernels.count_faces(faces.first, faces.second, start_first, start_second, region, small, begin[1:])
    np.cumsum(begin, out=begin)
    neighbor, across = np.empty(begin[-1], dtype=region.dtype), np.empty(begin[-1], dtype=np.uint8)
    end = begin[:-1].copy()
    for faces, start_first, start_second in _all_faces(blocks, grid, starts):
        kernels.add_faces(
            faces.first,
            faces.second,
            faces.across,
            start_first,
            start_second,
            region,
            small,
            end,
            neighbor,
            across,
        )
    members = [np.concatenate([region[:1], region[a + 1 : b + 1]]) for a, b in pairwise(starts)]
    return RegionGraph(graph_label, graph_size, graph_outer, begin, neighbor, across, members)


def _seams(grid: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the numbers of each pair of adjacent blocks, and the axis along which they are adjacent."""
    numbers = np.arange(np.prod(grid)).reshape(grid)
    for axis in range(len(grid)):
        along = np.moveaxis(numbers, axis, 0)
        for low, high in zip(along[:-1].ravel().tolist(), along[1:].ravel().tolist(), strict=True):
            yield low, high, axis


def _all_faces(
    blocks: Sequence[BlockRegions], grid: Sequence[int], starts: Sequence[int]
) -> Iterator[tuple[Faces, int, int]]:
    """Yield the faces in and between blocks, and the node before the first region of each block."""
    for block, start in zip(blocks, starts, strict=False):
        yield block.faces, start, start
    for low, high, axis in _seams(grid):
        a, b = blocks[low].sides[axis, 1], blocks[high].sides[axis, 0]
        across = np.full(a.size, 3 - len(grid) + axis, dtype=np.uint8)
        yield Faces(a, b, across), starts[low], starts[high]


def merge_small_regions(
    graph: RegionGraph,
    label: NDArray[np.uint8],
    limit: int,
    areas: NDArray[np.int64],
    check: Callable[[], None],
) -> None:
    """Give regions of fewer than `limit` pixels the label that they share the longest border with, in place.

    Only borders with large enough regions count; the lower label wins a tie. A region without such a border
    is tried again after one of its neighbours has been merged. So each small region is merged, unless no
    large region can be reached from it.

    Parameters
    ----------
    graph : RegionGraph
    label : uint8 array
        Label of each region.
    limit : int
    areas : (3,) int64 array
        Area of a pixel face across each axis of a volume.
    check : callable
        Called after each round; may raise to stop.
    """
    pending = graph.size < limit
    pending[0] = False
    merged = np.where(pending, np.int16(-1), label)
    queued = np.zeros(pending.size, dtype=bool)
    queue = np.flatnonzero(pending)
    following = np.empty_like(queue)
    while queue.size:
        check()
        queue = kernels.merge_round(
            graph.begin, graph.neighbor, graph.across, areas, queue, queued, following, merged
        )
    np.copyto(label, merged, where=merged >= 0, casting="unsafe")


def fill_holes(graph: RegionGraph, label: NDArray[np.uint8], limit: int, check: Callable[[], None]) -> None:
    """Fill holes of fewer than `limit` pixels, in place.

    A hole of a label is a connected set of pixels of other labels that is surrounded by that label: it
    touches neither the border of the image nor an excluded pixel.

    One pass over the labels is enough. After the pass for label c, each remaining connected set of other
    labels has at least `limit` pixels or touches an excluded pixel or the border. The pass for another label
    can only enlarge such a set: it takes pixels from c, or moves them from one other label to another. Pixels
    taken from c do not form a new set, because all touch the label around them.

    Parameters
    ----------
    graph, label, limit, check
        As for `merge_small_regions`.
    """
    # A set that touches a large or an outer region is not a hole.
    inner = (graph.size < limit) & ~graph.outer
    visited = np.full(inner.size, -1, dtype=np.int16)
    stack = np.empty(np.count_nonzero(inner), dtype=np.int64)
    for filler in np.unique(label[1:]).tolist() if stack.size else []:
        check()
        kernels.fill_holes_with(
            filler, graph.begin, graph.neighbor, graph.size, inner, limit, visited, stack, label
        )
