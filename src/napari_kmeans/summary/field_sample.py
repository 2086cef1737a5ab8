"""Sample pixels at random positions to fit an illumination field to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.boxes import sampled_windows
from ..blocks.hashing import splitmix64
from ..blocks.loop import map_blocks
from ..blocks.pixels import Block, Pixels
from ..blocks.progress import Progress, subprogress

FIELD_SAMPLE_SIZE = 1 << 15
"""Number of sampled pixels."""

_N_CANDIDATES = 8  # pixels of a stretch that are tried until one can be used
_MIN_STRETCH = 16  # pixels; in smaller images every position is hashed


def sample_field(pixels: Pixels, progress: Progress | None = None, *, estimate: bool = False) -> FieldSample:
    """Sample the usable pixels of an image; the sample is the same for any blocks.

    In a large image, one pixel from each of many equal stretches is used, so the time to sample does not grow
    with the image. If most pixels are excluded, all positions are hashed instead.

    Parameters
    ----------
    pixels : Pixels
    progress : callable, optional
    estimate : bool
        Sample only windows of a large image.
    """
    boxes = sampled_windows(pixels.shape) if estimate else None
    if boxes is None and pixels.size >= _MIN_STRETCH * FIELD_SAMPLE_SIZE:
        stretches = StretchSampling(pixels.size)
        parts = map_blocks(stretches.chunk, pixels, progress=subprogress(progress, 0, 0.5))
        total = reduce(stretches.combine, parts)
        if len(total.positions) > FIELD_SAMPLE_SIZE // 2:
            if progress is not None:
                progress(1.0)
            return stretches.finalize(total)
        progress = subprogress(progress, 0.5, 1)
    sampling = HashSampling()
    return reduce(sampling.combine, map_blocks(sampling.chunk, pixels, boxes, progress))


@dataclass(frozen=True, eq=False)
class FieldSample:
    """Sampled pixels.

    Attributes
    ----------
    hashes : (n,) uint64 array
        Hashes of the positions, ascending.
    positions : (n,) uint64 array
        Positions in the image, counted in C order.
    values : (n, d) array
        Stored values.
    """

    hashes: NDArray[np.uint64]
    positions: NDArray[np.uint64]
    values: NDArray[Any]

    def first(self, n: int) -> FieldSample:
        """Return the pixels of the `n` smallest hashes."""
        order = np.argsort(self.hashes, kind="stable")[:n]
        return FieldSample(self.hashes[order], self.positions[order], self.values[order])


@dataclass(frozen=True)
class HashSampling:
    """Sample the pixels whose positions have the smallest hashes.

    The sample is effectively random, but depends on neither blocks nor threads.
    """

    def chunk(self, block: Block) -> FieldSample:
        """Sample one block."""
        values, include = block.values()
        n_axes = len(block.shape)
        flat = values.reshape(-1, *values.shape[n_axes:]) if values.ndim > n_axes else values.reshape(-1, 1)
        positions = block.positions()
        hashes = splitmix64(positions)
        if hashes.size > 4 * FIELD_SAMPLE_SIZE:
            # A bound on the hashes leaves few candidates, which are enough for most images.
            candidates = np.flatnonzero(
                hashes < np.partition(hashes, 4 * FIELD_SAMPLE_SIZE)[4 * FIELD_SAMPLE_SIZE]
            )
        else:
            candidates = np.arange(hashes.size)
        usable = np.isfinite(flat[candidates]).all(axis=1)
        if include is not None:
            usable &= include.reshape(-1)[candidates]
        if usable.sum() < min(FIELD_SAMPLE_SIZE, hashes.size) and candidates.size < hashes.size:
            candidates = np.arange(hashes.size)  # most pixels are excluded
            usable = np.isfinite(flat).all(axis=1)
            if include is not None:
                usable &= include.reshape(-1)
        chosen = candidates[usable]
        return FieldSample(hashes[chosen], positions[chosen], flat[chosen]).first(FIELD_SAMPLE_SIZE)

    def combine(self, a: FieldSample, b: FieldSample) -> FieldSample:
        """Merge the samples of two parts of the image."""
        hashes, first = np.unique(np.concatenate([a.hashes, b.hashes]), return_index=True)
        kept = first[:FIELD_SAMPLE_SIZE]
        return FieldSample(
            hashes[:FIELD_SAMPLE_SIZE],
            np.concatenate([a.positions, b.positions])[kept],
            np.concatenate([a.values, b.values])[kept],
        )


@dataclass(frozen=True)
class StretchSampling:
    """Sample one pixel in each of `FIELD_SAMPLE_SIZE` stretches: the first usable of a few hashed ones.

    Attributes
    ----------
    n_pixels : int
        Number of pixels of the image, which is cut into stretches in C order.
    """

    n_pixels: int

    def chunk(self, block: Block) -> FieldSample:
        """Sample one block; `hashes` are the numbers of the candidates."""
        values, include = block.values()
        n_axes = len(block.shape)
        candidates, positions = self._candidates(block)
        places = np.unravel_index(positions.astype(np.int64), block.shape)
        inside = np.ones(positions.size, dtype=bool)
        index = []
        for side, size, place in zip(block.box, block.shape, places, strict=True):
            begin, end, _ = side.indices(size)
            inside &= (place >= begin) & (place < end)
            index.append(place - begin)
        at = tuple(each[inside] for each in index)
        found = values[at]
        found = found.reshape(len(found), -1) if values.ndim > n_axes else found[:, np.newaxis]
        usable = np.isfinite(found).all(axis=1)
        if include is not None:
            usable &= include[at]
        return self._first(FieldSample(candidates[inside][usable], positions[inside][usable], found[usable]))

    def _candidates(self, block: Block) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return the candidates of the stretches that a block may touch, and their positions in the image."""
        sides = [side.indices(size) for side, size in zip(block.box, block.shape, strict=True)]
        low = int(np.ravel_multi_index(tuple(begin for begin, _, _ in sides), block.shape))
        high = int(np.ravel_multi_index(tuple(end - 1 for _, end, _ in sides), block.shape))
        first = max(low * FIELD_SAMPLE_SIZE // self.n_pixels - 1, 0)
        last = min(high * FIELD_SAMPLE_SIZE // self.n_pixels + 2, FIELD_SAMPLE_SIZE)
        stretch = np.repeat(np.arange(first, last, dtype=np.uint64), _N_CANDIDATES)
        tried = np.tile(np.arange(_N_CANDIDATES, dtype=np.uint64), last - first)
        candidates = stretch * np.uint64(_N_CANDIDATES) + tried
        n, size = np.uint64(self.n_pixels), np.uint64(FIELD_SAMPLE_SIZE)
        begin, end = stretch * n // size, (stretch + np.uint64(1)) * n // size
        return candidates, begin + splitmix64(candidates) % (end - begin)

    def combine(self, a: FieldSample, b: FieldSample) -> FieldSample:
        """Merge the samples of two parts of the image."""
        hashes = np.concatenate([a.hashes, b.hashes])
        order = np.argsort(hashes, kind="stable")
        positions, values = np.concatenate([a.positions, b.positions]), np.concatenate([a.values, b.values])
        return self._first(FieldSample(hashes[order], positions[order], values[order]))

    def _first(self, sample: FieldSample) -> FieldSample:
        """Return the first candidate of each stretch."""
        stretch = sample.hashes // np.uint64(_N_CANDIDATES)
        new = np.append(True, stretch[1:] != stretch[:-1])[: stretch.size]
        return FieldSample(sample.hashes[new], sample.positions[new], sample.values[new])

    def finalize(self, total: FieldSample) -> FieldSample:
        """Return the sample in random order, like that of `HashSampling`."""
        hashes = splitmix64(total.hashes)
        return FieldSample(hashes, total.positions, total.values).first(FIELD_SAMPLE_SIZE)
