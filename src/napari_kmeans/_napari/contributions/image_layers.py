"""Images from files as layer data for napari."""

from __future__ import annotations

from typing import Any

from ...io.image_file import ImageFile

LayerData = tuple[Any, dict[str, Any], str]
"""Data, keyword arguments and type of a layer."""

_COLORMAPS = ("cyan", "magenta", "yellow", "green", "red", "blue")  # of the channels of an image


def layers_of(image: ImageFile) -> list[LayerData]:
    """Return one layer for an image, or one for each channel if there are two to six.

    More channels, such as those of spectra, remain an axis of the layer.
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
