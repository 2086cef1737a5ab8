"""Fit one pooled model to several images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..blocks.loop import map_blocks
from ..blocks.pixels import Block, Pixels
from ..blocks.progress import Progress, subprogress
from ..kmeans.illumination import with_shared_illumination
from ..summary.summarize import check_same_kind, summarize
from .model import KMeansModel
from .preparation import check_solver, clusterings_of
from .recipe import Recipe

WEIGHTS = ("pixels", "images")
"""What has equal weight in a pooled model: every pixel, or every image."""

# Maximum total weight of the pixels: sums of squares of colours need more digits than those of one feature.
_MAX_SCALAR, _MAX_VECTOR = 1 << 50, 1 << 32
_MAX_FACTOR = 1 << 12  # maximum weight of a pixel of the largest image


def fit_pooled(
    images: Sequence[Pixels],
    recipe: Recipe,
    channel_axis: int | None = None,
    progress: Progress | None = None,
    *,
    weights: str = "pixels",
    confirm: bool = False,
) -> KMeansModel:
    """Find the clusters of all pixels of several images.

    Summaries add up, so this is the model of the concatenated pixels. For one feature it is identical to the
    last bit for any order of the images, in memory, lazily or on a Dask cluster.

    Parameters
    ----------
    images : sequence of Pixels
        Images of one data type and number of channels. If they share an illumination field, they must also
        have the same shape.
    recipe : Recipe
    channel_axis : int, optional
        Channel axis of the user's images, for the model.
    progress : callable, optional
    weights : {"pixels", "images"}
        Whether every pixel or every image has the same weight. With "images", inertia and explained variance
        are weighted too; counts remain numbers of pixels.
    confirm : bool
        Compare an exact optimum with scikit-learn's KMeans.

    Raises
    ------
    ValueError
        If the images differ in type, or the recipe needs a single image.
    """
    if recipe.coherence:
        raise ValueError("coherence needs a single image; omit it, or clean the labels by majority instead")
    if weights not in WEIGHTS:
        raise ValueError(f"weights={weights!r} must be one of {', '.join(map(repr, WEIGHTS))}")
    check_same_kind(images)
    check_solver(recipe.solver, images[0])
    images = with_shared_illumination(images, recipe.illumination, subprogress(progress, 0, 0.1))
    factors = None if weights == "pixels" else _factors(images)
    summary = summarize(images, subprogress(progress, 0.1, 0.8), factors=factors)
    field = images[0].extractor.field
    model = KMeansModel.of(
        clusterings_of(summary, recipe.random_state),
        recipe,
        channel_axis,
        illumination=field,
        image=images[0],
        confirm=confirm,
    )
    if factors is not None:
        n_weighted, n_pixels = summary.n_pixels, summary.n_pixels
        if len(set(factors)) > 1:
            n_pixels = sum(_count_usable(pixels) for pixels in images)
        # The weighted summary would give wrong pixel counts and histograms.
        model = replace(model, inertia=model.inertia * (n_pixels / n_weighted)).without_summary()
    elif model.counts_are_exact:
        return model
    counts = np.zeros(model.n_clusters, dtype=np.int64)
    infinite = counts.copy()
    n = len(images)
    for number, pixels in enumerate(images):
        share = subprogress(progress, 0.8 + 0.2 * number / n, 0.8 + 0.2 * (number + 1) / n)
        counts += model.count(pixels, share)
    if factors is not None or counts.sum() > model.counts.sum():
        for pixels in images:
            infinite += model.count(pixels, infinite=True)
    return replace(model, counts=counts - infinite)


def one_per_image(name: str, value: Any, n_images: int) -> list[Any]:
    """Return an argument that may be None or a list as one value per image."""
    if value is None:
        return [None] * n_images
    if not isinstance(value, list | tuple) or len(value) != n_images:
        raise ValueError(f"{name} must be a list with one entry for each of the {n_images} images")
    return list(value)


def _factors(images: Sequence[Pixels]) -> list[int]:
    """Return the weight of the pixels of each image, so that all images have the same weight.

    Weights are exact if the sizes have a small common multiple; otherwise rounded. They are integers, so that
    the order of the images does not change a bit of the result.
    """
    sizes = [max(1, _count_usable(pixels)) for pixels in images]
    largest = max(sizes)
    max_total = _MAX_SCALAR if images[0].value_format.n_features == 1 else _MAX_VECTOR
    factor = max(1, min(_MAX_FACTOR, max_total // (len(sizes) * largest)))  # of the largest image
    target = min(math.lcm(*set(sizes)), factor * largest)
    return [max(1, round(target / size)) for size in sizes]


def _count_usable(pixels: Pixels) -> int:
    """Return the number of pixels that are clustered."""
    is_whole = pixels.mask is None and not pixels.extractor.exclude and pixels.n_channels != 4
    if is_whole and pixels.image.dtype.kind != "f":
        return pixels.size
    return sum(map_blocks(_count_usable_in_block, pixels))


def _count_usable_in_block(block: Block) -> int:
    """Return the number of pixels of a block that are clustered."""
    values, include = block.values()
    usable = np.isfinite(values)
    if values.ndim > len(block.shape):
        usable = usable.all(axis=-1)
    return int(np.count_nonzero(usable if include is None else usable & include))
