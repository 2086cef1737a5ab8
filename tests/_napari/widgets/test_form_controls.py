"""What pixels can be clustered by."""

from __future__ import annotations

import numpy as np
import pytest
from dock_helpers import overlay_of, run_script

import napari_kmeans

pytestmark = pytest.mark.thorough


def choices(control):
    return [control.native.itemText(i) for i in range(control.native.count())]


def test_only_applicable_features_and_options_are_offered(viewer, open_dock, settle, stained, gray):
    image = viewer.add_image(stained)
    dock = open_dock()
    assert {"Colour (RGB)", "Colour (Lab)", "Red", "Saturation", "Channels", "Texture"} <= set(
        choices(dock.features)
    )
    viewer.layers.remove(image)
    viewer.add_image(gray)
    settle(dock)
    assert choices(dock.features) == ["Grayscale", "Texture"]
    assert not dock.standardize.native.isVisibleTo(dock.native)
    viewer.add_image(gray[::-1].copy())
    settle(dock)
    assert set(choices(dock.features)) == {"Grayscale", "Channels", "Texture"}


def test_selected_layers_of_the_same_extent_are_clustered_as_channels(viewer, open_dock, settle):
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, (50, 60))
    nuclei = (np.array([20, 900, 30])[kinds] + rng.normal(0, 10, (50, 60))).astype(np.float32)
    membrane = (np.array([2, 1, 9])[kinds] + rng.normal(0, 0.2, (50, 60))).astype(np.float32)
    first, second = viewer.add_image(nuclei, name="nuclei"), viewer.add_image(membrane, name="membrane")
    viewer.add_image(membrane, name="other")
    viewer.layers.selection.active = second
    dock = open_dock()
    viewer.layers.selection.add(first)
    dock.features.value = "channels"
    settle(dock)
    both = np.stack([nuclei, membrane], axis=-1)
    for standardize in (True, False):
        dock.standardize.value = standardize
        settle(dock)
        expected, model = napari_kmeans.segment(
            both, 3, features=napari_kmeans.Channels(standardize=standardize), channel_axis=-1
        )
        np.testing.assert_array_equal(overlay_of(viewer).data, expected)
        np.testing.assert_array_equal(run_script(viewer, dock), expected)
    assert dock.session.model.centers.shape == model.centers.shape == (3, 2)
    # Without one of them it is gray again.
    viewer.layers.remove(first)
    settle(dock)
    assert dock.features.value == "gray"


def test_texture_is_clustered_at_the_chosen_scales(viewer, open_dock, settle):
    rng = np.random.default_rng(2)
    image = np.where(np.arange(64) < 32, rng.normal(100, 30, (64, 64)), 100).astype(np.float32)
    viewer.add_image(image)
    dock = open_dock()
    dock.n_clusters.value = 2
    dock.features.value = "texture"
    settle(dock)
    expected = napari_kmeans.segment(image, 2, features="texture")[0]
    np.testing.assert_array_equal(overlay_of(viewer).data, expected)
    assert dock.sigma.native.isVisibleTo(dock.native)
    dock.sigma.value = (0.5, 2.0)
    settle(dock)
    expected = napari_kmeans.segment(image, 2, features=napari_kmeans.Texture(sigma=(0.5, 2)))[0]
    np.testing.assert_array_equal(overlay_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)
