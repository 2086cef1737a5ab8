"""What the dock knows of one image: the person's choices, what was measured, and the layer that shows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from napari.layers import Image

from ..blocks import Pixels
from ..clustering import Optimum, Suggestion
from ..model import KMeansModel
from ..pipeline import model_of
from .layers import Overlay

K_MAX = 12
"""Largest number of clusters on the slider and on the curve."""


@dataclass(frozen=True)
class Edits:
    """What a person changed by hand on the optimum for one number of clusters.

    They belong to that number: another k begins without, and coming back to this one brings them back.

    Attributes
    ----------
    thresholds : tuple of float, or None
        Borders moved by hand; None for those of the optimum.
    merges : tuple of tuple of int
        Clusters shown as one.
    background : tuple of int
        Clusters shown as label 0.
    names : tuple of str
        One a cluster, or none at all.
    """

    thresholds: tuple[float, ...] | None = None
    merges: tuple[tuple[int, ...], ...] = ()
    background: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def apply(self, model: KMeansModel) -> KMeansModel:
        """Return a model with these changes."""
        if self.thresholds is not None:
            model = model.with_thresholds(self.thresholds)
        return model.merged(self.merges).with_background(self.background).with_names(self.names)


@dataclass(frozen=True)
class Parameters:
    """What a person chooses. Immutable, so that a history is a list of them."""

    n_clusters: int = 3
    features: str = "gray"
    edits: Edits = Edits()


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
    pixels, optimum, suggestion
        Measured from the image's data; None until they are, or when the data changed.
    model : KMeansModel or None
        The clusters that plots and table show.
    wanted : bool
        Whether a person asked for an overlay that could not be made yet.
    hidden, highlighted : set of int
        Labels not shown, and labels shown alone, while any is highlighted.
    """

    image: Image
    overlay: Overlay
    parameters: Parameters
    history: list[Parameters] = field(default_factory=list)
    pixels: Pixels | None = None
    optimum: Optimum | None = None
    suggestion: Suggestion | None = None
    model: KMeansModel | None = None
    wanted: bool = False
    hidden: set[int] = field(default_factory=set)
    highlighted: set[int] = field(default_factory=set)
    _edits_of: dict[int, Edits] = field(default_factory=dict)
    _in_gesture: bool = False

    def choose_k(self, n_clusters: int) -> bool:
        """Change the number of clusters; edits made for it before come back."""
        edits = self._edits_of.get(n_clusters, Edits())
        return self._change(replace(self.parameters, n_clusters=n_clusters, edits=edits))

    def edit(self, **fields: Any) -> bool:
        """Change something by hand; return whether anything is new."""
        return self._change(replace(self.parameters, edits=replace(self.parameters.edits, **fields)))

    def _change(self, changed: Parameters) -> bool:
        if changed == self.parameters:
            return False
        if not self._in_gesture:
            self.history.append(self.parameters)
        self._in_gesture = True
        self._edits_of[self.parameters.n_clusters] = self.parameters.edits
        self.parameters = changed
        self.model = None
        return True

    def end_gesture(self) -> None:
        """Let the next change be one to go back from."""
        self._in_gesture = False

    def undo(self) -> bool:
        """Go back to the parameters before the last gesture; return whether there were any."""
        self.end_gesture()
        if not self.history:
            return False
        self.parameters = self.history.pop()
        self._edits_of[self.parameters.n_clusters] = self.parameters.edits
        self.model = None
        return True

    @property
    def n_clusters(self) -> int:
        """Number of clusters there can be: at most the number of distinct values."""
        k = self.parameters.n_clusters
        return k if self.optimum is None else min(k, self.optimum.n_values)

    def optimal_model(self) -> KMeansModel:
        """Model of the optimum, before anything was changed by hand. Needs a measured image."""
        assert self.optimum is not None
        channel_axis = -1 if self.image.rgb else None
        return model_of(self.optimum, self.n_clusters, self.parameters.features, channel_axis)

    def edited(self, model: KMeansModel) -> KMeansModel:
        """Return a model with the changes made by hand, as far as they fit its number of clusters."""
        fits = model.n_clusters == self.parameters.n_clusters
        return self.parameters.edits.apply(model) if fits else model

    def forget_measurements(self) -> None:
        """Note that the image's data are not what they were."""
        self.pixels = self.optimum = self.suggestion = self.model = None
