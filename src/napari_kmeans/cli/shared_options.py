"""Options of several commands, declared once and added to a command by a decorator."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from ..batch.plan import FIGURES, Outputs
from ..batch.rows import SUFFIXES
from ..batch.tables import check_contact_sheet, check_table
from ..io.image_file import AXES

F = TypeVar("F", bound=Callable[..., Any])

FILES = (
    "OME-Zarr (a folder or a URL), TIFF, PNG or JPEG; with napari-kmeans[formats] also NRRD, MHA, NIfTI, DICOM, CZI, "
    "ND2 or LIF"
)
"""Image files that can be read, in a phrase for ``--help``."""

WHAT, OUTPUT, RUN = "Clustering", "Output", "Many images"
"""Panels of ``--help``: what is computed, what is written, and how many images are processed."""

_OTHER_TABLES = (".xlsx", ".xls", ".ods", ".tsv", ".txt")
_OTHER_FIGURES = ("jpg", "jpeg", "tif", "tiff", "eps", "gif", "webp")

EACH = "each"
"""Value of ``--table`` without a file: a table for each image."""

Images = Annotated[list[str], typer.Argument(metavar="IMAGE", help=f"{FILES}.")]


def option(*names: str, help: str, panel: str = OUTPUT, metavar: str = "", **details: Any) -> Any:
    """Return the declaration of an option."""
    return typer.Option(*names, help=help, metavar=metavar or None, rich_help_panel=panel, **details)


Channel = Annotated[
    str, option(metavar="C", panel=WHAT, help="Use one channel, given by its name or index (from 0).")
]
Series = Annotated[
    int | None,
    option(metavar="N", panel=WHAT, min=0, help="Use image N (from 0) of files that contain several."),
]
Axes = Annotated[
    str,
    option(
        metavar="AXES",
        panel=WHAT,
        help="Axes of the files if their metadata are wrong, such as TZYX: T time, Z depth, C channel, Y row, "
        "X column, S colour.",
    ),
]
Recursive = Annotated[
    bool,
    option("-r", "--recursive", panel=RUN, help="Search subfolders, too, and keep the folder structure."),
]

SHARED: dict[str, tuple[Any, Any]] = {
    "channel": (Channel, ""),
    "series": (Series, None),
    "axes": (Axes, ""),
    "physical": (
        Annotated[
            bool,
            option(
                "--physical",
                panel=WHAT,
                help="Lengths, areas and volumes are in the unit of the file, not in pixels.",
            ),
        ],
        False,
    ),
    "out": (
        Annotated[
            Path | None,
            option(
                "-o",
                "--out",
                metavar="OUT",
                help="Output folder, or a .tif or .ome.zarr file for a single image.",
            ),
        ],
        None,
    ),
    "in_image": (
        Annotated[
            str,
            option(metavar="NAME", help="Write the labels into the OME-Zarr image itself, as labels/NAME."),
        ],
        "",
    ),
    "table": (
        Annotated[
            str,
            option(
                metavar="[FILE]",
                help="Also write a table of the clusters of each image, or a single table of all images to FILE (.csv or "
                ".parquet).",
            ),
        ],
        "",
    ),
    "figure": (
        Annotated[
            str,
            option(
                metavar=f"[{'|'.join(FIGURES)}]",
                help="Also write a figure of the image, clusters and histogram; PNG by default.",
            ),
        ],
        "",
    ),
    "contact_sheet": (
        Annotated[
            Path | None,
            option(
                panel=RUN,
                metavar="FILE",
                help="Also draw all images with their clusters on one page (.png, .svg or .pdf).",
            ),
        ],
        None,
    ),
    "objects": (
        Annotated[
            bool,
            option(
                "--objects", help="Also write the connected components (TIFF) and their measurements (CSV)."
            ),
        ],
        False,
    ),
    "confidence": (
        Annotated[
            bool,
            option(
                "--confidence", help="Also write how clearly each pixel belongs to its cluster, from 0 to 1."
            ),
        ],
        False,
    ),
    "overwrite": (Annotated[bool, option("--overwrite", help="Replace existing files.")], False),
    "jobs": (
        Annotated[
            int,
            option("-j", "--jobs", panel=RUN, metavar="N", min=1, help="Number of parallel processes."),
        ],
        1,
    ),
    "skip_existing": (
        Annotated[
            bool,
            option(
                "--skip-existing",
                panel=RUN,
                help="Skip images whose outputs are complete and were made by the same recipe.",
            ),
        ],
        False,
    ),
    "log": (
        Annotated[
            Path | None,
            option(
                panel=RUN,
                metavar="FILE.jsonl",
                help="Append a line of JSON for each image to FILE.jsonl.",
            ),
        ],
        None,
    ),
}
"""Options of all commands that write labels: annotation and default."""


@dataclass(frozen=True)
class Running:
    """How a batch is run, independent of the processing of each image.

    Attributes
    ----------
    n_processes : int
    overwrite, skip_existing : bool
    table : Path or None
        Table of all images.
    log : Path or None
    contact_sheet : Path or None
    """

    n_processes: int = 1
    overwrite: bool = False
    skip_existing: bool = False
    table: Path | None = None
    log: Path | None = None
    contact_sheet: Path | None = None


def takes_shared_options(command: F) -> F:
    """Add the options in `SHARED` to a command, which receives them as ``**options``."""
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in SHARED.items()
    ]
    return with_parameters(command, added)


def with_parameters(command: F, added: Sequence[inspect.Parameter]) -> F:
    """Add parameters to a command, which receives them as ``**options``."""
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = get_type_hints(command, include_extras=True) | {
        p.name: p.annotation for p in added
    }
    return command


def reading_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return how images are read, as fields of a `Task`."""
    found = {name: options[name] for name in ("channel", "physical", "series")}
    return {**found, "axes": checked_axes(options["axes"])}


