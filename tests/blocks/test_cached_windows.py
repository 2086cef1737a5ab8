from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import dask.array as da
import numpy as np

from napari_kmeans.blocks.cached_windows import CachedWindows


def counted(array, chunks):
    """Return a dask array and the list of the locations of the chunks that were read."""
    read = []

    def remember(block, block_info=None):
        read.append(block_info[0]["chunk-location"])
        return block

    meta = np.empty((0,) * array.ndim, array.dtype)
    return da.from_array(array, chunks=chunks).map_blocks(remember, dtype=array.dtype, meta=meta), read


def box(*sides):
    return tuple(slice(*side) for side in sides)


def test_a_window_and_its_parts_are_read_once():
    array = np.arange(60 * 80 * 3).reshape(60, 80, 3)
    lazy, read = counted(array, (60, 80, 3))
    windows = CachedWindows(lazy)
    assert (windows.shape, windows.dtype, windows.ndim, windows.chunks) == (
        (60, 80, 3), array.dtype, 3, ((60,), (80,), (3,))
    )  # fmt: skip
    for part in (box((10, 30), (20, 50)), box((10, 30), (20, 50)), box((12, 30), (20, 21))):
        np.testing.assert_array_equal(windows[part], array[part])
    assert len(read) == 1
    np.testing.assert_array_equal(windows[box((9, 30), (20, 50))], array[9:30, 20:50])
    assert len(read) == 2


def test_threads_may_read_at_the_same_time():
    array = np.random.default_rng(0).normal(size=(40, 50))
    windows = CachedWindows(da.from_array(array, chunks=10))
    boxes = [box((i % 30, i % 30 + 10), (i, i + 5)) for i in range(40)] * 5
    with ThreadPoolExecutor(4) as pool:
        for part, found in zip(boxes, pool.map(windows.__getitem__, boxes), strict=True):
            np.testing.assert_array_equal(found, array[part])
