from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary.stages import coarser_stages
from napari_kmeans.summary.summarize import summarize
from napari_kmeans.summary.vector import VectorSummary


def summary_of(image, features="rgb") -> VectorSummary:
    summary = summarize(Pixels.of(image, features=features, channel_axis=-1))
    assert isinstance(summary, VectorSummary)
    return summary


def whole_scatter(summary):
    """Scatter of all pixels: between the points and within them."""
    distances = summary.positions - summary.mean()
    return (distances * summary.counts[:, np.newaxis]).T @ distances + summary.scatter


@pytest.mark.parametrize("n_channels", [2, 3])
@pytest.mark.parametrize("skewed", [False, True])
def test_coarser_stages_have_fewer_points_of_the_same_pixels(n_channels, skewed):
    image = np.random.default_rng(0).normal(100, 20, (300, 400, n_channels))
    image = np.exp(image / 10) if skewed else image.astype(np.float32)
    summary = summary_of(image, "channels")
    stages = coarser_stages(summary)
    sizes = [stage.counts.size for stage in stages]
    assert len(stages) == 3
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] <= summary.counts.size
    total = np.trace(whole_scatter(summary))
    for stage in stages:
        assert stage.counts.sum() == summary.counts.sum()
        np.testing.assert_allclose(stage.mean(), summary.mean(), rtol=1e-9)
        np.testing.assert_allclose(whole_scatter(stage), whole_scatter(summary), rtol=0, atol=1e-9 * total)


def test_few_points_are_the_finest_stage():
    summary = summary_of(np.random.default_rng(0).integers(0, 9, (50, 60, 3), dtype=np.uint8))
    assert coarser_stages(summary)[-1] is summary


def test_coarser_stages_of_a_sample_are_its_first_points():
    image = np.random.default_rng(0).random((200, 200, 5))
    summary = summary_of(image, "channels")
    stages = coarser_stages(summary)
    assert [stage.counts.size for stage in stages] == [1 << 13, 1 << 15, 40_000]
    assert np.array_equal(stages[0].positions, summary.positions[: 1 << 13])


def test_an_extreme_value_does_not_merge_all_others():
    image = np.random.default_rng(0).random((200, 200, 3))
    image[0, 0] = 1e30
    coarse = coarser_stages(summary_of(image))[0]
    assert coarse.counts.size > 1000
