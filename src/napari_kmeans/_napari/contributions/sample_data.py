"""Sample images as napari layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from ...io.samples import sample_image

LayerData = tuple[NDArray[Any], dict[str, Any], str]

_COLORMAPS = ("cyan", "magenta")  # of the channels of an image


def _layers(name: str) -> list[LayerData]:
    image = sample_image(name)
    if not image.channel_names:
        return [(image.data, image.layer_keywords(), "image")]
    layers: list[LayerData] = []
    for index, (channel, colormap) in enumerate(zip(image.channel_names, _COLORMAPS, strict=True)):
        part = image.at_channel(index)
        keywords = {**part.layer_keywords(), "name": channel, "colormap": colormap, "blending": "additive"}
        layers.append((part.data, keywords, "image"))
    return layers


def coins() -> list[LayerData]:
    """Greek coins, unevenly lit (scikit-image)."""
    return _layers("coins")


def camera() -> list[LayerData]:
    """A photographer at work (scikit-image)."""
    return _layers("camera")


def astronaut() -> list[LayerData]:
    """Portrait in colour (scikit-image)."""
    return _layers("astronaut")


def tissue() -> list[LayerData]:
    """Colon tissue, immunohistochemistry (scikit-image)."""
    return _layers("tissue")


def cells() -> list[LayerData]:
    """Sixty cells with bright nuclei in a noisy volume: (32, 128, 128) uint16, 0.5 × 0.2 × 0.2 µm."""
    return _layers("cells")


def fluorescence() -> list[LayerData]:
    """Forty cells in two channels, nuclei and membranes, with shot noise: twice (400, 400) uint16, 0.2 µm."""
    return _layers("fluorescence")


def mosaic() -> list[LayerData]:
    """Brick, grass and gravel (scikit-image) side by side: (256, 768) uint8."""
    return _layers("mosaic")


SAMPLES: dict[str, Callable[[], list[LayerData]]] = {
    function.__name__: function
    for function in (coins, camera, astronaut, tissue, cells, fluorescence, mosaic)
}
"""Sample images by the name that ``napari-kmeans view --sample`` takes."""
