"""Adapt a model to an image that differs from the fitted one."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.pixels import Pixels
from ..blocks.progress import Progress
from ..features.extractor import FeatureExtractor
from ..summary.summarize import summarize
from .fitted_model import FittedModel
from .fitted_to import FittedTo
from .preparation import Model, fit_model


def extractor_for(model: FittedModel, match: str) -> FeatureExtractor:
    """Return the extractor to read an image with before the model is matched to it.

    A refit also fits the illumination field to the image, so the field of the model, which belongs to the shape of
    its image, is not used.
    """
    return model.recipe.extractor if match == "refit" else model.extractor


def matched(model: Model, pixels: Pixels, match: str, progress: Progress | None = None) -> Model:
    """Return the model to label an image with.

    Parameters
    ----------
    model : FittedModel
    pixels : Pixels
        The image, with the extractor that `extractor_for` returns.
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
