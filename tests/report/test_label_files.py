from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans

pytest.importorskip("tifffile")


def test_labels_of_an_image_file_get_its_pixel_size_and_the_names_of_the_model(tmp_path):
    pytest.importorskip("ome_zarr")
    import zarr

    image = napari_kmeans.sample_image("cells")
    labels, model = napari_kmeans.segment(image, 3)
    model = model.with_names(["medium", "cytoplasm", "nucleus"])
    napari_kmeans.write_labels(str(tmp_path / "a.ome.zarr"), labels, image, model=model)
    napari_kmeans.write_labels(tmp_path / "a.tif", labels, image)
    for name in ("a.ome.zarr", "a.tif"):
        back = napari_kmeans.read_image(tmp_path / name)
        np.testing.assert_array_equal(np.asarray(back.data), labels)
        assert back.axes == "ZYX"
        assert back.pixel_size == pytest.approx({"Z": 0.5, "Y": 0.2, "X": 0.2})
    text = str(dict(zarr.open_group(tmp_path / "a.ome.zarr").attrs))
    assert "cytoplasm" in text


def test_labels_can_be_written_without_an_image(tmp_path):
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    napari_kmeans.write_labels(tmp_path / "a.tif", labels)
    back = napari_kmeans.read_image(str(tmp_path / "a.tif"))
    np.testing.assert_array_equal(back.data, labels)
    assert back.pixel_size == {}


def test_coordinates_of_a_data_array_give_the_pixel_size(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("ome_zarr")
    coords = {"y": 10 + 0.5 * np.arange(3), "x": ("x", 0.25 * np.arange(4), {"units": "micrometer"})}
    labels = xarray.DataArray(np.ones((3, 4), np.uint8), dims=("y", "x"), coords=coords)
    napari_kmeans.write_labels(tmp_path / "a.ome.zarr", labels)
    back = napari_kmeans.read_image(tmp_path / "a.ome.zarr")
    assert back.pixel_size == {"Y": 0.5, "X": 0.25}
    assert back.origin["Y"] == 10
    assert back.unit == "um"


def test_invalid_labels_and_existing_files_are_rejected(tmp_path):
    image = napari_kmeans.sample_image("coins")
    with pytest.raises(ValueError, match=r"labels has shape \(3, 4\), but the image has .*\(303, 384\)"):
        napari_kmeans.write_labels(tmp_path / "a.tif", np.ones((3, 4), np.uint8), image)
    with pytest.raises(TypeError, match="labels has dtype float64 and must be bool or integer"):
        napari_kmeans.write_labels(tmp_path / "a.tif", np.ones((3, 4)))
    napari_kmeans.write_labels(tmp_path / "a.tif", np.ones((3, 4), np.uint8))
    with pytest.raises(FileExistsError):
        napari_kmeans.write_labels(tmp_path / "a.tif", np.ones((3, 4), np.uint8))
