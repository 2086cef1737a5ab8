"""The command ``batch``: a complete recipe on files and folders."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..batch.inputs import find_inputs, read_file_list
from ..batch.task import Task
from ..io.fingerprint import fingerprint
from ..io.image_file import location
from ..io.record import read_record, sources_of
from ..model.recipe import Recipe
from ..user_warning import warn_user
from .commands import plan_jobs, run_jobs
from .report import reporting, say
from .shared import (
    KINDS,
    RUN,
    WHAT,
    Recursive,
    option,
    outputs_of,
    reading_of,
    running_of,
    takes_shared_options,
)


@takes_shared_options
def batch(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RECIPE.json IMAGE|FOLDER",
            help=f"A recipe, saved by the dock or by Python or written by hand, then images: {KINDS}; folders, plates "
            "or quoted patterns.",
        ),
    ] = None,
    recipe_from: Annotated[
        Path | None,
        option(
            "--recipe-from",
            metavar="FILE",
            panel=WHAT,
            help="Instead of RECIPE.json: repeat how FILE was made, by default with the same image.",
        ),
    ] = None,
    recursive: Recursive = False,
    file_list: Annotated[
        str,
        option(
            "--file-list",
            metavar="FILE",
            panel=RUN,
            help="Read image names from FILE, one per line (- for standard input).",
        ),
    ] = "",
    **options: Any,
) -> int:
    """Run a recipe on many images, and keep their folder structure."""
    images = list(names or [])
    if recipe_from is None and not images:
        raise typer.BadParameter("give a recipe, or --recipe-from FILE", param_hint="RECIPE.json")
    recipe_file = recipe_from or Path(images.pop(0))
    if file_list:
        images += _names_in(file_list)
    if recipe_from is None and not images:
        raise typer.BadParameter("give images, folders or a --file-list", param_hint="IMAGE|FOLDER")
    running = running_of(options)
    with reporting(recipe_file) as report:
        task = Task(Recipe.load(recipe_file)) if recipe_from is None else _task_of(recipe_file, images)
    if report.failed:
        return 1
    given = {name: value for name, value in reading_of(options).items() if value not in ("", False, None)}
    inputs, empty = find_inputs(images, recursive=recursive, out=options["out"])
    inputs = [each for each in inputs if each.image != running.contact_sheet]  # the sheet of an earlier run
    for name in empty:
        say(f"{name} contains no images{'' if recursive else '; use --recursive to search its subfolders'}")
    if not inputs:
        return 1
    todo = plan_jobs(inputs, outputs_of(options), tree=True)
    return max(run_jobs(todo, replace(task, **given), running, summary=True), 1 if empty else 0)


def _task_of(path: Path, images: list[str]) -> Task:
    """Return the task that made a file; if `images` is empty, add the source images to it."""
    record = read_record(path)
    try:
        task = Task.of_record(record)
    except ValueError as error:
        raise ValueError(f"{path} cannot be reproduced: {error}") from None
    if not images:
        for source in sources_of(record["provenance"]):
            if "path" not in source:
                layer = f"the layer {source['layer']!r} of napari" if "layer" in source else "an image"
                raise ValueError(
                    f"{path} was made from {layer}, whose file it does not record: give an image, too"
                )
            image = str(source["path"])
            images.append(image)
            # The dock records no fingerprint in models and tables.
            if "fingerprint" in source and fingerprint(location(image)) != source["fingerprint"]:
                warn_user(f"{image} is not the file that {path} was made from, or it has changed since")
        if not images:
            raise ValueError(f"{path} does not record its image: give an image, too")
    return task


def _names_in(file_list: str) -> list[str]:
    try:
        text = sys.stdin.read() if file_list == "-" else Path(file_list).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file_list} cannot be read ({error})", param_hint="--file-list") from None
    return read_file_list(text.splitlines())
