"""Sample images that need no download."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

LayerData = tuple[NDArray[Any], dict[str, Any], str]


def _packaged(name: str, title: str, **keywords: Any) -> list[LayerData]:
    import skimage.data

    return [(getattr(skimage.data, name)(), {"name": title, **keywords}, "image")]


def coins() -> list[LayerData]:
    """Greek coins, unevenly lit (scikit-image)."""
    return _packaged("coins", "coins")


def camera() -> list[LayerData]:
    """A photographer at work (scikit-image)."""
    return _packaged("camera", "camera")


def astronaut() -> list[LayerData]:
    """Portrait in colour (scikit-image)."""
    return _packaged("astronaut", "astronaut", rgb=True)


def tissue() -> list[LayerData]:
    """Colon tissue, immunohistochemistry (scikit-image)."""
    return _packaged("immunohistochemistry", "tissue", rgb=True)


def cells() -> list[LayerData]:
    """Sixty cells with bright nuclei in a noisy volume: (32, 128, 128) uint16, 0.5 × 0.2 × 0.2 µm."""
    from scipy.special import expit

    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[:32, :128, :128]
    volume = np.full((32, 128, 128), 400.0, dtype=np.float32)
    for _ in range(60):
        centre, radius = rng.uniform((0, 0, 0), volume.shape), rng.uniform(9, 15)
        # Spheres in micrometres: planes are 2.5 times as far apart as pixels.
        distance = np.sqrt(
            (2.5 * (z - centre[0])) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2, dtype=np.float32
        )
        volume = np.maximum(volume, 400 + 1500 * expit(3 * (radius - distance)))
        volume = np.maximum(volume, 400 + 5500 * expit(3 * (0.45 * radius - distance)))
    noisy = rng.poisson(volume).astype(np.uint16)
    keywords = {
        "name": "cells",
        "scale": (0.5, 0.2, 0.2),
        "units": ("um",) * 3,
        "axis_labels": ("z", "y", "x"),
    }
    return [(noisy, keywords, "image")]


def fluorescence() -> list[LayerData]:
    """Forty cells in two channels, nuclei and membranes, with shot noise: twice (400, 400) uint16, 0.2 µm."""
    from scipy.spatial import cKDTree
    from scipy.special import expit

    rng = np.random.default_rng(1)
    places = np.moveaxis(np.indices((400, 400)), 0, -1)
    # Cells on a jittered grid: a nucleus around each centre, a membrane where two centres are equally far.
    centres = (np.moveaxis(np.indices((7, 7)), 0, -1).reshape(-1, 2) * 64 + 8) + rng.uniform(-14, 14, (49, 2))
    distance, nearest = cKDTree(centres).query(places, k=2)
    radius = rng.uniform(12, 18, len(centres))[nearest[..., 0]]
    nuclei = 150 + 2400 * expit((radius - distance[..., 0]) / 1.5)
    membrane = 60 + 320 * np.exp(-(((distance[..., 1] - distance[..., 0]) / 6) ** 2))
    keywords = {"scale": (0.2, 0.2), "units": ("um",) * 2, "axis_labels": ("y", "x"), "blending": "additive"}
    return [
        (rng.poisson(nuclei).astype(np.uint16), {"name": "nuclei", "colormap": "cyan", **keywords}, "image"),
        (
            rng.poisson(membrane).astype(np.uint16),
            {"name": "membranes", "colormap": "magenta", **keywords},
            "image",
        ),
    ]


def mosaic() -> list[LayerData]:
    """Brick, grass and gravel (scikit-image) side by side: (256, 768) uint8."""
    import skimage.data

    parts = [getattr(skimage.data, name)()[:256, :256] for name in ("brick", "grass", "gravel")]
    return [(np.hstack(parts), {"name": "mosaic"}, "image")]


SAMPLES: dict[str, Callable[[], list[LayerData]]] = {
    function.__name__: function
    for function in (coins, camera, astronaut, tissue, cells, fluorescence, mosaic)
}
"""Sample images by the name that ``napari-kmeans view --sample`` takes."""
