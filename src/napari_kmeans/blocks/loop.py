"""The only loop over pixels: blocks of an image, in threads or on a Dask cluster, with progress and cancel.

An image is cut into boxes. A function of one block is run on each, a few at a time, and its results are
handed back in order. That is all there is to the passes of the pipeline, `summarise` and `label`. Whether
blocks lie in memory, in a file or far away is `Pixels`' affair; no more are held than are being worked on.
"""

from __future__ import annotations

import math
import os
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache, partial
from itertools import accumulate, islice, pairwise, product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..features import Scalar, Vector
from ..model.labelling import Labeller, count_labels
from ..summary import color_cells as cells
from ..summary import even_cells, sample
from ..summary.counted_values import LevelsPlan
from ..summary.scalar import Plan, Summary
from ..summary.vector import Cloud
from . import dask_cluster as cluster
from .arrays import is_dask
from .hashing import splitmix64
from .pixels import Block, Box, Frame, Pixels

Progress = Callable[[float], None]
T = TypeVar("T")

BLOCK_PIXELS = 1 << 22
"""Most pixels in a block: cancelling waits for the blocks that are being worked on."""

_LEAST_PIXELS = 1 << 18  # fewer are not worth handing to another thread

_N_WINDOWS, _WINDOW = 16, 1 << 14  # windows to look at, and their pixels

N_THREADS = min(os.cpu_count() or 1, 8)
"""Blocks worked on at the same time."""


class Cancelled(Exception):
    """Raised from a progress callback to stop the work before its next block."""


