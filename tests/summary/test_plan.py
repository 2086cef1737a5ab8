from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.blocks.boxes import row_boxes
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.features.feature_space import ScalarFormat
from napari_kmeans.features.registry import get_feature_space
from napari_kmeans.summary import bit_cells, color_cells
from napari_kmeans.summary.counted_values import CountedValuesPlan
from napari_kmeans.summary.plan import Plan
from napari_kmeans.summary.sample import SamplePlan
from napari_kmeans.summary.scalar import ScalarSummary
from napari_kmeans.summary.summarize import summarize


def test_counts_of_blocks_are_added():
    image = np.random.default_rng(0).integers(0, 9, (20, 30), dtype=np.uint8)
    pixels = Pixels.of(image, mask=image != 3)
    plan = CountedValuesPlan(pixels.value_format)
    first, second = (plan.chunk(pixels.load(box)) for box in row_boxes(image.shape, 300))
    total = plan.combine(first.copy(), second)
    assert np.array_equal(total, np.bincount(image[image != 3], minlength=256))
    assert np.array_equal(plan.combine(second, first), total)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("n_values", [40, 10**6])
def test_plans_of_wide_types_add_the_counts_of_blocks(dtype, n_values):
    image = (np.random.default_rng(0).integers(0, n_values, (100, 1000)) / 7 * 5).astype(dtype)
    pixels = Pixels.of(image)
    plan = bit_cells.first_plan(pixels.value_format)
    while not isinstance(plan, ScalarSummary):
        first, second = (plan.chunk(pixels.load(box)) for box in row_boxes(image.shape, 50_000))
        [whole] = (plan.chunk(pixels.load(box)) for box in row_boxes(image.shape, 100_000))
        assert np.array_equal(plan.combine(first.copy(), second), whole)
        assert np.array_equal(plan.combine(second, first), whole)
        plan = plan.finalize(whole)
    assert plan.n_pixels == image.size


CHANNELS = get_feature_space("channels")


@pytest.mark.parametrize(
    "plan",
    [
        CountedValuesPlan(ScalarFormat(np.dtype(np.uint8))),
        bit_cells.first_plan(ScalarFormat(np.dtype(np.float32))),
        bit_cells.ListedValuesPlan(ScalarFormat(np.dtype(np.float32))),
        bit_cells.first_plan(ScalarFormat(np.dtype(np.int32), 1e-4, upper=2_550_000)),
        color_cells.first_plan(CHANNELS.value_format(np.uint8, 3)),
        color_cells.first_plan(CHANNELS.value_format(np.float32, 3)),
        SamplePlan(CHANNELS.value_format(np.float32, 9)),
    ],
    ids=lambda plan: type(plan).__name__,
)
def test_every_plan_has_every_member_of_the_protocol(plan):
    members = {name for name in vars(Plan) if not name.startswith("_")}
    assert members == {"passes_left", "chunk", "combine", "scale", "finalize"}
    assert all(hasattr(plan, name) for name in members)
    assert plan.passes_left >= 1


@pytest.mark.parametrize(
    ("dtype", "features"),
    [("uint8", "gray"), ("float32", "gray"), ("uint8", "rgb"), ("uint16", "channels")],
)
def test_scaled_counts_are_those_of_repeated_pixels(dtype, features):
    shape = (30, 3000) if features == "gray" else (30, 300, 3)
    image = np.random.default_rng(0).integers(0, 250, shape).astype(dtype)
    axis = None if features == "gray" else -1
    once = Pixels.of(image, features=features, channel_axis=axis)
    thrice = Pixels.of(np.concatenate([image] * 3), features=features, channel_axis=axis)
    scaled, repeated = summarize([once], factors=[3]), summarize(thrice)
    assert np.array_equal(scaled.counts, repeated.counts)
    assert scaled.n_pixels == 3 * (image.size if axis is None else image.size // 3)
