"""Boxes: cut an image into blocks."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise, product, starmap

import numpy as np

from .hashing import splitmix64

Box = tuple[slice, ...]
"""A rectangular part of an image: one slice per spatial axis."""

Chunks = Sequence[Sequence[int]]
"""Chunk lengths along each axis, as in dask."""

_MAX_BOXES = 1 << 22  # a day at 50 blocks per second; the boxes take 1 GB

_N_WINDOWS, _WINDOW_PIXELS = 16, 1 << 14  # of `sampled_windows`, and the pixels of each


def grid_boxes(chunks: Chunks) -> list[Box]:
    """Return the box of each chunk of a grid, in C order."""
    n_boxes = math.prod(map(len, chunks))
    if n_boxes > _MAX_BOXES:
        shape = tuple(map(sum, chunks))
        raise ValueError(
            f"image has shape {shape}, which is {n_boxes:.1g} blocks to read; crop it, or use larger chunks"
        )
    edges = [[0, *accumulate(lengths)] for lengths in chunks]
    return [tuple(starmap(slice, sides)) for sides in product(*map(pairwise, edges))]


def row_boxes(shape: Sequence[int], n_pixels: int, chunks: Chunks | None = None) -> list[Box]:
    """Cut an array into boxes of at most `n_pixels`, keeping trailing axes whole if they fit.

    Boxes of a C-contiguous array are then contiguous.

    Parameters
    ----------
    shape : sequence of int
    n_pixels : int
    chunks : sequence of sequences of int, optional
        Chunks of the array. No chunk is cut: a box holds one or more whole chunks, and exceeds `n_pixels`
        only if a single chunk does.
    """
    if 0 in shape:
        return []
    lengths: list[list[int]] = []
    smallest = [1] * len(shape) if chunks is None else [max(side) for side in chunks]
    inner = 1
    for axis in reversed(range(len(shape))):
        outer = math.prod(smallest[:axis])
        step = max(1, min(shape[axis], n_pixels // (inner * outer)))
        ends = range(1, shape[axis] + 1) if chunks is None else list(accumulate(chunks[axis]))
        lengths.insert(0, _cut(ends, step))
        inner *= max(lengths[0])
    return grid_boxes(lengths)


def _cut(ends: Sequence[int], step: int) -> list[int]:
    """Cut an axis at some of `ends`, at most `step` apart where possible; return the lengths."""
    cuts = [0]
    while cuts[-1] < ends[-1]:
        i = bisect_right(ends, cuts[-1] + step) - 1
        farthest = ends[i] if i >= 0 else 0
        cuts.append(farthest if farthest > cuts[-1] else ends[bisect_right(ends, cuts[-1])])
    return [end - begin for begin, end in pairwise(cuts)]


def tile_chunks(shape: Sequence[int], n_pixels: int) -> tuple[tuple[int, ...], ...]:
    """Cut an array into tiles of at most `n_pixels`, with sides of similar length.

    Square tiles have fewer pixels near their border than long ones, so halos cost less.

    Returns
    -------
    tuple of tuples of int
        Lengths of the tiles along each axis.
    """
    sides = list(shape)
    while math.prod(sides) > max(n_pixels, 1):
        longest = sides.index(max(sides))
        sides[longest] = -(-sides[longest] // 2)
    return tuple(even_lengths(size, side) for size, side in zip(shape, sides, strict=True))


def even_lengths(size: int, side: int) -> tuple[int, ...]:
    """Cut an axis of `size` pixels into parts of `side`; the last part may be shorter."""
    return tuple(min(side, size - begin) for begin in range(0, size, side))


def box_size(box: Box) -> int:
    """Return the number of pixels in a box."""
    return math.prod(side.stop - side.start for side in box)


def sampled_windows(shape: Sequence[int]) -> list[Box] | None:
    """Return small boxes spread over a large array, or None if they would cover most of it.

    Their positions are hashed, so they depend on the shape alone and no periodic pattern aligns with them.
    """
    sides, left = list(shape), _WINDOW_PIXELS
    for n, axis in enumerate(sorted(range(len(shape)), key=shape.__getitem__)):
        sides[axis] = min(shape[axis], max(1, int(left ** (1 / (len(shape) - n)))))
        left //= sides[axis]
    if math.prod(shape) <= _N_WINDOWS * math.prod(sides):
        return None
    return hashed_boxes(shape, sides, _N_WINDOWS)


def hashed_boxes(shape: Sequence[int], sides: Sequence[int], n_boxes: int) -> list[Box]:
    """Return boxes with sides of these lengths, at hashed positions in an array of this shape."""
    hashes = splitmix64(np.arange(n_boxes * len(shape), dtype=np.uint64)).reshape(n_boxes, -1)
    corners = (hashes % (np.array(shape) - sides + 1).astype(np.uint64)).tolist()
    return [
        tuple(slice(begin, begin + side) for begin, side in zip(corner, sides, strict=True))
        for corner in corners
    ]


def add_halo(box: Box, shape: Sequence[int], halo: Sequence[int]) -> tuple[Box, Box | None]:
    """Widen a box by a halo, up to the borders of the image.

    Returns
    -------
    outer : tuple of slice
        The widened box.
    crop : tuple of slice, or None
        The original box as an index into `outer`; None if both are the same.
    """
    if not any(halo):
        return box, None
    outer, crop = [], []
    for side, size, width in zip(box, shape, halo, strict=True):
        begin, end, step = side.indices(size)
        first, last = max(begin - width, 0), min(end + width, size)
        outer.append(slice(first, last))
        crop.append(slice(begin - first, end - first, step))
    return tuple(outer), tuple(crop)
