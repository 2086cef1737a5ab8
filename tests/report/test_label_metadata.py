from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.report.label_metadata import model_metadata
from napari_kmeans.report.palette import distinct_colors


@pytest.fixture
def model():
    return napari_kmeans.fit(np.repeat(np.array([10, 20, 100, 200], dtype=np.uint8), [4, 3, 2, 1]), 4)


def counts_of(*pixels):
    return np.array([*pixels, *[0] * (255 - len(pixels))])


def test_colours_properties_and_model_of_the_labels(model):
    found = model_metadata(model.with_names(list("abcd")))(counts_of(4, 3, 2, 1))
    assert found.colors == dict(enumerate(distinct_colors(4).tolist(), start=1))
    assert found.model == model.with_names(list("abcd")).to_json()
    first, *_, last = found.properties
    assert first == {"label-value": 1, "name": "a", "center": 10.0, "pixels": 4, "share": 0.4, "up_to": 15.0}
    assert "up_to" not in last  # not a number
    assert last["above"] == 150


def test_merged_clusters_have_one_row_and_background_none(model):
    found = model_metadata(model.merged([[2, 3]]).with_background([1]))(None)
    assert list(found.colors) == [2, 4]
    assert [row["label-value"] for row in found.properties] == [2, 4]
    assert [row["pixels"] for row in found.properties] == [5, 1]


def test_counts_of_the_written_labels_replace_those_of_the_model(model):
    found = model_metadata(model)(counts_of(6, 0, 2, 2))
    assert [row["pixels"] for row in found.properties] == [6, 0, 2, 2]
    assert [row["share"] for row in found.properties] == [0.6, 0, 0.2, 0.2]


def test_given_colours_and_properties_are_used(model):
    colors, rows = {1: (1.0, 0.0, 0.0, 1.0)}, [{"label-value": 1, "name": "red"}]
    found = model_metadata(model, colors, rows)(None)
    assert (found.colors, found.properties) == (colors, rows)
    assert found.model == model.to_json()
    alone = model_metadata(None, colors, rows)(None)
    assert (alone.colors, alone.properties, alone.model) == (colors, rows, "")
    nothing = model_metadata(None)(None)
    assert (dict(nothing.colors), list(nothing.properties)) == ({}, [])


def test_a_stack_has_colours_but_no_properties():
    stack = napari_kmeans.fit(np.arange(60, dtype=np.uint8).reshape(2, 5, 6), 3, per_axis=0)
    found = model_metadata(stack)(None)
    assert list(found.colors) == [1, 2, 3]
    assert list(found.properties) == []
    assert found.model == stack.to_json()
