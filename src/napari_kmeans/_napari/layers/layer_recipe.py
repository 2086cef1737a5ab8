"""Settings for an image layer: a recipe, and the layers and axes that it refers to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from napari.layers import Image
from napari.layers.base import Layer

from ...features.extractor import check_smooth
from ...model.edits import Edits
from ...model.model import KMeansModel
from ...model.recipe import Recipe


@dataclass(frozen=True)
class LayerRecipe:
    """Settings for an image layer. Immutable, so that a history is a list of these.

    Attributes
    ----------
    recipe : Recipe
        The recipe, with the clean-up in units of the layer. `in_pixels` adds smoothing and coherence.
    smooth : float
        Standard deviation of the smoothing, in units of the layer.
    coherence : float
        Cost of two neighbours with different labels, in units of the noise.
    channels : tuple of Image layers
        Layers that are clustered together as channels; empty for the image alone.
    mask : Labels or Shapes layer, or None
        Region to cluster; None for the whole image.
    per_axis : int or None
        Axis of the image layer whose positions are clustered separately; None for the whole image.
    loaded : tuple of float, or None
        Thresholds of a loaded model that were found, not set by hand.
    """

    recipe: Recipe = field(default_factory=Recipe)
    smooth: float = 0.0
    coherence: float = 0.0
    channels: tuple[Image, ...] = ()
    mask: Layer | None = None
    per_axis: int | None = None
    loaded: tuple[float, ...] | None = None

    @classmethod
    def of_model(cls, model: KMeansModel, spacing: float) -> LayerRecipe:
        """Return settings with the clusters of a model, as if they had been set by hand.

        The clean-up remains in pixels.

        Parameters
        ----------
        model : KMeansModel
        spacing : float
            Size of a pixel in units of the layer.

        Raises
        ------
        ValueError
            If the model has a single cluster.
        """
        if model.n_clusters < 2:
            raise ValueError("the model has only one cluster; the dock needs two or more")
        saved = model.recipe
        edits = replace(saved.edits, thresholds=tuple(model.thresholds.tolist()))
        if model.n_features > 1:
            centers = tuple(map(tuple, model.centers.tolist()))
            edits = replace(saved.edits, centers=centers, scales=tuple(model.scales.tolist()))
        recipe = Recipe(
            n_clusters=model.n_clusters,
            features=saved.features,
            illumination=saved.illumination,
            exclude=saved.exclude,
            clean_up=saved.clean_up,
            edits=edits,
        )
        smooth = saved.smooth[-1] * spacing if saved.smooth else 0.0
        loaded = None if saved.edits.is_adjusted else edits.thresholds
        return cls(recipe, smooth=smooth, coherence=max(saved.coherence, default=0.0), loaded=loaded)

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.recipe.n_clusters)

    @property
    def edits(self) -> Edits:
        """Edits made by hand."""
        return self.recipe.edits

    @property
    def has_loaded_thresholds(self) -> bool:
        """Whether the thresholds are those of a loaded model, and have not been set by hand."""
        return self.loaded is not None and self.edits.thresholds == self.loaded

    @property
    def measured_by(self) -> tuple[Any, ...]:
        """Settings that determine the pixels and their features; measurements are valid while these are the same."""
        recipe = self.recipe
        return (
            *(recipe.features, recipe.illumination, recipe.exclude),
            *(self.smooth, self.coherence, self.channels, self.mask),
        )

    def with_recipe(self, **changes: Any) -> LayerRecipe:
        """Change fields of the recipe."""
        return replace(self, recipe=replace(self.recipe, **changes))

    def with_edits(self, **changes: Any) -> LayerRecipe:
        """Change edits."""
        return replace(self, recipe=self.recipe.with_edits(**changes))

    def plain(self) -> LayerRecipe:
        """Return these settings for one gray image, without channels and edits of other features."""
        return replace(self, channels=()).with_recipe(features=Recipe().features, edits=Edits())

    def in_pixels(self, sigma: list[float], spatial: list[bool], spacing: list[float]) -> Recipe:
        """Return the recipe for an array of pixels.

        Parameters
        ----------
        sigma : list of float
            Smoothing along each axis, in pixels.
        spatial : list of bool
            Whether each axis is spatial; coherence ignores the others.
        spacing : list of float
            Size of a pixel along each axis.
        """
        coherence: tuple[float, ...] = ()
        if self.coherence:
            finest = min(step for step, is_spatial in zip(spacing, spatial, strict=True) if is_spatial)
            coherence = tuple(
                self.coherence * finest / step if is_spatial else 0.0
                for step, is_spatial in zip(spacing, spatial, strict=True)
            )
            if self.per_axis is not None:
                coherence = coherence[: self.per_axis] + coherence[self.per_axis + 1 :]
        return replace(self.recipe, smooth=check_smooth(sigma), coherence=coherence)
