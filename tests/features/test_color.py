from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab

import napari_kmeans
from napari_kmeans.features.color import RGB
from napari_kmeans.features.registry import get_feature_space


def colors(dtype):
    """Many colours of all kinds, including black, white and grays."""
    rng = np.random.default_rng(5)
    image = np.concatenate(
        [
            rng.random((40, 30, 3)),
            np.zeros((1, 30, 3)),
            np.ones((1, 30, 3)),
            rng.random((2, 30, 1)).repeat(3, -1),
        ]
    )
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    return (image * top).astype(dtype)


def values_of(image, features):
    values, there = get_feature_space(features).transform(image, image.shape[-1])
    assert there is None or image.shape[-1] == 4
    return values


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_lab_equals_scikit_image(dtype):
    image = colors(dtype)
    vector = get_feature_space("lab").value_format(dtype, 3)
    values = values_of(image, "lab")
    found = np.stack(vector.features([values[..., c] for c in range(3)]), axis=-1)
    np.testing.assert_allclose(found, rgb2lab(image), rtol=0, atol=1e-4 if dtype == "float32" else 1e-9)
    assert vector.names == ("L*", "a*", "b*")


@pytest.mark.parametrize("name", ["rgb", "lab"])
@pytest.mark.parametrize("n_channels", [None, 1, 2, 5])
def test_images_without_colours_are_not_supported(name, n_channels):
    reason = get_feature_space(name).unsupported_reason(np.uint8, n_channels)
    assert f"features={name!r} needs 3 (RGB) or 4 (RGBA)" in reason
    assert not get_feature_space(name).unsupported_reason(np.uint8, 3)


def test_lab_needs_a_known_value_of_white():
    lab = get_feature_space("lab")
    assert "colours of 8 or 16 bits" in lab.unsupported_reason(np.int32, 3)
    supported = (np.uint8, np.uint16, ">u2", np.float32, bool)
    assert not any(lab.unsupported_reason(dtype, 3) for dtype in supported)


def test_smoothing_does_not_change_the_value_of_white(picture):
    from skimage.color import rgb2lab

    image = picture("coffee")[::8, ::8]
    labels, model = napari_kmeans.segment(image, 3, features="lab", channel_axis=-1, smooth=1.5)
    smoothed = gaussian_filter(image.astype(float), (1.5, 1.5, 0)).astype(np.float32)
    again, expected = napari_kmeans.segment(smoothed / 255, 3, features="lab", channel_axis=-1)
    np.testing.assert_allclose(model.centers, expected.centers, rtol=1e-3, atol=1e-2)
    distances = np.linalg.norm(rgb2lab(smoothed / 255)[:, :, np.newaxis] - model.centers, axis=-1)
    assert np.array_equal(labels, 1 + np.argmin(distances, axis=-1))
    assert np.mean(labels == again) > 0.999


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float16", "float64", "bool", ">u2"])
@pytest.mark.parametrize("n_channels", [3, 4])
def test_rgb_is_the_first_three_channels(dtype, n_channels):
    image = np.random.default_rng(0).integers(0, 200, (6, 7, n_channels)).astype(dtype)
    values, include = RGB().transform(image, n_channels)
    assert np.array_equal(values, image[..., :3])
    assert values.dtype == RGB().value_format(dtype, n_channels).dtype
    assert (include is None) == (n_channels == 3)
    if include is not None:
        assert np.array_equal(include, image[..., 3] != 0)
