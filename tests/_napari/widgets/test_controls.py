"""All controls together, without a dock."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QSignalBlocker

from napari_kmeans import CleanUp
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.widgets.controls import CONTROLS, Controls
from napari_kmeans.features.channels import Channels
from napari_kmeans.features.texture import Texture
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.options import options_of


@pytest.fixture
def session(session_of, gray):
    return session_of(gray, scale=(0.5, 0.5), units=("um", "um"))


@pytest.fixture
def controls(qapp, session):
    return Controls(session.overlay._viewer, lambda: session, {"n_clusters": 4, "live": False})


@pytest.fixture
def chosen(controls):
    """Names and values of what was signalled as chosen by the user."""
    signalled = []
    controls.chosen.connect(lambda *choice: signalled.append(choice))
    return signalled


def test_every_option_has_a_control():
    declared = {name for owner in (Recipe, CleanUp, Channels, Texture) for name, *_ in options_of(owner)}
    elsewhere = {"exclude": "leave_out"}
    assert {elsewhere.get(name, name) for name in declared} - set(CONTROLS) == {"solver"}


def test_controls_begin_with_the_values_they_are_given(controls):
    assert controls["n_clusters"].value == 4
    assert not controls["live"].value


def test_choices_of_the_user_emit_a_signal(controls, chosen):
    controls["n_clusters"].value = 5
    controls["illumination"].value = "additive"
    controls["illumination"].value = "none"
    assert chosen == [("n_clusters", 5), ("illumination", "additive"), ("illumination", None)]


def test_showing_values_emits_no_signal(controls, session, chosen):
    controls.show(n_clusters=7, mask=None)
    with QSignalBlocker(controls):
        controls.show(n_clusters=8)
        controls["n_clusters"].value = 9
    session.choose_k(6)
    controls.refresh()
    assert controls["n_clusters"].value == 6
    assert chosen == []


def test_controls_show_the_settings_of_the_session(controls, session):
    session.choose(smooth=1.5, coherence=2.0)
    session.choose_recipe(exclude=(0, "saturated"), clean_up=CleanUp(min_size=3))
    controls.refresh()
    assert controls["smooth"].value == 1.5
    assert controls["smooth"].native.text() == "1.50 µm"
    assert controls["min_size"].native.text() == "3.00 µm²"
    assert controls["leave_out"].value == (0, "saturated")
    assert controls.notes("Prepare") == ["smooth 1.5 µm", "coherence 2"]
    assert controls.notes("Where") == ["without 0, saturated"]
    assert controls.notes("Clean up") == ["smallest region 3 µm²"]


def test_a_list_keeps_its_choice_when_an_unknown_one_is_shown(controls):
    controls.show(illumination="multiplicative")
    controls.show(illumination="unknown")
    assert controls["illumination"].value == "multiplicative"


def test_a_number_of_clusters_beyond_the_slider_is_explained(controls, session):
    session.choose_k(40)
    controls.refresh()
    assert controls["n_clusters_slider"].value == 12
    assert "40 clusters: beyond the end of the slider at 12" in controls["n_clusters_slider"].native.toolTip()
    session.choose_k(3)
    controls.refresh()
    assert controls["n_clusters_slider"].native.toolTip() == "Number of clusters, 2 to 12"


def test_coherence_applies_to_one_feature_only(controls, session):
    controls.refresh()
    assert controls["coherence"].native.isEnabled()
    session.choose_features(Texture())
    controls.refresh()
    assert not controls["coherence"].native.isEnabled()
    assert "Majority" in controls["coherence"].native.toolTip()


def test_scales_of_a_loaded_model_are_shown(controls, session):
    session.choose_features(Texture(sigma=(1, 3)))
    controls.refresh()
    assert controls["sigma"].current_choice == "1 to 3"
    session.choose_recipe(features=Texture())
    controls.refresh()
    assert controls["sigma"].value == (0.5, 4.0)
    assert len(controls["sigma"].choices) == 3


def test_nothing_applies_without_a_session(qapp, session):
    controls = Controls(session.overlay._viewer, lambda: None, {})
    assert [name for name in CONTROLS if CONTROLS[name].applies and controls.applies(name)] == []
    assert controls["features"].choices == ("gray",)
    assert controls["mask"].choices == ("no mask",)


def test_controls_for_positions_and_missing_values_apply_only_where_usable(qapp, session_of, volume):
    session = session_of(volume, LayerRecipe(), axis_labels=("z", "y", "x"))
    controls = Controls(session.overlay._viewer, lambda: session, {})
    assert controls.applies("where")
    assert not controls.applies("no_data")
    controls["leave_out"].value = "a value"
    assert controls.applies("no_data")
    controls.refresh()
    assert controls.notes("Where") == ["whole stack"]


@pytest.mark.parametrize(
    ("layer", "text"),
    [({}, "150 px²"), ({"scale": (0.5, 0.5), "units": ("um", "um")}, "150.00 µm²")],
)
def test_areas_in_pixels_have_no_decimals(session_of, gray, layer, text):
    session = session_of(gray, **layer)
    controls = Controls(ViewerModel(), lambda: session, {})
    session.choose_recipe(clean_up=CleanUp(min_size=150))
    controls.refresh()
    assert controls["min_size"].native.text() == text
    assert controls["majority"].native.decimals() > 0
