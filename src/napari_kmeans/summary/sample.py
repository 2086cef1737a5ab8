"""Some of the pixels to stand for all, chosen by where they are.

Several features have too many different values to count. The pixels taken are those whose positions hash to
the least numbers: a random sample in effect, but always the same one, whatever the blocks, and of full size
under a mask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..blocks.hashing import splitmix64
from ..blocks.pixels import Block
from ..features.base import VectorFormat
from .vector import VectorSummary

SAMPLE_SIZE = 1 << 17
"""Pixels taken."""


@dataclass(frozen=True, eq=False)
class Taken:
    """Pixels taken so far.

    Attributes
    ----------
    n_pixels : int
        That there were to choose from.
    hashes : (n,) uint64 array
        Ascending; no two pixels have the same.
    values : (n, m) array
        As the feature space stores them.
    """

    n_pixels: int
    hashes: NDArray[np.uint64]
    values: NDArray[Any]


@dataclass(frozen=True)
class SamplePlan:
    """Take a sample in one pass."""

    passes_left: ClassVar[int] = 1
    vector: VectorFormat

    def chunk(self, block: Block) -> Taken:
        """Take from one block."""
        values, include = block.values()
        flat = values.reshape(-1, values.shape[-1])
        if values.dtype.kind == "f":
            finite = np.isfinite(flat).all(axis=1)
            include = finite if include is None else finite & include.reshape(-1)
        hashes = splitmix64(_positions(block))
        chosen: NDArray[np.intp] | None = None
        if include is not None:
            chosen = np.flatnonzero(include)
            hashes = hashes[chosen]
        n_pixels = hashes.size
        if n_pixels > SAMPLE_SIZE:
            least = np.argpartition(hashes, SAMPLE_SIZE)[:SAMPLE_SIZE]
            hashes = hashes[least]
            chosen = least if chosen is None else chosen[least]
        order = np.argsort(hashes)
        chosen = order if chosen is None else chosen[order]
        return Taken(n_pixels, hashes[order], flat[chosen])

    def combine(self, a: Taken, b: Taken) -> Taken:
        """Take from two parts of the image."""
        # Sorted, and each once: windows of an image may overlap.
        hashes, first = np.unique(np.concatenate([a.hashes, b.hashes]), return_index=True)
        values = np.concatenate([a.values, b.values])[first[:SAMPLE_SIZE]]
        return Taken(a.n_pixels + b.n_pixels, hashes[:SAMPLE_SIZE], values)

    def finalize(self, counts: Taken) -> VectorSummary:
        """Make points of the sample."""
        d = self.vector.n_features
        cloud = VectorSummary(
            positions=counts.values[:, :d].astype(np.float64, order="C"),
            counts=np.ones(counts.hashes.size, dtype=np.int64),
            scatter=np.zeros((d, d)),
            scales=np.ones(d),
            brightness_weights=np.asarray(self.vector.brightness_weights or (0.0,) * d),
            n_pixels=counts.n_pixels,
            names=self.vector.names,
            brightness=None if self.vector.brightness_weights else counts.values[:, d].astype(np.float64),
        )
        if not counts.hashes.size or not self.vector.standardize:
            return cloud
        return replace(cloud, scales=cloud.standard_deviations())


def _positions(block: Block) -> NDArray[np.uint64]:
    """Number of each of a block's pixels in the whole image, in C order: flat uint64 array."""
    numbers: NDArray[np.uint64] = np.zeros((), dtype=np.uint64)
    for side, size in zip(block.box, block.shape, strict=True):
        begin, end, _ = side.indices(size)
        along = np.arange(begin, end, dtype=np.uint64)
        numbers = np.add.outer(numbers * np.uint64(size), along)
    return numbers.reshape(-1)
