"""Run a function on each block of an image, in threads or on a Dask cluster: the only loop over pixels."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import islice
from typing import TypeVar

from . import dask_cluster
from .boxes import Box, Chunks, grid_boxes, row_boxes, tile_chunks
from .pixels import Block, Pixels
from .progress import Progress

S = TypeVar("S")
T = TypeVar("T")

BLOCK_PIXELS = 1 << 22
"""Maximum number of pixels in a block. Cancelling waits for the blocks in progress."""

_MIN_PIXELS = 1 << 18  # for smaller blocks, the overhead of a thread outweighs the gain

N_THREADS = min(os.cpu_count() or 1, 8)
"""Number of blocks that are processed at the same time."""

_THREAD_NAMES = "napari-kmeans-blocks"


def run(function: Callable[[S], T], boxes: Sequence[S], progress: Progress | None = None) -> Iterator[T]:
    """Yield ``function(box)`` for each box (or other item), in order, computed by a few threads.

    If `function` itself calls `run`, the inner boxes are computed on its thread: threads that wait for boxes
    could otherwise occupy the whole pool, and these boxes would never start.

    Parameters
    ----------
    function : callable
        Must be safe to call from several threads at once.
    boxes : sequence
    progress : callable, optional
        Called on this thread with the completed share, 0 to 1, after each box. If it raises, no further box
        is started.
    """
    is_nested = threading.current_thread().name.startswith(_THREAD_NAMES)
    if len(boxes) == 1 or N_THREADS == 1 or is_nested:
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
            # Two boxes per thread keep every thread busy and limit the results in memory.
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
    """Return a cached thread pool, because starting threads takes as long as reading a small image."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix=_THREAD_NAMES)


def map_blocks(
    function: Callable[[Block], T],
    pixels: Pixels,
    boxes: Sequence[Box] | None = None,
    progress: Progress | None = None,
) -> Iterator[T]:
    """Yield ``function(block)`` for the block in each box, in order; see `run`.

    If there is a current Dask cluster, its workers read the blocks of a lazy image, so only results are
    transferred. `function` must then be picklable.
    """
    boxes = block_boxes(pixels) if boxes is None else boxes
    client = None if pixels.chunks is None else dask_cluster.current_client()
    if client is None:
        return run(lambda box: function(pixels.load(box)), boxes, progress)
    return dask_cluster.run(client, function, pixels, boxes, progress)


def array_boxes(shape: Sequence[int], chunks: Chunks | None = None) -> list[Box]:
    """Cut an array into boxes of a suitable size, along its chunks if it has any."""
    return row_boxes(shape, _suitable_size(shape), chunks)


def block_boxes(pixels: Pixels) -> list[Box]:
    """Cut an image into boxes of a suitable size: along its chunks, and square if there is a halo."""
    n_values = pixels.value_format.n_features
    least = _MIN_PIXELS if n_values == 1 else _MIN_PIXELS // 4
    n_pixels = min(_suitable_size(pixels.shape, least), BLOCK_PIXELS // max(n_values // 4, 1))
    if any(pixels.halo):
        n_pixels = min(n_pixels, BLOCK_PIXELS // n_values)
        if pixels.chunks is None:
            return grid_boxes(tile_chunks(pixels.shape, n_pixels))
    return row_boxes(pixels.shape, n_pixels, pixels.chunks)


def _suitable_size(shape: Sequence[int], least: int | None = None) -> int:
    """Return a number of pixels per block that is small enough to give each thread a few blocks."""
    least = _MIN_PIXELS if least is None else least
    return min(max(math.prod(shape) // (2 * N_THREADS), least), BLOCK_PIXELS)


def estimate_seconds(pixels: Pixels) -> float:
    """Estimate how long reading an image once takes, by reading the block in its middle."""
    boxes = block_boxes(pixels)
    begin = time.perf_counter()
    pixels.read(boxes[len(boxes) // 2])
    return (time.perf_counter() - begin) * len(boxes) / N_THREADS
