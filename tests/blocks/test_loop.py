from __future__ import annotations

import threading
import time

import dask.array as da
import numpy as np
import pytest

from napari_kmeans.blocks import loop
from napari_kmeans.blocks.boxes import (
    row_boxes,
)
from napari_kmeans.blocks.loop import array_boxes, block_boxes, estimate_seconds, map_blocks, run
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.blocks.progress import Cancelled


def test_a_large_image_has_a_few_blocks_for_each_thread(monkeypatch):
    monkeypatch.setattr(loop, "N_THREADS", 2)
    assert 4 <= len(array_boxes((2048, 2048))) <= 16
    assert len(array_boxes((512, 512))) == 1
    assert max(np.prod([s.stop - s.start for s in box]) for box in array_boxes((1 << 14, 1 << 14))) <= 1 << 22


def test_blocks_with_a_halo_are_nearly_square():
    image = np.zeros((4096, 4096), dtype=np.uint8)
    sides = {
        tuple(side.stop - side.start for side in box)
        for box in block_boxes(Pixels.of(image, features="texture"))
    }
    assert sides == {(512, 512)}
    assert {box[1].stop - box[1].start for box in block_boxes(Pixels.of(image))} == {4096}


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_results_and_progress_come_in_order(monkeypatch, n_threads):
    monkeypatch.setattr(loop, "N_THREADS", n_threads)
    reported = []
    cut = row_boxes((40,), 1)
    assert list(run(lambda box: box[0].start, cut, reported.append)) == list(range(40))
    assert reported == [(i + 1) / 40 for i in range(40)]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_no_block_is_started_after_a_cancel(monkeypatch, n_threads):
    monkeypatch.setattr(loop, "N_THREADS", n_threads)
    begun = []

    def cancel(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        list(run(begun.append, row_boxes((1000,), 1), cancel))
    n_begun = len(begun)
    assert n_begun <= 2 * n_threads + 1
    assert list(run(lambda box: 1, row_boxes((3,), 1))) == [1, 1, 1]
    assert len(begun) == n_begun


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_error_in_a_block_is_raised(monkeypatch, n_threads):
    monkeypatch.setattr(loop, "N_THREADS", n_threads)

    def fail(box):
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(run(fail, row_boxes((10,), 1)))


def test_several_threads_work_at_the_same_time(monkeypatch):
    monkeypatch.setattr(loop, "N_THREADS", 2)
    both = threading.Barrier(2, timeout=30)
    list(run(lambda box: both.wait(), row_boxes((2,), 1)))


def test_nested_runs_do_not_deadlock(monkeypatch):
    monkeypatch.setattr(loop, "N_THREADS", 2)
    cut, found = row_boxes((5,), 1), []

    def count(box):
        return sum(run(lambda inner: 1, cut))

    thread = threading.Thread(target=lambda: found.extend(run(count, cut)), daemon=True)
    thread.start()
    thread.join(30)
    assert found == [5] * 5


@pytest.mark.parametrize("lazy", [False, True])
def test_map_blocks_yields_one_result_per_block(lazy):
    image = np.arange(12 * 10, dtype=np.uint8).reshape(12, 10)
    pixels = Pixels.of(da.from_array(image, chunks=(4, 10)) if lazy else image, mask=image > 20)
    boxes = row_boxes(image.shape, 40)
    shares = []

    def total(block):
        values, include = block.values()
        return int(values[include].sum())

    found = list(map_blocks(total, pixels, boxes, shares.append))
    assert found == [int(image[box][image[box] > 20].sum()) for box in boxes]
    assert shares == [1 / 3, 2 / 3, 1]
    assert sum(map_blocks(total, pixels)) == int(image[image > 20].sum())


def test_the_time_of_a_pass_is_estimated_from_the_block_in_the_middle(monkeypatch):
    monkeypatch.setattr(loop, "N_THREADS", 2)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 100)
    read = []

    def slow(block):
        time.sleep(0.02)
        read.append(int(block[0, 0]))
        return block

    rows = np.repeat(np.arange(100, dtype=np.uint8)[:, np.newaxis], 100, axis=1)
    lazy = da.from_array(rows, chunks=(1, 100)).map_blocks(slow, dtype=np.uint8, meta=rows[:0])
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 100)
    assert 1 <= estimate_seconds(Pixels.of(lazy)) < 10
    assert read == [50]
