from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_kmeans.preprocess.smoothing import gaussian, gaussian_radius


@pytest.mark.parametrize("sigma", [(1.5, 1.5), (0, 3), (2, 0.4)])
def test_without_missing_pixels_it_equals_scipy(sigma):
    image = np.random.default_rng(0).random((30, 40))
    assert np.array_equal(gaussian(image, sigma), gaussian_filter(image, sigma))


def test_float16_is_smoothed_like_float32():
    image = np.random.default_rng(0).random((30, 40)).astype(np.float16)
    assert np.array_equal(gaussian(image, (2, 1)), gaussian(image.astype(np.float32), (2, 1)))


def test_missing_pixels_do_not_affect_their_surroundings():
    image = np.full((40, 50), 7.0)
    known = np.ones(image.shape, dtype=bool)
    known[10:20, 30:40] = False
    image[~known] = 1e9
    found = gaussian(image, (3, 3), known)
    np.testing.assert_allclose(found[known], 7, rtol=1e-12)
    far = np.ones(image.shape, dtype=bool)
    far[:35, 15:] = False
    plain = gaussian_filter(np.where(known, image, 0), 3)
    assert np.array_equal(found[far], plain[far])


def test_the_result_is_0_far_from_included_pixels():
    known = np.zeros((50, 50), dtype=bool)
    known[0, 0] = True
    found = gaussian(np.full((50, 50), 7.0), (2, 2), known)
    assert found[0, 0] == pytest.approx(7)
    assert found[40, 40] == 0


@pytest.mark.parametrize(("sigma", "truncate"), [(2, 4), (0.4, 4), (3.3, 2)])
def test_a_pixel_depends_on_pixels_within_the_radius_only(sigma, truncate):
    image = np.zeros(101)
    image[50] = 1
    touched = np.flatnonzero(gaussian(image, (sigma,), truncate=truncate))
    radius = gaussian_radius(sigma, truncate)
    assert touched.tolist() == list(range(50 - radius, 51 + radius))
