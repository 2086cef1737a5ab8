from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.blocks.boxes import (
    sampled_windows,
)
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.kmeans.exact_clusterings import ExactClusterings
from napari_kmeans.summary.scalar import ScalarSummary
from napari_kmeans.summary.summarize import summarize

pytestmark = pytest.mark.thorough


def summary_of(image, **kwargs) -> ScalarSummary:
    return summarize(Pixels.of(np.asarray(image), **kwargs))


def noise(dtype, side=800):
    """A smooth range of float values, large enough that windows are sampled first."""
    rows = np.linspace(0, 50, side)[:, np.newaxis]
    return (rows + np.random.default_rng(5).normal(100, 9, (side, side))).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_range_without_gaps_and_dense_parts_is_counted_in_one_pass(dtype, monkeypatch):
    image = noise(dtype)
    n_read = []
    load = Pixels.load
    monkeypatch.setattr(
        Pixels, "load", lambda self, box: (n_read.append(image[box].size), load(self, box))[1]
    )
    summary = summary_of(image)
    assert sum(n_read) < 1.5 * image.size
    assert summary.n_pixels == image.size
    exact = image.astype(np.float64)
    scatter = np.sum(summary.counts * (summary.values - exact.mean()) ** 2) + summary.spread
    assert scatter == pytest.approx(np.sum((exact - exact.mean()) ** 2), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("surprise", [-1e5, 1e30, -1e30, np.nan, np.inf, -np.inf])
def test_values_outside_the_sampled_windows_are_counted_correctly(dtype, surprise, least_inertia):
    image = noise(dtype)
    seen = np.zeros(image.shape, dtype=bool)
    for window in sampled_windows(image.shape):
        seen[window] = True
    position = tuple(np.argwhere(~seen)[12345])
    image[position] = surprise
    summary = summary_of(image)
    rest = np.delete(image.reshape(-1), np.ravel_multi_index(position, image.shape)).astype(np.float64)
    assert summary.n_pixels == rest.size + np.isfinite(surprise)
    # An outlier is a cluster of its own: the others are the optimum of the rest.
    k = 3 + bool(np.isfinite(surprise))
    inertia = ExactClusterings(summary).clustering(k).inertia
    assert inertia == pytest.approx(least_inertia(*np.unique(rest, return_counts=True), 3), rel=1e-6)


def test_integers_of_known_range_are_counted_in_one_pass(monkeypatch):
    # The luminance of 8-bit colours.
    colors = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    reads = []
    load = Pixels.load
    monkeypatch.setattr(Pixels, "load", lambda self, box: (reads.append(box), load(self, box))[1])
    summary = summary_of(colors, channel_axis=-1)
    assert len(reads) == 1
    exact = colors @ np.array([0.2125, 0.7154, 0.0721])
    assert summary.n_pixels == exact.size
    mean = np.sum(summary.values * summary.counts) / exact.size
    assert mean == pytest.approx(exact.mean(), rel=1e-9)
    scatter = np.sum(summary.counts * (summary.values - mean) ** 2) + summary.spread
    assert scatter == pytest.approx(np.sum((exact - exact.mean()) ** 2), rel=1e-6)
