"""Model files: JSON, written whole or not at all, and read without trusting a word of it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features import FEATURES
from ..features.extractor import SATURATED
from ..io.atomic import replacing

VERSION = 2
MAX_CLUSTERS = 255
"""Labels are uint8, and 0 means excluded."""

_MAX_BYTES = 32 * 2**20  # no model comes near
_MAX_NUMBERS = 1 << 16  # left out

# What version 1 did not have.
_BEFORE_2: dict[str, Any] = {
    "feature_names": [],
    "options": {},
    "smooth": [],
    "exclude": [],
    "scales": [1.0],
    "sample_size": 0,
    "n_init": 0,
    "start_spread": 0.0,
}


def text(kind: str, content: dict[str, Any]) -> str:
    """Return the text of a file of this kind."""
    return json.dumps({"format": kind, "version": VERSION, **content}, indent=1)


def write(path: str | os.PathLike[str], content: str) -> None:
    """Write a file whole or not at all."""
    with replacing(Path(path), overwrite=True) as partial:
        partial.write_text(content + "\n", encoding="utf-8")


def read(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Read a file of this kind; a ``ValueError`` says what is wrong with it."""
    with open(path, "rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    with blaming(path):
        if len(raw) > _MAX_BYTES:
            raise ValueError("it is far too large")
        return parse(raw.decode("utf-8"), kind)


def parse(content: str, kind: str) -> dict[str, Any]:
    """Take the text of a file of this kind apart."""
    document = json.loads(content, parse_constant=_refuse_constant)
    if not isinstance(document, dict) or document.get("format") != kind:
        found = document.get("format") if isinstance(document, dict) else None
        raise ValueError(f"it holds {found!r:.40} where {kind!r} was expected")
    version = document.get("version")
    if isinstance(version, bool) or version not in range(1, VERSION + 1):
        raise ValueError(f"it is of version {version!r:.40} and this program reads up to version {VERSION}")
    return document


@contextmanager
def blaming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever a damaged file leads to into one `ValueError` that names the file."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{path} is no napari-kmeans model: {error.args[0]!r} is missing") from None
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise ValueError(f"{path} is no napari-kmeans model: {error}") from None


def checked(document: dict[str, Any], version: int = VERSION) -> dict[str, Any]:
    """Check what a file says of one model, but for changes by hand; return the arguments of `KMeansModel`."""
    fields = document if version > 1 else {**document, **_BEFORE_2}
    centers, thresholds = _numbers(fields["centers"], ndim=2), _numbers(fields["thresholds"], ndim=1)
    scales = _numbers(fields["scales"], ndim=1)
    counts, integer_thresholds = _integers(fields["counts"]), _integers(fields["integer_thresholds"])
    if fields["features"] not in FEATURES:
        raise ValueError(f"unknown features {fields['features']!r:.40}")
    if centers.ndim != 2 or not centers.size or centers.shape[0] > MAX_CLUSTERS:
        raise ValueError("centers, thresholds and counts do not belong together")
    k, d = centers.shape
    on_a_line = k - 1 if d == 1 else 0
    if (thresholds.shape, len(counts), scales.shape) != ((on_a_line,), k, (d,)):
        raise ValueError("centers, thresholds and counts do not belong together")
    if len(integer_thresholds) not in (0, on_a_line):
        raise ValueError("integer_thresholds and centers do not belong together")
    if (thresholds[1:] < thresholds[:-1]).any() or integer_thresholds != sorted(integer_thresholds):
        raise ValueError("thresholds are not in ascending order")
    if not all(-(1 << 63) <= threshold < 1 << 64 for threshold in integer_thresholds):
        raise ValueError("integer_thresholds are out of range")
    if not (scales > 0).all():
        raise ValueError("scales are not above 0")
    if min(counts) < 0 or max(counts) >= 1 << 63:
        raise ValueError("counts are out of range")
    sample_size, n_init = _integers([fields["sample_size"], fields["n_init"]])
    if not 0 <= sample_size < 1 << 63 or not 0 <= n_init < 1 << 31:
        raise ValueError("sample_size or n_init is out of range")
    inertia, explained, spread = _numbers(
        [fields["inertia"], fields["explained_variance"], fields["start_spread"]], ndim=1
    )
    if not isinstance(fields["adjusted"], bool):
        raise TypeError("adjusted is not true or false")
    for name in ("solver", "confirmation"):
        if not isinstance(fields[name], str):
            raise TypeError(f"{name} is not a text")
    names = _texts("feature_names", fields["feature_names"]) or [fields["features"]]
    if len(names) != d:
        raise ValueError("feature_names and centers do not belong together")
    return {
        "features": fields["features"],
        "feature_names": tuple(names),
        "options": _options(fields["options"]),
        "smooth": tuple(_numbers(fields["smooth"], ndim=1).tolist()),
        "exclude": _left_out(fields["exclude"]),
        "centers": centers,
        "scales": scales,
        "thresholds": thresholds,
        "inertia": float(inertia),
        "counts": np.array(counts, dtype=np.int64),
        "explained_variance": float(explained),
        "solver": fields["solver"],
        "channel_axis": _axis(fields["channel_axis"]),
        "confirmation": fields["confirmation"],
        "sample_size": sample_size,
        "n_init": n_init,
        "start_spread": float(spread),
        "adjusted": fields["adjusted"],
        "merges": fields["merges"],
        "background": fields["background"],
        "names": fields["names"],
        "_integer_thresholds": tuple(integer_thresholds),
    }


def checked_stack(document: dict[str, Any]) -> tuple[int, int | None, list[dict[str, Any]]]:
    """Check what a file says of a stack: axis, channel axis, and what `checked` makes of each model."""
    [axis] = _integers([document["axis"]])
    if not isinstance(document["models"], list) or not document["models"]:
        raise ValueError("it holds no model")
    models = [checked(fields, document["version"]) for fields in document["models"]]
    return axis, _axis(document["channel_axis"]), models


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _axis(value: object) -> int | None:
    if value is None:
        return None
    [axis] = _integers([value])
    return axis


def _options(value: object) -> dict[str, Any]:
    """Options of a feature space: true or false, a number or a few."""
    if not isinstance(value, dict):
        raise TypeError("options are not named")
    return {
        name: item if isinstance(item, bool) else _numbers(item, isinstance(item, list)).tolist()
        for name, item in value.items()
    }


def _left_out(value: object) -> tuple[float | str, ...]:
    """Values that are no data: numbers, whole ones exactly, or "saturated"."""
    if not isinstance(value, list) or len(value) > _MAX_NUMBERS:
        raise TypeError("exclude is no list")
    for item in value:
        if item != SATURATED:
            _numbers([item], ndim=1)
    return tuple(value)


def _texts(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{name} is no list of texts")
    return value


def _numbers(value: object, ndim: int) -> NDArray[np.float64]:
    """Finite numbers from JSON lists, as float64."""

    def check(item: object, depth: int) -> None:
        if depth:
            if not isinstance(item, list):
                raise TypeError("a list of numbers is expected")
            for inner in item:
                check(inner, depth - 1)
        elif isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
            raise TypeError(f"{item!r:.40} is not a finite number")

    check(value, ndim)
    return np.array(value, dtype=np.float64)


def _integers(value: object) -> list[int]:
    if not isinstance(value, list) or any(isinstance(i, bool) or not isinstance(i, int) for i in value):
        raise TypeError("a list of whole numbers is expected")
    return value
