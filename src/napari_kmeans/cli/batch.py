"""The command ``batch``: a complete recipe on files and folders."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..batch.inputs import Input, find_inputs, inputs_of, read_file_list, why_empty
from ..batch.plan import identity
from ..batch.task import Task
from ..io.fingerprint import fingerprint
from ..io.record import read_record, sources_of
from ..model.recipe import Recipe
from ..user_warning import warn_user
from .commands import check_shared_outputs, plan_jobs, run_jobs
from .report import print_message, reporting, suggesting
from .shared_options import (
    FILES,
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
            help=f"A recipe, saved by the dock or by Python or written by hand, then images: {FILES}; folders, plates "
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
    if recipe_from is None and recipe_file.is_dir():
        raise typer.BadParameter(f"{recipe_file} is a folder; give a recipe first", param_hint="RECIPE.json")
    if file_list:
        images += _names_in(file_list)
    if recipe_from is None and not images:
        raise typer.BadParameter("give images, folders or a --file-list", param_hint="IMAGE|FOLDER")
    running = running_of(options)
    recorded: list[Input] = []
    with reporting(recipe_file) as report:
        if recipe_from is None:
            with suggesting("apply", "model"):
                task = Task(Recipe.load(recipe_file))
        else:
            task, recorded = _task_of(recipe_file, with_images=not images)
    if report.failed:
        return 1
    given = {name: value for name, value in reading_of(options).items() if value not in ("", False, None)}
    inputs, empty = find_inputs(images, recursive=recursive, out=options["out"])
    if (sheet := running.contact_sheet) is not None:  # of an earlier run
        inputs = [each for each in inputs if identity(each.image) != identity(sheet)]
    for name in empty:
        print_message(why_empty(name, recursive=recursive))
    inputs += recorded
    if not inputs:
        return 1
    todo = plan_jobs(inputs, outputs_of(options), tree=True)
    check_shared_outputs(todo, running, read=recipe_file if recipe_from is None else None)
    return max(run_jobs(todo, replace(task, **given), running, summary=True), 1 if empty else 0)


def _task_of(path: Path, *, with_images: bool) -> tuple[Task, list[Input]]:
    """Return the task that made a file and, on request, the images that it was made from."""
    record = read_record(path)
    try:
        task = Task.of_record(record)
        images = inputs_of(sources_of(record["provenance"])) if with_images else []
    except ValueError as error:
        raise ValueError(f"{path} cannot be reproduced: {error}") from None
    if with_images and not images:
        raise ValueError(f"{path} does not record its image: give an image, too")
    for each, source in zip(images, sources_of(record["provenance"]), strict=False):
        # The dock records no fingerprint in models and tables.
        if "fingerprint" in source and fingerprint(each.image) != source["fingerprint"]:
            warn_user(f"{each.image} is not the file that {path} was made from, or it has changed since")
    return task, images


def _names_in(file_list: str) -> list[str]:
    """Return the names of images in a file, or on standard input."""
    try:
        text = sys.stdin.read() if file_list == "-" else Path(file_list).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = "it is not a text file" if isinstance(error, ValueError) else error.strerror
        raise typer.BadParameter(f"{file_list} cannot be read: {why}", param_hint="--file-list") from None
    return read_file_list(text.splitlines())
