"""The regions of a label image as a graph: their sizes, and how long the borders between them are.

A region is a set of pixels of one label, connected by their faces. Blocks are looked at by themselves and
joined at their seams, so no more than a few blocks are held as region numbers, and cutting an image into
blocks can never change a result. All that is decided is decided on the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.integer[Any]]
Pairs = tuple[Ids, Ids, NDArray[np.int64]]  # one region, the other, and the length of their border


@dataclass(frozen=True, eq=False)
class Part:
    """The regions of one block; number 0 stands for all that is excluded.

    Attributes
    ----------
    label : (n + 1,) uint8 array
    size : (n + 1,) int64 array
        Pixels.
    outer : (n + 1,) bool array
        Whether a region touches an excluded pixel or the border of the image.
    borders : three arrays
    faces : mapping of (axis, 0 low or 1 high) to array
        Regions along the sides where another block follows.
    """

    label: NDArray[np.uint8]
    size: NDArray[np.int64]
    outer: NDArray[np.bool_]
    borders: Pairs
    faces: Mapping[tuple[int, int], NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class Graph:
    """The regions of an image; number 0 stands for all that is excluded.

    Attributes
    ----------
    label, size, outer : arrays
        As of `Part`.
    borders : sparse int64 array
        Length of the border between each two regions, unless both have `limit` pixels or more.
    members : list of int arrays
        Region of each region of each part.
    """

    label: NDArray[np.uint8]
    size: NDArray[np.int64]
    outer: NDArray[np.bool_]
    borders: Any
    members: list[NDArray[np.integer[Any]]]


def prepare() -> None:
    """Import what blocks need, which several threads would otherwise do at the same time."""
    import skimage.measure  # noqa: F401


def number_regions(labels: NDArray[np.uint8], include: NDArray[np.bool_] | None) -> NDArray[np.integer[Any]]:
    """Number the regions of a block from 1; 0 is excluded: what is not in `include`, or else label 0."""
    from skimage.measure import label

    if include is not None:
        labels = np.where(include, labels + np.int16(1), np.int16(0))
    return np.asarray(label(labels, background=0, connectivity=1))


def look(
    labels: NDArray[np.uint8],
    include: NDArray[np.bool_] | None,
    seams: Sequence[tuple[bool, bool]],
    weights: Sequence[int],
    limit: int,
) -> Part:
    """Find the regions of a block.

    Parameters
    ----------
    labels : uint8 array
    include : bool array, optional
        Pixels that are not excluded; without it those whose label is not 0.
    seams : sequence of (low, high)
        For each axis whether another block follows on this side.
    weights : sequence of int
        For each axis the area of a pixel's face across it.
    limit : int
        Borders between regions of at least so many pixels are not needed.
    """
    ids = number_regions(labels, include).astype(np.int32)
    size = np.bincount(ids.reshape(-1))
    label = np.zeros(size.size, dtype=np.uint8)
    label[ids] = labels
    label[0] = 0
    outer = np.zeros(size.size, dtype=bool)
    needed = size < limit
    needed[0] = False
    pairs, faces = [], {}
    for axis, sides in enumerate(seams):
        line = np.moveaxis(ids, axis, 0)
        differ = line[:-1] != line[1:]
        a, b = line[:-1][differ], line[1:][differ]
        outer[a[b == 0]] = outer[b[a == 0]] = True
        used = (needed[a] | needed[b]) & (a > 0) & (b > 0)
        pairs.append((a[used], b[used], weights[axis]))
        for side, (face, is_seam) in enumerate(zip((line[0], line[-1]), sides, strict=True)):
            if is_seam:
                faces[axis, side] = face.copy()  # and let go of the block
            else:
                outer[face] = True
    return Part(label, size, outer, _summed(pairs, size.size), faces)


def join(parts: Sequence[Part], grid: Sequence[int], weights: Sequence[int], limit: int) -> Graph:
    """Join the regions of blocks at their seams.

    Parameters
    ----------
    parts : sequence of Part
        In C order of the grid of blocks.
    grid : sequence of int
        Number of blocks along each axis.
    weights, limit
        As of `look`.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_nodes = 1 + sum(part.label.size - 1 for part in parts)
    # Half the memory, where millions of regions have millions of borders.
    number = np.int32 if n_nodes < 1 << 31 else np.int64
    starts = np.cumsum([0] + [part.label.size - 1 for part in parts], dtype=number)
    label, size, outer = (
        np.concatenate([getattr(part, name)[(place > 0) :] for place, part in enumerate(parts)])
        for name in ("label", "size", "outer")
    )
    size[0] = 0
    same: list[tuple[Ids, Ids]] = []
    crossed: list[tuple[Ids, Ids, int]] = []
    numbers = np.arange(len(parts)).reshape(grid).astype(object)  # plain ints
    for axis in range(len(grid)):
        line = np.moveaxis(numbers, axis, 0)
        for low, high in zip(line[:-1].flat, line[1:].flat, strict=True):
            a, b = parts[low].faces[axis, 1].reshape(-1), parts[high].faces[axis, 0].reshape(-1)
            a, b = np.where(a > 0, a + starts[low], 0), np.where(b > 0, b + starts[high], 0)
            outer[a[b == 0]] = outer[b[a == 0]] = True
            both = (a > 0) & (b > 0)
            a, b = a[both], b[both]
            alike = label[a] == label[b]
            same.append((a[alike], b[alike]))
            crossed.append((a[~alike], b[~alike], weights[axis]))
    # Region 0 is that of node 0, which nothing is joined to: they are numbered as they are met.
    a, b = (np.concatenate([starts[:0], *(pair[i] for pair in same)]) for i in (0, 1))
    links = coo_array((np.ones(a.size, dtype=bool), (a, b)), shape=(n_nodes, n_nodes))
    n_regions, region = connected_components(links, directed=False)
    region_label = np.zeros(n_regions, dtype=np.uint8)
    region_label[region] = label
    region_size = np.zeros(n_regions, dtype=np.int64)
    np.add.at(region_size, region, size)
    region_outer = np.zeros(n_regions, dtype=bool)
    region_outer[region[outer]] = True
    region_outer[0] = True
    pairs: list[tuple[Ids, Ids, Any]] = [(region[a], region[b], length) for a, b, length in crossed]
    for start, part in zip(starts, parts, strict=False):
        a, b, lengths = part.borders
        pairs.append((region[a + start], region[b + start], lengths))
    a, b, lengths = _summed(pairs, n_regions)
    del pairs
    used = (region_size[a] < limit) | (region_size[b] < limit)
    borders = coo_array((lengths[used], (a[used], b[used])), shape=(n_regions, n_regions)).tocsr()
    del a, b, lengths, used
    borders = borders + borders.T.tocsr()
    members = [
        np.concatenate([region[:1], region[start + 1 : start + part.label.size]])
        for start, part in zip(starts, parts, strict=False)
    ]
    return Graph(region_label, region_size, region_outer, borders, members)


