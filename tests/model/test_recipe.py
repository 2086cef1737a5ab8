from __future__ import annotations

import inspect
import json
from dataclasses import fields

import pytest

from napari_kmeans import Recipe, Texture
from napari_kmeans.features.extractor import FeatureExtractor
from napari_kmeans.features.registry import FEATURES
from napari_kmeans.labels.clean_up import CleanUp
from napari_kmeans.model import model_file
from napari_kmeans.model.edits import Edits
from napari_kmeans.model.recipe import DEFAULTS, FeatureOptions, RecipeOptions, shows_options
from napari_kmeans.options import options_of
from napari_kmeans.preprocess.illumination import Illumination

FULL = {
    "features": Texture(sigma=(1, 3), window=2),
    "illumination": Illumination("multiplicative", 2),
    "smooth": (1, 0, 2),
    "coherence": (1, 0.5, 0),
    "exclude": (0, "saturated"),
    "solver": "lloyd",
    "random_state": 7,
    "clean_up": CleanUp(majority=2, min_size=10.5, fill_holes=3),
}


def test_every_keyword_of_fit_is_a_field_of_the_recipe():
    names = {field.name for field in fields(Recipe)}
    assert FeatureOptions.__optional_keys__ < RecipeOptions.__optional_keys__
    assert RecipeOptions.__optional_keys__ < names
    assert names - RecipeOptions.__optional_keys__ == {"n_clusters", "edits"}
    assert DEFAULTS.keys() == RecipeOptions.__optional_keys__ == FULL.keys()


def test_defaults_are_those_of_an_empty_recipe():
    assert Recipe.of() == Recipe() == Recipe.of(3, **DEFAULTS)


def test_every_keyword_reaches_its_field():
    recipe = Recipe.of(5, **FULL)
    assert recipe.n_clusters == 5
    assert recipe.features == Texture(sigma=(1.0, 3.0), window=2.0)
    assert recipe.smooth == (1.0, 0.0, 2.0)
    assert recipe.exclude == (0, "saturated")
    assert (recipe.solver, recipe.random_state) == ("lloyd", 7)
    assert recipe.clean_up == CleanUp(2, 10.5, 3)
    for name in FULL:
        assert getattr(recipe, name) != getattr(Recipe(), name)


EDITED = Recipe.of(
    3,
    **FULL,
    edits=Edits(
        thresholds=(1.0, 2.5),
        merges=((1, 3),),
        background=(2,),
        names=("a", "b", "ä"),
    ),
)
MOVED = Recipe.of(2, features="rgb", edits=Edits(centers=((1.0, 2.0, 3.0),) * 2, scales=(1.0, 1.0, 2.0)))


@pytest.mark.parametrize(
    "recipe",
    [Recipe(), Recipe.of("auto"), EDITED, MOVED, *(Recipe.of(features=name) for name in FEATURES)],
    ids=lambda recipe: recipe.features.name,
)
def test_a_recipe_can_be_stored_as_json(recipe):
    content = json.loads(json.dumps(recipe.to_dict()))
    assert content.keys() == {field.name for field in fields(Recipe)}
    again = model_file.recipe_from_dict(content)
    # Merges are converted with the model, whose number of clusters limits them.
    merges = tuple(map(tuple, again.edits.merges))
    assert again.with_edits(merges=merges) == recipe


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"n_clusters": 0}, ValueError, 'n_clusters=0 must be 1 to 255, "auto" or "gap"'),
        ({"n_clusters": 2.0}, TypeError, "n_clusters must be an int"),
        ({"solver": "elkan"}, ValueError, "solver='elkan' must be one of 'auto', 'exact', 'lloyd'"),
        ({"random_state": True}, TypeError, "random_state must be an int"),
        ({"random_state": 1 << 32}, ValueError, "random_state=4294967296 must be 0 to 4294967295"),
        ({"clean_up": 3}, TypeError, "clean_up must be a CleanUp, not 3"),
        ({"features": "hue"}, ValueError, "features='hue' must be one of"),
        ({"smooth": -1}, ValueError, "smooth=-1"),
        ({"exclude": "zero"}, ValueError, "exclude='zero'"),
        ({"sigma": (1, 2)}, TypeError, "'sigma' is not a keyword; use features=Texture"),
        ({"window": 3}, TypeError, "'window' is not a keyword; use features=Texture"),
        ({"standardize": False}, TypeError, "'standardize' is not a keyword; use features=Channels"),
        (
            {"colour": 1},
            TypeError,
            "'colour' is not a keyword; use one of features, illumination, smooth, coherence, exclude",
        ),
    ],
)
def test_invalid_arguments_are_named(kwargs, error, message):
    with pytest.raises(error, match=message):
        Recipe.of(**kwargs)


def test_options_of_the_recipe_are_declared_with_their_range_and_help():
    declared = {name: details for name, _, details in options_of(Recipe)}
    assert declared.keys() == {"illumination", "smooth", "coherence", "exclude", "solver"}
    assert (declared["smooth"].minimum, declared["smooth"].maximum) == (0, 1000)
    assert declared["smooth"].unit == "length"
    assert all(details.help.endswith(".") for details in declared.values())


def test_with_edits_leaves_the_recipe_unchanged():
    recipe = Recipe.of(2)
    assert recipe.with_edits(names=("a", "b")).edits.names == ("a", "b")
    assert recipe.edits == Edits()


def test_the_extractor_has_the_features_and_the_preprocessing():
    assert Recipe.of(2, **FULL).extractor == FeatureExtractor.of(
        Texture(sigma=(1, 3), window=2), smooth=(1, 0, 2), exclude=(0, "saturated")
    )


def test_decorated_functions_show_the_keywords_with_their_defaults():
    @shows_options(FeatureOptions)
    def function(image, *, mask=None, **options):
        """Do nothing."""

    shown = inspect.signature(function).parameters
    assert list(shown) == ["image", "mask", "features", "illumination", "smooth", "coherence", "exclude"]
    assert shown["features"].default == "gray"


@pytest.mark.parametrize("missing", ["centers", "scales"])
def test_stored_centres_and_scales_belong_together(missing):
    content = MOVED.to_dict()
    content["edits"][missing] = None
    with pytest.raises(ValueError, match=r"edits\.centers and edits\.scales belong together"):
        model_file.recipe_from_dict(content)


def test_a_recipe_of_one_position_has_no_smoothing_along_the_axis():
    recipe = Recipe.of(3, smooth=(1, 2, 3), coherence=(0, 1, 2))
    for axis, smooth, coherence in ((0, (2, 3), (1, 2)), (1, (1, 3), (0, 2)), (2, (1, 2), (0, 1))):
        part = recipe.without_axis(axis)
        assert (part.smooth, part.coherence) == (smooth, coherence)
    assert Recipe.of(3, smooth=2).without_axis(1).smooth == (2,)
    assert Recipe.of(3, smooth=(0, 2, 0)).without_axis(1).smooth == ()
