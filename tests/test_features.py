from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2gray

from napari_kmeans.arrays import check_image
from napari_kmeans.features import FEATURES, get_feature

GRAY, GRAY601 = get_feature("gray"), get_feature("gray601")


def luminance(feature, colours):
    """Values in the image's own units, and which pixels are there."""
    values, opaque = feature.transform(colours, colours.shape[-1])
    scalar = feature.describe(colours.dtype, colours.shape[-1])
    assert values.dtype == scalar.dtype
    return values * scalar.unit, opaque


def test_gray_of_colours_is_the_luminance_of_scikit_image_in_the_units_of_the_image(picture):
    astronaut = picture("astronaut")
    assert np.abs(luminance(GRAY, astronaut)[0] - 255 * rgb2gray(astronaut)).max() < 1e-9


@pytest.mark.parametrize(
    ("dtype", "top", "tolerance"),
    [("uint16", 65535, 1e-9), ("float32", 1, 1e-6), ("float64", 1, 1e-12), ("float16", 1, 1e-6)],
)
def test_gray_of_other_types(dtype, top, tolerance):
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
def test_transparent_pixels_are_not_there(dtype):
    colours = np.ones((2, 2, 4), dtype=dtype)
    colours[0, 1, 3] = 0
    _, opaque = luminance(GRAY, colours)
    assert opaque.tolist() == [[True, False], [True, True]]


def test_one_channel_is_taken_as_it_is():
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


def test_numbers_in_another_byte_order_are_turned_round():
    values, _ = GRAY.transform(np.array([1, 2, 3], dtype=">i4"), None)
    assert values.dtype == np.dtype("=i4")
    assert values.tolist() == [1, 2, 3]


@pytest.mark.parametrize("n_channels", [2, 5, 0])
def test_a_channel_count_without_luminance_is_refused(n_channels):
    assert GRAY.refusal(np.uint8, n_channels).startswith(f"channel_axis holds {n_channels} channels")
    assert not any(GRAY.refusal(np.uint8, n) for n in (None, 1, 3, 4))


@pytest.mark.parametrize("name", ["grey", "", None, 3])
def test_an_unknown_name_is_answered_with_those_there_are(name):
    with pytest.raises(ValueError, match="use one of 'gray', 'gray601'"):
        get_feature(name)


def test_every_feature_space_is_found_by_its_own_name():
    assert all(get_feature(name).name == name for name in FEATURES)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([[1, 2]], "image must be a NumPy, dask or zarr array, not builtins.list"),
        (np.float32(3), "image must be a NumPy, dask or zarr array"),
        (np.zeros(3, complex), "complex128.*numpy.abs"),
        (np.zeros(3, object), "dtype object"),
        (np.zeros(3, "datetime64[s]"), "datetime64"),
        (np.array(["a"]), "dtype <U1"),
        (np.ma.masked_array([1, 2], [True, False]), "mask=~image.mask"),
    ],
)
def test_what_is_no_array_of_real_numbers_is_refused(image, message):
    with pytest.raises(TypeError, match=message):
        check_image(image)
