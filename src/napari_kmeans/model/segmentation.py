"""Segmentation of an image by a recipe: prepare, fit, label, clean up and count.

`pipeline`, the command line and the dock all call these functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import is_dask
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..labels.clean_up import CleanUp, clean_labels
from ..labels.counts import count_labels
from .model import KMeansModel
from .preparation import counted, fit_model, prepare, with_counts
from .recipe import Recipe


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels of an image, and the model that gave them.

    Attributes
    ----------
    labels : NumPy or dask array of uint8
        Final labels: merged, cleaned and without background.
    model : KMeansModel
    counts : (n_clusters + 1,) int64 array, or None
        Number of pixels of each label, including 0, after a clean-up; None without one, since `model.counts`
        then applies.
    """

    labels: Any
    model: KMeansModel
    counts: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Grid:
    """The meaning of the axes of a label image for its clean-up.

    Attributes
    ----------
    spacing : sequence of float, optional
        Size of a pixel along each spatial axis that is cleaned; sizes are then in these units.
    separate_axes : sequence of int
        Axes whose positions are cleaned separately, such as time.
    """

    spacing: Sequence[float] | None = None
    separate_axes: Sequence[int] = ()


def fit_pixels(
    pixels: Pixels,
    recipe: Recipe,
    channel_axis: int | None = None,
    progress: Progress | None = None,
    *,
    confirm: bool = False,
) -> KMeansModel:
    """Find the clusters of an image and count the pixels of each."""
    return fit_model(KMeansModel, pixels, recipe, channel_axis, progress, confirm=confirm)


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
        Compare an exact optimum with scikit-learn's KMeans; the first import takes a second.
    """
    prepared = prepare(pixels, recipe, subprogress(progress, 0, 0.5))
    model = prepared.model(KMeansModel, recipe, channel_axis, confirm=confirm)
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

    Background is cleaned like any other cluster: a speck in it becomes background.

    Parameters
    ----------
    pixels : Pixels
        Pixels that the thresholds of the model apply to; see `FittedModel.coherent`.
    model : KMeansModel
    clean_up : CleanUp, optional
    progress : callable, optional
    grid : Grid
    recount : bool
        Whether the model was fitted to `pixels`, so that it gets their counts.
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
    """Clean labels in which background clusters still have their own labels, then set these to 0."""
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
    """Label an image; return the labels, and the model with the counts of the image if `recount`."""
    if pixels.chunks is not None and not in_memory:
        return model.label_lazily(pixels), counted(model, pixels, progress) if recount else model
    if not recount or model.counts_are_exact:
        return model.label(pixels, progress)[0], model
    if model.merges or model.background:  # merged clusters share a label, so they are counted separately
        labels = model.label(pixels, subprogress(progress, 0, 0.5))[0]
        return labels, counted(model, pixels, subprogress(progress, 0.5, 1))
    labels, counts = model.label(pixels, progress, n_counted=model.n_clusters)
    return labels, with_counts(model, pixels, counts)


def _without_background(labels: Any, model: KMeansModel) -> Any:
    """Set the background clusters of a model to 0."""
    if not model.background:
        return labels
    table = np.arange(256, dtype=np.uint8)
    table[list(model.background)] = 0
    if is_dask(labels):
        return labels.map_blocks(table.__getitem__, dtype=np.uint8)
    return table[labels]
