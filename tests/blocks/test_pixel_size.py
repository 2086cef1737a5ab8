from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks.pixel_size import (
    UNKNOWN,
    shared_size,
    size_of_data_array,
    size_of_file,
    size_of_layer,
)
from napari_kmeans.io.image_file import ImageFile

IMAGE = np.zeros((2, 4, 5), np.uint8)


def test_a_file_must_have_the_size_of_every_spatial_axis_but_time():
    size = {"Y": 0.5, "X": 0.25}
    assert size_of_file(ImageFile(Path("x.tif"), IMAGE, "TYX", size, "um")) == ((0.5, 0.25), "um")
    assert size_of_file(ImageFile(Path("x.tif"), IMAGE, "ZYX", size, "um")) == UNKNOWN


def test_coordinates_give_a_size_if_they_are_even_and_have_a_unit():
    xarray = pytest.importorskip("xarray")
    coords = {
        "y": ("y", np.arange(4)[::-1] * 0.5, {"units": "mm"}),
        "x": ("x", np.arange(5) * 0.25, {"units": "mm"}),
    }
    image = xarray.DataArray(IMAGE, coords, ("c", "y", "x"))
    assert size_of_data_array(image, {0}) == ((0.5, 0.25), "mm")
    assert size_of_data_array(image) == UNKNOWN
    uneven = image.assign_coords(x=("x", [0.0, 1.0, 5.0, 6.0, 7.0], {"units": "mm"}))
    assert size_of_data_array(uneven, {0}) == UNKNOWN


def test_micrometres_of_a_layer_are_abbreviated_as_in_files():
    layers = pytest.importorskip("napari.layers")
    layer = layers.Image(IMAGE, scale=(3, 2, 1), units=("s", "um", "um"))
    assert size_of_layer(layer) == ((2.0, 1.0), "um")
    assert size_of_layer(layers.Image(IMAGE, scale=(3, 2, 1))) == UNKNOWN


def test_images_share_a_size_only_if_all_have_it():
    assert shared_size([((1.0,), "um"), ((1.0,), "um")]) == ((1.0,), "um")
    assert shared_size([((1.0,), "um"), UNKNOWN]) == UNKNOWN


def _file(data):
    size = {"Z": 2.0, "Y": 0.5, "X": 0.25}
    return ImageFile(Path("x.tif"), data, "ZYX", size, "um")


def _data_array(data):
    xarray = pytest.importorskip("xarray")
    steps = zip("zyx", data.shape, (2.0, 0.5, 0.25), strict=True)
    coords = {name: (name, np.arange(n) * step, {"units": "um"}) for name, n, step in steps}
    return xarray.DataArray(data, coords, ("z", "y", "x"))


def _layer(data):
    layers = pytest.importorskip("napari.layers")
    return layers.Image(data, scale=(2.0, 0.5, 0.25), units=("um", "um", "um"))


CONTAINERS = pytest.mark.parametrize("container", [_file, _data_array, _layer])


@CONTAINERS
def test_an_axis_that_is_named_for_channels_has_no_size(container):
    data = np.random.default_rng(0).integers(0, 255, (2, 30, 40), dtype=np.uint8)
    model = napari_kmeans.fit(container(data), 3, features="channels", channel_axis=0)
    assert (model.fitted_to.pixel_size, model.fitted_to.unit) == ((0.5, 0.25), "um")


@CONTAINERS
@pytest.mark.parametrize(("axis", "size"), [(0, (0.5, 0.25)), (1, (2.0, 0.25)), (-1, (2.0, 0.5))])
def test_models_of_positions_keep_the_size_along_the_other_axes(container, axis, size):
    data = np.random.default_rng(0).integers(0, 255, (4, 6, 5), dtype=np.uint8)
    _, stack = napari_kmeans.segment(container(data), 2, per_axis=axis)
    assert {model.fitted_to.pixel_size for model in stack} == {size}


@CONTAINERS
def test_a_stack_of_another_pixel_size_gives_one_warning(container):
    data = np.random.default_rng(0).integers(0, 255, (4, 30, 40), dtype=np.uint8)
    stack = napari_kmeans.fit(container(data), 2, per_axis=0)
    np.testing.assert_array_equal(stack.predict(container(data)), stack.predict(data))
    other = ImageFile(Path("x.tif"), data, "ZYX", {"Z": 9.0, "Y": 1.0, "X": 1.0}, "um")
    with pytest.warns(UserWarning, match="pixel size 1 × 1 um instead of 0.5 × 0.25 um") as caught:
        stack.predict(other)
    assert len(caught) == 1
