from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_kmeans.blocks import loop
from napari_kmeans.blocks.loop import map_blocks
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary.block_counts import N_GROUPS, block_counting
from napari_kmeans.summary.summarize import summarize

IMAGE = np.random.default_rng(0).integers(0, 50, (40, 60)).astype(np.float32)


def counts_of(image, sides, chunks=None, mask=None):
    """Return the counts of each group and cell and the mean value of each cell."""
    pixels = Pixels.of(image if chunks is None else da.from_array(image, chunks=chunks), mask=mask)
    plan, values = block_counting(summarize(pixels), pixels.value_format, sides)
    total = None
    for part in map_blocks(plan.chunk, pixels):
        total = part if total is None else plan.combine(total, part)
    return total, values


def test_each_block_has_its_histogram():
    counts, values = counts_of(IMAGE, (10, 15))
    assert values.tolist() == np.unique(IMAGE).tolist()
    blocks = IMAGE.reshape(4, 10, 4, 15).swapaxes(1, 2).reshape(16, -1)
    for group, block in enumerate(blocks):
        assert counts[group].tolist() == [np.sum(block == value) for value in values]
    assert not counts[16:].any()


@pytest.mark.parametrize("chunks", [(7, 13), (40, 1)])
def test_chunks_may_cut_through_blocks(chunks, monkeypatch):
    expected, _ = counts_of(IMAGE, (10, 15))
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1)  # so that every chunk is a box
    assert np.array_equal(counts_of(IMAGE, (10, 15), chunks)[0], expected)


def test_blocks_share_groups_if_there_are_many():
    counts, _ = counts_of(IMAGE, (2, 2))  # 600 blocks
    assert counts.shape[0] == N_GROUPS
    assert counts.sum() == IMAGE.size
    assert (counts.sum(axis=1) % 4 == 0).all()  # whole blocks


def test_excluded_and_missing_pixels_are_not_counted():
    mask = np.random.default_rng(1).random(IMAGE.shape) < 0.5
    image = IMAGE.copy()
    image[0, :5] = np.nan, np.inf, -np.inf, np.nan, np.nan
    counts, values = counts_of(image, (10, 15), mask=mask)
    used = image[mask & np.isfinite(image)]
    assert counts.sum(axis=0).tolist() == [np.sum(used == value) for value in values]


@pytest.mark.parametrize("offset", [0, 1 << 60, -(1 << 60)])
def test_large_integers_are_counted_exactly(offset):
    image = IMAGE.astype(np.int64) + offset
    expected, _ = counts_of(IMAGE, (10, 15))
    assert np.array_equal(counts_of(image, (10, 15))[0], expected)


@pytest.mark.parametrize(("n_blocks", "are_apart"), [(N_GROUPS, True), (N_GROUPS + 1, False)])
def test_each_block_has_its_own_group_if_there_are_enough(n_blocks, are_apart):
    counts, _ = counts_of(np.arange(n_blocks, dtype=np.float32)[np.newaxis], (1, 1))
    assert (counts.sum(axis=1) == 1).all() == are_apart
