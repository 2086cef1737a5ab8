"""Pixels at hashed positions: the same sample from any blocks."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_kmeans.blocks.loop import map_blocks
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary.field_sample import FIELD_SAMPLE_SIZE, HashSampling, sample_field


def sample_of(image, chunks=None, **keywords):
    pixels = Pixels.of(image if chunks is None else da.from_array(image, chunks=chunks), **keywords)
    plan, found = HashSampling(), None
    for part in map_blocks(plan.chunk, pixels):
        found = part if found is None else plan.combine(found, part)
    return found


@pytest.mark.parametrize("shape", [(40, 50), (300, 400), (3, 200, 300), (100_000,)])
def test_values_are_those_of_the_positions(shape):
    image = np.random.default_rng(0).normal(size=shape)
    sample = sample_of(image)
    assert len(sample.positions) == min(image.size, FIELD_SAMPLE_SIZE)
    assert len(np.unique(sample.positions)) == len(sample.positions)
    assert np.array_equal(sample.values[:, 0], image.ravel()[sample.positions.astype(np.int64)])


@pytest.mark.parametrize("masked", [0.0, 0.5, 0.97])
@pytest.mark.parametrize("chunks", [(300, 400), (64, 50), (300, 7), (1, 400)])
def test_blocks_do_not_matter(chunks, masked):
    rng = np.random.default_rng(0)
    image, mask = rng.integers(0, 200, (300, 400)).astype(np.uint8), rng.random((300, 400)) >= masked
    expected, found = sample_of(image, mask=mask), sample_of(image, chunks, mask=mask)
    assert len(expected.positions) == min(mask.sum(), FIELD_SAMPLE_SIZE)
    assert mask.ravel()[expected.positions.astype(np.int64)].all()
    for name in ("hashes", "positions", "values"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_missing_and_infinite_pixels_are_not_sampled():
    image = np.random.default_rng(0).normal(size=(50, 60))
    image[::2, ::3], image[1::2, ::3] = np.nan, np.inf
    sample = sample_of(image)
    assert np.isfinite(sample.values).all()
    assert len(sample.values) == np.isfinite(image).sum()


def test_positions_are_spread_evenly():
    sample = sample_of(np.zeros((1024, 1024), dtype=np.uint8))
    row, column = np.divmod(sample.positions.astype(np.int64), 1024)
    counts = np.histogram2d(row, column, bins=8)[0]
    assert counts == pytest.approx(FIELD_SAMPLE_SIZE / 64, rel=0.25)


@pytest.mark.parametrize("masked", [0.0, 0.5, 0.98])
@pytest.mark.parametrize("chunks", [(700, 300), (1000, 7), (1, 800)])
def test_blocks_of_large_images_do_not_matter(chunks, masked):
    rng = np.random.default_rng(0)
    image, mask = rng.integers(0, 200, (1000, 800)).astype(np.uint8), rng.random((1000, 800)) >= masked
    expected = sample_field(Pixels.of(image, mask=mask))
    lazy = da.from_array(image, chunks=chunks)
    found = sample_field(Pixels.of(lazy, mask=mask))
    assert len(np.unique(expected.positions)) == len(expected.positions)
    assert len(expected.positions) > 0.95 * min(mask.sum(), FIELD_SAMPLE_SIZE)
    at = expected.positions.astype(np.int64)
    assert mask.ravel()[at].all()
    assert np.array_equal(expected.values[:, 0], image.ravel()[at])
    for name in ("hashes", "positions", "values"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_any_part_of_a_large_sample_is_spread_evenly():
    sample = sample_field(Pixels.of(np.zeros((4, 512, 512), dtype=np.uint8))).first(1 << 13)
    plane, row, column = np.unravel_index(sample.positions.astype(np.int64), (4, 512, 512))
    for place, size in ((plane, 4), (row, 512), (column, 512)):
        assert np.histogram(place, bins=4, range=(0, size))[0] == pytest.approx(1 << 11, rel=0.1)


def test_channels_of_large_images_are_sampled_together():
    image = np.random.default_rng(0).integers(0, 200, (800, 800, 3)).astype(np.uint8)
    sample = sample_field(Pixels.of(image, features="channels", channel_axis=-1))
    at = sample.positions.astype(np.int64)
    assert np.array_equal(sample.values[:, :3], image.reshape(-1, 3)[at])
