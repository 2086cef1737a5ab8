from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary.counted_values import histogram
from napari_kmeans.summary.scalar import ScalarSummary
from napari_kmeans.summary.summarize import summarize

SMALL = ["bool", "uint8", "int8", "uint16", "int16", "float16"]


def summary_of(image, **kwargs) -> ScalarSummary:
    return summarize(Pixels.of(np.asarray(image), **kwargs))


def any_values(dtype, n=3000, seed=0):
    """Random bit patterns; floats include NaN, infinities and denormal numbers."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.random.default_rng(seed).random(n) < 0.3
    return np.random.default_rng(seed).integers(0, 256, n * dtype.itemsize, dtype=np.uint8).view(dtype)


@pytest.mark.parametrize("dtype", SMALL)
def test_each_value_of_at_most_16_bits_is_counted(dtype):
    image = any_values(dtype)
    finite = image[np.isfinite(image)]
    values, counts = np.unique(finite.astype(np.float64), return_counts=True)
    summary = summary_of(image)
    assert np.array_equal(summary.values, values)
    assert np.array_equal(summary.counts, counts)
    assert summary.exact
    assert summary.spread == 0


@pytest.mark.parametrize("dtype", SMALL)
def test_excluded_pixels_are_not_counted(dtype):
    image, use = any_values(dtype), np.random.default_rng(1).random(3000) < 0.4
    masked, chosen = summary_of(image, mask=use), summary_of(image[use])
    assert np.array_equal(masked.values, chosen.values)
    assert np.array_equal(masked.counts, chosen.counts)


WIDE = ["uint32", "int32", "uint64", "int64", "float32", "float64"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("n", [0, 1, 2**20 + 1])
def test_bit_patterns_are_counted(dtype, n):
    data = np.random.default_rng(n).integers(0, np.iinfo(dtype).max + 1, n).astype(dtype)
    size = np.iinfo(dtype).max + 1
    assert np.array_equal(histogram(data), np.bincount(data, minlength=size))
    assert np.array_equal(histogram(data, data > 99), np.bincount(data[data > 99], minlength=size))
