"""Prepare an image for any number of clusters, and fit models to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.feature_space import VectorFormat
from ..kmeans.clustering import Clusterings
from ..kmeans.coherent_clusterings import CoherentClusterings
from ..kmeans.exact_clusterings import ExactClusterings
from ..kmeans.illumination import check_space, with_illumination
from ..kmeans.search import SearchedClusterings
from ..preprocess.illumination import IlluminationField
from ..summary.scalar import ScalarSummary
from ..summary.summarize import summarize
from ..summary.vector import VectorSummary
from .coherence import Coherence, check_coherent, coherent_pixels, summarize_coherent
from .fitted_model import FittedModel
from .recipe import Recipe

Model = TypeVar("Model", bound=FittedModel)


def clusterings_of(summary: ScalarSummary | VectorSummary, random_state: int = 0) -> Clusterings:
    """Return the clusterings of a summary: exact for one feature, searched for several."""
    if isinstance(summary, ScalarSummary):
        return ExactClusterings(summary, random_state)
    return SearchedClusterings(summary, random_state)


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image after all steps that do not depend on the number of clusters.

    Attributes
    ----------
    pixels : Pixels
        Pixels to label: without uneven illumination, and coherent if borders have a cost.
    clusterings : Clusterings
        Its clusterings, for any number of clusters.
    illumination : IlluminationField or None
    coherence : Coherence or None
    source : Pixels or None
        The image before it was made coherent, whose type the model keeps; if None, `pixels`.
    """

    pixels: Pixels
    clusterings: Clusterings
    illumination: IlluminationField | None = None
    coherence: Coherence | None = None
    source: Pixels | None = None

    def model(
        self,
        kind: type[Model],
        recipe: Recipe,
        channel_axis: int | None = None,
        *,
        confirm: bool = False,
        estimate: bool = False,
    ) -> Model:
        """Return the model of a recipe, of a class such as `KMeansModel`; see `FittedModel.of`."""
        return kind.of(
            self.clusterings,
            recipe,
            channel_axis,
            illumination=self.illumination,
            coherence=self.coherence,
            image=self.pixels if self.source is None else self.source,
            confirm=confirm,
            estimate=estimate,
        )


def prepare(
    pixels: Pixels, recipe: Recipe, progress: Progress | None = None, *, estimate: bool = False
) -> Prepared:
    """Fit the illumination of an image, summarize its values, and make it coherent, by its recipe.

    Parameters
    ----------
    pixels : Pixels
    recipe : Recipe
    progress : callable, optional
    estimate : bool
        Read only sampled windows of a large image; a cost for borders is then ignored.

    Raises
    ------
    ValueError
        If the recipe does not fit the image.
    """
    check_recipe(pixels, recipe)
    coherent = bool(recipe.coherence) and not estimate
    fitted = 0.15 if recipe.illumination else 0.0
    summarized = 0.4 if coherent else 1.0
    pixels = with_illumination(
        pixels, recipe.illumination, subprogress(progress, 0, fitted), estimate=estimate
    )
    field = pixels.extractor.field
    summary = summarize(pixels, subprogress(progress, fitted, summarized), estimate=estimate)
    if not coherent or not isinstance(summary, ScalarSummary):
        return Prepared(pixels, clusterings_of(summary, recipe.random_state), field)
    smooth, values, found = coherent_pixels(pixels, recipe.coherence, subprogress(progress, summarized, 1))
    coherent_summary = summarize_coherent(summary, smooth, values, found.weights)
    clusterings = CoherentClusterings(coherent_summary, recipe.random_state)
    return Prepared(smooth, clusterings, field, found, source=pixels)


def fit_model(
    kind: type[Model],
    pixels: Pixels,
    recipe: Recipe,
    channel_axis: int | None = None,
    progress: Progress | None = None,
    *,
    confirm: bool = False,
) -> Model:
    """Find the clusters of an image and count the pixels of each; see `FittedModel.of`."""
    prepared = prepare(pixels, recipe, subprogress(progress, 0, 0.8))
    model = prepared.model(kind, recipe, channel_axis, confirm=confirm)
    return counted(model, prepared.pixels, subprogress(progress, 0.8, 1))


def counted(model: Model, pixels: Pixels, progress: Progress | None = None) -> Model:
    """Return the model with exact counts; read the pixels if its summary could not count them.

    If a threshold divides a cell, the pixels have to be read to count those on each side.
    """
    if not model.counts_are_exact:
        return with_counts(model, pixels, model.count(pixels, progress))
    if progress is not None:
        progress(1.0)
    return model


def with_counts(model: Model, pixels: Pixels, counts: NDArray[np.int64]) -> Model:
    """Return the model with other counts; infinite pixels are labelled but not counted."""
    # The model's own counts add up to the number of finite pixels, so most images need no extra pass.
    if pixels.image.dtype.kind == "f" and counts.sum() > model.counts.sum():
        counts = counts - model.count(pixels, infinite=True)
    return replace(model, counts=counts)


def check_recipe(pixels: Pixels, recipe: Recipe) -> None:
    """Raise ``ValueError`` if a recipe does not fit an image; no pixel is read."""
    check_solver(recipe.solver, pixels)
    if recipe.illumination is not None:
        check_space(recipe.illumination, pixels)
    if recipe.coherence:
        check_coherent(pixels, recipe.coherence)


def check_solver(solver: str, pixels: Pixels) -> None:
    """Raise ``ValueError`` if the exact solver is chosen for several features."""
    value_format = pixels.value_format
    if solver == "exact" and isinstance(value_format, VectorFormat):
        raise ValueError(
            f"solver='exact' needs a single feature, but features={pixels.extractor.name!r} has "
            f"{value_format.n_features}; use 'auto' or 'lloyd'"
        )
