"""Test images: enlarged real pictures with the noise of a camera.

Pure noise would favour contenders that subsample, and a repeated small picture would have far fewer distinct
values than an image of that size. So scikit-image's packaged pictures are enlarged, extended by mirrored
tiles if one is not enough, and each pixel gets its own shot and read noise from a fixed seed. The gray dtypes
show the same scene.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SEVERAL = ("rgb", "lab", "channels", "panel", "spectrum", "texture")  # several features per pixel
N_CHANNELS = {"panel": 32, "spectrum": 200}
LARGEST = {"panel": 512, "spectrum": 512}  # edge in pixels
DTYPES = ("uint8", "uint16", "float32", "luminance", *SEVERAL)
SEED = 20
_FULL_WELL = 3000.0  # photoelectrons at white, for the shot noise of an ordinary microscope camera
_READ_NOISE = 4.0  # electrons


def make(dtype: str, size: int) -> NDArray:
    """Make an image of `size` × `size` pixels.

    Parameters
    ----------
    dtype : str
        One of `DTYPES`. "uint16" uses the full 16 bits; "float32" ranges from 0 to about 1 and is not
        rounded; "luminance", "rgb" and "lab" are uint8 with three channels along the last axis; "channels"
        has two 16-bit channels, "panel" 32 and "spectrum" 200; "texture" is a gray uint8 mosaic.
    size : int
    """
    from skimage import data

    rng = np.random.default_rng([SEED, size, DTYPES.index(dtype)])
    if dtype == "texture":
        thirds = [data.brick(), data.grass(), data.gravel()]
        scene = np.hstack([_enlarge(picture, size)[:, : -(-size // 3)] for picture in thirds])[:, :size]
        return _digitise(_expose(scene, rng), np.uint8)
    if dtype == "channels":
        channels = [_expose(_enlarge(picture, size), rng) for picture in (data.camera(), data.coins())]
        return np.stack([_digitise(channel, np.uint16) for channel in channels], axis=-1)
    if dtype in N_CHANNELS:
        return _mixed(size, N_CHANNELS[dtype], rng)
    if dtype in ("luminance", "rgb", "lab"):
        picture = data.astronaut()
        channels = [_expose(_enlarge(picture[..., c], size), rng) for c in range(3)]
        return np.stack([_digitise(channel, np.uint8) for channel in channels], axis=-1)
    # One half shows the camera man, with a black coat and a bright sky, the other coins, unevenly lit.
    half = size // 2
    scene = np.hstack([_enlarge(data.camera(), size)[:, :half], _enlarge(data.coins(), size)[:, half:]])
    exposed = _expose(scene, rng)
    return exposed if dtype == "float32" else _digitise(exposed, np.dtype(dtype).type)


def values(image: NDArray, dtype: str) -> NDArray:
    """Return the values to cluster: pixels, luminance, or several features along the last axis."""
    if dtype == "luminance":
        from skimage.color import rgb2gray

        return rgb2gray(image) * 255
    if dtype == "lab":
        from skimage.color import rgb2lab

        return rgb2lab(image)
    if dtype == "channels" or dtype in N_CHANNELS:
        return image / image.std(axis=(0, 1))
    if dtype == "texture":
        return _texture(image)
    return image


def _mixed(size: int, n_channels: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Return smooth mixtures of six materials with different spectra, and camera noise."""
    from scipy.ndimage import gaussian_filter, gaussian_filter1d

    spectra = gaussian_filter1d(rng.random((6, n_channels)), 1.5, axis=1)
    fields = np.stack([gaussian_filter(rng.standard_normal((size, size)), size / 30) for _ in range(6)], -1)
    shares = np.exp(4 * fields / fields.std())
    shares /= shares.sum(axis=-1, keepdims=True)
    scene = (shares @ spectra).astype(np.float32)
    return _digitise(_expose(scene, rng), np.uint16)


def _texture(image: NDArray) -> NDArray[np.float32]:
    """Return the standardized features of scikit-image, averaged over the same window as ours."""
    from scipy.ndimage import gaussian_filter
    from skimage.feature import multiscale_basic_features

    features = multiscale_basic_features(image.astype(np.float32), sigma_min=0.5, sigma_max=4)
    for number in range(features.shape[-1]):
        feature = gaussian_filter(features[..., number], 16, truncate=2)
        features[..., number] = feature / feature.std()
    return features


def _enlarge(picture: NDArray, size: int) -> NDArray[np.float32]:
    """Resize a picture to `size` × `size`, with values 0 to 1: enlarged up to fourfold, then mirrored."""
    from scipy.ndimage import zoom

    side = min(picture.shape)
    square = picture[:side, :side].astype(np.float32) / 255
    tiles = max(1, -(-size // (4 * side)))
    tile = -(-size // tiles)
    enlarged = zoom(square, tile / side, order=1)[:tile, :tile]
    pad = [(0, size - edge) for edge in enlarged.shape]
    return np.pad(enlarged, pad, mode="symmetric")


def _expose(scene: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Add shot noise, which is nearly Gaussian at these photon numbers, and read noise."""
    electrons = scene * np.float32(_FULL_WELL * 0.95)
    noise = np.sqrt(electrons + np.float32(_READ_NOISE**2))
    noise *= rng.standard_normal(scene.shape, dtype=np.float32)
    electrons += noise
    return np.clip(electrons / np.float32(_FULL_WELL), 0, None)


def _digitise(exposed: NDArray[np.float32], dtype: type[np.unsignedinteger]) -> NDArray:
    top = np.iinfo(dtype).max
    return np.clip(np.rint(exposed * np.float32(top)), 0, top).astype(dtype)
