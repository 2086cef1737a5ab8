"""Content of model files: JSON that is fully validated when it is read; `json_file` reads and writes it.

Version 3 contains a recipe, which includes edits, and a clustering. Files of versions 1 and 2 are upgraded
when they are read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..features.registry import features_from_dict
from ..kmeans.clustering import CLUSTERING_FIELDS, MAX_CLUSTERS, Clustering
from ..labels.clean_up import CleanUp
from ..preprocess.illumination import Illumination, IlluminationField, field_axes, n_terms
from . import json_file
from .coherence import Coherence
from .edits import Edits, check_thresholds
from .fitted_to import FittedTo
from .json_file import as_list, integers, numbers, strings
from .recipe import Recipe

VERSION = 3


def to_text(kind: str, content: dict[str, Any]) -> str:
    """Return the text of a file of a kind."""
    return json.dumps({"format": kind, "version": VERSION, **content}, indent=1)


def read(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Read a file of a kind and upgrade it; raise ``ValueError`` if it is of another kind."""
    return _as_current(json_file.read(path, kind, VERSION))


def parse(content: str, kind: str) -> dict[str, Any]:
    """Parse the text of a file of a kind, and upgrade it to the current version."""
    return _as_current(json_file.parse(content, kind, VERSION))


def _as_current(document: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a model or a stack in the form of the current version."""
    version = document["version"]
    if version == VERSION:
        return document
    if "models" not in document:
        return _upgraded(document, version)
    return {
        **document,
        "models": [_upgraded(each, version) for each in as_list("models", document["models"])],
    }


@contextmanager
def errors_about(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn any error about a damaged file into a ``ValueError`` that names the file."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{path} is not a napari-kmeans model: {error.args[0]!r} is missing") from None
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"{path} is not a napari-kmeans model: {error}") from None


def _upgraded(old: dict[str, Any], version: int) -> dict[str, Any]:
    """Return a model of version 1 or 2 in the form of version 3."""
    if version == 1:
        added: dict[str, Any] = {"feature_names": [], "options": {}, "smooth": [], "exclude": []}
        added |= {"scales": [1.0], "sample_size": 0, "n_init": 0, "start_spread": 0.0}
        old = {**old, **added}
    if not isinstance(old["options"], dict):
        raise TypeError("options is not an object")
    if not isinstance(old["adjusted"], bool):
        raise TypeError("adjusted is not true or false")
    edits: dict[str, Any] = {name: old[name] for name in ("merges", "background", "names")}
    edits |= dict.fromkeys(("thresholds", "centers", "scales"))
    several = len(old["scales"]) > 1
    if old["adjusted"]:
        edits |= {name: old[name] for name in (("centers", "scales") if several else ("thresholds",))}
    return {
        "channel_axis": old["channel_axis"],
        "recipe": {
            "n_clusters": len(old["centers"]),
            "features": {"name": old["features"], **old["options"]},
            "smooth": old["smooth"],
            "exclude": old["exclude"],
            "solver": old["solver"],
            "random_state": 0,
            "clean_up": {},
            "edits": edits,
        },
        "clustering": {name: old[name] for name in CLUSTERING_FIELDS}
        | {"feature_names": old["feature_names"] or [old["features"]]},
    }


def recipe_from_dict(content: dict[str, Any]) -> Recipe:
    """Validate a recipe that `Recipe.to_dict` wrote."""
    edits = content["edits"]
    k = content["n_clusters"]
    thresholds, centers, scales = (edits[name] for name in ("thresholds", "centers", "scales"))
    if thresholds is not None:
        found = numbers("edits.thresholds", thresholds, ndim=1)
        thresholds = check_thresholds(found, found.size + 1)
    if (centers is None) != (scales is None):
        raise ValueError("edits.centers and edits.scales belong together")
    if centers is not None:
        centers = tuple(map(tuple, numbers("edits.centers", centers, ndim=2).tolist()))
        scales = tuple(numbers("edits.scales", scales, ndim=1).tolist())
    for name in ("merges", "background", "names"):
        if not isinstance(edits[name], list):
            raise TypeError(f"edits.{name} is not a list")
    return Recipe.of(
        k,
        features=features_from_dict(content["features"]),
        illumination=_illumination(content.get("illumination")),
        smooth=numbers("smooth", content["smooth"], ndim=1).tolist(),
        coherence=numbers("coherence", content.get("coherence", []), ndim=1).tolist(),
        exclude=as_list("exclude", content["exclude"]),
        solver=content["solver"],
        random_state=content["random_state"],
        clean_up=CleanUp(**content["clean_up"]),
        edits=Edits(
            thresholds, centers, scales, edits["merges"], tuple(edits["background"]), tuple(edits["names"])
        ),
    )


def _illumination(content: Any) -> Illumination | None:
    """Return the illumination that `Recipe.to_dict` wrote."""
    return None if content is None else Illumination(**content)


def field_to_dict(field: IlluminationField | None) -> dict[str, Any] | None:
    """Return an illumination field as JSON stores it."""
    if field is None:
        return None
    return {
        "kind": field.kind,
        "degree": field.degree,
        "shape": list(field.shape),
        "coefficients": [list(row) for row in field.coefficients],
        "explained_variance": field.explained_variance,
    }


def field_from_dict(content: Any) -> IlluminationField | None:
    """Validate an illumination field that `field_to_dict` wrote."""
    if content is None:
        return None
    checked = Illumination(content["kind"], content["degree"])
    shape = integers("illumination.shape", content["shape"])
    rows = numbers("illumination.coefficients", content["coefficients"], ndim=2)
    expected = n_terms(checked.degree, len(field_axes(len(shape))))
    if not shape or min(shape) < 1 or rows.ndim != 2 or rows.shape[1] != expected:
        raise ValueError(f"illumination.coefficients needs {expected} columns")
    explained = float(numbers("illumination.explained_variance", content["explained_variance"], ndim=0))
    coefficients = tuple(map(tuple, rows.tolist()))
    return IlluminationField(checked.kind, checked.degree, tuple(shape), coefficients, explained)


def coherence_to_dict(coherence: Coherence) -> dict[str, Any]:
    """Return a coherence as JSON stores it."""
    return {"noise": coherence.noise, "weights": list(coherence.weights), "gap": coherence.gap}


def coherence_from_dict(content: Any) -> Coherence | None:
    """Validate a coherence that `coherence_to_dict` wrote."""
    if content is None:
        return None
    noise, gap = (float(numbers(f"coherence.{n}", content[n], ndim=0)) for n in ("noise", "gap"))
    weights = numbers("coherence.weights", content["weights"], ndim=1)
    if noise < 0 or (weights < 0).any():
        raise ValueError("coherence.noise or coherence.weights is negative")
    return Coherence(noise, tuple(weights.tolist()), gap)


def fitted_to_from_dict(content: Any) -> FittedTo | None:
    """Validate the result of `FittedTo.to_dict`."""
    if content is None:
        return None
    dtype, unit = strings("fitted_to", [content["dtype"], content["unit"]])
    ranges = {
        name: tuple(numbers(f"fitted_to.{name}", content[name], ndim=1).tolist())
        for name in ("low", "high", "pixel_size")
    }
    if len(ranges["low"]) != len(ranges["high"]):
        raise ValueError("fitted_to.low and fitted_to.high differ in length")
    return FittedTo(dtype, check_axis("fitted_to.n_channels", content["n_channels"]), unit=unit, **ranges)


def clustering_to_dict(clustering: Clustering) -> dict[str, Any]:
    """Return a clustering as JSON stores it."""
    return {name: _as_lists(getattr(clustering, name)) for name in CLUSTERING_FIELDS}


def _as_lists(value: Any) -> Any:
    """Return an array or a tuple as a list, and other values unchanged."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def clustering_from_dict(content: dict[str, Any]) -> dict[str, Any]:
    """Validate a clustering that `clustering_to_dict` wrote; return the arguments of `Clustering`."""
    centers = numbers("centers", content["centers"], ndim=2)
    thresholds = numbers("thresholds", content["thresholds"], ndim=1)
    scales = numbers("scales", content["scales"], ndim=1)
    counts = integers("counts", content["counts"])
    integer_thresholds = integers("integer_thresholds", content["integer_thresholds"])
    feature_names = strings("feature_names", content["feature_names"])
    if centers.ndim != 2 or not centers.size or centers.shape[0] > MAX_CLUSTERS:
        raise ValueError(f"centers has shape {centers.shape}; it must have 1 to {MAX_CLUSTERS} rows")
    k, d = centers.shape
    n_thresholds = k - 1 if d == 1 else 0
    for name, found, expected in (
        ("thresholds", thresholds.size, n_thresholds),
        ("counts", len(counts), k),
        ("scales", scales.size, d),
        ("feature_names", len(feature_names), d),
        ("integer_thresholds", len(integer_thresholds) or n_thresholds, n_thresholds),
    ):
        if found != expected:
            raise ValueError(f"{name} has length {found}, and centers needs {expected}")
    if (thresholds[1:] < thresholds[:-1]).any() or integer_thresholds != sorted(integer_thresholds):
        raise ValueError("thresholds are not in ascending order")
    if not all(-(1 << 63) <= threshold < 1 << 64 for threshold in integer_thresholds):
        raise ValueError("integer_thresholds are out of range")
    if not (scales > 0).all():
        raise ValueError("scales are not above 0")
    if min(counts) < 0 or max(counts) >= 1 << 63:
        raise ValueError("counts are out of range")
    whole = {name: integers(name, [content[name]])[0] for name in ("sample_size", "n_init")}
    if not 0 <= whole["sample_size"] < 1 << 63 or not 0 <= whole["n_init"] < 1 << 31:
        raise ValueError("sample_size or n_init is out of range")
    for name in ("solver", "confirmation"):
        if not isinstance(content[name], str):
            raise TypeError(f"{name} is not a string")
    return {
        "centers": centers,
        "thresholds": thresholds,
        "scales": scales,
        "counts": np.array(counts, dtype=np.int64),
        "integer_thresholds": tuple(integer_thresholds),
        "feature_names": tuple(feature_names),
        "solver": content["solver"],
        "confirmation": content["confirmation"],
        **whole,
        **{
            name: float(numbers(name, content[name], ndim=0))
            for name in ("inertia", "explained_variance", "start_spread")
        },
    }


def check_axis(name: str, value: object) -> int | None:
    """Return a value that must be an int or None."""
    return None if value is None else integers(name, [value])[0]
