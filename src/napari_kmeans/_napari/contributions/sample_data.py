"""Sample images as napari layers."""

from __future__ import annotations

from collections.abc import Callable

from ...io.samples import sample_image
from .image_layers import LayerData, layers_of


def _layers(name: str) -> list[LayerData]:
    return layers_of(sample_image(name))


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