def boxes(
    shape: Sequence[int], n_pixels: int | None = None, chunks: Sequence[Sequence[int]] | None = None
) -> list[Box]:
    """Cut an array of `shape` into boxes of at most `n_pixels` elements, in C order.

    Trailing axes stay whole as long as they fit, so boxes of a C-contiguous array are contiguous. With
    `chunks`, the lengths of those that the array is kept in along each axis, no chunk is cut: a box may then
    be as large as a chunk, and holds several of small ones.
    """
    if 0 in shape:
        return []
    if n_pixels is None:
        n_pixels = _fair_size(shape)
    cuts: list[list[int]] = []
    least = [1] * len(shape) if chunks is None else [max(side) for side in chunks]
    inner = 1
    for axis in reversed(range(len(shape))):
        outer = math.prod(least[:axis])
        step = max(1, min(shape[axis], n_pixels // (inner * outer)))
        ends = range(1, shape[axis] + 1) if chunks is None else list(accumulate(chunks[axis]))
        cuts.insert(0, _cut(ends, step))
        inner *= max(end - begin for begin, end in pairwise(cuts[0]))
    return [
        tuple(slice(begin, end) for begin, end in sides)
        for sides in product(*(list(pairwise(places)) for places in cuts))
    ]


def _fair_size(shape: Sequence[int]) -> int:
    """Pixels of a block: a few blocks for each thread, so that none is left with the last one alone."""
    fair = math.prod(shape) // (2 * N_THREADS)
    return min(max(fair, _LEAST_PIXELS), BLOCK_PIXELS)


def _cut(ends: Sequence[int], step: int) -> list[int]:
    """Choose where to cut an axis: at some of `ends`, `step` apart where that is possible, else farther."""
    places = [0]
    while places[-1] < ends[-1]:
        next_one = bisect_right(ends, places[-1] + step) - 1
        farther = ends[next_one] if next_one >= 0 else 0
        places.append(farther if farther > places[-1] else ends[bisect_right(ends, places[-1])])
    return places


def size_of(box: Box) -> int:
    """Pixels in a box."""
    return math.prod(side.stop - side.start for side in box)


def windows(shape: Sequence[int]) -> list[Box]:
    """Small boxes all over an array of `shape`, the same whatever its blocks; a small array as a whole.

    Their places are hashed (splitmix64), so that no pattern in the image can keep in step with them.
    """
    sides, left = list(shape), _WINDOW
    for n, axis in enumerate(sorted(range(len(shape)), key=shape.__getitem__)):
        sides[axis] = min(shape[axis], max(1, int(left ** (1 / (len(shape) - n)))))
        left //= sides[axis]
    if np.prod(shape, dtype=np.int64) <= _N_WINDOWS * np.prod(sides, dtype=np.int64):
        return boxes(shape)
    places = splitmix64(np.arange(_N_WINDOWS * len(shape), dtype=np.uint64)).reshape(_N_WINDOWS, -1)
    corners = (places % (np.array(shape) - sides + 1).astype(np.uint64)).tolist()
    return [tuple(slice(at, at + side) for at, side in zip(corner, sides, strict=True)) for corner in corners]


def run(function: Callable[[Box], T], boxes: Sequence[Box], progress: Progress | None = None) -> Iterator[T]:
    """Yield ``function(box)`` for each box, in order, computed by a few threads.

    Parameters
    ----------
    function : callable
        Safe to call from several threads at once.
    boxes : sequence of boxes
    progress : callable, optional
        Called on this thread with the share done, 0 to 1, after each box. What it raises, `Cancelled` for
        one, ends the work: no further box is begun.
    """
    if len(boxes) == 1 or N_THREADS == 1:
        for done, box in enumerate(boxes, start=1):
            yield function(box)
            if progress is not None:
                progress(done / len(boxes))
        return
    pool = _pool(N_THREADS)
    waiting: deque[Future[T]] = deque()
    todo = iter(boxes)
    try:
        for done in range(1, len(boxes) + 1):
            # Two for each thread keep all of them busy and bound the results held in memory.
            for box in islice(todo, 2 * N_THREADS - len(waiting)):
                waiting.append(pool.submit(function, box))
            yield waiting.popleft().result()
            if progress is not None:
                progress(done / len(boxes))
    finally:
        for future in waiting:
            future.cancel()
        wait(waiting)


def over_blocks(
    function: Callable[[Block], T], pixels: Pixels, boxes: Sequence[Box], progress: Progress | None = None
) -> Iterator[T]:
    """Yield ``function(block)`` for the block in each box, in order; see `run`.

    Images that are not in memory are read where the work is done: on the Dask cluster that is in use, if
    there is one, so that nothing but results travels. `function` must be possible to pickle for that.
    """
    client = None if pixels.chunks is None else cluster.current_client()
    if client is None:
        return run(lambda box: function(pixels.load(box)), boxes, progress)
    return cluster.run(client, function, pixels, boxes, progress)


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Threads kept for the next run: starting them takes as long as a small image."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="napari-kmeans")


def boxes_of(pixels: Pixels) -> list[Box]:
    """Boxes of an image, along its chunks if it has any.

    Where neighbours are looked at, boxes are as square as can be, so that as few as possible are read twice.
    """
    stored = pixels.stored
    n_values = 1 if isinstance(stored, Scalar) else stored.n_features
    n_pixels = min(_fair_size(pixels.shape), BLOCK_PIXELS // max(n_values // 4, 1))
    if any(pixels.halo):
        n_pixels = min(n_pixels, BLOCK_PIXELS // (2 * n_values))
        if pixels.chunks is None:
            return tiles(pixels.shape, n_pixels)
    return boxes(pixels.shape, n_pixels, pixels.chunks)


def tiles(shape: Sequence[int], n_pixels: int) -> list[Box]:
    """Cut an array of `shape` into boxes of at most `n_pixels` elements, with sides about equally long."""
    sides = list(shape)
    while math.prod(sides) > max(n_pixels, 1):
        longest = sides.index(max(sides))
        sides[longest] = -(-sides[longest] // 2)
    cuts = [_lengths(size, side) for size, side in zip(shape, sides, strict=True)]
    return boxes(shape, n_pixels=1, chunks=cuts)


def _lengths(size: int, side: int) -> list[int]:
    """Lengths of the parts that an axis is cut into."""
    return [min(side, size - at) for at in range(0, size, side)]


def summarise(pixels: Pixels, progress: Progress | None = None, *, estimate: bool = False) -> Summary | Cloud:
    """Read all pixels, once or a few times, into weighted points.

    Parameters
    ----------
    pixels : Pixels
    progress : callable, optional
    estimate : bool
        Read no more than the `windows` of the image: some 10^5 pixels, whatever its size.

    Returns
    -------
    Summary, or Cloud for several features

    Raises
    ------
    ValueError
        If there is no finite pixel to count.
    """
    state: Plan | Summary | Cloud = _first_plan(pixels)
    while not isinstance(state, Summary | Cloud):
        cut = windows(pixels.shape) if estimate or state.looks_only else boxes_of(pixels)
        counts: Any = None
        for block in over_blocks(state.count_block, pixels, cut, progress):
            counts = block if counts is None else state.merge(counts, block)
        state = state.next(counts)
    if not state.counts.size:
        raise ValueError(
            "image has no pixel to cluster: all are NaN, infinite, transparent or outside the mask, "
            "or have an excluded value"
        )
    return state


def seconds_of_a_pass(pixels: Pixels) -> float:
    """Guess how long reading all of an image takes, by reading one block from its middle."""
    cut = boxes_of(pixels)
    begin = time.perf_counter()
    pixels.read(cut[len(cut) // 2])
    return (time.perf_counter() - begin) * len(cut) / N_THREADS


def _first_plan(pixels: Pixels) -> Plan:
    stored = pixels.stored
    if isinstance(stored, Vector):
        return sample.SamplePlan(stored) if stored.sampled else cells.first_plan(stored)
    return LevelsPlan(stored) if stored.dtype.itemsize <= 2 else even_cells.first_plan(stored, pixels.size)


def label(
    pixels: Pixels, label_block: Labeller, progress: Progress | None = None, *, n_counted: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Label every pixel, in memory.

    Parameters
    ----------
    pixels : Pixels
    label_block : callable
        Writes the labels of one block.
    progress : callable, optional
    n_counted : int
        Count the pixels of labels 1 to this one, infinite ones too.

    Returns
    -------
    labels : uint8 array
        Of the spatial shape.
    counts : (n_counted,) int64 array
    """
    labels = np.empty(pixels.shape, dtype=np.uint8)

    def write(box: Box) -> NDArray[np.int64]:
        view: tuple[Any, ...] = (*box, ...)  # the ellipsis, for an image without dimensions
        out = labels[view]
        label_block(*pixels.read(box), out)
        return count_labels(out, n_counted)

    total = np.zeros(n_counted, dtype=np.int64)
    for counts in run(write, boxes_of(pixels), progress):
        total += counts
    return labels, total


def count(
    pixels: Pixels,
    label_block: Labeller,
    n_counted: int,
    progress: Progress | None = None,
    *,
    infinite: bool = False,
) -> NDArray[np.int64]:
    """Count the pixels of labels 1 to `n_counted` without keeping labels: int64 array.

    Infinite ones are counted too; with `infinite`, these alone.
    """
    total = np.zeros(n_counted, dtype=np.int64)
    work = partial(_count_labels, label_block, n_counted, infinite)
    for counts in over_blocks(work, pixels, boxes_of(pixels), progress):
        total += counts
    return total


def _count_labels(label_block: Labeller, n_counted: int, infinite: bool, block: Block) -> NDArray[np.int64]:
    if not infinite:
        return count_labels(labels_of(block, label_block), n_counted)
    values, _ = block.values()
    finite = np.isfinite(values)
    if finite.all():
        return np.zeros(n_counted, dtype=np.int64)
    if values.ndim > len(block.shape):
        finite = finite.all(axis=-1)
    return count_labels(np.where(finite, np.uint8(0), labels_of(block, label_block)), n_counted)


def labels_of(block: Block, label_block: Labeller) -> NDArray[np.uint8]:
    """Labels of one block: uint8 array of its shape."""
    values, include = block.values()
    labels = np.empty(values.shape[: len(block.shape)], dtype=np.uint8)
    label_block(values, include, labels)
    return labels


def label_lazily(pixels: Pixels, label_block: Labeller) -> Any:
    """Labels of an image that is not in memory, as a dask array of uint8 with the same chunks.

    Nothing is read before somebody asks for a part of it.
    """
    import dask.array as da

    chunks = pixels.chunks
    assert chunks is not None
    image, mask = pixels.image, pixels.mask
    if pixels.n_channels is not None:
        image = image.rechunk({image.ndim - 1: -1})
    if mask is not None:
        mask = mask.rechunk(chunks) if is_dask(mask) else da.from_array(mask, chunks=chunks)
    make = partial(_label_chunk, label_block=label_block, frame=pixels.frame)
    halo = pixels.halo
    if any(halo):
        # Chunks are made as large as the halo where they are not, and cut as before at the end.
        image = da.overlap.overlap(image, depth=dict(enumerate(halo)), boundary="none")
        chunks = tuple(
            tuple(n - width * ((i > 0) + (i < len(side) - 1)) for i, n in enumerate(side))
            for side, width in zip(image.chunks[: len(halo)], halo, strict=True)
        )
        mask = None if mask is None else mask.rechunk(chunks)
    labels = da.map_blocks(
        make,
        image,
        *(() if mask is None else (mask[(..., *([np.newaxis] * (pixels.n_channels is not None)))],)),
        dtype=np.uint8,
        chunks=chunks,
        drop_axis=[] if pixels.n_channels is None else [image.ndim - 1],
        meta=np.empty((0,) * len(pixels.shape), dtype=np.uint8),
    )
    return labels if labels.chunks == pixels.chunks else labels.rechunk(pixels.chunks)


def _label_chunk(
    image: NDArray[Any],
    mask: NDArray[Any] | None = None,
    *,
    label_block: Labeller,
    frame: Frame,
    block_info: Any = None,
) -> NDArray[np.uint8]:
    """Label one chunk of `label_lazily`, which comes with its halo."""
    box = tuple(slice(begin, end) for begin, end in block_info[None]["array-location"])
    if mask is not None and frame.n_channels is not None:
        mask = mask[..., 0]
    return labels_of(frame.block(box, image, mask), label_block)
