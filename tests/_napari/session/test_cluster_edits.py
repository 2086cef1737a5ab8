from __future__ import annotations

import pytest

import napari_kmeans
from napari_kmeans._napari.session import cluster_edits
from napari_kmeans.model.edits import Edits


@pytest.fixture
def model(gray):
    return napari_kmeans.fit(gray, 4)


def test_a_threshold_moves_at_most_to_its_neighbours(model):
    low, middle, high = model.thresholds.tolist()
    moved = cluster_edits.move_threshold(model, Edits(), 1, middle + 0.5)
    assert moved.thresholds == (low, middle + 0.5, high)
    assert cluster_edits.move_threshold(model, Edits(), 1, 1e6).thresholds == (low, high, high)
    assert cluster_edits.move_threshold(model, Edits(), 1, -1e6).thresholds == (low, low, high)
    assert cluster_edits.move_threshold(model, Edits(), 0, -1e6).thresholds == (-1e6, middle, high)


def test_an_empty_name_restores_the_default(model):
    named = cluster_edits.rename(model, Edits(), 2, "coin")
    assert named.names == ("cluster 1", "coin", "cluster 3", "cluster 4")
    again = cluster_edits.rename(model.with_names(named.names), named, 2, "")
    assert again.names[1] == "cluster 2"


def test_merged_clusters_are_merged_further_and_split(model):
    once = cluster_edits.merge(model, Edits(), [1, 3])
    assert once.merges == ((1, 3),)
    merged = model.merged([[1, 3]])
    twice = cluster_edits.merge(merged, once, [1, 4])
    assert twice.merges == ((1, 3, 4),)
    assert cluster_edits.split(merged, once, [1]).merges == ()
    assert cluster_edits.merge(model, Edits(), [2]) == Edits()


@pytest.mark.parametrize(("background", "expected"), [([1], ()), ([1, 3], (1,))])
def test_a_merged_cluster_is_background_if_all_of_it_is(model, background, expected):
    edits = Edits(background=tuple(background))
    merged = cluster_edits.merge(model.with_background(background), edits, [1, 3])
    assert merged.background == expected


def test_background_is_toggled(model):
    hidden = cluster_edits.toggle_background(model, Edits(), [2])
    assert hidden.background == (2,)
    more = cluster_edits.toggle_background(model, hidden, [2, 3])
    assert more.background == (2, 3)
    assert cluster_edits.toggle_background(model, more, [2, 3]).background == ()


def test_a_merged_cluster_has_the_name_that_a_user_gave(model):
    edits = cluster_edits.rename(model, model.recipe.edits, 3, "glint")
    named = model.with_edits(edits)
    merged = cluster_edits.merge(named, edits, [1, 3])
    assert merged.names[0] == "glint"
    split = cluster_edits.split(model.with_edits(merged), merged, [1])
    assert split.names == edits.names
    both = cluster_edits.rename(named, edits, 1, "dark")
    assert cluster_edits.merge(model.with_edits(both), both, [1, 3]).names[0] == "dark"
