from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans.labels.clean_up import CleanUp


def test_lengths_become_pixels_and_coherence_along_time_is_zero():
    settings = LayerRecipe(smooth=2.0, coherence=1.0)
    recipe = settings.in_pixels([0.0, 4.0, 8.0], [False, True, True], [1.0, 0.5, 0.25])
    assert recipe.smooth == (0.0, 4.0, 8.0)
    assert recipe.coherence == (0.0, 0.5, 1.0)


def test_coherence_has_no_entry_for_the_axis_of_positions():
    settings = LayerRecipe(coherence=2.0, per_axis=0)
    assert settings.in_pixels([0.0] * 3, [True] * 3, [1.0] * 3).coherence == (2.0, 2.0)


def test_clean_up_and_edits_leave_measurements_valid():
    settings = LayerRecipe()
    same = settings.with_recipe(n_clusters=5, clean_up=CleanUp(majority=2)).with_edits(background=(1,))
    assert same.measured_by == settings.measured_by
    for changed in (
        settings.with_recipe(exclude=(0.0,)),
        LayerRecipe(smooth=1.0),
        LayerRecipe(coherence=1.0),
    ):
        assert changed.measured_by != settings.measured_by


def test_a_saved_model_becomes_settings_as_if_set_by_hand(gray):
    model = napari_kmeans.fit(gray, 4, smooth=2).merged([[1, 2]])
    settings = LayerRecipe.of_model(model, 0.5)
    assert settings.n_clusters == 4
    assert settings.smooth == 1.0
    assert settings.edits.merges == ((1, 2),)
    np.testing.assert_array_equal(settings.edits.thresholds, model.thresholds)


def test_a_model_of_one_cluster_is_refused(gray):
    with pytest.raises(ValueError, match="has only one cluster; the dock needs two or more"):
        LayerRecipe.of_model(napari_kmeans.fit(gray, 1), 1.0)
