"""A model for an image that differs from the fitted one."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.pixels import Pixels
from ..blocks.progress import Progress
from ..summary.summarize import summarize
from .fitted_to import FittedTo
from .model import KMeansModel
from .segmentation import fit_pixels


def matched(model: KMeansModel, pixels: Pixels, match: str, progress: Progress | None = None) -> KMeansModel:
    """Return the model to label an image with.

    Parameters
    ----------
    model : KMeansModel
    pixels : Pixels
        Of the image, with the model's extractor.
    match : {"values", "range", "refit"}
        See `KMeansModel.predict`.
    progress : callable, optional
    """
    if match == "values":
        return model
    if match == "range":
        summary = summarize(replace(pixels, extractor=model.extractor), progress)
        return model.scaled_to(FittedTo.of(pixels.image.dtype, pixels.n_channels, summary))
    edits = model.recipe.edits
    recipe = replace(
        model.recipe,
        n_clusters=model.n_clusters,
        edits=replace(edits, thresholds=None, centers=None, scales=None),
    )
    return fit_pixels(replace(pixels, extractor=recipe.extractor), recipe, model.channel_axis, progress)
