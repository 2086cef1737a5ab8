"""Command-line options generated from the declarations of the recipe."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from ..features.channels import Channels
from ..features.feature_space import FeatureSpace
from ..features.registry import FEATURES
from ..features.stain import Stain
from ..features.texture import Texture
from ..kmeans.clustering import MAX_CLUSTERS
from ..kmeans.suggestion import AUTO, GAP
from ..labels.clean_up import CleanUp
from ..model.recipe import Recipe
from ..options import Option, options_of
from ..preprocess.exclusion import SATURATED
from .shared_options import WHAT, with_parameters

F = TypeVar("F", bound=Callable[..., Any])

# Types on the command line, if they differ from the type of the default.
_TYPES: dict[str, Any] = {
    "illumination": str | None,
    "smooth": float,
    "coherence": float,
    "exclude": list[str] | None,
    "sigma": str | None,
    "normalize": str,
}
FEATURE_NAMES = tuple(name for name in FEATURES if name != Stain.name)
"""Values of ``--features``. `Stain` needs a colour, which only Python and recipes can give."""

CLEAN = "Clean up"
"""Panel of ``--help``."""

_DEFAULTS: dict[str, Any] = {"smooth": 0.0, "coherence": 0.0, "exclude": None}


def takes_options_of(*owners: type) -> Callable[[F], F]:
    """Add the declared options of dataclasses to a command, which receives them as ``**options``."""

    def decorate(command: F) -> F:
        added = [
            _parameter(name, default, details, owner)
            for owner in owners
            for name, default, details in options_of(owner)
        ]
        return with_parameters(command, added)

    return decorate


def _parameter(name: str, default: Any, details: Option, owner: type) -> inspect.Parameter:
    """Return the parameter of a command for a declared option."""
    of_space = issubclass(owner, FeatureSpace)
    kind = _TYPES.get(name) or get_type_hints(owner)[name]
    if of_space:
        kind, default = kind | None, None  # None if not given: only the chosen feature space may have it
    option_name = f"--{name.replace('_', '-')}"
    minimum = details.minimum if kind in (float, float | None) else None
    maximum = details.maximum if kind in (float, float | None) and details.maximum < 1e308 else None
    option = typer.Option(
        option_name + (f"/--no-{name}" if kind == bool | None else ""),
        metavar=details.metavar or None,
        help=_help(details, owner),
        rich_help_panel=CLEAN if owner is CleanUp else WHAT,
        min=minimum,
        max=maximum,
        parser=None if minimum is None else _NumberInRange(option_name, minimum, maximum),
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=_DEFAULTS.get(name, default),
        annotation=Annotated[kind, option],
    )


class _NumberInRange:
    """Parses the number of an option; typer's own check would report NaN as larger than the maximum."""

    __name__ = "float"

    def __init__(self, option: str, minimum: float, maximum: float | None) -> None:
        self._option, self._minimum, self._maximum = option, minimum, maximum

    def __call__(self, text: Any) -> float:
        number = float(_number(self._option, str(text)))
        allowed = (
            f"{self._minimum:g} or more"
            if self._maximum is None
            else f"{self._minimum:g} to {self._maximum:g}"
        )
        if not self._minimum <= number <= (math.inf if self._maximum is None else self._maximum):
            raise typer.BadParameter(f"{text} must be {allowed}", param_hint=f"'{self._option}'")
        return number


class _NotNeeded(typer.BadParameter):  # type: ignore[misc]  # typer has no types here
    """A value that is valid, but has no effect."""

    def format_message(self) -> str:
        return str(self.message)


def _help(details: Option, owner: type) -> str:
    """Return the help of an option; for one of a feature space, with its name."""
    if not issubclass(owner, FeatureSpace):
        return details.help
    return f"With {owner.name}: {details.help[0].lower()}{details.help[1:]}"


def recipe_of(n_clusters: str, features: str, options: dict[str, Any]) -> Recipe:
    """Return the recipe of a command line, with lengths in the units of the command line."""
    k: int | str = n_clusters
    if n_clusters not in (AUTO, GAP):
        if not n_clusters.isdecimal() or not 1 <= int(n_clusters) <= MAX_CLUSTERS:
            raise typer.BadParameter(
                f"{n_clusters!r} must be 1 to {MAX_CLUSTERS}, {AUTO} or {GAP}", param_hint="-k"
            )
        k = int(n_clusters)
    if features == Stain.name:
        raise typer.BadParameter(
            f"{features!r} needs the colour of the stain: give it as the vector of a recipe, and run `batch`; or use "
            "hematoxylin, eosin or dab",
            param_hint="--features",
        )
    choose("--features", features, FEATURE_NAMES)
    exclude = [
        text if text == SATURATED else _number("--exclude", text, f"a number or {SATURATED}")
        for text in options.get("exclude") or ()
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
        is_needless = any(isinstance(value, float) and not math.isfinite(value) for value in exclude)
        kind = _NotNeeded if name == "exclude" and is_needless else typer.BadParameter
        raise kind(str(error), param_hint=hint) from None


def clean_up_of(options: dict[str, Any]) -> CleanUp:
    """Return the clean-up of a command line."""
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


def _number(option: str, text: str, expected: str = "a number") -> float:
    """Parse a number; integers exactly."""
    try:
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} must be {expected}", param_hint=option) from None


def _numbers(option: str, text: str) -> tuple[float, ...]:
    """Parse numbers separated by commas."""
    return tuple(float(_number(option, part)) for part in text.split(","))
