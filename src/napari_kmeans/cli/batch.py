"""The command ``batch``: a whole recipe on files and folders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..batch.inputs import find_inputs, read_file_list
from ..batch.plan import Outputs
from ..batch.task import Task
from ..model.recipe import Recipe
from . import options as p
from .commands import plan_jobs, run_jobs
from .report import reporting, say


def batch(
    recipe_file: Annotated[
        Path,
        typer.Argument(metavar="RECIPE.json", help="Saved by the dock or by Python, or written by hand."),
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE|FOLDER", help=f"{p.KINDS}; folders, plates, and quoted patterns."),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="OUT", help="Folder.")] = None,
    recursive: p.Recursive = False,
    file_list: Annotated[
        str,
        typer.Option(
            "--file-list",
            metavar="FILE",
            help="Read names of images from a file, one a line (-: standard input).",
        ),
    ] = "",
    in_image: p.InImage = "",
    channel: p.Channel = "",
    table: p.Table = False,
    figure: p.Figure = False,
    objects: p.Objects = False,
    physical: p.Physical = False,
    jobs: p.Jobs = 1,
    overwrite: p.Overwrite = False,
) -> int:
    """Run a recipe on many images; their folders are kept."""
    names = [*(images or []), *(_names_in(file_list) if file_list else [])]
    if not names:
        raise typer.BadParameter("name images or folders, or a --file-list", param_hint="IMAGE|FOLDER")
    with reporting(recipe_file) as report:
        recipe = Recipe.load(recipe_file)
    if report.failed:
        return 1
    inputs, empty = find_inputs(names, recursive=recursive, out=out)
    for name in empty:
        say(f"{name} contains no images{'' if recursive else '; --recursive searches its folders'}")
    outputs = Outputs(out, in_image, table, "png" if figure else "", None, objects)
    if not inputs:
        return 1
    todo = plan_jobs(inputs, outputs, tree=True)
    status = run_jobs(todo, Task(recipe, channel=channel, physical=physical), jobs, overwrite, summary=True)
    return 1 if empty else status


def _names_in(file_list: str) -> list[str]:
    try:
        text = sys.stdin.read() if file_list == "-" else Path(file_list).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file_list} cannot be read ({error})", param_hint="--file-list") from None
    return read_file_list(text.splitlines())
