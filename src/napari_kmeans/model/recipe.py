"""The recipe: everything that is asked for, in one immutable value.

Python keywords, command-line options, the dock, the model file and *Copy as Python* are views of it. An
option is declared here, or by the feature space or the clean-up step that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

import numpy as np

from ..features.base import FeatureSpace
from ..features.extractor import MAX_SIGMA, FeatureExtractor, check_smooth
from ..features.gray import Gray
from ..features.registry import FEATURES, get_feature_space
from ..kmeans.clustering import MAX_CLUSTERS, SOLVERS
from ..labels.clean_up import CleanUp
from ..options import option
from ..preprocess.coherence import MAX_COHERENCE, check_coherence
from ..preprocess.exclusion import SATURATED, check_exclude
from ..preprocess.illumination import KINDS, Illumination, check_illumination
from .edits import Edits

AUTO = "auto"
"""In `n_clusters`: as many clusters as are suggested."""


class RecipeOptions(TypedDict, total=False):
    """Keywords of `fit`, `segment` and `suggest_n_clusters` that end up in a `Recipe`."""

    features: str | FeatureSpace
    illumination: str | Illumination | None
    smooth: float | Sequence[float]
    coherence: float | Sequence[float]
    exclude: float | str | Sequence[float | str]
    solver: str
    random_state: int
    clean_up: CleanUp


@dataclass(frozen=True)
class Recipe:
    """What is asked for.

    Attributes
    ----------
    n_clusters : int or "auto"
    features : FeatureSpace
        With its options.
    illumination : Illumination or None
        Uneven illumination to remove.
    smooth : tuple of float
        Standard deviation of the Gaussian smoothing in pixels: one for all spatial axes, one per axis, or
        empty.
    coherence : tuple of float
        Price of a border between unlike neighbours, in units of the noise: one for all spatial axes, one per
        axis, or empty.
    exclude : tuple of float or "saturated"
    solver : {"auto", "exact", "lloyd"}
    random_state : int
    clean_up : CleanUp
    edits : Edits
    """

    n_clusters: int | str = 3
    features: FeatureSpace = field(default_factory=Gray)
    illumination: Illumination | None = option(  # noqa: RUF009 - a declaration
        None,
        f"Remove uneven illumination: {' (stray light, background) or '.join(KINDS)} (shading).",
        label="Illumination",
        metavar="|".join(KINDS),
    )
    smooth: tuple[float, ...] = option(
        (),
        "Smooth the image first with a Gaussian of standard deviation S.",
        label="Smooth",
        metavar="S",
        minimum=0,
        maximum=MAX_SIGMA,
        unit="length",
    )
    coherence: tuple[float, ...] = option(
        (),
        "Prefer large regions: price of a border between unlike neighbours, in units of the noise.",
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
        """Validate what a user gave; options of a feature space given by name may follow.

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid; the message names it.
        """
        if n_clusters != AUTO:
            check_n_clusters("n_clusters", n_clusters)
        solver, random_state = options.get("solver", "auto"), options.get("random_state", 0)
        if solver not in SOLVERS:
            raise ValueError(f"solver={solver!r} is not known; use one of {', '.join(map(repr, SOLVERS))}")
        if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer):
            raise TypeError(f"random_state must be an int, not {random_state!r}")
        if not 0 <= random_state < 1 << 32:
            raise ValueError(f"random_state={random_state} must be 0 to 4294967295")
        clean_up = options.get("clean_up", CleanUp())
        if not isinstance(clean_up, CleanUp):
            raise TypeError(f"clean_up must be a CleanUp, not {clean_up!r:.80}")
        return cls(
            n_clusters=n_clusters if isinstance(n_clusters, str) else int(n_clusters),
            features=get_feature_space(options.get("features", "gray")),
            illumination=check_illumination(options.get("illumination")),
            smooth=check_smooth(options.get("smooth", 0)),
            coherence=check_coherence(options.get("coherence", 0)),
            exclude=check_exclude(options.get("exclude", ())),
            solver=solver,
            random_state=int(random_state),
            clean_up=clean_up,
            edits=options.get("edits", Edits()),
        )

    @property
    def extractor(self) -> FeatureExtractor:
        """What turns pixels into values: preprocessing and features."""
        return FeatureExtractor(self.features, self.smooth, self.exclude)

    def without_axis(self, axis: int) -> Recipe:
        """Return the recipe of one position along a spatial axis."""
        smooth = self.smooth[:axis] + self.smooth[axis + 1 :] if len(self.smooth) > 1 else self.smooth
        prices = (
            self.coherence[:axis] + self.coherence[axis + 1 :] if len(self.coherence) > 1 else self.coherence
        )
        return replace(self, smooth=check_smooth(smooth), coherence=check_coherence(prices))

    def with_edits(self, **changes: Any) -> Recipe:
        """Return a recipe with other edits."""
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


def features_from_dict(content: dict[str, Any]) -> FeatureSpace:
    """Return the feature space that `Recipe.to_dict` wrote."""
    options = {name: tuple(v) if isinstance(v, list) else v for name, v in content.items() if name != "name"}
    name = content["name"]
    if not isinstance(name, str) or name not in FEATURES:
        raise ValueError(f"unknown features {name!r:.40}")
    return FEATURES[name](**options)


def check_n_clusters(name: str, value: object) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless a number of clusters is an int from 1 to 255."""
    auto = ' or "auto"' if name == "n_clusters" else ""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an int{auto}, not {value!r}")
    if not 1 <= value <= MAX_CLUSTERS:
        raise ValueError(f"{name}={value} must be 1 to {MAX_CLUSTERS}{auto}")


def _as_lists(value: Any) -> Any:
    return [_as_lists(item) for item in value] if isinstance(value, tuple) else value
