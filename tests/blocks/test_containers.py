from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks.containers import levels_of, open_container

xarray = pytest.importorskip("xarray")


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(0, 1000, (3, 8, 12)).astype(np.uint16)


@pytest.fixture
def bands(values):
    coords = {"band": [1, 2, 3], "y": 50 - 0.5 * np.arange(8), "x": 7 + 0.5 * np.arange(12), "spatial_ref": 0}
    return xarray.DataArray(values, dims=("band", "y", "x"), coords=coords, attrs={"units": "counts"})


def test_labels_of_a_data_array_keep_its_spatial_coordinates(bands, values):
    labels, model = napari_kmeans.segment(bands, 3, features="channels")
    expected, _ = napari_kmeans.segment(values, 3, features="channels", channel_axis=0)
    assert labels.dims == ("y", "x")
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels.values, expected)
    xarray.testing.assert_equal(labels.x, bands.x)
    xarray.testing.assert_equal(labels.y, bands.y)
    assert "spatial_ref" in labels.coords
    assert "band" not in labels.coords
    assert "units" not in labels.attrs  # labels are not counts
    xarray.testing.assert_identical(model.predict(bands), labels)
    assert model.confidence(bands).name == "confidence"


@pytest.mark.parametrize("name", ["C", "channel", "wavelength", "Band", "RGB"])
def test_channel_dimension_is_found_by_its_name(values, name):
    image = xarray.DataArray(np.moveaxis(values, 0, -1), dims=("row", "column", name))
    model = napari_kmeans.fit(image, 2)  # luminance of red, green and blue
    assert model.channel_axis == 2
    assert model.fitted_to.n_channels == 3


def test_a_channel_dimension_of_another_name_can_be_given(values):
    image = xarray.DataArray(values, dims=("dye", "y", "x"))
    assert napari_kmeans.fit(image, 2).channel_axis is None
    model = napari_kmeans.fit(image, 2, channel_axis="dye")
    assert model.channel_axis == 0
    assert model.predict(image).dims == ("y", "x")  # the channel axis of the model
    with pytest.raises(ValueError, match="image has no dimension 'depth'; its dimensions are dye, y, x"):
        napari_kmeans.fit(image, 2, channel_axis="depth")
    with pytest.raises(TypeError, match="channel_axis='dye' must be an int, because image is not an xarray"):
        napari_kmeans.fit(values, 2, channel_axis="dye")


def test_per_axis_can_be_the_name_of_a_dimension(bands):
    stack = bands.rename(band="time")
    labels, models = napari_kmeans.segment(stack, 2, per_axis="time")
    assert len(models) == 3
    assert labels.dims == ("time", "y", "x")
    xarray.testing.assert_identical(models.predict(stack), labels)


def test_per_axis_can_be_the_letter_of_an_axis_of_an_image_file(values):
    series = napari_kmeans.ImageFile(Path("a.tif"), values, "TYX")
    labels, models = napari_kmeans.segment(series, 2, per_axis="T")
    expected, by_number = napari_kmeans.segment(values, 2, per_axis=0)
    np.testing.assert_array_equal(labels, expected)
    assert models.axis == by_number.axis == 0
    with pytest.raises(ValueError, match="image has no dimension 'Z'; its dimensions are T, Y, X"):
        napari_kmeans.fit(series, 2, per_axis="Z")


def test_a_lazy_data_array_has_lazy_labels(bands):
    labels, _ = napari_kmeans.segment(bands.chunk(y=4, x=6), 2, features="channels")
    assert labels.chunks == ((4, 4), (6, 6))
    xarray.testing.assert_equal(labels.compute(), napari_kmeans.segment(bands, 2, features="channels")[0])


def test_fill_value_of_a_data_array_is_excluded_unless_exclude_is_given(values):
    image = xarray.DataArray(values[0].copy(), dims=("y", "x"), attrs={"_FillValue": 0})
    image[:2] = 0
    labels, model = napari_kmeans.segment(image, 2)
    assert (labels.values == 0).sum() == (image.values == 0).sum() >= 24
    assert model.recipe.exclude == (0,)
    assert napari_kmeans.fit(image, 2, exclude=()).recipe.exclude == ()


@pytest.mark.parametrize("value", [np.array([0]), np.array(0), np.float32(0), [0]])
def test_the_fill_value_may_be_an_array_of_one_number(values, value):
    image = xarray.DataArray(values[0], dims=("y", "x"), attrs={"_FillValue": value})
    assert napari_kmeans.fit(image, 2).recipe.exclude == (0,)


@pytest.mark.parametrize("value", ["0", True, None, np.nan, np.array([0, 1]), np.array([])])
def test_fill_values_that_are_not_a_finite_number_are_ignored(values, value):
    image = xarray.DataArray(values[0], dims=("y", "x"), attrs={"_FillValue": value})
    assert napari_kmeans.fit(image, 2).recipe.exclude == ()


