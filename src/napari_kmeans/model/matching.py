"""Adapt a model to an image that differs from the fitted one."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.pixels import Pixels
from ..blocks.progress import Progress
from ..summary.summarize import summarize
from .fitted_to import FittedTo
from .preparation import Model, fit_model


def matched(model: Model, pixels: Pixels, match: str, progress: Progress | None = None) -> Model:
    """Return the model to label an image with.

    Parameters
    ----------
    model : FittedModel
    pixels : Pixels
        The image, with the model's extractor.
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
    pixels = replace(pixels, extractor=recipe.extractor)
    return fit_model(type(model), pixels, recipe, model.channel_axis, progress)
