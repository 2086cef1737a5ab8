"""Segmentation of an image by a recipe: prepare, fit, label, clean up and count.

`pipeline`, the command line and the dock all call these functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import is_dask
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.feature_space import VectorFormat
from ..kmeans.clustering import Clusterings
from ..kmeans.coherent_clusterings import CoherentClusterings
from ..kmeans.illumination import check_space, with_illumination
from ..labels.clean_up import CleanUp, clean_labels
from ..labels.counts import count_labels
from ..preprocess.illumination import IlluminationField
from ..summary.scalar import ScalarSummary
from ..summary.summarize import summarize
from .coherence import Coherence, check_coherent, coherent_pixels, summarize_coherent
from .model import KMeansModel, clusterings_of
from .recipe import Recipe


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels of an image and the model behind them.

    Attributes
    ----------
    labels : NumPy or dask array of uint8
        As they are shown: merged, cleaned and without background.
    model : KMeansModel
    counts : (n_clusters + 1,) int64 array, or None
        Pixels of each label of `labels`, 0 included, where a clean-up has changed them; else those of
        `model.counts` hold.
    """

    labels: Any
    model: KMeansModel
    counts: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Grid:
    """What the axes of a label image mean to its clean-up.

    Attributes
    ----------
    spacing : sequence of float, optional
        Size of a pixel along each spatial axis that is cleaned; sizes are then in these units.
    separate_axes : sequence of int
        Axes whose positions are cleaned separately, such as time.
    """

    spacing: Sequence[float] | None = None
    separate_axes: Sequence[int] = ()


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image after everything that does not depend on the number of clusters.

    Attributes
    ----------
    pixels : Pixels
        What labels are found on: without uneven illumination, and coherent if borders have a price.
    clusterings : Clusterings
        Its clusters, for any number of them.
    illumination : IlluminationField or None
    coherence : Coherence or None
    source : Pixels or None
        The image before it was made coherent, whose type the model keeps; None: `pixels`.
    """

    pixels: Pixels
    clusterings: Clusterings
    illumination: IlluminationField | None = None
    coherence: Coherence | None = None
    source: Pixels | None = None

    def model(
        self,
        recipe: Recipe,
        channel_axis: int | None = None,
        *,
        confirm: bool = False,
        estimate: bool = False,
    ) -> KMeansModel:
        """Return the model of a recipe; see `KMeansModel.of`."""
        return KMeansModel.of(
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
    """Read an image once: fit its illumination, summarize its values, and make it coherent, as asked.

    Parameters
    ----------
    pixels : Pixels
    recipe : Recipe
    progress : callable, optional
    estimate : bool
        Read sampled windows of a large image only; a price on borders is then ignored.

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


def fit_pixels(
    pixels: Pixels,
    recipe: Recipe,
    channel_axis: int | None = None,
    progress: Progress | None = None,
    *,
    confirm: bool = False,
) -> KMeansModel:
    """Find the clusters of an image and count the pixels of each."""
    prepared = prepare(pixels, recipe, subprogress(progress, 0, 0.8))
    model = prepared.model(recipe, channel_axis, confirm=confirm)
    return counted(model, prepared.pixels, subprogress(progress, 0.8, 1))


def segment_pixels(
    pixels: Pixels,
    recipe: Recipe,
    channel_axis: int | None = None,
    progress: Progress | None = None,
    *,
    grid: Grid = Grid(),
    in_memory: bool = False,
    confirm: bool = True,
) -> Segmentation:
    """Find the clusters of an image and label the pixels.

    Parameters
    ----------
    pixels : Pixels
    recipe : Recipe
    channel_axis : int, optional
        Channel axis of the user's image, for the model.
    progress : callable, optional
    grid : Grid
    in_memory : bool
        Label a lazy image in memory instead of lazily.
    confirm : bool
        Let scikit-learn check an exact optimum; its import takes a second the first time.
    """
    prepared = prepare(pixels, recipe, subprogress(progress, 0, 0.5))
    model = prepared.model(recipe, channel_axis, confirm=confirm)
    return label_pixels(
        prepared.pixels,
        model,
        recipe.clean_up,
        subprogress(progress, 0.5, 1),
        grid=grid,
        recount=True,
        in_memory=in_memory,
    )


