"""Cells of a coherent image: pixels between thresholds are counted exactly."""

from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary.coherent import CoherentSummary
from napari_kmeans.summary.summarize import summarize


@pytest.fixture(params=["normal", "few levels", "missing", "constant"])
def images(request):
    """Return a coherent image and its original image."""
    rng = np.random.default_rng(0)
    u = rng.normal(50, 20, (40, 50)).astype(np.float32)
    if request.param == "few levels":
        u = np.rint(u / 10) * np.float32(10)
    elif request.param == "missing":
        u[rng.random(u.shape) < 0.2] = np.nan
    elif request.param == "constant":
        u[...] = 3
    return u, (u + rng.normal(0, 5, u.shape)).astype(np.float32)


def summary_of(u, values, weights=(1.0, 2.0)):
    return CoherentSummary.of(summarize(Pixels.of(values)), u, values, weights)


@pytest.mark.parametrize("thresholds", [[], [50.0], [20.0, 60.0, 61.0], [-1e9, 50.0], [50.0, 1e9]])
def test_clusters_between_thresholds_are_those_of_the_pixels(images, thresholds):
    u, values = images
    found = summary_of(u, values).between(np.array(thresholds))
    known = np.isfinite(u)
    cluster = np.where(known, np.searchsorted(found.thresholds, u), -1)
    inertia = 0.0
    for number in range(len(thresholds) + 1):
        part = values[cluster == number].astype(np.float64)
        assert found.counts[number] == part.size
        if part.size:
            assert found.means[number] == pytest.approx(part.mean(), rel=1e-9)
            inertia += np.sum((part - part.mean()) ** 2)
        else:
            assert np.isnan(found.means[number])
    assert found.inertia == pytest.approx(inertia, rel=1e-6, abs=1e-6)
    # At most one cell from the requested threshold.
    inside = np.abs(np.array(thresholds)) < 1e8
    if np.ptp(u[known]):
        assert np.all(found.thresholds[inside] <= np.array(thresholds)[inside])


def test_borders_are_the_weighted_pairs_that_a_threshold_separates(images):
    u, values = images
    found = summary_of(u, values, (1.0, 2.0)).between(np.array([30.0, 55.0]))
    for threshold, cost in zip(found.thresholds, found.borders, strict=True):
        total = 0.0
        for axis, weight in enumerate((1.0, 2.0)):
            a, b = np.delete(u, -1, axis), np.delete(u, 0, axis)
            known = np.isfinite(a) & np.isfinite(b)
            total += weight * np.sum(((a > threshold) != (b > threshold)) & known)
        assert cost == total


def test_a_threshold_above_everything_leaves_an_empty_cluster(images):
    """Labels for given centres are the optimum even if no pixel is near the brightest of them."""
    u, values = images
    found = summary_of(u, values).between(np.array([1e9]))
    assert found.counts.tolist() == [np.isfinite(u).sum(), 0]
    assert found.borders.tolist() == [0]


def test_edges_are_float32_values_at_the_ends_of_cells(images):
    u, values = images
    summary = summary_of(u, values)
    assert np.array_equal(summary.edges, summary.edges.astype(np.float32))
    assert (np.diff(summary.edges) > 0).all()
    counts = np.histogram(
        u[np.isfinite(u)], bins=np.nextafter(summary.edges.astype(np.float32), np.float32(np.inf))
    )
    assert np.array_equal(counts[0], summary.counts)
    assert summary.has_edges_at(summary.edges[1:3])
    assert not summary.has_edges_at(summary.edges[1:2] + 1e-9)
