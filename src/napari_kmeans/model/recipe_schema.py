"""The JSON schema of recipe files, made from the declarations of the options.

``python -m napari_kmeans.model.recipe_schema`` writes it to ``recipe.schema.json``.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

from ..features.registry import FEATURES
from ..kmeans.clustering import MAX_CLUSTERS, SOLVERS
from ..kmeans.suggestion import AUTO, GAP
from ..labels.clean_up import CleanUp
from ..options import Option, options_of
from ..preprocess.exclusion import SATURATED
from ..preprocess.illumination import KINDS, MAX_DEGREE, Illumination
from . import recipe_file
from .recipe import Recipe

Schema = dict[str, Any]


def schema() -> Schema:
    """Return the schema of a recipe file (JSON Schema, draft 2020-12)."""
    declared = {name: details for name, _, details in options_of(Recipe)}
    properties: dict[str, Schema] = {
        "$schema": {"type": "string"},
        "format": {"const": recipe_file.KIND},
        "version": {"const": recipe_file.VERSION},
        "n_clusters": {
            "description": "Number of clusters, or as many as are suggested.",
            "anyOf": [_number("integer", 1, MAX_CLUSTERS), {"enum": [AUTO, GAP]}],
        },
        "features": {
            "description": "Features to cluster the pixels by.",
            "anyOf": [{"enum": list(FEATURES)}, *map(_features, FEATURES.values())],
        },
        "illumination": {
            "description": declared["illumination"].help,
            "anyOf": [{"type": "null"}, {"enum": list(KINDS)}, _illumination()],
        },
        "smooth": _per_axis(declared["smooth"]),
        "coherence": _per_axis(declared["coherence"]),
        "exclude": {"description": declared["exclude"].help, **_one_or_more(_value())},
        "solver": {"description": declared["solver"].help, "enum": list(SOLVERS)},
        "random_state": {"description": "Seed of random solvers.", **_number("integer", 0, (1 << 32) - 1)},
        "clean_up": {
            "description": "Clean-up of the labels, in the order of these fields.",
            **_object({name: _option(default, details) for name, default, details in options_of(CleanUp)}),
        },
        "edits": {"description": "Changes made by hand to these clusters.", **_edits()},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Recipe of napari-kmeans",
        **_object(properties, required=["format", "version"]),
    }


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    needed = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


def _number(kind: str, low: float, high: float = math.inf) -> Schema:
    return {"type": kind, "minimum": low, **({} if math.isinf(high) else {"maximum": high})}


def _list(items: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": items, **limits}


def _one_or_more(item: Schema) -> Schema:
    return {"anyOf": [item, _list(item)]}


def _per_axis(details: Option) -> Schema:
    """Return the schema of an option that is a number for all axes, or one per axis."""
    number = _number("number", details.minimum, details.maximum)
    return {"description": details.help, **_one_or_more(number)}


def _value() -> Schema:
    return {"anyOf": [{"type": "number"}, {"const": SATURATED}]}


def _features(space: type) -> Schema:
    """Return the schema of a feature space with its options."""
    declared = {name: details for name, _, details in options_of(space)}
    properties: dict[str, Schema] = {"name": {"const": space.name}}  # type: ignore[attr-defined]
    for each in fields(space):
        properties[each.name] = _option(each.default, declared.get(each.name, Option("")))
    return _object(properties, required=["name"])


def _option(default: Any, details: Option) -> Schema:
    """Return the schema of an option, from its default and range."""
    described = {"description": details.help} if details.help else {}
    if isinstance(default, bool):
        return described | {"type": "boolean"}
    if default is None or isinstance(default, str):
        return described | {"type": ["string", "null"]}
    low = details.minimum if math.isfinite(details.minimum) else 0
    number = _number("number", low, details.maximum)
    if isinstance(default, tuple):
        return described | _list(number, minItems=len(default), maxItems=len(default))
    return described | number


def _illumination() -> Schema:
    degree = {"default": Illumination(KINDS[0]).degree, **_number("integer", 1, MAX_DEGREE)}
    return _object({"kind": {"enum": list(KINDS)}, "degree": degree}, required=["kind"])


def _edits() -> Schema:
    """Return the schema of the edits."""
    cluster, number = _number("integer", 1, MAX_CLUSTERS), {"type": "number"}
    return _object(
        {
            "thresholds": {"anyOf": [{"type": "null"}, _list(number)]},
            "centers": {"anyOf": [{"type": "null"}, _list(_list(number))]},
            "scales": {"anyOf": [{"type": "null"}, _list(number)]},
            "merges": _list(_list(cluster)),
            "background": _list(cluster),
            "names": _list({"type": "string"}),
        }
    )


if __name__ == "__main__":
    recipe_file.SCHEMA.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
