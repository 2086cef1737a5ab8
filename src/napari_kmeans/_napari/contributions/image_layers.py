"""Images from files as data of napari layers."""

from __future__ import annotations

from typing import Any

from ...io.image_file import ImageFile

LayerData = tuple[Any, dict[str, Any], str]
"""Data, keywords and type of a layer."""

_COLORMAPS = ("cyan", "magenta", "yellow", "green", "red", "blue")  # of the channels of an image


def layers_of(image: ImageFile) -> list[LayerData]:
    """Return a layer for an image, or one for each channel if there are two to six of them.

    More channels, as those of spectra, stay an axis of the layer.
    """
    n_channels = image.data.shape[image.axes.index("C")] if "C" in image.axes else 1
    if not 1 < n_channels <= len(_COLORMAPS):
        return [_layer(image)]
    names = image.channel_names or [f"{image.stem}, channel {index + 1}" for index in range(n_channels)]
    layers: list[LayerData] = []
    for index, (name, colormap) in enumerate(zip(names, _COLORMAPS, strict=False)):
        data, keywords, kind = _layer(image.at_channel(index))
        keywords |= {"name": name, "colormap": colormap, "blending": "additive"}
        layers.append((data, keywords, kind))
    return layers


def _layer(image: ImageFile) -> LayerData:
    return [image.data, *image.coarser] if image.coarser else image.data, image.layer_keywords(), "image"
