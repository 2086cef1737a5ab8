"""Layers that are made from a result."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

import napari_kmeans

pytestmark = pytest.mark.thorough


@pytest.fixture
def coins():
    return data.coins()[::2, ::2]


def test_the_removed_illumination_becomes_an_image_layer(viewer, open_dock, settle, coins):
    layer = viewer.add_image(coins, name="coins", scale=(2, 3))
    dock = open_dock()
    dock.illumination.value = "additive"
    settle(dock)
    dock.menu.show_field.trigger()
    settle(dock)
    model = napari_kmeans.fit(coins, dock.n_clusters.value, illumination="additive")
    field = viewer.layers["coins illumination"]
    np.testing.assert_allclose(field.data, model.illumination_field(coins.shape))
    assert np.ptp(field.data) > 20
    assert tuple(field.scale) == (2, 3)
    assert viewer.layers.selection == {layer}


def test_labels_with_the_illumination_removed_equal_those_of_python(viewer, open_dock, settle, coins):
    viewer.add_image(coins, name="coins")
    dock = open_dock()
    dock.illumination.value = "multiplicative"
    dock.n_clusters.value = 2
    settle(dock)
    expected, _ = napari_kmeans.segment(coins, 2, illumination="multiplicative")
    np.testing.assert_array_equal(viewer.layers["coins k-means"].data, expected)


def test_coherent_labels_equal_those_of_python(viewer, open_dock, settle, coins):
    viewer.add_image(coins, name="coins")
    dock = open_dock()
    dock.coherence.value = 1
    dock.n_clusters.value = 3
    settle(dock)
    expected, _ = napari_kmeans.segment(coins, 3, coherence=1)
    np.testing.assert_array_equal(np.asarray(viewer.layers["coins k-means"].data), expected)


def test_the_confidence_becomes_an_image_layer(viewer, open_dock, settle, coins):
    viewer.add_image(coins, name="coins")
    dock = open_dock()
    dock.n_clusters.value = 3
    settle(dock)
    dock.menu.confidence.trigger()
    settle(dock)
    model = napari_kmeans.fit(coins, 3)
    np.testing.assert_array_equal(viewer.layers["coins confidence"].data, model.confidence(coins))


def test_the_field_is_offered_only_where_one_was_removed(viewer, open_dock, settle, coins):
    viewer.add_image(coins, name="coins")
    dock = open_dock()
    dock.n_clusters.value = 2
    settle(dock)
    assert not dock.menu.show_field.isEnabled()
    dock.illumination.value = "additive"
    settle(dock)
    assert dock.menu.show_field.isEnabled()
    dock.illumination.value = "none"
    settle(dock)
    assert not dock.menu.show_field.isEnabled()


def test_uneven_illumination_is_offered_and_removed_by_a_button_only(viewer, open_dock, settle, coins):
    viewer.add_image(coins, name="coins")
    dock = open_dock()
    dock.n_clusters.value = 2
    settle(dock)
    line = dock.view.uneven_illumination
    assert not line.isHidden()
    assert dock.illumination.current_choice == "None"
    plain, _ = napari_kmeans.segment(coins, 2)
    np.testing.assert_array_equal(np.asarray(viewer.layers["coins k-means"].data), plain)
    line.button.click()
    settle(dock)
    assert dock.illumination.value == "additive"
    assert line.isHidden()
    expected, _ = napari_kmeans.segment(coins, 2, illumination="additive")
    np.testing.assert_array_equal(np.asarray(viewer.layers["coins k-means"].data), expected)


def test_even_illumination_shows_no_suggestion(viewer, open_dock, settle):
    viewer.add_image(data.camera()[::2, ::2])
    dock = open_dock()
    assert dock.view.uneven_illumination.isHidden()


def test_layers_that_are_requested_at_once_are_all_added(viewer, open_dock, settle, coins):
    viewer.add_image(coins, name="coins")
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    new_layers = dock.jobs.new_layers
    for request in (
        lambda: new_layers.extract([2]),
        lambda: new_layers.extract([3]),
        new_layers.add_confidence,
    ):
        request()
        new_layers.split_into_objects([])  # pressed three times; only the last one counts
    settle(dock)
    names = [layer.name for layer in viewer.layers]
    assert sum(name == "coins objects" for name in names) == 1
    assert sum(name == "coins confidence" for name in names) == 1
    assert len(names) == 6  # image and overlay, two masks, objects and confidence
