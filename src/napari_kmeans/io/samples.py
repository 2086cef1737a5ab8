"""Sample images that need no download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .image_file import ImageFile


def sample_image(name: str) -> ImageFile:
    """Return a sample image; no download is needed.

    Parameters
    ----------
    name : str
        "coins", "camera", "astronaut" (RGB), "tissue" (RGB), "cells" (3-D, 16 bits, with pixel sizes),
        "fluorescence" (channels "nuclei" and "membranes") or "mosaic" (three textures).

    Returns
    -------
    ImageFile
        With the pixels in ``data``.

    Raises
    ------
    ValueError
        If there is no such image.

    Examples
    --------
    >>> import napari_kmeans
    >>> napari_kmeans.sample_image("cells")
    ImageFile(cells, ZYX, 32 × 128 × 128 uint16, 0.5 × 0.2 × 0.2 um)
    """
    if name not in _SAMPLES:
        raise ValueError(f"there is no sample image {name!r}; choose one of {', '.join(_SAMPLES)}")
    return _SAMPLES[name]()


def _packaged(name: str, axes: str, title: str = "") -> ImageFile:
    """Return an image that is installed with scikit-image."""
    import skimage.data

    return ImageFile(Path(title or name), getattr(skimage.data, name)(), axes)


def _coins() -> ImageFile:
    """Greek coins with uneven illumination (scikit-image)."""
    return _packaged("coins", "YX")


def _camera() -> ImageFile:
    """A photographer at work (scikit-image)."""
    return _packaged("camera", "YX")


def _astronaut() -> ImageFile:
    """Portrait in colour (scikit-image)."""
    return _packaged("astronaut", "YXS")


def _tissue() -> ImageFile:
    """Colon tissue, immunohistochemistry (scikit-image)."""
    return _packaged("immunohistochemistry", "YXS", "tissue")


def _cells() -> ImageFile:
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
    return ImageFile(Path("cells"), noisy, "ZYX", {"Z": 0.5, "Y": 0.2, "X": 0.2}, "um")


def _fluorescence() -> ImageFile:
    """Forty cells in two channels, nuclei and membranes, with shot noise: (2, 400, 400) uint16, 0.2 µm."""
    from scipy.spatial import cKDTree
    from scipy.special import expit

    rng = np.random.default_rng(1)
    places = np.moveaxis(np.indices((400, 400)), 0, -1)
    # Cells on a jittered grid: a nucleus around each centre, a membrane where two centres are equidistant.
    centres = (np.moveaxis(np.indices((7, 7)), 0, -1).reshape(-1, 2) * 64 + 8) + rng.uniform(-14, 14, (49, 2))
    distance, nearest = cKDTree(centres).query(places, k=2)
    radius = rng.uniform(12, 18, len(centres))[nearest[..., 0]]
    nuclei = 150 + 2400 * expit((radius - distance[..., 0]) / 1.5)
    membrane = 60 + 320 * np.exp(-(((distance[..., 1] - distance[..., 0]) / 6) ** 2))
    channels = np.stack([rng.poisson(each).astype(np.uint16) for each in (nuclei, membrane)])
    names = ("nuclei", "membranes")
    return ImageFile(Path("fluorescence"), channels, "CYX", {"Y": 0.2, "X": 0.2}, "um", channel_names=names)


def _mosaic() -> ImageFile:
    """Brick, grass and gravel (scikit-image) side by side: (256, 768) uint8."""
    parts: list[Any] = [_packaged(name, "YX").data[:256, :256] for name in ("brick", "grass", "gravel")]
    return ImageFile(Path("mosaic"), np.hstack(parts), "YX")


_SAMPLES: dict[str, Callable[[], ImageFile]] = {
    function.__name__.removeprefix("_"): function
    for function in (_coins, _camera, _astronaut, _tissue, _cells, _fluorescence, _mosaic)
}

SAMPLES = tuple(_SAMPLES)
"""Names of the sample images."""