def label_pixels(
    pixels: Pixels,
    model: KMeansModel,
    clean_up: CleanUp | None = None,
    progress: Progress | None = None,
    *,
    grid: Grid = Grid(),
    recount: bool = False,
    in_memory: bool = False,
) -> Segmentation:
    """Label an image with a model and clean the labels.

    Background takes part in the clean-up like any cluster: a speck in it becomes background.

    Parameters
    ----------
    pixels : Pixels
        Those that the thresholds of the model apply to; see `KMeansModel.coherent`.
    model : KMeansModel
    clean_up : CleanUp, optional
    progress : callable, optional
    grid : Grid
    recount : bool
        Whether `pixels` are those that the model was fitted to, so that it gets their counts.
    in_memory : bool
        Label a lazy image in memory instead of lazily.
    """
    background = model.background
    if clean_up:
        model = model.with_background([])
    middle = 0.5 if clean_up else 1.0
    labels, model = _label(pixels, model, subprogress(progress, 0, middle), recount, in_memory)
    if not clean_up:
        return Segmentation(labels, model)
    model = model.with_background(background)
    labels = clean_segmentation(labels, model, clean_up, grid, subprogress(progress, middle, 0.9))
    counts = count_labels(labels, model.n_clusters, subprogress(progress, 0.9, 1))
    return Segmentation(labels, model, counts)


def clean_segmentation(
    labels: Any, model: KMeansModel, clean_up: CleanUp, grid: Grid, progress: Progress | None = None
) -> Any:
    """Clean labels in which the background of a model still has its own labels, and set it to 0 afterwards."""
    labels = clean_labels(
        labels,
        **asdict(clean_up),
        spacing=grid.spacing,
        per_axis=list(grid.separate_axes) or None,
        progress=progress,
    )
    return _without_background(labels, model)


def _label(
    pixels: Pixels, model: KMeansModel, progress: Progress | None, recount: bool, in_memory: bool
) -> tuple[Any, KMeansModel]:
    if pixels.chunks is not None and not in_memory:
        return model.label_lazily(pixels), counted(model, pixels, progress) if recount else model
    if not recount or model.counts_are_exact:
        return model.label(pixels, progress)[0], model
    if model.merges or model.background:  # merged clusters share a label, so they are counted separately
        labels = model.label(pixels, subprogress(progress, 0, 0.5))[0]
        return labels, counted(model, pixels, subprogress(progress, 0.5, 1))
    labels, counts = model.label(pixels, progress, n_counted=model.n_clusters)
    return labels, _with_counts(model, pixels, counts)


def _without_background(labels: Any, model: KMeansModel) -> Any:
    """Set the background of a model to 0 in labels that have it as clusters."""
    if not model.background:
        return labels
    table = np.arange(256, dtype=np.uint8)
    table[list(model.background)] = 0
    if is_dask(labels):
        return labels.map_blocks(table.__getitem__, dtype=np.uint8)
    return table[labels]


def counted(model: KMeansModel, pixels: Pixels, progress: Progress | None = None) -> KMeansModel:
    """Return the model with the pixels of each cluster, where its summary could not count them exactly.

    A threshold divides a cell, and the pixels have to be read to count those on each side.
    """
    if not model.counts_are_exact:
        return _with_counts(model, pixels, model.count(pixels, progress))
    if progress is not None:
        progress(1.0)
    return model


def _with_counts(model: KMeansModel, pixels: Pixels, counts: NDArray[np.int64]) -> KMeansModel:
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
            f"solver='exact' finds the optimum of one feature, and features={pixels.extractor.name!r} has "
            f"{value_format.n_features}; use 'auto' or 'lloyd'"
        )