def absorb(graph: Graph, label: NDArray[np.uint8], limit: int, check: Callable[[], None]) -> None:
    """Give regions of fewer than `limit` pixels the label they have the longest border with, in place.

    Only borders with regions that are large enough count; the lower label of two equal ones is taken. A
    region that has none is looked at again when its neighbours are part of a large one, until nothing
    changes. So each small region becomes part of a large one, unless there is none that it touches even by
    way of others.

    Parameters
    ----------
    graph : Graph
    label : uint8 array
        Of each region.
    limit : int
    check : callable
        Called now and then; may raise to stop.
    """
    from scipy.sparse import coo_array

    settled = graph.size >= limit
    settled[0] = False
    waiting = ~settled
    waiting[0] = False
    regions = np.flatnonzero(waiting)
    while regions.size:
        check()
        rows = graph.borders[regions]
        row = np.repeat(np.arange(regions.size), np.diff(rows.indptr))
        neighbor = rows.indices
        ready = settled[neighbor]
        votes = coo_array(
            (rows.data[ready], (row[ready], label[neighbor[ready]])), shape=(regions.size, 256)
        ).tocsr()
        votes.sum_duplicates()
        chosen = np.flatnonzero(np.diff(votes.indptr))
        if not chosen.size:
            return
        longest = np.zeros(regions.size, dtype=np.int64)
        longest[chosen] = np.maximum.reduceat(votes.data, votes.indptr[chosen])
        voter = np.repeat(np.arange(regions.size), np.diff(votes.indptr))
        best = np.flatnonzero(votes.data == longest[voter])
        _, first = np.unique(voter[best], return_index=True)  # labels ascend within a row
        now = regions[chosen]
        label[now] = votes.indices[best[first]]
        settled[now] = True
        waiting[now] = False
        reached = neighbor[np.isin(row, chosen)] if chosen.size < regions.size else neighbor
        regions = np.unique(reached[waiting[reached]])


def fill(graph: Graph, label: NDArray[np.uint8], limit: int, check: Callable[[], None]) -> None:
    """Fill holes of fewer than `limit` pixels, in place.

    A hole of a label is a connected set of pixels of other labels with that label all around it: it touches
    neither the border of the image nor an excluded pixel.

    One turn over the labels is enough. After that of a label c, each connected set of other labels that is
    left has at least `limit` pixels or touches what is outside. Another label's turn can only make such sets
    larger: it takes pixels away from c, or moves them from one other label to another. None of those taken
    away is a set by itself, since they touch the other label that is around them.

    Parameters
    ----------
    graph, label, limit, check
        As of `absorb`.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # A larger or outer region is never part of a hole, and whatever touches it beside the label is none.
    inner = (graph.size < limit) & ~graph.outer
    nodes = np.flatnonzero(inner)
    place = np.cumsum(inner) - 1
    rows = graph.borders[nodes]
    row = np.repeat(np.arange(nodes.size), np.diff(rows.indptr))
    neighbor = rows.indices
    within = inner[neighbor]
    for filler in np.unique(label[1:]).tolist() if nodes.size else []:
        check()
        other = label[nodes] != filler
        linked = other[row] & (label[neighbor] != filler)
        inside = linked & within
        links = coo_array(
            (np.ones(np.count_nonzero(inside), dtype=bool), (row[inside], place[neighbor[inside]])),
            shape=(nodes.size, nodes.size),
        )
        n_sets, member = connected_components(links, directed=False)
        pixels = np.bincount(member, graph.size[nodes] * other, minlength=n_sets)
        is_hole = pixels < limit
        is_hole[member[row[linked & ~within]]] = False
        label[nodes[other & is_hole[member]]] = filler


def _summed(pairs: Sequence[tuple[Ids, Ids, Any]], n_regions: int) -> Pairs:
    """Add up the borders between the same two regions, each with the lower number first."""
    from scipy.sparse import coo_array

    lengths = np.concatenate([np.broadcast_to(np.int64(length), a.shape) for a, _, length in pairs])
    a, b = (np.concatenate(column) for column in list(zip(*pairs, strict=True))[:2])
    places = (np.minimum(a, b), np.maximum(a, b))
    del a, b
    summed = coo_array((lengths, places), shape=(n_regions, n_regions)).tocsr()
    row = np.repeat(np.arange(n_regions, dtype=summed.indices.dtype), np.diff(summed.indptr))
    return row, summed.indices, summed.data
