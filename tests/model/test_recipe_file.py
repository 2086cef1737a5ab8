from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans import Channels, CleanUp, Illumination, Recipe, Stain, Texture, fit
from napari_kmeans.model import recipe_file
from napari_kmeans.model.edits import Edits

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads(recipe_file.SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

RECIPES = [
    Recipe(),
    Recipe.of("auto", features="lab", exclude=(0, "saturated", 1.5), solver="lloyd", random_state=7),
    Recipe.of(4, features=Channels(standardize=False, normalize="l2"), smooth=(0, 1.5), coherence=2),
    Recipe.of(255, features=Texture(sigma=(1, 8), window=3), clean_up=CleanUp(1.5, 20, 30)),
    Recipe.of(3, features=Stain((0.1, 0.2, 0.3)), illumination=Illumination("multiplicative", 3)),
    fit(np.arange(99.0), 4).with_thresholds([9, 20, 30]).merged([[2, 3]]).with_background([1]).recipe,
    fit(np.arange(99.0), 2).with_names(["dark", "µ"]).recipe,
]


def document(**fields: Any) -> dict[str, Any]:
    return {"format": "napari-kmeans recipe", "version": 1, **fields}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_saved_recipe_is_valid_and_can_be_loaded(tmp_path: Path, recipe: Recipe) -> None:
    recipe.save(tmp_path / "r.json")
    VALIDATOR.validate(json.loads((tmp_path / "r.json").read_text(encoding="utf-8")))
    assert Recipe.load(tmp_path / "r.json") == recipe


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Recipe()),
        ({"$schema": "recipe.schema.json", "n_clusters": 5}, Recipe.of(5)),
        (
            {"features": "rgb", "illumination": "multiplicative", "smooth": 2, "coherence": 1, "exclude": 0},
            Recipe.of(features="rgb", illumination="multiplicative", smooth=2, coherence=1, exclude=0),
        ),
        ({"features": {"name": "texture", "window": 3}}, Recipe.of(features=Texture(window=3))),
        ({"illumination": {"kind": "additive"}}, Recipe.of(illumination="additive")),
        ({"clean_up": {"min_size": 20}}, Recipe.of(clean_up=CleanUp(min_size=20))),
        ({"exclude": "saturated"}, Recipe.of(exclude="saturated")),
    ],
)
def test_fields_of_a_recipe_may_be_omitted(fields: dict[str, Any], expected: Recipe) -> None:
    VALIDATOR.validate(document(**fields))
    assert Recipe.from_json(json.dumps(document(**fields))) == expected


def test_moved_centres_are_saved_and_loaded(tmp_path: Path) -> None:
    edits = Edits(centers=((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), scales=(1.0, 1.0, 2.0))
    recipe = Recipe.of(2, features="rgb", edits=edits)
    recipe.save(tmp_path / "r.json")
    assert Recipe.load(tmp_path / "r.json") == recipe


HOSTILE = [
    ("n_clusters", "many"),
    ("n_clusters", 0),
    ("n_clusters", 256),
    ("n_clusters", 2.5),
    ("n_clusters", True),
    ("n_clusters", None),
    ("features", "hue"),
    ("features", 3),
    ("features", {}),
    ("features", {"name": "texture", "sigma": 4}),
    ("features", {"name": "texture", "size": 4}),
    ("features", {"name": ["gray"]}),
    ("illumination", "dark"),
    ("illumination", {"degree": 2}),
    ("illumination", {"kind": "additive", "degree": 99}),
    ("illumination", 5),
    ("smooth", -1),
    ("smooth", "much"),
    ("smooth", [1, None]),
    ("smooth", 1e999),
    ("coherence", {"a": 1}),
    ("exclude", "black"),
    ("exclude", [[1]]),
    ("exclude", {"value": 1}),
    ("solver", "magic"),
    ("solver", None),
    ("random_state", -1),
    ("random_state", "seed"),
    ("clean_up", {"majority": -1}),
    ("clean_up", {"majority": "all"}),
    ("clean_up", {"maximum": 1}),
    ("clean_up", []),
    ("edits", {"thresholds": [1]}),
    ("edits", {"thresholds": [2, 1]}),
    ("edits", {"merges": [[1, 9]]}),
    ("edits", {"merges": 3}),
    ("edits", {"background": ["a"]}),
    ("edits", {"names": ["one"]}),
    ("edits", {"centers": [[1, 2]]}),
    ("edits", {"colours": []}),
    ("edits", None),
    ("colour", 1),
]


@pytest.mark.parametrize(("field", "value"), HOSTILE)
def test_an_invalid_file_gives_a_one_line_error_that_names_the_field(
    tmp_path: Path, field: str, value: object
) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document(**{field: value})).replace("Infinity", "1e999"), encoding="utf-8")
    with pytest.raises(ValueError, match="not a napari-kmeans recipe") as raised:
        Recipe.load(path)
    message = str(raised.value)
    assert message.startswith(f"{path} is not a napari-kmeans recipe: ")
    assert field in message.removeprefix(str(path))
    assert "\n" not in message
    assert "__init__" not in message
    assert "object has no" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe", "it is not a text file"),
        (b"[]", "its format is None, not 'napari-kmeans recipe'"),
        (
            b'{"format": "napari-kmeans model", "version": 3}',
            "its format is 'napari-kmeans model', not 'napari-kmeans recipe'",
        ),
        (b'{"format": "napari-kmeans recipe"}', "its version is None"),
        (b'{"format": "napari-kmeans recipe", "version": 2}', "this program reads versions up to 1"),
        (b'{"format": "napari-kmeans recipe", "version": true}', "its version is True"),
        (b"{", "it is not valid JSON (line 1, column 2)"),
        (b"[" * 100_000, "it is not valid JSON"),
        (b'{"format": "napari-kmeans recipe", "version": 1, "smooth": NaN}', "NaN is not a number"),
    ],
)
def test_other_files_are_not_recipes(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(ValueError, match="is not a napari-kmeans recipe") as raised:
        Recipe.load(tmp_path / "r.json")
    assert message in str(raised.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [name for name in SCHEMA["properties"] if name not in ("$schema", "format", "version")]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FIELDS), ANYTHING)
def test_any_value_of_a_field_is_valid_or_the_error_names_the_field(field: str, value: object) -> None:
    recipe, message = None, ""
    try:
        recipe = Recipe.from_dict({field: value})
    except ValueError as error:
        message = str(error)
    if recipe is None:
        assert field in message
        return
    assert Recipe.from_json(recipe.to_json()) == recipe
    VALIDATOR.validate(json.loads(recipe.to_json()))
