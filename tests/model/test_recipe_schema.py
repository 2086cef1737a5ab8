from __future__ import annotations

import json

import pytest

from napari_kmeans.features.registry import FEATURES
from napari_kmeans.model import recipe_file
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.model.recipe_schema import schema

jsonschema = pytest.importorskip("jsonschema")


def test_the_packaged_schema_is_that_of_the_declarations() -> None:
    """After adding an option, run python -m napari_kmeans.model.recipe_schema."""
    assert json.loads(recipe_file.SCHEMA.read_text(encoding="utf-8")) == schema()


def test_the_schema_is_valid_and_has_every_field() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert list(schema()["properties"])[3:] == list(Recipe().to_dict())
    assert schema()["properties"]["features"]["anyOf"][0]["enum"] == list(FEATURES)


@pytest.mark.parametrize(
    "fields",
    [{"n_clusters": 0}, {"features": "hue"}, {"smooth": -1}, {"clean_up": {"a": 1}}, {"colour": 1}],
)
def test_the_schema_rejects_what_load_rejects(fields: dict[str, object]) -> None:
    content = {"format": recipe_file.KIND, "version": recipe_file.VERSION, **fields}
    assert not jsonschema.Draft202012Validator(schema()).is_valid(content)
    with pytest.raises(ValueError, match=next(iter(fields))):
        Recipe.from_json(json.dumps(content))


@pytest.mark.parametrize("name", ["smooth", "coherence"])
@pytest.mark.parametrize(
    ("number", "is_valid"), [(0, True), (0.5, True), ([0, 0.5], True), (-1, False), (1e9, False)]
)
def test_the_schema_has_the_range_of_numbers_per_axis(name: str, number: object, is_valid: bool) -> None:
    content = {"format": recipe_file.KIND, "version": recipe_file.VERSION, name: number}
    assert jsonschema.Draft202012Validator(schema()).is_valid(content) == is_valid
