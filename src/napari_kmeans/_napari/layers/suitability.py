"""Check that settings suit an image, before a session uses them."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image

from ...blocks.containers import levels_of
from ...blocks.pixels import Pixels
from ...features.channels import Channels
from ...model.edits import Edits
from ...model.preparation import check_recipe
from .image_layer import is_lazy, recipe_in_pixels
from .layer_recipe import LayerRecipe


def check_settings(layer: Image, settings: LayerRecipe) -> None:
    """Raise an error if settings do not suit an image.

    No pixel is read and no mask is made, so this takes two milliseconds at most.

    Raises
    ------
    TypeError, ValueError
        The message is shown to the user.
    """
    _check_colors(layer, settings)
    recipe = recipe_in_pixels(layer, settings)
    pixels = Pixels.of(
        _stand_in(layer, settings),
        features=recipe.extractor,
        channel_axis=-1 if layer.rgb or settings.channels else None,
    )
    axis = settings.per_axis
    if axis is not None:
        if axis >= layer.ndim - 2:
            raise ValueError("the image has no planes that can have their own clusters")
        pixels = pixels.at(axis, 0)
    check_recipe(pixels, recipe)
    _check_edits(pixels, settings.edits)


def is_suitable(layer: Image, settings: LayerRecipe) -> bool:
    """Return whether settings suit an image."""
    try:
        check_settings(layer, settings)
    except (TypeError, ValueError):
        return False
    return True


def _check_colors(layer: Image, settings: LayerRecipe) -> None:
    """Raise ``ValueError`` if the features need colours or channels that the image does not have."""
    features = settings.recipe.features
    if layer.rgb or settings.channels or not features.unsupported_reason(layer.dtype, None, layer.ndim):
        return
    if features.name == Channels.name:
        raise ValueError(f"“{features.title}” needs several image layers or a colour image")
    if not features.unsupported_reason(layer.dtype, 3, layer.ndim):
        raise ValueError(f"“{features.title}” needs a colour image")


def _check_edits(pixels: Pixels, edits: Edits) -> None:
    """Raise ``ValueError`` if clusters that were set by hand have other features than the pixels."""
    n_features = pixels.value_format.n_features
    given = 1 if edits.thresholds is not None else n_features
    if edits.centers is not None:
        given = len(edits.centers[0])
    if given != n_features:
        raise ValueError(f"the clusters have {_features(given)}, and the image has {_features(n_features)}")


def _features(n: int) -> str:
    return f"{n} feature{'s' * (n != 1)} per pixel"


def _stand_in(layer: Image, settings: LayerRecipe) -> Any:
    """Return an array with the shape and type of the pixels of a layer, or of its channels, without memory."""
    arrays = [levels_of(each)[0] for each in settings.channels or (layer,)]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise ValueError("the layers of its channels have different shapes")
    shape = (*arrays[0].shape, len(arrays)) if settings.channels else arrays[0].shape
    dtype = np.result_type(*(array.dtype for array in arrays))
    if is_lazy(layer, settings):
        import dask.array as da

        return da.zeros(shape, dtype=dtype, chunks=-1)
    return np.broadcast_to(np.zeros((), dtype=dtype), shape)
