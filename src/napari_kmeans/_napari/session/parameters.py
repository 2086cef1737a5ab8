"""What a person chooses for an image. Immutable, so that a history is a list of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from napari.layers import Image
from napari.layers.base import Layer

from ...features import FEATURES, options_of
from ...labels.clean_up import CleanUp
from ...model.model import KMeansModel


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
    loaded : KMeansModel or None
        Clusters of several features that were read from a file, instead of those of the image.
    """

    thresholds: tuple[float, ...] | None = None
    merges: tuple[tuple[int, ...], ...] = ()
    background: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    loaded: KMeansModel | None = None

    def apply(self, model: KMeansModel) -> KMeansModel:
        """Return a model with these changes."""
        if self.loaded is not None:
            model = replace(model, centers=self.loaded.centers, scales=self.loaded.scales, adjusted=True)
        if self.thresholds is not None:
            model = model.with_thresholds(self.thresholds)
        return model.merged(self.merges).with_background(self.background).with_names(self.names)


@dataclass(frozen=True)
class Parameters:
    """What a person chooses.

    Attributes
    ----------
    n_clusters : int
    features : str
    standardize : bool
        Whether each channel counts alike; of features that have this option.
    sigma : (float, float)
        Scales in pixels; of features that have this option.
    channels : tuple of Image layers
        Those that are clustered together, channel by channel; empty for the image alone.
    smooth : float
        Standard deviation of the Gaussian average before clustering, in the layer's units.
    exclude : tuple of float or "saturated"
        Values that are left out.
    mask : Labels or Shapes layer, or None
        Where to cluster; None for everywhere.
    per_axis : int or None
        Axis of the image layer whose positions are clustered each by itself; None for all of it.
    clean_up : CleanUp
        What is done to the labels, in the layer's units.
    edits : Edits
    """

    n_clusters: int = 3
    features: str = "gray"
    standardize: bool = True
    sigma: tuple[float, float] = (0.5, 4.0)
    channels: tuple[Image, ...] = ()
    smooth: float = 0.0
    exclude: tuple[float | str, ...] = ()
    mask: Layer | None = None
    per_axis: int | None = None
    clean_up: CleanUp = field(default_factory=CleanUp)
    edits: Edits = Edits()

    @property
    def described(self) -> tuple[Any, ...]:
        """What decides on the pixels and their description; measurements hold as long as it is the same."""
        options = self.standardize, self.sigma
        return self.features, options, self.channels, self.smooth, self.exclude, self.mask

    @property
    def options(self) -> dict[str, Any]:
        """Options of the feature space, as far as it has them."""
        own = options_of(FEATURES[self.features])
        return {name: getattr(self, name) for name in ("standardize", "sigma") if name in own}
