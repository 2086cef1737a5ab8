"""Compiled texture features: those of scikit-image and SciPy, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.feature import multiscale_basic_features

from napari_kmeans.features.texture import Texture
from napari_kmeans.preprocess.smoothing import gaussian

SHAPES = [(40, 50), (2, 2), (3, 700), (600, 5), (9, 14, 11)]


def image_of(shape, seed=0):
    return (np.random.default_rng(seed).random(shape) * 200).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", [(0.5, 4), (0.7, 9), (1, 1)])
def test_features_are_those_of_scikit_image(shape, sigma):
    image = image_of(shape)
    values, _ = Texture(sigma=sigma, window=0).transform(image, None)
    expected = multiscale_basic_features(image, sigma_min=sigma[0], sigma_max=sigma[1])
    np.testing.assert_allclose(values[..., :-1], expected, rtol=2e-6, atol=1e-5)
    if np.finfo(np.longdouble).nmant == 63:  # x86-64, on which neither library fuses operations
        assert np.array_equal(values[..., :-1], expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", [1, 7.5, 16])
def test_the_window_is_the_gaussian_of_scipy(shape, window):
    image = image_of(shape)
    plain, _ = Texture(window=0).transform(image, None)
    values, _ = Texture(window=window).transform(image, None)
    for number in range(plain.shape[-1] - 1):
        expected = gaussian_filter(plain[..., number], window, output=np.float64, truncate=2.0)
        np.testing.assert_allclose(values[..., number], expected, rtol=1e-6, atol=1e-12)


def test_missing_pixels_do_not_affect_the_average():
    image = image_of((50, 60))
    image[20:23, 30:35] = np.nan
    known = np.isfinite(image)
    plain, _ = Texture(window=0).transform(image, None)
    values, _ = Texture(window=6).transform(image, None)
    for number in range(plain.shape[-1] - 1):
        expected = gaussian(plain[..., number], (6.0, 6.0), known, 2.0).astype(np.float32)
        assert np.array_equal(values[..., number], expected)
