"""One model of many images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..kmeans.illumination import with_shared_illumination
from ..summary.summarize import check_alike, summarize
from .model import KMeansModel, clusterings_of
from .recipe import Recipe
from .segmentation import check_solver


def fit_pooled(
    images: Sequence[Pixels],
    recipe: Recipe,
    channel_axis: int | None = None,
    progress: Progress | None = None,
    *,
    confirm: bool = False,
) -> KMeansModel:
    """Find the clusters of all pixels of several images.

    Summaries add up, so this is the model of the concatenated pixels. For one feature it is the same to the
    last bit in any order of the images, lazily and on a cluster.

    Parameters
    ----------
    images : sequence of Pixels
        Of one type, with one number of channels. An illumination field is shared, so images must then have
        one shape.
    recipe : Recipe
    channel_axis : int, optional
        Channel axis of the users' images, for the model.
    progress : callable, optional
    confirm : bool
        Let scikit-learn check an exact optimum.

    Raises
    ------
    ValueError
        If the images differ in type, or the recipe needs a single image.
    """
    if recipe.coherence:
        raise ValueError(
            "coherence is computed for a single image; use a list without it, or clean the labels by majority"
        )
    check_alike(images)
    check_solver(recipe.solver, images[0])
    images = with_shared_illumination(images, recipe.illumination, subprogress(progress, 0, 0.1))
    summary = summarize(images, subprogress(progress, 0.1, 0.8))
    field = images[0].extractor.field
    model = KMeansModel.of(
        clusterings_of(summary, recipe.random_state),
        recipe,
        channel_axis,
        illumination=field,
        confirm=confirm,
    )
    if model.counts_are_exact:
        return model
    counts = np.zeros(model.n_clusters, dtype=np.int64)
    infinite = counts.copy()
    n = len(images)
    for number, pixels in enumerate(images):
        share = subprogress(progress, 0.8 + 0.2 * number / n, 0.8 + 0.2 * (number + 1) / n)
        counts += model.count(pixels, share)
    if counts.sum() > model.counts.sum():
        for pixels in images:
            infinite += model.count(pixels, infinite=True)
    return replace(model, counts=counts - infinite)


def one_per_image(name: str, value: Any, n_images: int) -> list[Any]:
    """Return one value per image of an argument that may be None or a list."""
    if value is None:
        return [None] * n_images
    if not isinstance(value, list | tuple) or len(value) != n_images:
        raise ValueError(f"{name} must be a list with one entry for each of the {n_images} images")
    return list(value)
