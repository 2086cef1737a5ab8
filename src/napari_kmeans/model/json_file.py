"""JSON files with a format and a version, written atomically, and checks of the values in them."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.atomic import replacing

_MAX_BYTES = 32 * 2**20  # far more than any model needs


def write(path: str | os.PathLike[str], content: str) -> None:
    """Write a file atomically."""
    with replacing(Path(path), overwrite=True) as partial:
        partial.write_text(content + "\n", encoding="utf-8")


def read(path: str | os.PathLike[str], kind: str, current: int) -> dict[str, Any]:
    """Read a file of a kind; raise ``ValueError`` if it is of another kind or later than `current`."""
    with open(path, "rb") as opened:
        raw = opened.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise ValueError(f"it is too large: more than {_MAX_BYTES >> 20} MB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not a text file") from None
    return parse(text, kind, current)


def parse(content: str, kind: str, current: int) -> dict[str, Any]:
    """Parse the text of a file of a kind."""
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        if not content.strip():
            raise ValueError("it is empty") from None
        raise ValueError(f"it is not valid JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("it is not valid JSON: it is nested too deeply") from None
    if not isinstance(document, dict) or document.get("format") != kind:
        found = document.get("format") if isinstance(document, dict) else None
        raise ValueError(f"its format is {found!r:.40}, not {kind!r}")
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= current:
        raise ValueError(f"its version is {version!r:.40}, but this program reads versions up to {current}")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def numbers(name: str, value: object, ndim: int) -> NDArray[np.float64]:
    """Return finite numbers from nested JSON lists as a float64 array."""

    def check(item: object, depth: int) -> None:
        if depth:
            for inner in as_list(name, item):
                check(inner, depth - 1)
        elif isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
            raise TypeError(f"{name} contains {item!r:.40}, which is not a finite number")

    check(value, ndim)
    return np.array(value, dtype=np.float64)


def as_list(name: str, value: object) -> list[Any]:
    """Return a value that must be a JSON list."""
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return value


def strings(name: str, value: object) -> list[str]:
    """Return a value that must be a JSON list of strings."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{name} is not a list of strings")
    return value


def integers(name: str, value: object) -> list[int]:
    """Return a value that must be a JSON list of integers."""
    if not isinstance(value, list) or any(isinstance(i, bool) or not isinstance(i, int) for i in value):
        raise TypeError(f"{name} must contain integers")
    return value
