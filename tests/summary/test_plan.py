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
from napari_kmeans.summary.summarize import summarize


def test_counts_of_blocks_are_added():
    image = np.random.default_rng(0).integers(0, 9, (20, 30), dtype=np.uint8)
    pixels = Pixels.of(image, mask=image != 3)
    plan = CountedValuesPlan(pixels.value_format)
    first, second = (plan.chunk(pixels.load(box)) for box in row_boxes(image.shape, 300))
    total = plan.combine(first.copy(), second)
    assert np.array_equal(total, np.bincount(image[image != 3], minlength=256))
    assert np.array_equal(plan.combine(second, first), total)


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
