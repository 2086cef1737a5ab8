from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2gray, rgb2hsv

import napari_kmeans
from napari_kmeans.features.gray import Gray, Gray601
from napari_kmeans.features.registry import get_feature_space

GRAY, GRAY601 = Gray(), Gray601()


def luminance(feature, colours):
    """Return the values in the units of the image and the included pixels."""
    values, opaque = feature.transform(colours, colours.shape[-1])
    scalar = feature.value_format(colours.dtype, colours.shape[-1])
    assert values.dtype == scalar.dtype
    return values * scalar.unit, opaque


def test_luminance_is_that_of_scikit_image_in_the_units_of_the_image(picture):
    astronaut = picture("astronaut")
    assert np.abs(luminance(GRAY, astronaut)[0] - 255 * rgb2gray(astronaut)).max() < 1e-9


@pytest.mark.parametrize(
    ("dtype", "top", "tolerance"),
    [("uint16", 65535, 1e-9), ("float32", 1, 1e-6), ("float64", 1, 1e-12), ("float16", 1, 1e-6)],
)
def test_luminance_of_other_types_is_accurate(dtype, top, tolerance):
    colours = (np.random.default_rng(0).random((50, 60, 3)) * top).astype(dtype)
    exact = colours.astype(np.float64) @ [0.2125, 0.7154, 0.0721]
    assert np.abs(luminance(GRAY, colours)[0] - exact).max() <= tolerance * top


def test_gray601_equals_pillow_to_the_bit():
    colours = np.random.default_rng(1).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    assert np.array_equal(luminance(GRAY601, colours)[0], np.asarray(Image.fromarray(colours).convert("L")))


@pytest.mark.parametrize("feature", [GRAY, GRAY601], ids=lambda feature: feature.name)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float16", "float32", "float64"])
def test_a_pixel_has_the_same_value_in_any_block(feature, dtype):
    colours = (np.random.default_rng(2).random((40, 50, 3)) * 255).astype(dtype)
    whole, _ = luminance(feature, colours)
    for part in (np.s_[3:17, 5:6], np.s_[:, 7:50], np.s_[39:40, 49:50], np.s_[::3, ::-2]):
        assert np.array_equal(luminance(feature, colours[part])[0], whole[part])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_transparent_pixels_are_not_included(dtype):
    colours = np.ones((2, 2, 4), dtype=dtype)
    colours[0, 1, 3] = 0
    _, opaque = luminance(GRAY, colours)
    assert opaque.tolist() == [[True, False], [True, True]]


def test_a_single_channel_is_not_changed():
    block = np.arange(6, dtype=np.int16).reshape(2, 3, 1)
    values, opaque = GRAY.transform(block, 1)
    assert values.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert values.dtype == np.int16
    assert opaque is None


def test_infinities_that_cancel_are_nan_without_a_warning():
    colours = np.array([[np.inf, -np.inf, 0], [np.inf, 1, 1], [3e38, 3e38, 3.4e38]], dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, _ = luminance(GRAY, colours)
    assert np.isnan(values[0])
    assert values[1] == np.inf
    assert np.isfinite(values[2])


def test_values_are_in_native_byte_order():
    values, _ = GRAY.transform(np.array([1, 2, 3], dtype=">i4"), None)
    assert values.dtype == np.dtype("=i4")
    assert values.tolist() == [1, 2, 3]


@pytest.mark.parametrize("n_channels", [2, 5, 0])
def test_other_numbers_of_channels_are_not_supported(n_channels):
    reason = GRAY.unsupported_reason(np.uint8, n_channels)
    assert reason.startswith(f"channel_axis has {n_channels} channels")
    assert not any(GRAY.unsupported_reason(np.uint8, n) for n in (None, 1, 3, 4))


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
def test_saturation_and_value_equal_scikit_image(dtype):
    image = colors(dtype)
    hsv = rgb2hsv(image)
    np.testing.assert_allclose(values_of(image, "saturation"), hsv[..., 1], rtol=1e-6, atol=1e-7)
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    np.testing.assert_allclose(values_of(image, "value") / top, hsv[..., 2], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float16", "float64", "bool", ">u2"])
@pytest.mark.parametrize("n_channels", [3, 4])
def test_red_green_and_blue_are_single_channels(dtype, n_channels):
    image = np.random.default_rng(0).integers(0, 200, (6, 7, n_channels)).astype(dtype)
    for number, name in enumerate(("red", "green", "blue")):
        feature = get_feature_space(name)
        values, there = feature.transform(image, n_channels)
        assert np.array_equal(values, image[..., number])
        assert values.dtype == feature.value_format(dtype, n_channels).dtype
        assert (there is None) == (n_channels == 3)


def test_a_property_of_a_colour_is_clustered_like_a_gray_image(picture):
    image = picture("coffee")
    for number, name in enumerate(("red", "green", "blue")):
        model = napari_kmeans.fit(image, 4, features=name, channel_axis=-1)
        alone = napari_kmeans.fit(image[..., number], 4)
        assert np.array_equal(model.centers, alone.centers)
        assert model.inertia == alone.inertia
        assert model.is_exact
    model = napari_kmeans.fit(image, 4, features="value", channel_axis=-1)
    assert np.array_equal(model.centers, napari_kmeans.fit(image.max(axis=-1), 4).centers)
    saturation = rgb2hsv(image)[..., 1]
    model = napari_kmeans.fit(image, 4, features="saturation", channel_axis=-1)
    alone = napari_kmeans.fit(saturation.astype(np.float32), 4)  # the type in which it is stored
    assert model.inertia == pytest.approx(alone.inertia, rel=1e-5)
    np.testing.assert_allclose(model.centers, alone.centers, rtol=1e-5)


@pytest.mark.parametrize("name", ["red", "saturation", "value"])
@pytest.mark.parametrize("n_channels", [None, 1, 2, 5])
def test_images_without_colours_are_not_supported(name, n_channels):
    reason = get_feature_space(name).unsupported_reason(np.uint8, n_channels)
    assert f"features={name!r} needs 3 (RGB) or 4 (RGBA)" in reason
    assert not get_feature_space(name).unsupported_reason(np.uint8, 3)
