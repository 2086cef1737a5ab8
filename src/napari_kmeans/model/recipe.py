"""The recipe: all options of a segmentation, in one immutable value.

Python keywords, command-line options, the dock, the model file and *Copy as Python* are views of it. Each
option is declared here, or in the feature space or clean-up step that it belongs to.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, TypeVar

from ..features.extractor import MAX_SIGMA, FeatureExtractor, check_smooth
from ..features.feature_space import FeatureSpace
from ..features.gray import Gray
from ..features.registry import FEATURES, get_feature_space
from ..kmeans.clustering import MAX_CLUSTERS, SOLVERS
from ..kmeans.suggestion import AUTO, GAP
from ..labels.clean_up import CleanUp
from ..options import check_random_state, is_integer, option, options_of
from ..preprocess.coherence import MAX_COHERENCE, check_coherence
from ..preprocess.exclusion import SATURATED, check_exclude
from ..preprocess.illumination import KINDS, Illumination, check_illumination
from . import json_file, recipe_file
from .edits import Edits

F = TypeVar("F", bound=Callable[..., Any])


class FeatureOptions(TypedDict, total=False):
    """Keywords of `suggest_n_clusters`, `fit` and `segment` that become part of a `Recipe`."""

    features: str | FeatureSpace
    illumination: str | Illumination | None
    smooth: float | Sequence[float]
    coherence: float | Sequence[float]
    exclude: float | str | Sequence[float | str]


class RecipeOptions(FeatureOptions, total=False):
    """Keywords of `fit` and `segment` that become part of a `Recipe`."""

    solver: str
    random_state: int
    clean_up: CleanUp


DEFAULTS: RecipeOptions = {
    "features": "gray",
    "illumination": None,
    "smooth": 0,
    "coherence": 0,
    "exclude": (),
    "solver": "auto",
    "random_state": 0,
    "clean_up": CleanUp(),
}
"""Default values of the keywords."""


@dataclass(frozen=True)
class Recipe:
    """All options of a segmentation. Immutable.

    Attributes
    ----------
    n_clusters : int, "auto" or "gap"
    features : FeatureSpace
        With its options.
    illumination : Illumination or None
        Uneven illumination to remove.
    smooth : tuple of float
        Standard deviation of the Gaussian smoothing in pixels: one for all spatial axes, one per axis, or
        empty.
    coherence : tuple of float
        Cost of a border between two clusters, in units of the noise: one for all spatial axes, one per axis,
        or empty.
    exclude : tuple of float or "saturated"
    solver : {"auto", "exact", "lloyd"}
    random_state : int
    clean_up : CleanUp
    edits : Edits
    """

    n_clusters: int | str = 3
    features: FeatureSpace = field(default_factory=Gray)
    illumination: Illumination | None = option(  # noqa: RUF009 - a field of an immutable value
        None,
        f"Remove uneven illumination: {' (stray light, background) or '.join(KINDS)} (shading).",
        label="Illumination",
        metavar="|".join(KINDS),
    )
    smooth: tuple[float, ...] = option(
        (),
        "Smooth the image first with a Gaussian of this standard deviation.",
        label="Smooth",
        metavar="S",
        minimum=0,
        maximum=MAX_SIGMA,
        unit="length",
    )
    coherence: tuple[float, ...] = option(
        (),
        "Favour large regions: cost of two neighbours with different labels, in units of the noise.",
        label="Coherence",
        metavar="C",
        minimum=0,
        maximum=MAX_COHERENCE,
    )
    exclude: tuple[float | str, ...] = option(
        (),
        f"Exclude pixels with this value, a number or {SATURATED}; may be repeated.",
        label="Exclude",
        metavar=f"VALUE|{SATURATED}",
    )
    solver: str = option("auto", f"Solver: one of {', '.join(SOLVERS)}.", metavar="NAME")
    random_state: int = 0
    clean_up: CleanUp = field(default_factory=CleanUp)
    edits: Edits = field(default_factory=Edits)

    @classmethod
    def of(cls, n_clusters: int | str = 3, **options: Any) -> Recipe:
        """Make a recipe from keywords, and validate them.

        Parameters
        ----------
        n_clusters : int, "auto" or "gap"
        **options
            `RecipeOptions`, and `edits`.

        Returns
        -------
        Recipe

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid; the message names it.
        """
        edits = options.pop("edits", Edits())
        check_options(options, RecipeOptions)
        options = {**DEFAULTS, **options}
        if n_clusters not in (AUTO, GAP):
            check_n_clusters("n_clusters", n_clusters)
        solver, random_state, clean_up = (options[name] for name in ("solver", "random_state", "clean_up"))
        if solver not in SOLVERS:
            raise ValueError(f"solver={solver!r} must be one of {', '.join(map(repr, SOLVERS))}")
        check_random_state(random_state)
        if not isinstance(clean_up, CleanUp):
            raise TypeError(f"clean_up must be a CleanUp, not {clean_up!r:.80}")
        return cls(
            n_clusters=n_clusters if isinstance(n_clusters, str) else int(n_clusters),
            features=get_feature_space(options["features"]),
            illumination=check_illumination(options["illumination"]),
            smooth=check_smooth(options["smooth"]),
            coherence=check_coherence(options["coherence"]),
            exclude=check_exclude(options["exclude"]),
            solver=solver,
            random_state=int(random_state),
            clean_up=clean_up,
            edits=edits,
        )

    @property
    def extractor(self) -> FeatureExtractor:
        """Preprocessing and features, which turn pixels into values."""
        return FeatureExtractor(self.features, self.smooth, self.exclude)

    def without_axis(self, axis: int) -> Recipe:
        """Return the recipe of one position along a spatial axis.

        Parameters
        ----------
        axis : int

        Returns
        -------
        Recipe
            Without the values of `smooth` and `coherence` along that axis.
        """
        smooth, coherence = _without(self.smooth, axis), _without(self.coherence, axis)
        return replace(self, smooth=smooth, coherence=coherence)

    def with_edits(self, **changes: Any) -> Recipe:
        """Return a recipe with other edits.

        Parameters
        ----------
        **changes
            Fields of `Edits`.

        Returns
        -------
        Recipe
        """
        return replace(self, edits=replace(self.edits, **changes))

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON stores it."""
        edits, clean_up = self.edits, self.clean_up
        return {
            "n_clusters": self.n_clusters,
            "features": {"name": self.features.name, **self.features.options},
            "illumination": None if self.illumination is None else vars(self.illumination).copy(),
            "smooth": list(self.smooth),
            "coherence": list(self.coherence),
            "exclude": list(self.exclude),
            "solver": self.solver,
            "random_state": self.random_state,
            "clean_up": vars(clean_up).copy(),
            "edits": {name: _as_lists(value) for name, value in vars(edits).items()},
        }

    def to_json(self) -> str:
        """Return the content of a recipe file."""
        return recipe_file.to_text(self.to_dict())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe to a JSON file atomically; ``napari-kmeans batch`` runs it.

        Parameters
        ----------
        path : str or path
            An existing file is replaced.
        """
        json_file.write(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recipe:
        """Read a recipe written by `save` or by hand.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        Recipe

        Raises
        ------
        ValueError
            If the file is not a recipe; the message names the field.
        OSError
            If it cannot be read.
        """
        with recipe_file.errors_about(path):
            return cls.from_dict(recipe_file.read(path))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Make a recipe from the text of a recipe file.

        Parameters
        ----------
        text : str

        Returns
        -------
        Recipe

        Raises
        ------
        ValueError
            If the text is not a recipe; the message names the field.
        """
        return cls.from_dict(recipe_file.parse(text))

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Recipe:
        """Make a recipe from the fields of a recipe file; missing fields get their defaults.

        Parameters
        ----------
        content : dict
            Short forms are accepted: a name for features and illumination, and a number for a list of one.

        Returns
        -------
        Recipe

        Raises
        ------
        ValueError
            If a field is invalid; the message names it.
        """
        return recipe_file.from_dict({"n_clusters": cls.n_clusters, **content}, cls)


