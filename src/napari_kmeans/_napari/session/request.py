"""The settings of an image at one moment, as input of background jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from napari.layers import Image

from ...batch.units import in_pixels as clean_up_in_pixels
from ...blocks.pixel_size import size_of_layer
from ...model.edits import Edits
from ...model.model import KMeansModel
from ...model.segmentation import Grid
from ..layers.image_layer import spacing_of, time_axes
from ..layers.layer_recipe import LayerRecipe
from ..layers.resolutions import Place, Resolutions
from .cluster_edits import fits
from .measurements import Measured, measure


@dataclass(frozen=True, eq=False)
class Request:
    """The settings of a session at one moment.

    Workers and labels on demand use a request instead of the session, which the user may change meanwhile.

    Attributes
    ----------
    image : Image layer
    settings : LayerRecipe
    position : int
        Position of the viewer along the axis of ``settings.per_axis``.
    resolutions : Resolutions or None
        The pixels that `known` belongs to.
    known : mapping of Place to Measured
        Measurements so far; those of other positions are added later.
    """

    image: Image
    settings: LayerRecipe
    position: int = 0
    resolutions: Resolutions | None = None
    known: Mapping[Place, Measured] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """The pixels that are clustered together and shown: a position along an axis, or None for all."""
        axis = self.settings.per_axis
        return None if axis is None else (axis, self.position)

    @property
    def grid(self) -> Grid:
        """The grid for the clean-up: time points and positions are cleaned up separately."""
        own = () if self.settings.per_axis is None else (self.settings.per_axis,)
        axes = sorted({*time_axes(self.image), *own})
        spacing = [step for axis, step in enumerate(spacing_of(self.image)) if axis not in axes]
        return Grid(spacing, axes)

    def stays_on_demand(self, resolutions: Resolutions, measured: Measured | None) -> bool:
        """Return whether labels stay on demand, because there are too many or the clusters are an estimate."""
        one_by_one = resolutions.is_lazy and self.settings.per_axis is not None
        return resolutions.stays_on_demand or one_by_one or (measured is not None and measured.is_estimate)

    def model_from(
        self, resolutions: Resolutions, measured: Measured, *, estimate: bool = False
    ) -> KMeansModel:
        """Return the model of measurements, with the edits if they fit its number of clusters.

        Its lengths and sizes are in pixels. With `estimate`, it is found quickly and may have a larger inertia.
        """
        k = min(self.settings.n_clusters, measured.clusterings.n_values)
        recipe = replace(self.settings.recipe, n_clusters=k)
        if k < self.settings.n_clusters and not fits(recipe.edits, k):
            recipe = replace(recipe, edits=Edits())
        in_pixels, axis = resolutions.recipe, self.settings.per_axis
        smooth = in_pixels.smooth
        if axis is not None:
            smooth = resolutions.finest.extractor.without_axis(axis).smooth
        clean_up = clean_up_in_pixels(recipe, self.grid.spacing or [1.0]).clean_up
        recipe = replace(recipe, smooth=smooth, coherence=in_pixels.coherence, clean_up=clean_up)
        channel_axis = -1 if self.image.rgb or self.settings.channels else None
        size = size_of_layer(self.image, () if axis is None else (axis,))
        return measured.model(recipe, channel_axis, estimate=estimate).with_pixel_size(*size)

    def model_at(self, resolutions: Resolutions, position: int, *, read: bool = True) -> KMeansModel | None:
        """Return the model of one position along the axis; without `read`, None if it has not been read."""
        axis = self.settings.per_axis
        assert axis is not None
        measured = self.known.get((axis, position)) if resolutions is self.resolutions else None
        if measured is None or (read and measured.is_estimate):
            if not read:
                return None
            measured = measure(resolutions.finest.at(axis, position), resolutions.recipe, 1)
        return self.model_from(resolutions, measured)
