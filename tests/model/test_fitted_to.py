"""Comparison of an image with the image that a model was fitted to."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.model.fitted_to import range_text

RNG = np.random.default_rng(5)
TRUTH = RNG.integers(0, 3, (60, 80))
IMAGE = (np.array([30.0, 80.0, 140.0])[TRUTH] + RNG.normal(0, 4, TRUTH.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return napari_kmeans.fit(IMAGE, 3)


def test_a_similar_image_gives_no_warning(model):
    labels = model.predict(IMAGE[::-1] + np.float32(3))
    assert (labels == TRUTH[::-1] + 1).mean() > 0.99


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("corner", [0, 1, 900])
def test_the_fitted_image_gives_no_warning_even_with_a_rare_bright_object(dtype, corner):
    # It covers half a per cent of the image, in one place.
    image = RNG.normal(100, 5, (1024, 1024)).clip(0, 200).astype(dtype)
    image[corner : corner + 73, corner : corner + 73] = 220
    labels, model = napari_kmeans.segment(image, 3)
    np.testing.assert_array_equal(model.predict(image), labels)


PREPARED = [
    {"illumination": "additive"},
    {"illumination": "multiplicative"},
    {"smooth": 1.5},
    {"smooth": 1, "exclude": 0},
    {"coherence": 0.05},
]
COLORS = [
    {"features": "rgb", "illumination": "multiplicative"},
    {"features": "lab", "smooth": 1},
    {"features": "channels", "illumination": "additive"},
]


@pytest.mark.parametrize("kwargs", PREPARED + COLORS, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_values_are_compared_after_the_preprocessing(kwargs, dtype):
    image = (IMAGE * 1.2 + np.linspace(0, 30, 80)).clip(0).astype(dtype)
    if "features" in kwargs:
        image = np.stack([image, image[::-1], image // 2], axis=-1)
        kwargs = {**kwargs, "channel_axis": -1}
        image = image / np.float32(255) if dtype == "float32" else image
    labels, model = napari_kmeans.segment(image, 3, **kwargs)
    np.testing.assert_array_equal(model.predict(image), labels)
    with pytest.warns(UserWarning, match="values .* instead of"):
        model.predict((image / 4).astype(dtype))


def test_a_rare_bright_object_of_a_large_image_gives_no_warning():
    image = RNG.normal(100, 5, (2000, 1500)).astype(np.float32)
    image[1800:1860, 1000:1060] = 220
    labels, model = napari_kmeans.segment(image, 2, illumination="additive", smooth=1)
    np.testing.assert_array_equal(model.predict(image), labels)


def test_an_image_without_the_rare_object_of_the_fitted_one_gives_a_warning():
    image = RNG.normal(100, 5, (300, 300)).astype(np.float32)
    image[:40, :40] = 220
    model = napari_kmeans.fit(image, 3)
    with pytest.warns(UserWarning, match="values .* instead of"):
        model.predict(image[100:])


def test_a_checkerboard_is_compared_by_both_of_its_values():
    image = np.indices((600, 600)).sum(axis=0) % 2 * np.uint8(100)
    model = napari_kmeans.fit(image, 2)
    assert model.predict(image).max() == 2


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (IMAGE.astype(np.float64), "dtype float64 instead of float32"),
        (IMAGE * np.float32(10), r"values [\d.]+ to \d{4} instead of"),
        ((IMAGE * 100).astype(np.uint16), r"dtype uint16 instead of float32; values .* instead of"),
    ],
)
def test_one_warning_names_everything_that_differs(model, image, message):
    with pytest.warns(UserWarning, match=message) as caught:
        model.predict(image)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_the_number_of_channels_and_the_pixel_size_are_compared():
    colors = RNG.integers(0, 256, (30, 30, 4), dtype=np.uint8)
    colors[..., 3] = 255
    model = napari_kmeans.fit(colors, 3, features="rgb", channel_axis=-1)
    with pytest.warns(UserWarning, match="3 channels instead of 4 channels"):
        model.predict(colors[..., :3])
    fitted = napari_kmeans.fit(IMAGE, 3)
    sized = replace(fitted, fitted_to=replace(fitted.fitted_to, pixel_size=(0.5, 0.5), unit="um"))
    pixels = Pixels.of(IMAGE)
    assert not sized.warn_of_differences(pixels, (0.5, 0.501), "um")
    with pytest.warns(UserWarning, match="pixel size 1 × 1 um instead of 0.5 × 0.5 um"):
        assert sized.warn_of_differences(pixels, (1, 1), "um")


def test_the_range_of_a_lazy_image_is_not_read_for_a_warning(model):
    def fail(block):
        raise AssertionError("a block was read")

    lazy = da.from_array(IMAGE * np.float32(10), chunks=(20, 30)).map_blocks(fail, dtype=np.float32)
    assert model.predict(lazy).shape == IMAGE.shape


def test_type_and_range_of_the_image_are_saved(model, tmp_path):
    model.save(tmp_path / "m.json")
    loaded = napari_kmeans.KMeansModel.load(tmp_path / "m.json")
    assert loaded.fitted_to == model.fitted_to
    low, high = np.percentile(IMAGE, [0.1, 99.9])
    assert loaded.fitted_to.low == pytest.approx((low,), abs=1)
    assert loaded.fitted_to.high == pytest.approx((high,), abs=1)
    other = IMAGE * np.float32(7)
    np.testing.assert_array_equal(loaded.predict(other, match="range"), model.predict(other, match="range"))


@pytest.mark.parametrize(
    ("name", "value"), [("low", ["x"]), ("high", []), ("dtype", 3), ("n_channels", 1.5), ("pixel_size", None)]
)
def test_a_damaged_file_is_rejected(model, name, value):
    document = model.to_dict()
    document["fitted_to"][name] = value
    with pytest.raises((ValueError, TypeError), match="fitted_to"):
        napari_kmeans.KMeansModel.from_dict(document)


def _file(size, unit="um"):
    return ImageFile(Path("x.tif"), IMAGE, "YX", {"Y": size, "X": size}, unit)


def _data_array(size, unit="um"):
    xarray = pytest.importorskip("xarray")
    coords = {
        name: (name, np.arange(n) * size, {"units": unit}) for name, n in zip("yx", IMAGE.shape, strict=True)
    }
    return xarray.DataArray(IMAGE, coords, ("y", "x"))


def _layer(size, unit="um"):
    layers = pytest.importorskip("napari.layers")
    return layers.Image(IMAGE, scale=(size, size), units=(unit, unit))


@pytest.mark.parametrize("container", [_file, _data_array, _layer])
def test_the_pixel_size_of_an_image_becomes_that_of_its_model(container):
    model = napari_kmeans.fit(container(0.5), 3)
    assert model.fitted_to.pixel_size == pytest.approx((0.5, 0.5))
    assert model.fitted_to.unit == "um"
    _, segmented = napari_kmeans.segment(container(0.5), 3)
    assert segmented.fitted_to == model.fitted_to
    with pytest.warns(UserWarning, match="pixel size 1 × 1 um instead of 0.5 × 0.5 um"):
        model.predict(container(1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(container(0.5))
        model.predict(_file(0.5))  # every container abbreviates micrometres the same way
        model.predict(IMAGE)


def test_a_model_of_several_images_keeps_the_size_that_they_share():
    assert napari_kmeans.fit([_file(0.5), _file(0.5)], 3).fitted_to.pixel_size == (0.5, 0.5)
    assert napari_kmeans.fit([_file(0.5), _file(1.0)], 3).fitted_to.pixel_size == ()


@pytest.mark.parametrize("make", [lambda: _layer(2.0, "pixel"), lambda: _data_array(2.0, "")])
def test_a_pixel_size_without_a_unit_is_unknown(make):
    assert napari_kmeans.fit(make(), 3).fitted_to.pixel_size == ()


def test_uneven_coordinates_and_time_give_no_pixel_size():
    xarray = pytest.importorskip("xarray")
    even = {"y": ("y", np.arange(3) * 0.5, {"units": "mm"}), "x": ("x", np.arange(4) * 0.5, {"units": "mm"})}
    image = xarray.DataArray(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), even, ("time", "y", "x"))
    assert napari_kmeans.fit(image, 2).fitted_to.pixel_size == (0.5, 0.5)
    uneven = image.assign_coords(x=("x", [0.0, 1.0, 5.0, 6.0], {"units": "mm"}))
    assert napari_kmeans.fit(uneven, 2).fitted_to.pixel_size == ()


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((4400, 44600), "4400 to 44600"),
        ((0, 255), "0 to 255"),
        ((-0.00001, 0.9), "0 to 0.9"),
        ((0.12345, 0.98), "0.1235 to 0.98"),
        ((2, 1234.56), "2 to 1235"),
        ((0, 0), "0 to 0"),
        ((0, 3.2e8), "0 to 3.200e+08"),
        ((1e-7, 2e-6), "1.000e-07 to 2.000e-06"),
    ],
)
def test_both_ends_of_a_range_have_the_same_digits(ends: tuple[float, float], text: str) -> None:
    assert range_text(*ends) == text


def test_colours_and_gray_values_are_named() -> None:
    colors = np.stack([IMAGE] * 3, axis=-1)
    with pytest.warns(UserWarning, match="fitted to: colours instead of gray values. The labels"):
        napari_kmeans.fit(IMAGE, 2).predict(colors, channel_axis=-1)
    gray = ImageFile(Path("x.tif"), IMAGE, "YX")
    with pytest.warns(UserWarning, match="fitted to: gray values instead of colours. The labels"):
        napari_kmeans.fit(colors, 2, channel_axis=-1).predict(gray)
