from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_kmeans.blocks.pixel_size import (
    UNKNOWN,
    shared_size,
    size_of_data_array,
    size_of_file,
    size_of_layer,
)
from napari_kmeans.io.image_file import ImageFile

IMAGE = np.zeros((2, 4, 5), np.uint8)


def test_a_file_must_know_every_spatial_axis_but_time():
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
    assert size_of_data_array(image, 0) == ((0.5, 0.25), "mm")
    assert size_of_data_array(image, None) == UNKNOWN
    uneven = image.assign_coords(x=("x", [0.0, 1.0, 5.0, 6.0, 7.0], {"units": "mm"}))
    assert size_of_data_array(uneven, 0) == UNKNOWN


def test_a_layer_of_micrometres_spells_them_as_files_do():
    layers = pytest.importorskip("napari.layers")
    layer = layers.Image(IMAGE, scale=(3, 2, 1), units=("s", "um", "um"))
    assert size_of_layer(layer) == ((2.0, 1.0), "um")
    assert size_of_layer(layers.Image(IMAGE, scale=(3, 2, 1))) == UNKNOWN


def test_images_share_a_size_only_if_all_have_it():
    assert shared_size([((1.0,), "um"), ((1.0,), "um")]) == ((1.0,), "um")
    assert shared_size([((1.0,), "um"), UNKNOWN]) == UNKNOWN
