from __future__ import annotations

import inspect
import math
from typing import Any, get_args

import pytest

from napari_kmeans import Channels, CleanUp, Recipe, Texture

typer = pytest.importorskip("typer")

from napari_kmeans.cli import app as cli
from napari_kmeans.cli.recipe_options import FEATURE_NAMES, clean_up_of, recipe_of, takes_options_of
from napari_kmeans.features import FEATURES
from napari_kmeans.options import options_of

DEFAULTS: dict[str, Any] = {
    "smooth": 0.0,
    "exclude": None,
    "solver": "auto",
    "standardize": None,
    "sigma": None,
    "window": None,
    "majority": 0,
    "min_size": 0,
    "fill_holes": 0,
}


def recipe(n_clusters: str = "3", features: str = "gray", **options: Any) -> Recipe:
    return recipe_of(n_clusters, features, {**DEFAULTS, **options})


def test_every_declared_option_is_an_option_of_segment() -> None:
    parameters = {p.name: p for p in typer.main.get_command(cli.app).commands["segment"].params}
    for owner in (Recipe, Channels, Texture, CleanUp):
        for name, _, details in options_of(owner):
            option = parameters[name]
            assert f"--{name.replace('_', '-')}" in option.opts
            assert details.help.rstrip(".").lower() in option.help.rstrip(".").lower()
            if details.metavar:
                assert option.metavar == details.metavar


def test_declared_options_are_added_with_their_type_range_and_default() -> None:
    @takes_options_of(CleanUp, Texture)
    def command(image: str, **options: Any) -> None:
        """Do nothing."""

    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["image", "majority", "min_size", "fill_holes", "sigma", "window"]
    kind, option = get_args(parameters["majority"].annotation)
    assert (kind, option.min, parameters["majority"].default) == (float, 0, 0)
    kind, option = get_args(parameters["window"].annotation)
    assert (kind, option.min, option.max) == (float | None, 0, 1000)
    assert parameters["window"].default is None  # None if not given
    assert option.help.startswith("With texture: size of")


def test_defaults_give_the_default_recipe() -> None:
    assert recipe() == Recipe()
    assert recipe("auto") == Recipe.of("auto")


def test_given_options_reach_the_recipe() -> None:
    found = recipe("5", "texture", sigma="1,3", window=2.0, exclude=["0", "saturated", "1e3"], solver="lloyd")
    assert found == Recipe.of(
        5, features=Texture(sigma=(1, 3), window=2), exclude=(0, "saturated", 1000.0), solver="lloyd"
    )
    assert recipe(features="channels", standardize=False).features == Channels(standardize=False)
    assert recipe(majority=1.5, min_size=3, fill_holes=2).clean_up == CleanUp(1.5, 3, 2)


def test_every_feature_space_except_a_custom_stain_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(FEATURES) - set(FEATURE_NAMES) == {"stain"}
    cli.main(["segment", "--help"])
    assert "dab, channels, texture" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(typer.BadParameter) as raised:
        recipe(features="hue")
    assert "stain" not in raised.value.message


def test_large_integers_are_excluded_exactly() -> None:
    assert recipe(exclude=[str(2**60 + 1), "-7"]).exclude == (2**60 + 1, -7)


@pytest.mark.parametrize(
    ("arguments", "hint", "message"),
    [
        ({"n_clusters": "0"}, "-k", "'0' must be 1 to 255, auto or gap"),
        ({"n_clusters": "256"}, "-k", "'256' must be 1 to 255"),
        ({"n_clusters": "2.5"}, "-k", "'2.5' must be 1 to 255"),
        ({"features": "hue"}, "--features", "'hue' must be one of gray, gray601"),
        ({"features": "stain"}, "--features", "'stain' needs the colour of the stain: give it as the vector"),
        ({"solver": "magic"}, "--solver", "solver='magic' must be one of"),
        ({"exclude": ["black"]}, "--exclude", "'black' must be a number or saturated"),
        ({"exclude": ["nan"]}, "--exclude", "always excluded"),
        ({"features": "rgb", "window": 3.0}, "--features", "window is an option of features='texture'"),
        ({"features": "texture", "sigma": "1"}, "--sigma", "must be two numbers"),
        ({"features": "texture", "sigma": "4,1"}, "--sigma", "must be ascending"),
        ({"features": "texture", "sigma": "a,b"}, "--sigma", "'a' must be a number"),
        ({"features": "texture", "sigma": "saturated,1"}, "--sigma", "'saturated' must be a number"),
        ({"min_size": math.inf}, "--min-size", "min_size=inf must be 0 or more, and finite"),
    ],
)
def test_invalid_options_are_named(arguments: dict[str, Any], hint: str, message: str) -> None:
    with pytest.raises(typer.BadParameter) as raised:
        recipe(**arguments)
    assert raised.value.param_hint == hint
    assert message in raised.value.message


def test_clean_up_of_apply_is_made_from_its_options() -> None:
    assert clean_up_of({**DEFAULTS, "min_size": 4.0}) == CleanUp(min_size=4)