def _without(values: tuple[float, ...], axis: int) -> tuple[float, ...]:
    """Return values per axis without one axis; empty if all others are 0."""
    rest = values[:axis] + values[axis + 1 :] if len(values) > 1 else values
    return rest if any(rest) else ()


def check_options(options: Mapping[str, Any], allowed: type) -> None:
    """Raise ``TypeError`` if a keyword is not in a typed dictionary, such as `RecipeOptions`."""
    known = _keywords(allowed)
    for name in options:
        if name in known:
            continue
        owners = [
            space.__name__ for space in FEATURES.values() if name in [each for each, *_ in options_of(space)]
        ]
        use = f"features={owners[0]}({name}=…)" if owners else f"one of {', '.join(known)}"
        raise TypeError(f"{name!r} is not a keyword; use {use}")


def shows_options(allowed: type) -> Callable[[F], F]:
    """Show the keywords of a typed dictionary, with their defaults, in the signature of a function.

    Editors and `help` would otherwise show only ``**options``.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in DEFAULTS.items()
            if name in _keywords(allowed)
        ]
        function.__signature__ = signature.replace(  # type: ignore[attr-defined]  # `inspect` reads it
            parameters=[*own, *added]
        )
        return function

    return decorate


def _keywords(allowed: type) -> list[str]:
    keys: frozenset[str] = allowed.__optional_keys__  # type: ignore[attr-defined]  # of every TypedDict
    return [name for name in DEFAULTS if name in keys]


def check_n_clusters(name: str, value: object) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless a number of clusters is an int from 1 to 255."""
    auto = ', "auto" or "gap"' if name == "n_clusters" else ""
    if not is_integer(value):
        raise TypeError(f"{name} must be an int{auto}, not {value!r}")
    if not 1 <= value <= MAX_CLUSTERS:
        raise ValueError(f"{name}={value} must be 1 to {MAX_CLUSTERS}{auto}")


def _as_lists(value: Any) -> Any:
    return [_as_lists(item) for item in value] if isinstance(value, tuple) else value
