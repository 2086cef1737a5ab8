from __future__ import annotations

import warnings

import numpy as np
from skimage.color import rgb2lab

from napari_kmeans.features.lab import lab_from_rgb


def test_black_and_white():
    zeros, ones = np.zeros(1), np.ones(1)
    np.testing.assert_allclose(np.ravel(lab_from_rgb(zeros, zeros, zeros)), [0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(np.ravel(lab_from_rgb(ones, ones, ones)), [100, 0, 0], atol=0.01)


def test_any_colours_equal_scikit_image():
    # Include dark colours, for which the conversion is linear.
    colors = np.random.default_rng(0).random((5000, 3)) ** 3
    found = np.stack(lab_from_rgb(*colors.T), axis=-1)
    np.testing.assert_allclose(found, rgb2lab(colors), rtol=0, atol=1e-9)


def test_a_colour_has_the_same_value_in_any_block():
    columns = np.random.default_rng(1).random((3, 1001))
    whole = lab_from_rgb(*columns)
    for part in (slice(0, 1), slice(3, 700), slice(None, None, 7)):
        found = lab_from_rgb(*columns[:, part])
        assert all(np.array_equal(a, b[part]) for a, b in zip(found, whole, strict=True))


def test_missing_values_stay_missing_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = lab_from_rgb(np.array([np.nan]), np.array([0.5]), np.array([-1.0]))
    assert np.isnan(found[0])
