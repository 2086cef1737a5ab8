"""Controls of options take over what the option declares."""

from __future__ import annotations

import pytest
from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox

from napari_kmeans import CleanUp
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.widgets.control import (
    FORM,
    PREPARE,
    Context,
    declared,
    of_clean_up,
    of_features,
    unit_suffixes,
)
from napari_kmeans.features.channels import Channels
from napari_kmeans.features.texture import Texture
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.options import options_of

DECLARED = {
    name: option for owner in (Recipe, CleanUp, Channels, Texture) for name, _, option in options_of(owner)
}


@pytest.fixture
def dock(qapp, session_of, gray):
    """What functions of a control work on, for a texture at scales of its own."""
    session = session_of(gray, LayerRecipe(Recipe(features=Texture(sigma=(1, 8), window=5))))
    return Context(None, lambda: session)


@pytest.mark.parametrize(
    ("control", "kind", "value"),
    [
        (of_clean_up("min_size"), FloatSpinBox, 0),
        (of_features(Texture, "window", place=PREPARE), FloatSpinBox, 16),
        (of_features(Channels, "standardize", place=FORM), CheckBox, True),
        (declared(Recipe, "smooth"), FloatSpinBox, 0),
        (declared(Recipe, "exclude", choices=[("Nothing", ()), ("Zeros", (0,))]), ComboBox, ()),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_a_control_has_the_range_and_help_of_its_option(dock, control, kind, value):
    widget, option = control.make(dock), DECLARED[control.name]
    assert isinstance(widget, kind)
    assert widget.value == value
    assert (control.label, control.tip, control.unit) == (option.label, option.help, option.unit)
    assert widget.native.toolTip() == option.help
    assert widget.native.accessibleName() == option.label
    if kind is FloatSpinBox:
        assert widget.min == option.minimum
        assert widget.max == min(option.maximum, 1e9)


def test_an_option_of_a_feature_space_applies_while_that_feature_space_is_selected(dock):
    window = of_features(Texture, "window", place=PREPARE)
    norm = of_features(Channels, "normalize", place=PREPARE, choices=[("None", "none"), ("By sum", "l1")])
    assert window.applies(dock)
    assert not norm.applies(dock)
    assert window.shown(dock) == 5
    assert not norm.change(dock, "l1")


def test_changing_an_option_keeps_the_others(dock):
    assert of_features(Texture, "window", place=PREPARE).change(dock, 9.0)
    assert dock.settings.recipe.features == Texture(sigma=(1, 8), window=9)
    assert of_features(Texture, "sigma", place=FORM, choices=[]).change(dock, [2.0, 4.0])
    assert dock.settings.recipe.features == Texture(sigma=(2, 4), window=9)
    assert of_clean_up("majority").change(dock, 2.0)
    assert of_clean_up("fill_holes").change(dock, 7.0)
    assert dock.settings.recipe.clean_up == CleanUp(majority=2, fill_holes=7)
    assert not of_clean_up("fill_holes").change(dock, 7.0)


def test_a_note_names_what_differs_from_the_default(dock):
    window = of_features(Texture, "window", place=PREPARE, unit="pixels")
    dock.widgets["window"] = window.make(dock)
    dock.widgets["window"].native.setSuffix(" px")
    assert window.note(dock) == "window 5 px"
    window.change(dock, 16.0)
    assert window.note(dock) == ""


@pytest.mark.parametrize(
    ("layer", "length", "size"),
    [
        ({}, " px", " px²"),
        ({"scale": (0.5, 0.5), "units": ("um", "um")}, " µm", " µm²"),
    ],
)
def test_numbers_have_the_units_of_the_layer(session_of, gray, layer, length, size):
    image = session_of(gray, **layer).image
    assert unit_suffixes(image) == {"length": length, "size": size, "pixels": " px"}


def test_sizes_in_volumes_are_in_cubic_pixels_without_the_time_axis(session_of, volume):
    assert unit_suffixes(session_of(volume).image)["size"] == " px³"
    assert unit_suffixes(session_of(volume, axis_labels=("t", "y", "x")).image)["size"] == " px²"
