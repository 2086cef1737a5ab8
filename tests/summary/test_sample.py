from __future__ import annotations

from functools import reduce
from itertools import permutations

import numpy as np
import pytest

from napari_kmeans.blocks import loop as blocks
from napari_kmeans.blocks.hashing import splitmix64
from napari_kmeans.blocks.loop import summarize
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary import sample


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    monkeypatch.setattr(sample, "SAMPLE_SIZE", 100)


def pixels_of(shape, **kwargs):
    image = np.random.default_rng(0).random((*shape, 5))
    return Pixels.of(image, features="channels", channel_axis=-1, **kwargs), image


def expected_points(image, used):
    """The first of all used pixels, by the hash of their position."""
    positions = np.flatnonzero(used)
    order = np.argsort(splitmix64(positions.astype(np.uint64)))[:100]
    return image.reshape(-1, image.shape[-1])[positions[order]]


@pytest.mark.parametrize("shape", [(900,), (30, 40), (5, 9, 31)])
@pytest.mark.parametrize("block", [77, 10_000])
def test_the_pixels_of_the_least_hashes_are_taken(monkeypatch, shape, block):
    monkeypatch.setattr(blocks, "BLOCK_PIXELS", block)
    monkeypatch.setattr(blocks, "_LEAST_PIXELS", block)
    pixels, image = pixels_of(shape)
    cloud = summarize(pixels)
    assert np.array_equal(cloud.positions, expected_points(image, np.ones(shape, dtype=bool)))
    assert cloud.n_pixels == np.prod(shape)
    assert cloud.sample_size == 100


def test_under_a_mask_it_is_of_full_size():
    mask = np.random.default_rng(1).random((40, 50)) < 0.07
    pixels, image = pixels_of((40, 50), mask=mask)
    image[mask.nonzero()[0][0], mask.nonzero()[1][0], 3] = np.nan
    used = mask & np.isfinite(image).all(axis=-1)
    cloud = summarize(pixels)
    assert 100 < used.sum() == cloud.n_pixels < 200
    assert np.array_equal(cloud.positions, expected_points(image, used))


def test_parts_add_up_in_any_order():
    pixels, _ = pixels_of((40, 30))
    plan = sample.SamplePlan(pixels.value_format)
    cuts = blocks.boxes(pixels.shape, 300)
    parts = [plan.chunk(pixels.load(box)) for box in cuts]
    assert len(parts) == 4
    clouds = [plan.finalize(reduce(plan.combine, order)) for order in permutations(parts)]
    assert all(np.array_equal(cloud.positions, clouds[0].positions) for cloud in clouds)


def test_windows_that_overlap_give_no_pixel_twice(monkeypatch):
    monkeypatch.setattr(blocks, "_WINDOW", 600)
    pixels, _ = pixels_of((150, 160))
    cloud = summarize(pixels, estimate=True)
    assert len(np.unique(cloud.positions, axis=0)) == cloud.counts.size == 100


def test_the_sample_is_spread_evenly():
    places = splitmix64(np.arange(1 << 16, dtype=np.uint64))
    counts = np.bincount((places >> np.uint64(56)).astype(int), minlength=256)
    assert 170 < counts.min() < 256 < counts.max() < 350
