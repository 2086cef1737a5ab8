"""Requests keep their settings, whatever the user changes in the session later."""

from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans._napari.layers.image_layer import resolutions_of
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.session.measurements import measure
from napari_kmeans.model.recipe import Recipe


def test_a_model_uses_the_settings_of_the_request(session_of, gray):
    session = session_of(gray)
    request = session.request
    session.choose_k(5)
    session.edit(names=("a", "b", "c", "d", "e"))
    found = resolutions_of(session.image)
    measured = measure(found.finest, found.recipe, 5)
    assert request.model_from(found, measured).n_clusters == 3
    assert session.request.model_from(found, measured).names == ("a", "b", "c", "d", "e")


@pytest.mark.parametrize("per_axis", [None, 0])
def test_a_model_has_the_smoothing_in_pixels_before_the_image_is_measured(session_of, volume, per_axis):
    settings = LayerRecipe(Recipe(n_clusters=3), smooth=2.0, per_axis=per_axis)
    session = session_of(volume, settings, scale=(1, 0.5, 0.5), units=("um", "um", "um"))
    found = resolutions_of(session.image, settings)
    part = found.finest if per_axis is None else found.finest.at(0, 0)
    assert session.resolutions is None
    model = session.request.model_from(found, measure(part, found.recipe, 3))
    assert model.recipe.smooth == ((2.0, 4.0, 4.0) if per_axis is None else (4.0, 4.0))


def test_models_of_measured_positions_are_shared_until_the_pixels_change(session_of, volume, monkeypatch):
    session = session_of(volume, LayerRecipe(Recipe(n_clusters=3), per_axis=0))
    found = resolutions_of(session.image, session.settings)
    session.set_measured(found, (0, 2), measure(found.finest.at(0, 2), found.recipe, 3))
    request = session.request
    assert request.model_at(found, 4, read=False) is None
    session.set_measured(found, (0, 4), measure(found.finest.at(0, 4), found.recipe, 3))
    later = request.model_at(found, 4, read=False)
    assert later is not None  # it has appeared
    session.forget_measurements()
    np.testing.assert_array_equal(request.model_at(found, 4, read=False).centers, later.centers)
    other = resolutions_of(session.image, session.settings)
    assert request.model_at(other, 4, read=False) is None


def test_times_and_positions_are_cleaned_separately(session_of, volume):
    movie = session_of(volume, axis_labels=("t", "y", "x"), scale=(1, 0.5, 0.25), units=("s", "um", "um"))
    assert movie.request.grid.separate_axes == [0]
    assert movie.request.grid.spacing == [0.5, 0.25]
    assert movie.request.place is None
    stack = session_of(volume, LayerRecipe(per_axis=1))
    stack.move_to(3)
    assert stack.request.grid.separate_axes == [1]
    assert stack.request.place == (1, 3)
