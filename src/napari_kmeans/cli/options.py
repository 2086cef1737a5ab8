"""Options of the command line: those that commands share, and those made from the declarations of the recipe."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from ..features.channels import Channels
from ..features.feature_space import FeatureSpace
from ..features.registry import FEATURES
from ..features.texture import Texture
from ..kmeans.clustering import MAX_CLUSTERS
from ..labels.clean_up import CleanUp
from ..model.recipe import AUTO, GAP, Recipe
from ..options import Option, options_of
from ..preprocess.exclusion import SATURATED

F = TypeVar("F", bound=Callable[..., Any])

# Types on the command line, where they differ from that of the default.
_TYPES: dict[str, Any] = {
    "illumination": str | None,
    "smooth": float,
    "coherence": float,
    "exclude": list[str] | None,
    "sigma": str | None,
    "normalize": str,
}
_DEFAULTS: dict[str, Any] = {"smooth": 0.0, "coherence": 0.0, "exclude": None}

KINDS = "OME-Zarr (a folder or a URL), TIFF, PNG or JPEG"

Images = Annotated[list[str], typer.Argument(metavar="IMAGE", help=f"{KINDS}.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", metavar="OUT", help="Folder, or a .tif or .ome.zarr file for a single image."
    ),
]
InImage = Annotated[
    str,
    typer.Option(metavar="NAME", help="Write the labels into the OME-Zarr image itself, as labels/NAME."),
]
Channel = Annotated[str, typer.Option(metavar="C", help="Use one channel, by its name or its index from 0.")]
Table = Annotated[bool, typer.Option("--table", help="Also write a table of the clusters as CSV.")]
Figure = Annotated[bool, typer.Option("--figure", help="Also draw image, clusters and histogram.")]
Objects = Annotated[
    bool, typer.Option("--objects", help="Also write connected parts and their measures, as TIFF and CSV.")
]
Confidence = Annotated[
    bool,
    typer.Option("--confidence", help="Also write how clearly each pixel belongs to its cluster, 0 to 1."),
]
Jobs = Annotated[
    int,
    typer.Option("-j", "--jobs", metavar="N", min=1, help="Processes to use at the same time."),
]
Recursive = Annotated[
    bool, typer.Option("-r", "--recursive", help="Search folders inside folders, too, and keep their tree.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
Physical = Annotated[
    bool, typer.Option("--physical", help="S, R, N and measures are in the unit of the file, not in pixels.")
]


def takes_options_of(*owners: type) -> Callable[[F], F]:
    """Add the declared options of dataclasses to a command, which receives them as ``**options``."""

    def decorate(command: F) -> F:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [
            _parameter(name, default, details, owner)
            for owner in owners
            for name, default, details in options_of(owner)
        ]
        command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        command.__annotations__ = get_type_hints(command, include_extras=True) | {
            p.name: p.annotation for p in added
        }
        return command

    return decorate


def _parameter(name: str, default: Any, details: Option, owner: type) -> inspect.Parameter:
    of_space = issubclass(owner, FeatureSpace)
    kind = _TYPES.get(name) or get_type_hints(owner)[name]
    if of_space:
        kind, default = kind | None, None  # given or not: only the chosen feature space may have it
    option = typer.Option(
        f"--{name.replace('_', '-')}" + (f"/--no-{name}" if kind == bool | None else ""),
        metavar=details.metavar or None,
        help=_help(details, owner),
        min=details.minimum if kind in (float, float | None) else None,
        max=details.maximum if kind in (float, float | None) and details.maximum < 1e308 else None,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=_DEFAULTS.get(name, default),
        annotation=Annotated[kind, option],
    )


def _help(details: Option, owner: type) -> str:
    if not issubclass(owner, FeatureSpace):
        return details.help
    return f"With {owner.name}: {details.help[0].lower()}{details.help[1:]}"


def recipe_of(n_clusters: str, features: str, options: dict[str, Any]) -> Recipe:
    """Return the recipe that a command line asks for; lengths are in the units of the command line."""
    k: int | str = n_clusters
    if n_clusters not in (AUTO, GAP):
        if not n_clusters.isdecimal() or not 1 <= int(n_clusters) <= MAX_CLUSTERS:
            raise typer.BadParameter(
                f"{n_clusters!r} is not in 1 to {MAX_CLUSTERS}, nor {AUTO} or {GAP}", param_hint="-k"
            )
        k = int(n_clusters)
    choose("--features", features, FEATURES)
    exclude = [
        text if text == SATURATED else _number("--exclude", text) for text in options.get("exclude") or ()
    ]
    of_space = {}
    for space in (Channels, Texture):
        for name, default, _ in options_of(space):
            value = options.get(name)
            if value is None:
                continue
            if space.name != features:
                raise typer.BadParameter(
                    f"{name} is an option of features={space.name!r}, not of {features!r}",
                    param_hint="--features",
                )
            of_space[name] = _numbers(f"--{name}", value) if isinstance(default, tuple) else value
    try:
        return Recipe.of(
            k,
            features=FEATURES[features](**of_space),
            illumination=options.get("illumination"),
            smooth=options.get("smooth", 0.0),
            coherence=options.get("coherence", 0.0),
            exclude=exclude,
            solver=options.get("solver", "auto"),
            clean_up=clean_up_of(options),
        )
    except (TypeError, ValueError) as error:
        name = str(error).partition("=")[0]
        hint = f"--{name.replace('_', '-')}" if name in options else "--features"
        raise typer.BadParameter(str(error), param_hint=hint) from None


def clean_up_of(options: dict[str, Any]) -> CleanUp:
    """Return the clean-up that a command line asks for."""
    chosen = {name: options[name] for name, _, _ in options_of(CleanUp)}
    try:
        return CleanUp(**chosen)
    except ValueError as error:
        name = str(error).partition("=")[0]
        raise typer.BadParameter(str(error), param_hint=f"--{name.replace('_', '-')}") from None


def choose(option: str, value: str, choices: Any) -> None:
    """Raise `typer.BadParameter` unless `value` is one of `choices`."""
    if value not in choices:
        raise typer.BadParameter(f"{value!r} must be one of {', '.join(choices)}", param_hint=option)


def _number(option: str, text: str) -> float:
    """Parse a number; integers exactly."""
    try:
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} must be a number", param_hint=option) from None


def _numbers(option: str, text: str) -> tuple[float, ...]:
    return tuple(float(_number(option, part)) for part in text.split(","))
