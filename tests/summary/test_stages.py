from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.summary.stages import search_stages
from napari_kmeans.summary.summarize import summarize
from napari_kmeans.summary.vector import VectorSummary


def stages_of(image, features="channels"):
    summary = summarize(Pixels.of(image, features=features, channel_axis=-1))
    assert isinstance(summary, VectorSummary)
    columns = np.ascontiguousarray((summary.positions / summary.scales).T)
    return summary, columns, search_stages(summary, columns)


def inertia(columns, weights):
    mean = np.average(columns, axis=1, weights=weights)
    return float(np.sum(weights * (columns - mean[:, np.newaxis]) ** 2))


@pytest.mark.parametrize("n_channels", [2, 3])
@pytest.mark.parametrize("skewed", [False, True])
def test_stages_are_the_same_pixels_in_fewer_points(n_channels, skewed):
    image = np.random.default_rng(0).normal(100, 20, (400, 400, n_channels))
    image = np.exp(image / 10) if skewed else image.astype(np.float32)
    summary, columns, stages = stages_of(image)
    sizes = [weights.size for _, weights, _ in stages]
    assert sizes == sorted(sizes)
    assert sizes[0] <= 1 << 11
    assert 0.9 * (1 << 17) < sizes[-1] <= 1 << 17
    total = inertia(columns, summary.counts)
    for points, weights, spread in stages:
        assert weights.sum() == 400 * 400
        assert inertia(points, weights) + spread == pytest.approx(total, rel=1e-9)


def test_cells_of_similar_scatter_lose_little():
    image = np.random.default_rng(0).normal(100, 20, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    _, columns, stages = stages_of(image, "rgb")
    assert [spread for *_, spread in stages][-1] == 0
    total = inertia(columns, stages[-1][1])
    assert stages[0][2] < 0.03 * total
    assert stages[1][2] < 0.01 * total


def test_few_colours_are_a_single_stage():
    image = np.random.default_rng(0).integers(0, 9, (50, 60, 3), dtype=np.uint8)
    _, columns, stages = stages_of(image, "rgb")
    assert len(stages) == 1
    assert stages[0][0] is columns


@pytest.mark.parametrize(("d", "expected"), [(5, [1 << 12, 1 << 15, 40_000]), (300, [1 << 12, 6990, 27962])])
def test_stages_of_a_sample_are_its_first_points(d, expected):
    image = np.random.default_rng(0).random((200, 200, d)).astype(np.float32)
    _, columns, stages = stages_of(image)
    assert [weights.size for _, weights, _ in stages] == expected
    assert np.array_equal(stages[0][0], columns[:, : 1 << 12])


def test_an_extreme_value_does_not_merge_all_others():
    image = np.random.default_rng(0).random((200, 200, 3))
    image[0, 0] = 1e30
    _, _, stages = stages_of(image, "rgb")
    assert stages[0][1].size > 1000
    assert stages[1][1].size > 10_000
