"""The test for uneven illumination: detection rate and false positives."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_kmeans

EVEN = (
    "astronaut",
    "brick",
    "camera",
    "cell",
    "chelsea",
    "coffee",
    "grass",
    "gravel",
    "horse",
    "logo",
    "moon",
)


def phantom(seed, n_classes, scale=8, noise=8.0, size=200):
    """Return blobs of a few gray values in noise."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.standard_normal((size, size)), scale, mode="wrap")
    classes = np.searchsorted(np.quantile(smooth, np.arange(1, n_classes) / n_classes), smooth)
    return 60 + 40.0 * classes + rng.normal(0, noise, classes.shape)


def light(kind, size=200):
    """Return a smooth field of standard deviation 1."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    field = -(x**2) - y**2 if kind == "vignette" else x + 0.5 * y
    return (field - field.mean()) / field.std()


@pytest.mark.parametrize("name", ["coins", "page"])
def test_uneven_illumination_of_pictures_is_detected(picture, name):
    assert napari_kmeans.suggest_illumination(picture(name)) is not None


@pytest.mark.parametrize("name", EVEN)
def test_no_field_is_suggested_for_evenly_lit_pictures(picture, name):
    image = picture(name)
    axis = -1 if image.ndim == 3 else None
    assert napari_kmeans.suggest_illumination(image, channel_axis=axis) is None


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_no_field_is_suggested_for_evenly_lit_phantoms(n_classes, seed):
    assert napari_kmeans.suggest_illumination(phantom(seed, n_classes, scale=4 + 4 * seed)) is None


@pytest.mark.parametrize("field", ["vignette", "ramp"])
@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_a_planted_field_is_detected_with_its_kind(n_classes, field):
    image = phantom(n_classes, n_classes)
    assert napari_kmeans.suggest_illumination(image + 20 * light(field)) == "additive"
    assert napari_kmeans.suggest_illumination(image * np.exp(0.25 * light(field))) == "multiplicative"


def test_a_field_below_the_noise_is_not_detected():
    assert napari_kmeans.suggest_illumination(phantom(0, 2, noise=30) + 5 * light("ramp")) is None


def test_the_container_does_not_matter():
    image = phantom(0, 2) + 20 * light("ramp")
    assert napari_kmeans.suggest_illumination(da.from_array(image, chunks=70)) == "additive"
    mask = np.zeros(image.shape, dtype=bool)
    assert napari_kmeans.suggest_illumination(image, mask=mask) is None


def test_images_without_a_possible_field_get_no_suggestion():
    image = np.random.default_rng(0).integers(0, 255, (40, 50)).astype(np.uint8)
    assert napari_kmeans.suggest_illumination(image, features="texture") is None
    assert napari_kmeans.suggest_illumination(np.zeros((50, 50))) is None
    assert napari_kmeans.suggest_illumination(-np.abs(phantom(0, 2))) is None
