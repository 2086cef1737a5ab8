"""What the dock knows of one image: the person's choices, what was measured, and the layer that shows it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, cast

from napari.layers import Image
from napari.layers.base import Layer

from ...kmeans.clustering import ExactClusterings, Suggestion
from ...kmeans.search import SearchedClusterings
from ...model.model import KMeansModel
from ...model.stack import OnDemand
from ...pipeline import model_of
from ..layers.image_layer import spacing_of
from ..layers.on_demand import LookUp, ModelLookUp, StackLookUp
from ..layers.overlay import Overlay
from .measure import Measured, Resolutions, measure
from .parameters import Edits, Parameters

K_MAX = 12
"""Largest number of clusters on the slider."""

Place = tuple[int, int] | None
"""An axis and a position along it, or None for the whole image."""

_KEPT_POSITIONS = 8  # of a stack, so that coming back to one is quick and memory stays flat


@dataclass(eq=False)
class Session:
    """The state of one image.

    Attributes
    ----------
    image : Image layer
    overlay : Overlay
    parameters : Parameters
    history : list of Parameters
        Those to go back to, the latest last: one entry a gesture, however many steps a slider took.
    levels : Resolutions or None
        Pixels of the whole image; None before it was looked at, or when its data changed.
    position : int
        Where the viewer stands along the axis of `parameters.per_axis`.
    model : KMeansModel or None
        The clusters that plots and table show.
    refined : bool
        Whether it is the best there is, and not an estimate found at once.
    wanted : bool
        Whether a person asked for an overlay that could not be made yet.
    thorough : bool
        Whether a person asked for all pixels to be read of an image that is not in memory.
    hidden, highlighted : set of int
        Labels not shown, and labels shown alone, while any is highlighted.
    """

    image: Image
    overlay: Overlay
    parameters: Parameters
    history: list[Parameters] = field(default_factory=list)
    levels: Resolutions | None = None
    position: int = 0
    model: KMeansModel | None = None
    refined: bool = True
    wanted: bool = False
    thorough: bool = False
    hidden: set[int] = field(default_factory=set)
    highlighted: set[int] = field(default_factory=set)
    _measured: dict[Place, Measured] = field(default_factory=dict)
    _edits_of: dict[tuple[str, int], Edits] = field(default_factory=dict)
    _in_gesture: bool = False

    # Choices; each returns whether anything is new

    def choose_k(self, n_clusters: int) -> bool:
        """Change the number of clusters; edits made for it before come back."""
        edits = self._edits_of.get((self.parameters.features, n_clusters), Edits())
        if self.parameters.per_axis is not None:
            edits = replace(edits, thresholds=None)  # set for the whole image
        return self._change(replace(self.parameters, n_clusters=n_clusters, edits=edits))

    def choose_features(self, features: str, channels: tuple[Image, ...] = ()) -> bool:
        """Describe pixels by something else; edits made for that before come back."""
        edits = self._edits_of.get((features, self.parameters.n_clusters), Edits())
        if self.parameters.per_axis is not None:
            edits = replace(edits, thresholds=None)
        return self._change(replace(self.parameters, features=features, channels=channels, edits=edits))

    def choose(self, **fields: Any) -> bool:
        """Change other parameters, by name; where that changes the pixels, no border stays moved."""
        changed = replace(self.parameters, **fields)
        if changed.described != self.parameters.described:
            changed = replace(changed, edits=replace(changed.edits, thresholds=None))
        return self._change(changed)

    def forget_layer(self, layer: Layer) -> bool:
        """Do without a mask or a channel whose layer is gone; return whether it was in use."""

        def without(one: Parameters) -> Parameters:
            if layer in one.channels:
                one = replace(one, channels=(), features="gray")
            return replace(one, mask=None) if one.mask is layer else one

        self.history = [without(one) for one in self.history]
        changed = without(self.parameters)
        if changed == self.parameters:
            return False
        self._take(changed)
        self.wanted = self.overlay.layer is not None
        return True

    def choose_where(self, per_axis: int | None) -> bool:
        """Cluster each position along an axis by itself, or the whole image; no border stays moved."""
        edits = replace(self.parameters.edits, thresholds=None)
        return self._change(replace(self.parameters, per_axis=per_axis, edits=edits))

    def edit(self, **fields: Any) -> bool:
        """Change something by hand."""
        return self._change(replace(self.parameters, edits=replace(self.parameters.edits, **fields)))

    def move_threshold(self, index: int, value: float) -> bool:
        """Move a border, counted from 0, as far as its neighbours; where there are borders to move."""
        if self.model is None or self.parameters.per_axis is not None:
            return False
        thresholds = self.model.thresholds.tolist()
        low = thresholds[index - 1] if index else -math.inf
        high = thresholds[index + 1] if index + 1 < len(thresholds) else math.inf
        thresholds[index] = min(max(value, low), high)
        return self.edit(thresholds=tuple(thresholds))

    def rename(self, label: int, name: str) -> bool:
        """Name a cluster; an empty name gives it back the one it had."""
        if self.model is None:
            return False
        n = self.model.n_clusters
        names = list(self.model.names or (f"cluster {number}" for number in range(1, n + 1)))
        names[label - 1] = name or f"cluster {label}"
        return self.edit(names=tuple(names))

    def merge(self, labels: Collection[int]) -> bool:
        """Show clusters as one, with those merged with them before; as background if all of them were."""
        groups = self._groups(labels)
        together = tuple(sorted(number for group in groups for number in group))
        background = set(self.parameters.edits.background)
        hidden = all(group[0] in background for group in groups)
        background = (background - set(together)) | ({together[0]} if groups and hidden else set())
        return len(groups) > 1 and self.edit(
            merges=(*self._merges_beside(groups), together), background=tuple(sorted(background))
        )

    def split(self, labels: Collection[int]) -> bool:
        """Show merged clusters apart again."""
        return self.edit(merges=self._merges_beside(self._groups(labels)))

    def toggle_background(self, labels: Collection[int]) -> bool:
        """Show clusters as label 0, or not any longer if all of them are."""
        chosen = {group[0] for group in self._groups(labels)}
        background = set(self.parameters.edits.background)
        changed = background - chosen if chosen <= background else background | chosen
        return self.edit(background=tuple(sorted(changed)))

    def take_model(self, model: KMeansModel) -> bool:
        """Take the clusters of a saved model, as if its borders had been set by hand.

        Raises
        ------
        ValueError
            If it has no border.
        """
        if model.n_clusters < 2:
            raise ValueError("the model has one cluster, so there is no border to label an image with")
        of_several = model.n_features > 1
        thresholds = None if of_several else tuple(model.thresholds.tolist())
        loaded = model if of_several else None
        edits = Edits(thresholds, model.merges, model.background, model.names, loaded)
        # The last axis tells in what units it was averaged.
        smooth = model.smooth[-1] * spacing_of(self.image)[-1] if model.smooth else 0.0
        usual = Parameters()
        return self._change(
            Parameters(
                n_clusters=model.n_clusters,
                features=model.features,
                standardize=bool(model.options.get("standardize", usual.standardize)),
                sigma=tuple(model.options.get("sigma", usual.sigma)),
                smooth=smooth,
                exclude=model.exclude,
                edits=edits,
            )
        )

    def _groups(self, labels: Collection[int]) -> list[tuple[int, ...]]:
        """Clusters that are shown with one of these labels, merged ones together."""
        return [] if self.model is None else [group for group in self.model.groups if group[0] in labels]

    def _merges_beside(self, groups: Collection[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
        return () if self.model is None else tuple(m for m in self.model.merges if m not in groups)

    def _change(self, changed: Parameters) -> bool:
        if changed == self.parameters:
            return False
        if not self._in_gesture:
            self.history.append(self.parameters)
        self._in_gesture = True
        self._take(changed)
        return True

    def end_gesture(self) -> None:
        """Let the next change be one to go back from."""
        self._in_gesture = False

    def undo(self) -> bool:
        """Go back to the parameters before the last gesture; return whether there were any."""
        self.end_gesture()
        if not self.history:
            return False
        self._take(self.history.pop())
        return True

    def _take(self, parameters: Parameters) -> None:
        before, self.parameters = self.parameters, parameters
        for one in (before, parameters):
            self._edits_of[one.features, one.n_clusters] = one.edits
        if parameters.described != before.described:
            self.forget_measurements()
        self.model = None

    # Measurements

    @property
    def place(self) -> Place:
        """Which pixels are clustered together and shown: a position along an axis, or None for all."""
        axis = self.parameters.per_axis
        return None if axis is None else (axis, self.position)

    @property
    def measured(self) -> Measured | None:
        """What is known of the pixels that are clustered together: the image's, or the present position's."""
        return self._measured.get(self.place)

    @property
    def optimum(self) -> ExactClusterings | SearchedClusterings | None:
        """Their optima."""
        return self.measured.optimum if self.measured else None

    @property
    def suggestion(self) -> Suggestion | None:
        """A number of clusters for them."""
        return self.measured.suggestion if self.measured else None

    def stays_looked_up(self, levels: Resolutions, measured: Measured | None) -> bool:
        """Whether labels are not to be made an array: there are too many, or not all of them are known."""
        position_by_position = levels.lazy and self.parameters.per_axis is not None
        return (
            levels.only_looked_up or position_by_position or (measured is not None and measured.is_estimate)
        )

    @property
    def is_measured(self) -> bool:
        """Whether nothing more is to be found out about them, for what the person asked for."""
        return self.measured is not None and not (self.thorough and self.measured.is_estimate)

    def set_measured(self, levels: Resolutions, place: Place, measured: Measured) -> None:
        """Take what was found out about a place, which need not be the present one any more."""
        if self.levels is not levels:
            self.forget_measurements()
        self.levels = levels
        self._measured.pop(place, None)
        while len(self._measured) >= _KEPT_POSITIONS:
            self._measured.pop(next(iter(self._measured)))
        self._measured[place] = measured
        if place == self.place:
            self.model = None

    def forget_measurements(self) -> None:
        """Note that the image's data are not what they were."""
        self.levels = self.model = None
        self._measured.clear()

    def move_to(self, position: int) -> bool:
        """Note where the viewer stands; return whether other pixels are clustered there."""
        if position == self.position:
            return False
        self.position = position
        if self.parameters.per_axis is None:
            return False
        self.model = None
        return True

    # Models

    def find_model(self) -> None:
        """Make the model for the parameters, if that takes no time that a person would notice."""
        measured = self.measured
        if self.model is not None or measured is None:
            return
        self.refined = measured.optimum.is_quick(self.n_clusters)
        if self.refined or isinstance(measured.optimum, SearchedClusterings):
            self.model = self.model_from(measured, estimate=not self.refined)

    @property
    def n_clusters(self) -> int:
        """Number of clusters there can be: at most the number of distinct values."""
        k = self.parameters.n_clusters
        return k if self.optimum is None else min(k, self.optimum.n_values)

    def model_from(self, measured: Measured, *, estimate: bool = False) -> KMeansModel:
        """Model of an optimum with the changes made by hand, as far as they fit its number of clusters.

        With `estimate`, of several features, one that is found at once and may be less good.
        """
        parameters, optimum = self.parameters, measured.optimum
        k = min(parameters.n_clusters, optimum.n_values)
        channel_axis = -1 if self.image.rgb or parameters.channels else None
        model = model_of(optimum, k, measured.description, channel_axis, estimate=estimate)
        return measured.scaled(parameters.edits.apply(model) if k == parameters.n_clusters else model)

    def model_at(self, levels: Resolutions, position: int, *, read: bool = True) -> KMeansModel | None:
        """Model of one position along the axis; without `read`, None if it has not been read."""
        axis = self.parameters.per_axis
        assert axis is not None
        measured = self._measured.get((axis, position)) if levels is self.levels else None
        if measured is not None and not (read and measured.is_estimate):
            return self.model_from(measured)
        return self.model_from(measure(levels.finest.at(axis, position), 1)) if read else None

    def look_up(self, *, with_background: bool = True) -> list[LookUp]:
        """Labels of the whole image, found where somebody looks, for each of its levels. Needs a model.

        Without background, clusters set to be it have their own label. Positions of what is not in memory
        have no labels before they have been measured.
        """
        assert self.levels is not None
        assert self.model is not None
        levels, axis = self.levels, self.parameters.per_axis

        def shown(model: KMeansModel) -> KMeansModel:
            return model if with_background else model.with_background([])

        if axis is None:
            return [ModelLookUp(pixels, shown(self.model)) for pixels in levels.pixels]

        def model_at(position: int) -> KMeansModel | None:
            model = self.model_at(levels, position, read=not levels.lazy)
            return None if model is None else shown(model)

        n_positions = levels.finest.shape[axis]
        return [StackLookUp(pixels, axis, model_at, n_positions) for pixels in levels.pixels]

    def labels_to_export(
        self, levels: Resolutions, measured: Measured, *, with_background: bool = True
    ) -> tuple[LookUp, KMeansModel]:
        """Labels of every pixel, from all pixels, and the model behind them, for a file.

        Without background, clusters set to be it have their own label, but are still background in the model.
        """
        axis, model = self.parameters.per_axis, self.model_from(measured)

        def shown(model: KMeansModel) -> KMeansModel:
            return model if with_background else model.with_background([])

        if axis is None:
            return ModelLookUp(levels.finest, shown(model)), model

        def model_at(position: int) -> KMeansModel:
            return shown(cast(KMeansModel, self.model_at(levels, position)))

        n_positions = levels.finest.shape[axis]
        models = OnDemand(n_positions, model_at)  # for a position has many blocks
        return StackLookUp(levels.finest, axis, models.__getitem__, n_positions), model
