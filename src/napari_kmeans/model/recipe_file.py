"""Recipe files: documented JSON that programs write and users edit, and that is validated field by field.

Only ``format`` and ``version`` are required; missing fields get their defaults. The JSON schema is in
``recipe.schema.json``, beside this module.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from ..features.registry import features_from_dict
from ..kmeans.suggestion import AUTO, GAP
from ..labels.clean_up import CleanUp
from ..preprocess.illumination import Illumination
from . import json_file
from .edits import Edits, check_clusters, check_merges, check_names, check_thresholds
from .json_file import numbers

KIND = "napari-kmeans recipe"
VERSION = 1

SCHEMA = Path(__file__).with_name("recipe.schema.json")
"""The JSON schema of a recipe file."""

_HEADER = ("$schema", "format", "version")


class _Recipe(Protocol):
    """The part of `Recipe` that functions of this module use."""

    @property
    def n_clusters(self) -> int | str: ...

    @classmethod
    def of(cls, n_clusters: int | str, **options: Any) -> Self: ...

    def with_edits(self, **changes: Any) -> Self: ...


R = TypeVar("R", bound=_Recipe)


def to_text(fields: dict[str, Any]) -> str:
    """Return the text of a recipe file with these fields."""
    return json.dumps({"format": KIND, "version": VERSION, **fields}, indent=1)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the fields of a recipe file."""
    return _fields_of(json_file.read(path, KIND, VERSION))


def parse(text: str) -> dict[str, Any]:
    """Return the fields in the text of a recipe file."""
    return _fields_of(json_file.parse(text, KIND, VERSION))


def _fields_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a recipe file without its header."""
    return {name: value for name, value in document.items() if name not in _HEADER}


@contextmanager
def errors_about(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in errors about a file that is not a recipe."""
    try:
        yield
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a napari-kmeans recipe: {error}") from None


def from_dict(content: dict[str, Any], kind: type[R]) -> R:
    """Return the recipe that some fields describe; see `Recipe.from_dict`."""
    checks: dict[str, Callable[[Any], Any]] = {
        "features": lambda value: features_from_dict(
            {"name": value} if isinstance(value, str) else _object(value)
        ),
        "illumination": lambda value: (
            value
            if isinstance(value, str | None)
            else Illumination(**{"kind": "", **_object(value, Illumination)})
        ),
        "smooth": _numbers,
        "coherence": _numbers,
        "exclude": lambda value: value if isinstance(value, list) else [value],
        "clean_up": lambda value: CleanUp(**_object(value, CleanUp)),
        "edits": lambda value: value,
    }
    known = ("n_clusters", *checks, "solver", "random_state")
    options: dict[str, Any] = {}
    for name, value in content.items():
        _check_field(name, known)
        options[name] = _checked(name, checks[name], value) if name in checks else value
    edits = options.pop("edits", {})
    k = options.pop("n_clusters")
    if k not in (AUTO, GAP) and not isinstance(k, int):
        raise ValueError(f'n_clusters must be an int, "auto" or "gap", not {k!r:.40}')
    recipe = _checked("n_clusters", kind.of, k)
    for name, value in options.items():
        with _about(name):  # one at a time, so that an error names the field
            kind.of(k, **{name: value})
    recipe = kind.of(k, **options)
    return recipe.with_edits(**_checked("edits", lambda value: _edits(value, recipe.n_clusters), edits))


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Name the field in errors about its value."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{name}: {error.args[0]!r} is missing") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        text = " ".join(str(error).split())
        raise ValueError(text if text.startswith(name) else f"{name}: {text}") from None


def _checked(name: str, check: Callable[[Any], Any], value: Any) -> Any:
    """Return ``check(value)``; errors name the field."""
    with _about(name):
        return check(value)


def _numbers(value: Any) -> Any:
    """Convert the ints of a list to float; other values are validated later."""
    if not isinstance(value, list):
        return value
    return [float(number) if type(number) is int else number for number in value]


def _object(value: Any, owner: type | None = None) -> dict[str, Any]:
    """Check that a value is an object, and that its fields are those of a dataclass; return it."""
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.40} is not an object")
    if owner is None:
        return value
    known = [each.name for each in fields(owner)]
    for name in value:
        _check_field(name, known)
    return value


def _check_field(name: str, known: Sequence[str]) -> None:
    """Raise ``ValueError`` if a field is unknown."""
    if name not in known:
        raise ValueError(f"unknown field {name!r:.40}; use one of {', '.join(known)}")


def _edits(value: Any, n_clusters: int | str) -> dict[str, Any]:
    """Validate edits, which belong to a number of clusters."""
    given = {name: each for name, each in _object(value, Edits).items() if each not in (None, [])}
    if not given:
        return {}
    if isinstance(n_clusters, str):
        raise ValueError(f'edits need a fixed number of clusters, but n_clusters is "{n_clusters}"')
    if ("centers" in given) != ("scales" in given):
        raise ValueError("centers and scales belong together")
    checks: dict[str, Callable[[Any], Any]] = {
        "thresholds": lambda each: check_thresholds(each, n_clusters),
        "centers": lambda each: tuple(map(tuple, numbers("centers", each, ndim=2).tolist())),
        "scales": lambda each: tuple(numbers("scales", each, ndim=1).tolist()),
        "merges": lambda each: check_merges(each, n_clusters),
        "background": lambda each: tuple(check_clusters("background", each, n_clusters)),
        "names": lambda each: check_names(each, n_clusters),
    }
    return {name: _checked(f"edits.{name}", checks[name], each) for name, each in given.items()}
