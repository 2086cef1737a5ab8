"""The state of one image in the dock: its settings, its measurements and its overlay."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from napari.layers import Image
from napari.layers.base import Layer

from ...batch.units import in_pixels
from ...blocks.containers import levels_of
from ...features.channels import Channels
from ...features.feature_space import FeatureSpace
from ...kmeans.clustering import Clusterings
from ...kmeans.suggestion import Suggestion
from ...model.edits import Edits
from ...model.model import KMeansModel
from ...model.uncertainty import Uncertainty
from ..layers.image_layer import recipe_in_pixels, spacing_of
from ..layers.layer_recipe import LayerRecipe
from ..layers.overlay import Overlay
from ..layers.resolutions import Place, Resolutions
from ..layers.suitability import check_settings, is_suitable
from . import cluster_edits
from .cluster_edits import without_adjustments
from .history import History
from .measurements import Measured
from .request import Request

K_MAX = 12
"""Largest number of clusters on the slider."""

_DROPPED = "Thresholds set by hand were discarded."
_DROPPED_CENTERS = "The clusters of the loaded model were discarded."
_NEW_FIELD = "The illumination field was fitted to this image again; the clusters are those of the model."
_UNSUITABLE = (
    "The data were replaced and no longer suit the features, so the image is clustered by grayscale."
)

_KEPT_POSITIONS = 8  # measured positions of a stack that are kept, so that memory stays constant


@dataclass(frozen=True, eq=False)
class DisplayedResult:
    """The result that the plots and the table show.

    Attributes
    ----------
    summary : ScalarSummary or VectorSummary
    model : KMeansModel
    counts : (n_clusters + 1,) int64 array, or None
        Number of pixels of each label if a clean-up has changed it.
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
    settings : LayerRecipe
        Current settings.
    history : History
        Earlier settings.
    resolutions : Resolutions or None
        Pixels of the whole image; None before they are needed or after the data have changed.
    position : int
        Position of the viewer along the axis of ``settings.per_axis``.
    model : KMeansModel or None
        The clusters that the plots and the table show.
    failure : Exception or None
        Why there is no model for the current settings; there is no new attempt until something changes.
    is_refined : bool
        Whether `model` is final, not an estimate.
    counts : (n_clusters + 1,) int64 array, or None
        Number of pixels of each label if a clean-up has changed it.
    is_wanted : bool
        Whether the user has requested an overlay that could not be made yet.
    is_thorough : bool
        Whether the user has requested to read all pixels of a lazy image.
    hidden, highlighted : set of int
        Labels that are hidden, and labels that are highlighted while the others are dimmed.
    shows_darkest : bool
        Whether the user has shown the darkest cluster in 3D, where it is hidden at first.
    colors : dict of int to tuple of float
        Colours chosen by the user, by label.
    notice : str
        Message about the last change: why it failed, or what else it changed.
    """

    image: Image
    overlay: Overlay
    settings: LayerRecipe
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
    _shown: DisplayedResult | None = None
    _uncertainty: Uncertainty | None = None
    _opinion: tuple[Clusterings, Suggestion] | None = None
    _measured: dict[Place, Measured] = field(default_factory=dict)
    _edits_of: dict[tuple[FeatureSpace, int, int], Edits] = field(default_factory=dict)

    # Settings; each method returns whether anything changed. It raises `ValueError` or `TypeError`, and
    # changes nothing, if the new settings do not suit the image.

    def choose_k(self, n_clusters: int) -> bool:
        """Change the number of clusters, and restore the edits that were made for it."""
        return self._change(self._with_edits_of(self.settings.with_recipe(n_clusters=n_clusters)))

    def choose_features(self, features: FeatureSpace, channels: tuple[Image, ...] = ()) -> bool:
        """Change the features, and restore the edits that were made for them."""
        changed = replace(self.settings.with_recipe(features=features), channels=channels)
        return self._change(self._with_edits_of(changed))

    def choose(self, **fields: Any) -> bool:
        """Change fields of the layer recipe; if that changes the values, discard adjusted clusters."""
        return self._change_values(replace(self.settings, **fields))

    def choose_recipe(self, **fields: Any) -> bool:
        """Change fields of the recipe; if that changes the values, discard adjusted clusters."""
        return self._change_values(self.settings.with_recipe(**fields))

    def choose_per_axis(self, per_axis: int | None) -> bool:
        """Cluster each position along an axis separately, or the whole image; discard adjusted clusters."""
        return self._change_adjustable(replace(self.settings, per_axis=per_axis))

    def _with_edits_of(self, changed: LayerRecipe) -> LayerRecipe:
        """Return a recipe with the edits that were made for its features and number of clusters."""
        edits = self._edits_of.get(_key_of_edits(changed), Edits())
        if changed.per_axis is not None:
            edits = without_adjustments(edits)  # they apply only to the whole image
        return changed.with_recipe(edits=edits)

    def _change_values(self, changed: LayerRecipe) -> bool:
        """Change the settings; discard adjusted clusters if the values they were set for change."""
        if changed.measured_by == self.settings.measured_by:
            return self._change(changed)
        return self._change_adjustable(changed)

    def _change_adjustable(self, changed: LayerRecipe) -> bool:
        """Change the settings and discard adjusted clusters."""
        edits = changed.edits
        is_changed = self._change(changed.with_recipe(edits=without_adjustments(edits)))
        if is_changed and edits.is_adjusted:
            self.notice = _DROPPED if edits.centers is None else _DROPPED_CENTERS
        return is_changed

    def reset_clusters(self) -> bool:
        """Restore the clusters that were found, instead of adjusted or loaded ones."""
        return self._change(self.settings.with_recipe(edits=without_adjustments(self.settings.edits)))

    def forget_layer(self, layer: Layer) -> bool:
        """Stop using a mask or a channel whose layer was removed; return whether it was in use."""

        def without(settings: LayerRecipe) -> LayerRecipe:
            if layer in settings.channels:
                settings = settings.plain()
            return replace(settings, mask=None) if settings.mask is layer else settings

        self.history.update(without)
        changed = without(self.settings)
        if changed == self.settings:
            return False
        self._set_settings(changed)
        self.is_wanted = self.overlay.layer is not None
        return True

    def edit(self, **fields: Any) -> bool:
        """Change edits."""
        return self._change(self.settings.with_edits(**fields))

    def edit_by(self, change: Callable[..., Edits], *arguments: Any) -> bool:
        """Change edits by a function of `cluster_edits`, which takes the model and the previous edits."""
        if self.model is None:
            return False
        edits = change(self.model, self.settings.edits, *arguments)
        return self._change(self.settings.with_recipe(edits=edits))

    def threshold_range(self, index: int) -> tuple[float, float]:
        """Return the range in which a threshold, counted from 0, can be moved."""
        thresholds = self.model.thresholds.tolist() if self.model is not None else []
        low, high = thresholds[:index][-1:], thresholds[index + 1 :][:1]
        return (low or [-math.inf])[0], (high or [math.inf])[0]

    def move_threshold(self, index: int, value: float) -> bool:
        """Move a threshold, counted from 0; not possible if each position has its own clusters."""
        return self.settings.per_axis is None and self.edit_by(cluster_edits.move_threshold, index, value)

    def use_model(self, model: KMeansModel) -> bool:
        """Use the clusters of a saved model, as if they had been set by hand; keep the mask and the channels.

        Raises
        ------
        ValueError
            If the model has a single cluster, or does not suit the image.
        """
        # If the smoothing differs between axes, use that of the last axis.
        changed = replace(LayerRecipe.of_model(model, spacing_of(self.image)[-1]), mask=self.settings.mask)
        if changed.recipe.features.name == Channels.name:
            changed = replace(changed, channels=self.settings.channels)
        spacing = Request(self.image, changed).grid.spacing or [1.0]
        changed = changed.with_recipe(
            clean_up=in_pixels(changed.recipe, [1 / step for step in spacing]).clean_up
        )
        try:
            check_settings(self.image, changed)
            if model.illumination is not None:
                model.illumination.check_shape(levels_of(self.image)[0].shape[: self.image.ndim])
        except (TypeError, ValueError) as error:
            raise ValueError(f"the model does not suit this image: {error}") from None
        is_changed = self._change(changed)
        if is_changed and model.illumination is not None:
            self.notice = _NEW_FIELD
        return is_changed

    def _change(self, changed: LayerRecipe) -> bool:
        if changed == self.settings:
            return False
        self._check(changed)
        self.history.record(self.settings)
        self._set_settings(changed)
        return True

    def _check(self, changed: LayerRecipe) -> None:
        """Raise an error if other settings do not suit the image, although the current ones do.

        If the current ones do not suit it either, because its data were replaced, any change may be a way out.
        """
        try:
            check_settings(self.image, changed)
        except (TypeError, ValueError):
            if is_suitable(self.image, self.settings):
                raise

    def _drop_unsuitable(self, steps: list[LayerRecipe]) -> None:
        """Drop the next steps of the history that do not suit the image, because its data were replaced."""
        n_steps = len(steps)
        while steps and is_suitable(self.image, self.settings) and not is_suitable(self.image, steps[-1]):
            steps.pop()
        if n_steps and not steps:
            raise ValueError("the earlier settings do not suit the image, since its data were replaced")

    def end_gesture(self) -> None:
        """Make the next change a separate undo step."""
        self.history.end_gesture()

    def undo(self) -> bool:
        """Undo the last gesture; return whether there was any."""
        self._drop_unsuitable(self.history.past)
        return self._return_to(self.history.undo(self.settings))

    def redo(self) -> bool:
        """Redo the gesture that was undone last; return whether there was any."""
        self._drop_unsuitable(self.history.future)
        return self._return_to(self.history.redo(self.settings))

    def _return_to(self, settings: LayerRecipe | None) -> bool:
        if settings is None:
            return False
        self._set_settings(settings)
        return True

    def _set_settings(self, settings: LayerRecipe) -> None:
        before, self.settings = self.settings, settings
        self.notice = ""
        for each in (before, settings):
            self._edits_of[_key_of_edits(each)] = each.edits
        if settings.measured_by != before.measured_by:
            self.forget_measurements()
        self.forget_model()

    # Measurements

    @property
    def request(self) -> Request:
        """The current settings, for background jobs."""
        return Request(self.image, self.settings, self.position, self.resolutions, self._measured)

    @property
    def place(self) -> Place:
        """The pixels that are clustered together and shown: a position along an axis, or None for all."""
        return self.request.place

    @property
    def measured(self) -> Measured | None:
        """Measurements of the pixels that are clustered together."""
        return self._measured.get(self.place)

    @property
    def clusterings(self) -> Clusterings | None:
        """Their clusterings, for any number of clusters."""
        return self.measured.clusterings if self.measured else None

    @property
    def suggestion(self) -> Suggestion | None:
        """The suggested number of clusters."""
        return self.measured.suggestion if self.measured else None

    @property
    def is_measured(self) -> bool:
        """Whether all pixels that the user requested have been measured."""
        return self.measured is not None and not (self.is_thorough and self.measured.is_estimate)

    def set_measured(self, resolutions: Resolutions, place: Place, measured: Measured) -> None:
        """Store the measurements of a place, which may not be the current one any more."""
        if self.resolutions is not resolutions:
            self.forget_measurements()
        self.resolutions = resolutions
        self._measured.pop(place, None)
        while len(self._measured) >= _KEPT_POSITIONS:
            self._measured.pop(next(iter(self._measured)))
        self._measured[place] = measured
        if place == self.place:
            self.forget_model()

    def follow_data(self) -> None:
        """Drop all measurements, since the data were replaced, and settings that do not suit the new data."""
        self.forget_measurements()
        plain = replace(self.settings.plain(), per_axis=None)
        if not is_suitable(self.image, self.settings) and is_suitable(self.image, plain):
            self.settings, self.notice = plain, _UNSUITABLE

    def follow_mask(self) -> None:
        """Drop all measurements, since the mask has changed, and update the overlay when they are available."""
        self.forget_measurements()
        self.is_wanted = self.overlay.layer is not None

    def follow_transform(self, name: str) -> None:
        """Follow one of `TRANSFORMS` of the image with the overlay; measure again if that changes the values."""
        self.overlay.follow_image(name)
        if self.resolutions is None:
            return
        before, now = self.resolutions.recipe, recipe_in_pixels(self.image, self.settings)
        if self.settings.mask is not None or (before.smooth, before.coherence) != (now.smooth, now.coherence):
            self.follow_mask()
        else:
            self.forget_model()  # sizes in the table and of the clean-up may be others
            self.is_wanted = self.overlay.layer is not None

    def forget_measurements(self) -> None:
        """Drop all measurements, since the data have changed."""
        self.resolutions = self.model = self._uncertainty = None
        self._measured = {}  # a new dict, since earlier requests keep theirs

    @property
    def uncertainty(self) -> Uncertainty | None:
        """Intervals of the current model, if they were computed for the same thresholds."""
        found = self._uncertainty
        return found if found is not None and self.model is not None and found.is_of(self.model) else None

    @property
    def opinion(self) -> Suggestion | None:
        """The suggestion of the gap statistic, if it was computed for the current pixels."""
        found = self._opinion
        return found[1] if found is not None and found[0] is self.clusterings else None

    def set_opinion(self, clusterings: Clusterings, found: Suggestion) -> None:
        """Store the suggestion of the gap statistic for these clusterings."""
        self._opinion = clusterings, found

    def set_uncertainty(self, resolutions: Resolutions, found: Uncertainty) -> None:
        """Store intervals, unless the pixels have changed meanwhile."""
        if resolutions is self.resolutions:
            self._uncertainty = found

    def move_to(self, position: int) -> bool:
        """Follow the viewer; return whether other pixels are clustered at its new position."""
        if position == self.position:
            return False
        self.position = position
        if self.settings.per_axis is None:
            return False
        self.forget_model()
        return True

    # Models

    @property
    def shown(self) -> DisplayedResult | None:
        """The result that the plots and the table show: the model, or the last one while there is none."""
        if self.model is None or self.clusterings is None:
            return self._shown
        last = self._shown
        if last is None or last.model is not self.model or last.counts is not self.counts:
            self._shown = DisplayedResult(self.clusterings.summary, self.model, self.counts)
        return self._shown

    def forget_model(self) -> None:
        """Drop the model, or the error that prevented one."""
        self.model = self.failure = None

    def find_model(self) -> None:
        """Find the model for the current settings, if this is quick and has not failed before."""
        measured = self.measured
        if self.model is not None or self.failure is not None or measured is None or self.resolutions is None:
            return
        self.counts = None
        self.is_refined = measured.clusterings.is_quick(self.n_clusters)
        if self.is_refined or measured.clusterings.has_estimates:
            try:
                self.model = self.request.model_from(self.resolutions, measured, estimate=not self.is_refined)
            except Exception as error:  # otherwise every refresh of the dock would raise it again
                self.failure = error

    @property
    def n_clusters(self) -> int:
        """Number of clusters, limited to the number of distinct values."""
        k = self.settings.n_clusters
        return k if self.clusterings is None else min(k, self.clusterings.n_values)


def _key_of_edits(settings: LayerRecipe) -> tuple[FeatureSpace, int, int]:
    """Return what edits belong to: features, and the number of channels and of clusters."""
    return settings.recipe.features, len(settings.channels), settings.n_clusters
