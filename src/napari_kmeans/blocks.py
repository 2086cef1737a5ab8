"""The only loop over pixels: blocks of an image, in threads, with progress and cancel.

An image is cut into boxes. A function of one box is run on each, a few at a time, and its results are handed
back in order. That is all there is to the two passes of the pipeline, `summarise` and `label`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import islice, product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .labelling import Labeller, count_labels
from .pixels import Box, Pixels
from .summary import Plan, Summary, first_plan

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


def boxes(shape: Sequence[int], n_pixels: int | None = None) -> list[Box]:
    """Cut an array of `shape` into boxes of at most `n_pixels` elements, in C order.

    Trailing axes stay whole as long as they fit, so boxes of a C-contiguous array are contiguous.
    """
    if 0 in shape:
        return []
    if n_pixels is None:
        # A few blocks for each thread, so that none is left with the last one alone.
        fair = int(np.prod(shape, dtype=np.int64)) // (2 * N_THREADS)
        n_pixels = min(max(fair, _LEAST_PIXELS), BLOCK_PIXELS)
    steps = list(shape)
    inner = 1
    for axis in reversed(range(len(shape))):
        steps[axis] = max(1, min(shape[axis], n_pixels // inner))
        inner *= steps[axis]
    return [
        tuple(slice(at, min(at + step, size)) for at, step, size in zip(corner, steps, shape, strict=True))
        for corner in product(*(range(0, size, step) for size, step in zip(shape, steps, strict=True)))
    ]


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


def splitmix64(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash whole numbers into ones that look random, each apart from the others.

    References
    ----------
    .. [1] G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA
           2014.
    """
    z = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


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


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Threads kept for the next run: starting them takes as long as a small image."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="napari-kmeans")


def summarise(pixels: Pixels, progress: Progress | None = None) -> Summary:
    """Read all pixels, once or a few times, into weighted points.

    Raises
    ------
    ValueError
        If there is no finite pixel to count.
    """
    state: Plan | Summary = first_plan(pixels.scalar, pixels.size)
    while not isinstance(state, Summary):
        plan = state

        def count(box: Box, plan: Plan = plan) -> NDArray[np.int64]:
            return plan.count(*pixels.read(box))

        counts: NDArray[np.int64] | None = None
        for block in run(count, (windows if plan.looks_only else boxes)(pixels.shape), progress):
            counts = block if counts is None else np.add(counts, block, out=counts)
        assert counts is not None  # an image has at least one block
        state = plan.next(counts)
    if not state.counts.size:
        raise ValueError(
            "image has no pixel to cluster: all are NaN, infinite, transparent or outside the mask"
        )
    return state


def label(
    pixels: Pixels,
    label_block: Labeller,
    progress: Progress | None = None,
    *,
    count: int = 0,
    keep: bool = True,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Label every pixel.

    Parameters
    ----------
    pixels : Pixels
    label_block : callable
        Writes the labels of one block.
    progress : callable, optional
    count : int
        Count the pixels of labels 1 to this one, infinite ones too.
    keep : bool
        Keep the labels, and not their counts alone.

    Returns
    -------
    labels : uint8 array
        Of the spatial shape; empty unless `keep`.
    counts : (count,) int64 array
    """
    labels = np.empty(pixels.shape if keep else 0, dtype=np.uint8)

    def write(box: Box) -> NDArray[np.int64]:
        values, include = pixels.read(box)
        view: tuple[Any, ...] = (*box, ...)  # the ellipsis, for an image without dimensions
        out = labels[view] if keep else np.empty(values.shape, dtype=np.uint8)
        label_block(values, include, out)
        return count_labels(out, count)

    total = np.zeros(count, dtype=np.int64)
    for counts in run(write, boxes(pixels.shape), progress):
        total += counts
    return labels, total


def count_infinities(pixels: Pixels) -> tuple[int, int]:
    """Count the pixels of value -inf, and those of +inf."""

    def count(box: Box) -> tuple[int, int]:
        values, include = pixels.read(box)
        if include is not None:
            values = values[include]
        return int(np.count_nonzero(np.isneginf(values))), int(np.count_nonzero(np.isposinf(values)))

    low, high = zip(*run(count, boxes(pixels.shape)), strict=True)
    return sum(low), sum(high)
