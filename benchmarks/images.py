"""Test images: real pictures, enlarged, with the noise of a camera.

Pure noise would favour whoever subsamples, and a small picture repeated as it is would have far fewer
distinct values than an image of that size. So scikit-image's packaged pictures are enlarged, tiled in their
mirror image where one is not enough, and then each pixel gets its own noise, photon shot and read noise, from
a fixed seed. The gray dtypes show the same scene.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DTYPES = ("uint8", "uint16", "float32", "rgb")
SEED = 20
_FULL_WELL = 3000.0  # photoelectrons at white: the shot noise of an ordinary microscope camera
_READ_NOISE = 4.0  # electrons


def make(dtype: str, size: int) -> NDArray:
    """Make an image of `size` × `size` pixels.

    Parameters
    ----------
    dtype : {"uint8", "uint16", "float32", "rgb"}
        uint16 uses the full 16 bits; float32 runs from 0 to about 1 and is not rounded; "rgb" is uint8 with
        three channels along the last axis.
    size : int
    """
    from skimage import data

    rng = np.random.default_rng([SEED, size, DTYPES.index(dtype)])
    if dtype == "rgb":
        picture = data.astronaut()
        channels = [_expose(_enlarge(picture[..., c], size), rng) for c in range(3)]
        return np.stack([_digitise(channel, np.uint8) for channel in channels], axis=-1)
    # One half shows the camera man, with a black coat and a bright sky; the other coins, on an uneven ground.
    half = size // 2
    scene = np.hstack([_enlarge(data.camera(), size)[:, :half], _enlarge(data.coins(), size)[:, half:]])
    exposed = _expose(scene, rng)
    return exposed if dtype == "float32" else _digitise(exposed, np.dtype(dtype).type)


def values(image: NDArray, dtype: str) -> NDArray:
    """What k-means clusters: the pixels, or the luminance of colours."""
    if dtype != "rgb":
        return image
    from skimage.color import rgb2gray

    return rgb2gray(image) * 255


def _enlarge(picture: NDArray, size: int) -> NDArray[np.float32]:
    """Bring a picture to `size` × `size`, from 0 to 1: enlarged up to fourfold, then tiled mirror-wise."""
    from scipy.ndimage import zoom

    side = min(picture.shape)
    square = picture[:side, :side].astype(np.float32) / 255
    tiles = max(1, -(-size // (4 * side)))
    tile = -(-size // tiles)
    enlarged = zoom(square, tile / side, order=1)[:tile, :tile]
    pad = [(0, size - edge) for edge in enlarged.shape]
    return np.pad(enlarged, pad, mode="symmetric")


def _expose(scene: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Add noise: that of counting photons, nearly Gaussian at these numbers, and that of reading them out."""
    electrons = scene * np.float32(_FULL_WELL * 0.95)
    noise = np.sqrt(electrons + np.float32(_READ_NOISE**2))
    noise *= rng.standard_normal(scene.shape, dtype=np.float32)
    electrons += noise
    return np.clip(electrons / np.float32(_FULL_WELL), 0, None)


def _digitise(exposed: NDArray[np.float32], dtype: type[np.unsignedinteger]) -> NDArray:
    top = np.iinfo(dtype).max
    return np.clip(np.rint(exposed * np.float32(top)), 0, top).astype(dtype)