def checked_axes(text: str) -> str:
    """Return the axes in capital letters.

    Raises
    ------
    typer.BadParameter
        If they are not valid axes of an image.
    """
    axes = text.upper()
    if axes and (not set("YX") <= set(axes) <= set(AXES) or len(set(axes)) < len(axes)):
        raise typer.BadParameter(
            f"{text!r} must contain Y and X, and each of T, Z, C, S at most once", param_hint="--axes"
        )
    return axes


def outputs_of(options: dict[str, Any], model: Path | None = None) -> Outputs:
    """Return the outputs for each image."""
    figure = options["figure"]
    if figure and figure not in FIGURES:
        raise typer.BadParameter(f"{figure!r} must be one of {', '.join(FIGURES)}", param_hint="--figure")
    return Outputs(
        options["out"],
        options["in_image"],
        options["table"] == EACH,
        figure,
        model,
        options["objects"],
        options["confidence"],
    )


def running_of(options: dict[str, Any]) -> Running:
    """Return how a batch is run."""
    table = Path(options["table"]) if options["table"] not in ("", EACH) else None
    overwrite, skip_existing = options["overwrite"], options["skip_existing"]
    sheet = options["contact_sheet"]
    for name, path, check in (
        ("--table", table, check_table),
        ("--contact-sheet", sheet, check_contact_sheet),
    ):
        try:
            if path is not None:
                check(path, overwrite=overwrite, skip_existing=skip_existing)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=name) from None
    return Running(options["jobs"], overwrite, skip_existing, table, options["log"], sheet)


def with_values(arguments: Sequence[str]) -> list[str]:
    """Insert the default values of options that may be given without a value.

    ``--table`` may be followed by a file name and ``--figure`` by a format. Neither can be confused with an image
    or an option. Tables and formats that are not supported are passed on, so that they are not taken for images.
    """
    result: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*result, word, *rest]
        following = rest[0] if rest else ""
        if word == "--table":
            is_file = following.lower().endswith((*SUFFIXES, *_OTHER_TABLES))
            word = f"--table={rest.pop(0) if is_file else EACH}"
        elif word == "--figure":
            is_kind = following in FIGURES or (following in _OTHER_FIGURES and not os.path.exists(following))
            word = f"--figure={rest.pop(0) if is_kind else FIGURES[0]}"
        result.append(word)
    return result
