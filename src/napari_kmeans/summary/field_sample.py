"""Pixels at random positions, to fit an illumination field to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..blocks.hashing import splitmix64
from ..blocks.pixels import Block

FIELD_SAMPLE_SIZE = 1 << 15
"""Number of sampled pixels."""


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
class FieldSamplePlan:
    """Sample the pixels whose positions have the smallest hashes, in one pass.

    The sample is as good as random and depends on neither blocks nor threads.
    """

    passes_left: ClassVar[int] = 1

    def chunk(self, block: Block) -> FieldSample:
        """Sample one block."""
        values, include = block.values()
        n_axes = len(block.shape)
        flat = values.reshape(-1, *values.shape[n_axes:]) if values.ndim > n_axes else values.reshape(-1, 1)
        positions: NDArray[np.uint64] = np.zeros((), dtype=np.uint64)
        for side, size in zip(block.box, block.shape, strict=True):
            begin, end, _ = side.indices(size)
            positions = np.add.outer(positions * np.uint64(size), np.arange(begin, end, dtype=np.uint64))
        positions = positions.reshape(-1)
        hashes = splitmix64(positions)
        if hashes.size > 4 * FIELD_SAMPLE_SIZE:
            # A bound on the hashes leaves few pixels to look at; twice the expected number is plenty.
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

    def finalize(self, counts: FieldSample) -> FieldSample:
        """Return the sample."""
        return counts
