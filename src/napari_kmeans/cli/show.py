"""The command ``show``: how a file was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..io.record import read_record, sources_of
from ..model.recipe import Recipe
from .report import reporting


def show(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="Labels, objects, a table, a figure, a model or a recipe.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the complete record as JSON.")] = False,
) -> int:
    """Print how a file was made: program, image, recipe and clusters."""
    with reporting(path) as report:
        record = read_record(path)
    if report.failed:
        return 1
    if as_json:
        print(json.dumps(record, indent=1, ensure_ascii=False))
        return 0
    for name, value in _lines(record):
        print(f"{f'{name}:' if name else '':<10} {value}")
    return 0


def _lines(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the content of a record as names and values."""
    made = record.get("provenance", {})
    task = made.get("task", {})
    lines = []
    if made:
        lines.append(("program", f"{made.get('program')} {made.get('version')}"))
    for source in sources_of(made):
        lines += _source(source)
    recipe = task.get("recipe") or record.get("recipe") or (record if "n_clusters" in record else {})
    lines += [("recipe", text) for text in _recipe(recipe)]
    lines += _task(task)
    clustering = record.get("clustering")
    if clustering:
        names = clustering["feature_names"]
        centers = "; ".join(", ".join(f"{value:.6g}" for value in row) for row in clustering["centers"])
        lines.append(("model", f"{len(clustering['centers'])} clusters by {', '.join(names)}"))
        lines.append(("centers", centers))
    return lines


def _source(source: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the lines about an image: its path, shape and fingerprint."""
    shape = " × ".join(map(str, source.get("shape", [])))
    axes = f"{source['axes']}, " if "axes" in source else ""  # layers of napari have none
    details = f" ({axes}{shape} {source.get('dtype')})" if shape else ""
    lines = [("image", f"{source.get('path') or source.get('layer')}{details}")]
    return lines + ([("", str(source["fingerprint"]))] if "fingerprint" in source else [])


def _recipe(recipe: Mapping[str, Any]) -> list[str]:
    """Return the number of clusters and all settings that differ from the defaults."""
    if not recipe:
        return []
    default = Recipe().to_dict()
    changed = {
        name: value for name, value in recipe.items() if name in default and value != default[name]
    } | {"n_clusters": recipe.get("n_clusters", default["n_clusters"])}
    return [
        f"{name} = {_text(value)}"
        for name, value in sorted(changed.items(), key=lambda item: item[0] != "n_clusters")
    ]


def _text(value: Any) -> str:
    """Return a value of a recipe as text, without empty entries."""
    if isinstance(value, dict) and "name" in value:
        rest = {name: each for name, each in value.items() if name != "name"}
        return f"{value['name']} ({_text(rest)})" if rest else str(value["name"])
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items() if each not in (None, [], 0))
    if isinstance(value, list):
        return " ".join(map(_text, value)) if value and not isinstance(value[0], list) else json.dumps(value)
    return str(value)


def _task(task: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the lines about a task besides its recipe."""
    lines = []
    if together := task.get("together"):
        text = f"one model of {together['images']} images, weighted by {together['weights']}"
        lines += [
            ("together", text),
            ("", together.get("fingerprint") or ", ".join(together.get("layers", []))),
        ]
    if "model" in task:
        lines += [("applied", f"a model, with match {task['match']}"), ("", task["model"])]
    if task.get("channel"):
        lines.append(("channel", task["channel"]))
    if "series" in task:
        lines.append(("series", str(task["series"])))
    if task.get("axes"):
        lines.append(("axes", task["axes"]))
    if task.get("physical"):
        lines.append(("lengths", "in the unit of the file"))
    return lines
