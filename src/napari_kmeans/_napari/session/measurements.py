"""Measurements of the pixels that are clustered together; runs in a worker, without napari."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...blocks.boxes import box_size, sampled_windows
from ...blocks.cached_windows import CachedWindows
from ...blocks.dask_cluster import current_client
from ...blocks.loop import estimate_seconds
from ...blocks.pixels import Pixels
from ...blocks.progress import Progress
from ...kmeans.clustering import Clusterings
from ...kmeans.illumination_suggestion import uneven_illumination
from ...kmeans.suggestion import Suggestion, suggest
from ...model.labellers import compile_labellers
from ...model.model import KMeansModel
from ...model.preparation import Prepared, prepare
from ...model.recipe import Recipe
from ...summary.scalar import ScalarSummary
from ...user_warning import collected_warnings


@dataclass(frozen=True, eq=False)
class Measured:
    """Clusterings of the pixels that are clustered together, and how many pixels were read for them.

    Attributes
    ----------
    prepared : Prepared
    suggestion : Suggestion
    n_pixels : int
        Number of pixels.
    n_read : int
        Number of pixels that were read; fewer for an estimate.
    seconds : float
        Expected time for reading all pixels; only for an estimate.
    uneven_illumination : str or None
        Kind of illumination to remove if the image looks unevenly lit and none is removed yet.
    """

    prepared: Prepared
    suggestion: Suggestion
    n_pixels: int
    n_read: int
    seconds: float = 0.0
    uneven_illumination: str | None = None

    @property
    def clusterings(self) -> Clusterings:
        """Clusterings for any number of clusters."""
        return self.prepared.clusterings

    @property
    def is_estimate(self) -> bool:
        """Whether only sampled windows of the image were read."""
        return self.n_read < self.n_pixels

    def model(self, recipe: Recipe, channel_axis: int | None, *, estimate: bool = False) -> KMeansModel:
        """Return the model of a recipe. For an estimate, counts are extrapolated to the whole image."""
        with collected_warnings():  # the dock shows them below its plots
            model = self.prepared.model(KMeansModel, recipe, channel_axis, estimate=estimate)
        if not self.is_estimate:
            return model
        share = self.n_pixels / self.n_read
        counts = (model.counts * share).round().astype(model.counts.dtype)
        return replace(model, counts=counts, inertia=model.inertia * share)


def measure(
    pixels: Pixels,
    recipe: Recipe,
    k_max: int,
    progress: Progress | None = None,
    *,
    estimate: bool = False,
    for_display: bool = False,
    estimated: Measured | None = None,
) -> Measured:
    """Read pixels into a summary, and find their clusterings.

    Parameters
    ----------
    pixels : Pixels
    recipe : Recipe
    k_max : int
        Largest number of clusters in the curve.
    progress : callable, optional
    estimate : bool
        Read only sampled windows, and estimate the time for reading all pixels.
    for_display : bool
        Also test whether the illumination is uneven, and compile the functions that label pixels on demand.
    estimated : Measured, optional
        Estimate of the same pixels; its test for uneven illumination is used again, since it reads the same windows.
    """
    windows = sampled_windows(pixels.shape) if estimate else None
    estimate = windows is not None
    n_read = pixels.size if windows is None else sum(map(box_size, windows))
    # Workers of a cluster read the windows themselves.
    is_kept = estimate and pixels.chunks is not None and current_client() is None
    source = replace(pixels, image=CachedWindows(pixels.image)) if is_kept else pixels
    prepared = prepare(source, recipe, progress, estimate=estimate)
    if is_kept:
        prepared = replace(prepared, pixels=replace(prepared.pixels, image=pixels.image))
    uneven = None
    if for_display:
        compile_labellers(prepared.pixels.value_format)
        if recipe.illumination is None:
            uneven = estimated.uneven_illumination if estimated is not None else uneven_illumination(source)
    summary = prepared.clusterings.summary
    n_passes = 1 if isinstance(summary, ScalarSummary) and summary.exact else 3
    seconds = estimate_seconds(pixels) * n_passes if estimate else 0.0
    return Measured(prepared, suggest(prepared.clusterings, k_max), pixels.size, n_read, seconds, uneven)
