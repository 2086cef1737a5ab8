from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.blocks.boxes import (
    add_halo,
    box_size,
    even_lengths,
    grid_boxes,
    hashed_boxes,
    row_boxes,
    sampled_windows,
    tile_chunks,
)


@settings(deadline=None)
@given(st.lists(st.integers(1, 7), min_size=0, max_size=4), st.integers(1, 100))
def test_row_boxes_cover_every_pixel_once(shape, n_pixels):
    seen = np.zeros(shape, dtype=int)
    for box in row_boxes(shape, n_pixels):
        seen[box] += 1
        assert seen[box].size <= n_pixels
    assert (seen == 1).all()


def test_row_boxes_of_a_contiguous_image_are_contiguous():
    image = np.zeros((7, 50, 60))
    assert all(image[box].flags.c_contiguous for box in row_boxes(image.shape, 60 * 8))


def test_an_empty_image_has_no_boxes():
    assert row_boxes((3, 0, 2), 10) == []


def test_row_boxes_never_cut_a_chunk():
    chunks = ((100, 30, 70), (64,) * 5, (8, 8))
    cut = row_boxes((200, 320, 16), 40_000, chunks)
    seen = np.zeros((200, 320, 16), dtype=int)
    ends = [{0, *np.cumsum(side).tolist()} for side in chunks]
    for box in cut:
        seen[box] += 1
        assert all({side.start, side.stop} <= end for side, end in zip(box, ends, strict=True))
    assert (seen == 1).all()
    # As large as allowed, but not smaller than a chunk.
    assert max(seen[box].size for box in cut) <= 100 * 64 * 16
    assert len(row_boxes((200, 320, 16), 1 << 30, chunks)) == 1


@pytest.mark.parametrize("shape", [(), (7,), (300, 5), (64, 64), (9, 40, 33)])
@pytest.mark.parametrize("n_pixels", [1, 50, 10**6])
def test_tiles_cover_every_pixel_once(shape, n_pixels):
    count = np.zeros(shape, dtype=int)
    for box in grid_boxes(tile_chunks(shape, n_pixels)):
        part = count[(*box, ...)]
        part += 1
        assert part.size <= n_pixels
    assert (count == 1).all()


@pytest.mark.parametrize("shape", [(5_000_000,), (2000, 3000), (7, 900, 1000), (2, 3, 1000, 900)])
def test_sampled_windows_are_spread_over_a_large_image(shape):
    cut = sampled_windows(shape)
    assert all(
        0 <= side.start < side.stop <= size for box in cut for side, size in zip(box, shape, strict=True)
    )
    n_pixels = sum(int(np.prod([side.stop - side.start for side in box])) for box in cut)
    assert 1 << 14 <= n_pixels <= 1 << 18
    longest = int(np.argmax(shape))
    assert len({8 * box[longest].start // shape[longest] for box in cut}) >= 5
    assert sampled_windows(shape) == cut


def test_hashed_boxes_have_the_given_sides_and_may_lie_anywhere():
    boxes = hashed_boxes((4, 100), (4, 10), 2000)
    assert boxes[:50] == hashed_boxes((4, 100), (4, 10), 50)
    assert {(rows.start, rows.stop) for rows, _ in boxes} == {(0, 4)}
    assert {columns.stop - columns.start for _, columns in boxes} == {10}
    assert {columns.start for _, columns in boxes} == set(range(91))


def test_a_small_image_has_no_sampled_windows():
    assert sampled_windows((300, 200)) is None
    assert sampled_windows(()) is None
    assert sampled_windows((512, 513)) is not None


@pytest.mark.parametrize("shape", [(100, 100), (64, 1000), (7, 40, 33)])
def test_tiles_have_sides_of_similar_length(shape):
    n_pixels = 500
    tiles = tile_chunks(shape, n_pixels)
    sides = sorted((side[0] for side, size in zip(tiles, shape, strict=True) if side[0] < size), reverse=True)
    assert sides[0] <= 2 * sides[-1]


def test_even_lengths_leave_the_rest_to_the_last_part():
    assert even_lengths(10, 4) == (4, 4, 2)
    assert even_lengths(8, 4) == (4, 4)
    assert even_lengths(3, 4) == (3,)


def test_grid_boxes_follow_the_chunks_in_c_order():
    boxes = grid_boxes([(2, 1), (3,), (1, 4)])
    assert boxes == [
        (slice(0, 2), slice(0, 3), slice(0, 1)),
        (slice(0, 2), slice(0, 3), slice(1, 5)),
        (slice(2, 3), slice(0, 3), slice(0, 1)),
        (slice(2, 3), slice(0, 3), slice(1, 5)),
    ]
    assert [box_size(box) for box in boxes] == [6, 24, 3, 12]
    assert grid_boxes(()) == [()]


def test_a_halo_widens_a_box_as_far_as_the_image_extends():
    box = (slice(2, 5), slice(0, 4))
    outer, crop = add_halo(box, (20, 6), (3, 3))
    assert outer == (slice(0, 8), slice(0, 6))
    assert crop == (slice(2, 5, 1), slice(0, 4, 1))
    image = np.arange(120).reshape(20, 6)
    assert np.array_equal(image[outer][crop], image[box])
    assert add_halo(box, (20, 6), (0, 0)) == (box, None)