def test_a_mask_may_be_a_data_array(bands):
    mask = xarray.DataArray(np.arange(96).reshape(8, 12) < 40, dims=("y", "x"))
    labels, _ = napari_kmeans.segment(bands, 2, channel_axis="band", mask=mask)
    assert (labels.values > 0).sum() == 40


def test_a_list_of_data_arrays_gives_a_list_of_data_arrays(bands):
    images = [bands[0], bands[1, :5]]
    labels, model = napari_kmeans.segment(images, 3)
    assert [each.shape for each in labels] == [(8, 12), (5, 12)]
    xarray.testing.assert_equal(labels[1].y, images[1].y)
    flat = np.concatenate([image.values.ravel() for image in images])
    np.testing.assert_array_equal(model.centers, napari_kmeans.fit(flat, 3).centers)
    assert (
        napari_kmeans.suggest_n_clusters(images).n_clusters
        == napari_kmeans.suggest_n_clusters(flat).n_clusters
    )


def test_channel_axis_and_nodata_of_an_image_file_are_used(values):
    image = napari_kmeans.ImageFile(Path("a.tif"), values, "CYX", nodata=7)
    labels, model = napari_kmeans.segment(image, 2, features="channels")
    assert labels.shape == (8, 12)
    assert model.channel_axis == 0
    assert model.recipe.exclude == (7,)
    gray = napari_kmeans.ImageFile(Path("b.tif"), values[0], "YX")
    with pytest.warns(UserWarning, match="gray values instead of colours"):
        assert napari_kmeans.fit(image, 2).predict(gray).shape == (8, 12)


def test_an_array_is_opened_and_wrapped_unchanged(values):
    lazy = da.from_array(values)
    for array in (values, lazy):
        contents = open_container(array, None)
        assert contents.data is array
        assert contents.wrap(array) is array


def test_levels_of_a_layer_begin_with_the_finest(values):
    assert levels_of(SimpleNamespace(data=values, multiscale=False)) == [values]
    levels = (values, values[:, ::2])
    assert [level.shape for level in levels_of(SimpleNamespace(data=levels, multiscale=True))] == [
        (3, 8, 12),
        (3, 4, 12),
    ]


class TestErrors:
    @pytest.mark.parametrize("path", ["cells.tif", Path("cells.tif")])
    def test_a_path_is_rejected(self, path):
        with pytest.raises(TypeError, match=r"image is a path; read it first: .*read_image\('cells.tif'\)"):
            napari_kmeans.segment(path, 3)

    def test_a_path_in_a_list_is_rejected(self):
        with pytest.raises(TypeError, match="image is a path"):
            napari_kmeans.fit(["a.tif", "b.tif"], 3)

    def test_a_pillow_image_is_rejected(self):
        from PIL import Image

        picture = Image.fromarray(np.zeros((4, 5, 3), np.uint8))
        with pytest.raises(TypeError, match=r"image is a Pillow image; pass numpy.asarray\(image\)"):
            napari_kmeans.segment(picture, 3)

    def test_a_dataset_is_rejected(self, bands):
        with pytest.raises(TypeError, match="pass one of its variables"):
            napari_kmeans.segment(bands.to_dataset(name="image"), 3)


# An array whose last axis may hold colours


@pytest.mark.parametrize("n", [3, 4])
@pytest.mark.parametrize("make", [np.asarray, da.from_array], ids=["numpy", "dask"])
def test_an_axis_that_may_hold_colours_gives_one_warning(make: Any, n: int) -> None:
    image = make(np.arange(6 * 5 * n, dtype=np.uint8).reshape(6, 5, n))
    for segment in (
        lambda: napari_kmeans.fit(image, 2),
        lambda: napari_kmeans.segment(image, 2),
        lambda: napari_kmeans.segment(image, 2, per_axis=0),
        lambda: napari_kmeans.segment([image, image], 2),
        lambda: napari_kmeans.suggest_n_clusters(image),
    ):
        with pytest.warns(UserWarning, match="treated as a volume; pass channel_axis=-1 if") as caught:
            segment()
        assert len(caught) == 1


def test_a_model_warns_of_an_axis_that_may_hold_colours() -> None:
    colors = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    model = napari_kmeans.fit(colors[..., 0], 2)
    for label in (model.predict, model.confidence):
        with pytest.warns(UserWarning, match=re.escape("shape (4, 5, 3)")):
            label(colors)


def test_no_warning_if_the_channel_axis_is_given() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    labels, _ = napari_kmeans.segment(image, 2, channel_axis=-1)
    assert labels.shape == (4, 5)
    labels, _ = napari_kmeans.segment(image[..., None], 2, channel_axis=-1)
    assert labels.shape == (4, 5, 3)


def test_a_rejected_image_gives_no_warning() -> None:
    with pytest.raises(ValueError, match="channel_axis"):
        napari_kmeans.fit(np.zeros((4, 5, 3), np.uint8), 2, features="rgb")
