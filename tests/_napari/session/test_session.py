from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

import napari_kmeans
from napari_kmeans._napari.layers.image_layer import resolutions_of
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.layers.overlay import Overlay
from napari_kmeans._napari.session import measurements as measuring
from napari_kmeans._napari.session.session import Session
from napari_kmeans.features.color import Lab
from napari_kmeans.features.gray import Gray
from napari_kmeans.model.edits import Edits
from napari_kmeans.model.recipe import Recipe


@pytest.fixture
def session(gray):
    viewer = ViewerModel()
    image = viewer.add_image(gray)
    return Session(image, Overlay(viewer, image), LayerRecipe(Recipe(n_clusters=3)))


def measure(session):
    levels = resolutions_of(session.image)
    session.set_measured(levels, session.place, measuring.measure(levels.finest, levels.recipe, 12))


def test_a_gesture_of_several_steps_is_undone_at_once(session):
    for k in (4, 5, 6):
        assert session.choose_k(k)
    session.end_gesture()
    assert session.edit(background=(1,))
    assert session.undo()
    assert session.settings == LayerRecipe(Recipe(n_clusters=6))
    assert session.undo()
    assert session.settings == LayerRecipe(Recipe(n_clusters=3))
    assert not session.undo()


def test_changes_without_effect_are_not_in_the_history(session):
    assert not session.choose_k(3)
    assert not session.edit(names=())
    assert not session.undo()


def test_edits_are_stored_per_number_of_clusters(session):
    edits = Edits((50.0, 150.0), merges=((2, 3),), names=("a", "b", "c"))
    session.edit(**vars(edits))
    session.choose_k(5)
    assert session.settings.edits == Edits()
    session.choose_k(3)
    assert session.settings.edits == edits


def test_an_edit_that_was_undone_is_not_restored_with_its_number_of_clusters(session):
    session.edit(background=(1,))
    assert session.undo()
    session.choose_k(5)
    session.choose_k(3)
    assert session.settings.edits == Edits()


def test_edits_are_applied_to_the_optimum(session):
    measure(session)
    session.edit(thresholds=(50.0, 150.0), merges=((1, 2),), names=("a", "b", "c"))
    model = session.request.model_from(session.resolutions, session.measured)
    assert model.adjusted
    assert model.thresholds.tolist() == [50, 150]
    assert model.merges == ((1, 2),)
    assert model.names == ("a", "b", "c")


def test_edits_for_more_clusters_than_the_image_has_are_ignored(session):
    session.image.data = session.image.data > 100
    measure(session)
    session.edit(names=("a", "b", "c"))
    assert session.n_clusters == 2
    assert session.request.model_from(session.resolutions, session.measured).names == ()


def test_new_data_discard_measurements_and_keep_settings(session):
    measure(session)
    session.choose_k(7)
    session.forget_measurements()
    assert (session.resolutions, session.measured, session.suggestion, session.model) == (None,) * 4
    assert session.settings.n_clusters == 7
    assert session.undo()


def test_settings_that_do_not_suit_the_image_change_nothing(session):
    measure(session)
    session.choose_k(4)
    before, past = session.settings, list(session.history.past)
    with pytest.raises(ValueError, match="“Colour \\(Lab\\)” needs a colour image"):
        session.choose_features(Lab())
    colors = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    model = napari_kmeans.fit(colors, 2, features="lab", channel_axis=-1)
    with pytest.raises(ValueError, match="the model does not suit this image: “Colour \\(Lab\\)” needs"):
        session.use_model(model)
    assert session.settings is before
    assert session.history.past == past
    assert session.measured is not None


def test_a_step_back_to_settings_that_no_longer_suit_the_image_is_dropped(session):
    session.choose_recipe(exclude=("saturated",))
    session.end_gesture()
    session.choose_recipe(exclude=())
    session.end_gesture()
    session.choose_k(5)
    session.image.data = session.image.data.astype("float32")
    session.follow_data()
    assert session.undo()
    assert session.settings.n_clusters == 3
    assert session.undo()  # without the step whose exclusion needs integers
    assert session.settings == LayerRecipe(Recipe(n_clusters=3))
    session.history.past[:] = [replace(session.settings, per_axis=0)]
    with pytest.raises(ValueError, match="the earlier settings do not suit the image"):
        session.undo()


def test_settings_that_do_not_suit_replaced_data_are_reset(gray):
    viewer = ViewerModel()
    image = viewer.add_image(gray[np.newaxis].repeat(3, axis=0))
    session = Session(image, Overlay(viewer, image), LayerRecipe(Recipe(n_clusters=4)))
    session.choose_per_axis(0)
    image.data = gray
    session.follow_data()
    assert session.settings == LayerRecipe(Recipe(n_clusters=4))
    assert "no longer suit" in session.notice


def test_any_change_is_allowed_while_the_current_settings_do_not_suit_the_image(session):
    session.settings = LayerRecipe(Recipe(features=Lab()))
    assert session.choose_k(5)
    assert session.choose_features(Gray())
    with pytest.raises(ValueError, match="needs a colour image"):
        session.choose_features(Lab())
