from __future__ import annotations

from functools import reduce
from itertools import permutations

import numpy as np
import pytest

from napari_kmeans.blocks import boxes as boxes_module
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.boxes import (
    row_boxes,
)
from napari_kmeans.blocks.hashing import splitmix64
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary import sample
from napari_kmeans.summary.summarize import summarize


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    monkeypatch.setattr(sample, "SAMPLE_SIZE", 100)


def pixels_of(shape, **kwargs):
    image = np.random.default_rng(0).random((*shape, 5))
    return Pixels.of(image, features="channels", channel_axis=-1, **kwargs), image


def expected_points(image, used):
    """Return the used pixels with the smallest hashes of their positions."""
    positions = np.flatnonzero(used)
    order = np.argsort(splitmix64(positions.astype(np.uint64)))[:100]
    return image.reshape(-1, image.shape[-1])[positions[order]]


@pytest.mark.parametrize("shape", [(900,), (30, 40), (5, 9, 31)])
@pytest.mark.parametrize("block", [77, 10_000])
def test_the_pixels_with_the_smallest_hashes_are_sampled(monkeypatch, shape, block):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", block)
    monkeypatch.setattr(loop, "_MIN_PIXELS", block)
    pixels, image = pixels_of(shape)
    summary = summarize(pixels)
    assert np.array_equal(summary.positions, expected_points(image, np.ones(shape, dtype=bool)))
    assert summary.n_pixels == np.prod(shape)
    assert summary.sample_size == 100


def test_the_sample_has_its_full_size_under_a_mask():
    mask = np.random.default_rng(1).random((40, 50)) < 0.07
    pixels, image = pixels_of((40, 50), mask=mask)
    image[mask.nonzero()[0][0], mask.nonzero()[1][0], 3] = np.nan
    used = mask & np.isfinite(image).all(axis=-1)
    summary = summarize(pixels)
    assert 100 < used.sum() == summary.n_pixels < 200
    assert np.array_equal(summary.positions, expected_points(image, used))


def test_parts_can_be_combined_in_any_order():
    pixels, _ = pixels_of((40, 30))
    plan = sample.SamplePlan(pixels.value_format)
    cuts = row_boxes(pixels.shape, 300)
    parts = [plan.chunk(pixels.load(box)) for box in cuts]
    assert len(parts) == 4
    summaries = [plan.finalize(reduce(plan.combine, order)) for order in permutations(parts)]
    assert all(np.array_equal(summary.positions, summaries[0].positions) for summary in summaries)


def test_overlapping_windows_give_no_pixel_twice(monkeypatch):
    monkeypatch.setattr(boxes_module, "_WINDOW_PIXELS", 600)
    pixels, _ = pixels_of((150, 160))
    summary = summarize(pixels, estimate=True)
    assert len(np.unique(summary.positions, axis=0)) == summary.counts.size == 100
