"""Sample the pixels of images with more than three features.

These have too many distinct values to count. The pixels whose positions have the smallest hashes are sampled:
in effect a random sample, but the same for any blocks, and of full size even with a mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..blocks.hashing import splitmix64
from ..blocks.pixels import Block
from ..features.feature_space import VectorFormat
from .vector import VectorSummary, check_integers, standardized

SAMPLE_SIZE = 1 << 17
"""Maximum number of pixels in a sample."""

_MIN_SIZE = 1 << 13  # sampled for any number of features; k clusters then miss k / 2^13 of the inertia
_VALUES = 1 << 23  # features times pixels that a larger sample may have


@dataclass(frozen=True, eq=False)
class Sample:
    """Pixels sampled so far.

    Attributes
    ----------
    n_pixels : int
        Number of pixels that they were sampled from.
    hashes : (n,) uint64 array
        Ascending and distinct.
    values : (n, m) array
        As the feature space stores them.
    """

    n_pixels: int
    hashes: NDArray[np.uint64]
    values: NDArray[Any]


@dataclass(frozen=True)
class SamplePlan:
    """Sample the pixels in one pass."""

    passes_left: ClassVar[int] = 1
    vector: VectorFormat

    @property
    def size(self) -> int:
        """Maximum number of pixels to sample; fewer if there are many features."""
        return min(SAMPLE_SIZE, max(_VALUES // self.vector.n_features, _MIN_SIZE))

    def chunk(self, block: Block) -> Sample:
        """Sample one block."""
        values, include = block.values()
        columns = as_columns(values)
        if values.dtype.kind == "f":
            finite = _finite(columns)
            if not finite.all():
                include = finite if include is None else finite & include.reshape(-1)
        hashes = splitmix64(block.positions())
        chosen = None if include is None else np.flatnonzero(include)
        if chosen is not None:
            hashes = hashes[chosen]
        n_pixels = hashes.size
        if n_pixels > self.size:
            least = np.argpartition(hashes, self.size)[: self.size]
            hashes = hashes[least]
            chosen = least if chosen is None else chosen[least]
        order = np.argsort(hashes)
        chosen = order if chosen is None else chosen[order]
        return Sample(n_pixels, hashes[order], _rows(columns, chosen))

    def combine(self, a: Sample, b: Sample) -> Sample:
        """Sample two parts of the image."""
        hashes = np.concatenate([a.hashes, b.hashes])
        first = np.argsort(hashes, kind="stable")  # a stable sort is fast for two sorted parts
        hashes = hashes[first]
        new = np.append(True, hashes[1:] != hashes[:-1]) if hashes.size else slice(0)
        # Each pixel once: windows of an image may overlap.
        hashes, first = hashes[new][: self.size], first[new][: self.size]
        values = np.empty((hashes.size, a.values.shape[1]), dtype=a.values.dtype)
        from_a = first < a.hashes.size
        values[from_a] = a.values[first[from_a]]
        values[~from_a] = b.values[first[~from_a] - a.hashes.size]
        return Sample(a.n_pixels + b.n_pixels, hashes, values)

    def scale(self, counts: Sample, factor: int) -> Sample:
        """Return the sample itself: it comes from a single image, whose weight does not matter."""
        return counts

    def finalize(self, counts: Sample) -> VectorSummary:
        """Convert the sample to points."""
        d = self.vector.n_features
        values = counts.values
        if values.size and 0 < (magnitude := float(np.abs(values).max())) < self.vector.smallest:
            raise ValueError(
                f"image has values up to {magnitude:.3g}, whose squared differences vanish in "
                f"{values.dtype}; multiply the image by a constant first"
            )
        if self.vector.of_integers and values.size:
            intensity = values[:, -1]
            check_integers(int(intensity.min()), int(intensity.max()), are_rounded=True)
        if values.dtype.kind != "f" and values.size:
            for low, high in zip(values.min(axis=0).tolist(), values.max(axis=0).tolist(), strict=True):
                check_integers(low, high)
        summary = VectorSummary(
            positions=values[:, :d].astype(np.float64, order="F"),  # features are used one at a time
            counts=np.ones(counts.hashes.size, dtype=np.int64),
            scatter=np.zeros((d, d)),
            scales=np.ones(d),
            brightness_weights=np.asarray(self.vector.brightness_weights or (0.0,) * d),
            n_pixels=counts.n_pixels,
            names=self.vector.names,
            brightness=None if self.vector.brightness_weights else values[:, d].astype(np.float64),
        )
        if self.vector.standardize:
            summary = standardized(summary, self.vector.dtype)
        return summary.checked()


def as_columns(values: NDArray[Any]) -> NDArray[Any]:
    """Return (…, d) values as a (d, n) array, without a copy if pixels or channels are contiguous."""
    d = values.shape[-1]
    if values.strides[-1] == values.itemsize:  # the values of a pixel are neighbours in memory
        return values.reshape(-1, d).T
    return np.moveaxis(values, -1, 0).reshape(d, -1)


def _finite(columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each point whether all its coordinates are finite."""
    if columns.T.flags.c_contiguous:
        return np.asarray(np.isfinite(columns.T).all(axis=1))
    finite: NDArray[np.bool_] = np.isfinite(columns[0])
    for column in columns[1:]:
        finite &= np.isfinite(column)
    return finite


def _rows(columns: NDArray[Any], chosen: NDArray[np.intp]) -> NDArray[Any]:
    """Return some of the points as a C-contiguous (n, d) array."""
    if columns.T.flags.c_contiguous:
        return columns.T[chosen]
    rows = np.empty((chosen.size, len(columns)), dtype=columns.dtype)
    ascending = np.sort(chosen)  # memory is read in order, a channel at a time
    place = np.searchsorted(ascending, chosen)
    for number, column in enumerate(columns):
        rows[:, number] = column[ascending][place]
    return rows
