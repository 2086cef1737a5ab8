from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.blocks import loop as blocks
from napari_kmeans.blocks.loop import Cancelled, boxes, run, splitmix64, windows
from napari_kmeans.blocks.pixels import Pixels


@settings(deadline=None)
@given(st.lists(st.integers(1, 7), min_size=0, max_size=4), st.integers(1, 100))
def test_boxes_cover_every_pixel_once(shape, n_pixels):
    seen = np.zeros(shape, dtype=int)
    for box in boxes(shape, n_pixels):
        seen[box] += 1
        assert seen[box].size <= n_pixels
    assert (seen == 1).all()


def test_boxes_of_a_contiguous_image_are_contiguous():
    image = np.zeros((7, 50, 60))
    assert all(image[box].flags.c_contiguous for box in boxes(image.shape, 60 * 8))


def test_nothing_has_no_boxes():
    assert boxes((3, 0, 2)) == []


def test_a_large_image_has_a_few_blocks_for_each_thread(monkeypatch):
    monkeypatch.setattr(blocks, "N_THREADS", 2)
    assert 4 <= len(boxes((2048, 2048))) <= 16
    assert len(boxes((512, 512))) == 1
    assert max(np.prod([s.stop - s.start for s in box]) for box in boxes((1 << 14, 1 << 14))) <= 1 << 22


@pytest.mark.parametrize("shape", [(5_000_000,), (2000, 3000), (7, 900, 1000), (2, 3, 1000, 900)])
def test_windows_lie_all_over_a_large_image(shape):
    cut = windows(shape)
    assert all(
        0 <= side.start < side.stop <= size for box in cut for side, size in zip(box, shape, strict=True)
    )
    n_pixels = sum(int(np.prod([side.stop - side.start for side in box])) for box in cut)
    assert 1 << 14 <= n_pixels <= 1 << 18
    longest = int(np.argmax(shape))
    assert len({8 * box[longest].start // shape[longest] for box in cut}) >= 5
    assert windows(shape) == cut


def test_windows_of_a_small_image_are_all_of_it():
    assert sum(image.size for box in windows((300, 200)) for image in [np.zeros((300, 200))[box]]) == 60_000


def test_splitmix64_is_the_published_one():
    # First outputs of the reference implementation with state 0: its state grows by the constant at each.
    assert splitmix64(np.zeros(1, dtype=np.uint64)).tolist() == [0xE220A8397B1DCDAF]


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_results_come_in_order_and_progress_with_them(monkeypatch, n_threads):
    monkeypatch.setattr(blocks, "N_THREADS", n_threads)
    told = []
    cut = boxes((40,), 1)
    assert list(run(lambda box: box[0].start, cut, told.append)) == list(range(40))
    assert told == [(i + 1) / 40 for i in range(40)]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_cancelling_begins_no_further_block(monkeypatch, n_threads):
    monkeypatch.setattr(blocks, "N_THREADS", n_threads)
    begun = []

    def cancel(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        list(run(begun.append, boxes((1000,), 1), cancel))
    n_begun = len(begun)
    assert n_begun <= 2 * n_threads + 1
    assert list(run(lambda box: 1, boxes((3,), 1))) == [1, 1, 1]
    assert len(begun) == n_begun


@pytest.mark.parametrize("n_threads", [1, 2])
def test_what_fails_in_a_block_is_raised_here(monkeypatch, n_threads):
    monkeypatch.setattr(blocks, "N_THREADS", n_threads)

    def fail(box):
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(run(fail, boxes((10,), 1)))


def test_several_threads_work_at_once(monkeypatch):
    monkeypatch.setattr(blocks, "N_THREADS", 2)
    both = threading.Barrier(2, timeout=30)
    list(run(lambda box: both.wait(), boxes((2,), 1)))


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"channel_axis": 3}, ValueError, "channel_axis=3 is out of range for an image of 3 dimensions"),
        ({"channel_axis": -4}, ValueError, "channel_axis=-4 is out of range"),
        ({"channel_axis": True}, TypeError, "channel_axis must be an int or None"),
        ({"channel_axis": "c"}, TypeError, "channel_axis must be an int or None, not 'c'"),
        ({"channel_axis": 0}, ValueError, "channel_axis holds 4 channels|channel_axis holds 5 channels"),
        ({"mask": np.ones((5, 6), bool)}, ValueError, r"mask has shape \(5, 6\).*\(5, 6, 3\)"),
        ({"features": "hue"}, ValueError, "features='hue' is not known"),
    ],
)
def test_arguments_that_do_not_fit_are_named(kwargs, error, message):
    with pytest.raises(error, match=message):
        Pixels.of(np.zeros((5, 6, 3), np.uint8), **kwargs)


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match="holds no pixel"):
        Pixels.of(np.zeros((0, 4)))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_the_channel_axis_may_be_any(axis):
    colours = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    pixels = Pixels.of(np.moveaxis(colours, -1, axis), channel_axis=axis)
    assert pixels.shape == (4, 5)
    values, _ = pixels.read((slice(None), slice(None)))
    assert np.array_equal(values, colours @ np.array([2125, 7154, 721]))


@pytest.mark.parametrize("shape", [(), (7,), (300, 5), (64, 64), (9, 40, 33)])
@pytest.mark.parametrize("n_pixels", [1, 50, 10**6])
def test_tiles_cover_an_image_once(shape, n_pixels):
    count = np.zeros(shape, dtype=int)
    for box in blocks.tiles(shape, n_pixels):
        part = count[(*box, ...)]
        part += 1
        assert part.size <= n_pixels
    assert (count == 1).all()


def test_features_that_look_at_neighbours_are_read_in_nearly_square_blocks():
    image = np.zeros((4096, 4096), dtype=np.uint8)
    sides = {
        tuple(side.stop - side.start for side in box)
        for box in blocks.boxes_of(Pixels.of(image, features="texture"))
    }
    assert sides == {(256, 512)}
    assert {box[1].stop - box[1].start for box in blocks.boxes_of(Pixels.of(image))} == {4096}
