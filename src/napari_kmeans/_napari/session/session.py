"""The state of one image in the dock: what is asked for, what was measured, and the layer that shows it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from napari.layers import Image
from napari.layers.base import Layer

from ...features.feature_space import FeatureSpace
from ...features.gray import Gray
from ...kmeans.clustering import Clusterings
from ...kmeans.suggestion import Suggestion
from ...model.edits import Edits
from ...model.model import KMeansModel
from ...model.uncertainty import Uncertainty
from ..layers.image_layer import spacing_of
from ..layers.layer_recipe import LayerRecipe
from ..layers.overlay import Overlay
from ..layers.resolutions import Place, Resolutions
from . import cluster_edits
from .history import History
from .measurements import Measured
from .request import Request

K_MAX = 12
"""Largest number of clusters on the slider."""

_DROPPED = "Borders moved by hand were dropped."

_KEPT_POSITIONS = 8  # measured positions of a stack that are kept, so that memory stays constant


@dataclass(frozen=True, eq=False)
class Shown:
    """What plots and table show.

    Attributes
    ----------
    summary : ScalarSummary or VectorSummary
    model : KMeansModel
    counts : (n_clusters + 1,) int64 array, or None
        Pixels of each label where a clean-up has changed them.
    """

    summary: Any
    model: KMeansModel
    counts: Any


@dataclass(eq=False)
class Session:
    """The state of one image.

    Attributes
    ----------
    image : Image layer
    overlay : Overlay
    asked : LayerRecipe
        What the user asks for.
    history : History
        What was asked before.
    resolutions : Resolutions or None
        Pixels of the whole image; None before they are needed, or after their data changed.
    position : int
        Position of the viewer along the axis of ``asked.per_axis``.
    model : KMeansModel or None
        The clusters that plots and table show.
    failure : Exception or None
        Why there is no model for what is asked; it is not tried again before something changes.
    is_refined : bool
        Whether `model` is the best there is, not an estimate.
    counts : (n_clusters + 1,) int64 array, or None
        Pixels of each label where a clean-up has changed them.
    is_wanted : bool
        Whether the user asked for an overlay that could not be made yet.
    is_thorough : bool
        Whether the user asked to read all pixels of a lazy image.
    hidden, highlighted : set of int
        Labels that are hidden, and labels that alone are shown while there are any.
    shows_darkest : bool
        Whether the user has shown the darkest cluster in three dimensions, where it begins hidden.
    colors : dict of int to tuple of float
        Colours that the user chose, by label.
    notice : str
        What the user should know of the last change: why it failed, or what it took along.
    """

    image: Image
    overlay: Overlay
    asked: LayerRecipe
    history: History = field(default_factory=History)
    resolutions: Resolutions | None = None
    position: int = 0
    model: KMeansModel | None = None
    failure: Exception | None = None
    is_refined: bool = True
    counts: Any = None
    is_wanted: bool = False
    is_thorough: bool = False
    hidden: set[int] = field(default_factory=set)
    highlighted: set[int] = field(default_factory=set)
    shows_darkest: bool = False
    colors: dict[int, tuple[float, ...]] = field(default_factory=dict)
    notice: str = ""
    _shown: Shown | None = None
    _uncertainty: Uncertainty | None = None
    _opinion: tuple[Clusterings, Suggestion] | None = None
    _measured: dict[Place, Measured] = field(default_factory=dict)
    _edits_of: dict[tuple[FeatureSpace, int], Edits] = field(default_factory=dict)

    # What the user asks for; each returns whether anything changed

    def choose_k(self, n_clusters: int) -> bool:
        """Change the number of clusters; edits that were made for it return."""
        return self._change(self._with_edits_of(self.asked.with_recipe(n_clusters=n_clusters)))

    def choose_features(self, features: FeatureSpace, channels: tuple[Image, ...] = ()) -> bool:
        """Cluster by something else; edits that were made for it return."""
        changed = replace(self.asked.with_recipe(features=features), channels=channels)
        return self._change(self._with_edits_of(changed))

    def choose(self, **fields: Any) -> bool:
        """Change fields of the layer recipe; if that changes the values, thresholds set by hand are dropped."""
        return self._change_values(replace(self.asked, **fields))

    def choose_recipe(self, **fields: Any) -> bool:
        """Change fields of the recipe; if that changes the values, thresholds set by hand are dropped."""
        return self._change_values(self.asked.with_recipe(**fields))

    def choose_where(self, per_axis: int | None) -> bool:
        """Cluster each position along an axis separately, or the whole image; thresholds are dropped."""
        return self._change(replace(self.asked, per_axis=per_axis).with_edits(thresholds=None))

    def _with_edits_of(self, changed: LayerRecipe) -> LayerRecipe:
        """Return a recipe with the edits that were made for its features and number of clusters."""
        edits = self._edits_of.get((changed.recipe.features, changed.n_clusters), Edits())
        if changed.per_axis is not None:
            edits = replace(edits, thresholds=None)  # those apply to the whole image
        return changed.with_recipe(edits=edits)

    def _change_values(self, changed: LayerRecipe) -> bool:
        """Change what is asked; thresholds belong to the values that they were set for."""
        if changed.measured_by == self.asked.measured_by:
            return self._change(changed)
        had_thresholds = changed.edits.thresholds is not None
        is_changed = self._change(changed.with_edits(thresholds=None))
        if had_thresholds and is_changed:
            self.notice = _DROPPED
        return is_changed

    def forget_layer(self, layer: Layer) -> bool:
        """Stop using a mask or a channel whose layer was removed; return whether it was in use."""

        def without(asked: LayerRecipe) -> LayerRecipe:
            if layer in asked.channels:
                asked = replace(asked, channels=()).with_recipe(features=Gray())
            return replace(asked, mask=None) if asked.mask is layer else asked

        self.history.update(without)
        changed = without(self.asked)
        if changed == self.asked:
            return False
        self._set_asked(changed)
        self.is_wanted = self.overlay.layer is not None
        return True

    def edit(self, **fields: Any) -> bool:
        """Change edits."""
        return self._change(self.asked.with_edits(**fields))

    def edit_by(self, change: Callable[..., Edits], *arguments: Any) -> bool:
        """Change edits by a function of `cluster_edits`, which takes the model and the edits before."""
        if self.model is None:
            return False
        edits = change(self.model, self.asked.edits, *arguments)
        return self._change(self.asked.with_recipe(edits=edits))

    def threshold_range(self, index: int) -> tuple[float, float]:
        """Return the thresholds between which one can be moved, counted from 0."""
        thresholds = self.model.thresholds.tolist() if self.model is not None else []
        low, high = thresholds[:index][-1:], thresholds[index + 1 :][:1]
        return (low or [-math.inf])[0], (high or [math.inf])[0]

    def move_threshold(self, index: int, value: float) -> bool:
        """Move a threshold, counted from 0; positions with clusters of their own have no common ones."""
        return self.asked.per_axis is None and self.edit_by(cluster_edits.move_threshold, index, value)

    def use_model(self, model: KMeansModel) -> bool:
        """Use the clusters of a saved model, as if they had been set by hand.

        Raises
        ------
        ValueError
            If the model has a single cluster.
        """
        # The last axis defines the units of a smoothing that differs between axes.
        return self._change(LayerRecipe.of_model(model, spacing_of(self.image)[-1]))

    def _change(self, changed: LayerRecipe) -> bool:
        if changed == self.asked:
            return False
        self.history.record(self.asked)
        self._set_asked(changed)
        return True

    def end_gesture(self) -> None:
        """Make the next change a step of its own for undo."""
        self.history.end_gesture()

    def undo(self) -> bool:
        """Return to what was asked before the last gesture; return whether there was any."""
        return self._return_to(self.history.undo(self.asked))

    def redo(self) -> bool:
        """Repeat what was undone last; return whether there was anything."""
        return self._return_to(self.history.redo(self.asked))

    def _return_to(self, asked: LayerRecipe | None) -> bool:
        if asked is None:
            return False
        self._set_asked(asked)
        return True

    def _set_asked(self, asked: LayerRecipe) -> None:
        before, self.asked = self.asked, asked
        self.notice = ""
        for each in (before, asked):
            self._edits_of[each.recipe.features, each.n_clusters] = each.edits
        if asked.measured_by != before.measured_by:
            self.forget_measurements()
        self.forget_model()

    # Measurements

    @property
    def request(self) -> Request:
        """What is asked for now, for work in the background."""
        return Request(self.image, self.asked, self.position, self.resolutions, self._measured)

    @property
    def place(self) -> Place:
        """Which pixels are clustered together and shown: a position along an axis, or None for all."""
        return self.request.place

    @property
    def measured(self) -> Measured | None:
        """Measurements of the pixels that are clustered together."""
        return self._measured.get(self.place)

    @property
    def clusterings(self) -> Clusterings | None:
        """Their clusters, for any number of them."""
        return self.measured.clusterings if self.measured else None

    @property
    def suggestion(self) -> Suggestion | None:
        """The suggested number of clusters."""
        return self.measured.suggestion if self.measured else None

    @property
    def is_measured(self) -> bool:
        """Whether everything that the user asked for has been measured."""
        return self.measured is not None and not (self.is_thorough and self.measured.is_estimate)

    def set_measured(self, resolutions: Resolutions, place: Place, measured: Measured) -> None:
        """Store the measurements of a place, which need not be the present one any more."""
        if self.resolutions is not resolutions:
            self.forget_measurements()
        self.resolutions = resolutions
        self._measured.pop(place, None)
        while len(self._measured) >= _KEPT_POSITIONS:
            self._measured.pop(next(iter(self._measured)))
        self._measured[place] = measured
        if place == self.place:
            self.forget_model()

    def forget_measurements(self) -> None:
        """Drop everything that was measured, since the data changed."""
        self.resolutions = self.model = self._uncertainty = None
        self._measured = {}  # earlier requests keep theirs

    @property
    def uncertainty(self) -> Uncertainty | None:
        """Intervals of the model that is shown, if they were found; they return with its thresholds."""
        found = self._uncertainty
        return found if found is not None and self.model is not None and found.is_of(self.model) else None

    @property
    def opinion(self) -> Suggestion | None:
        """What the gap statistic suggests for the pixels that are clustered together, if it was asked."""
        found = self._opinion
        return found[1] if found is not None and found[0] is self.clusterings else None

    def set_opinion(self, clusterings: Clusterings, found: Suggestion) -> None:
        """Store what the gap statistic suggests for these clusterings."""
        self._opinion = clusterings, found

    def set_uncertainty(self, resolutions: Resolutions, found: Uncertainty) -> None:
        """Store intervals, unless the pixels have changed since."""
        if resolutions is self.resolutions:
            self._uncertainty = found

    def move_to(self, position: int) -> bool:
        """Follow the viewer; return whether other pixels are clustered at its new position."""
        if position == self.position:
            return False
        self.position = position
        if self.asked.per_axis is None:
            return False
        self.forget_model()
        return True

    # Models

    @property
    def shown(self) -> Shown | None:
        """What plots and table show: the model, or the last one while there is none."""
        if self.model is None or self.clusterings is None:
            return self._shown
        last = self._shown
        if last is None or last.model is not self.model or last.counts is not self.counts:
            self._shown = Shown(self.clusterings.summary, self.model, self.counts)
        return self._shown

    def forget_model(self) -> None:
        """Drop the model, or why there is none."""
        self.model = self.failure = None

    def find_model(self) -> None:
        """Make the model for what is asked, if that takes no noticeable time and has not failed before."""
        measured = self.measured
        if self.model is not None or self.failure is not None or measured is None or self.resolutions is None:
            return
        self.counts = None
        self.is_refined = measured.clusterings.is_quick(self.n_clusters)
        if self.is_refined or measured.clusterings.has_estimates:
            try:
                self.model = self.request.model_from(self.resolutions, measured, estimate=not self.is_refined)
            except Exception as error:  # every redrawing of the dock would raise it again
                self.failure = error

    @property
    def n_clusters(self) -> int:
        """Number of clusters that is possible: at most the number of distinct values."""
        k = self.asked.n_clusters
        return k if self.clusterings is None else min(k, self.clusterings.n_values)
