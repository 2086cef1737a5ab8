"""Files of scanners and microscopes, opened in a real viewer."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from napari_kmeans.io.images import read_image
from napari_kmeans.io.medical import SUFFIXES as MEDICAL
from napari_kmeans.io.microscopy import SUFFIXES as MICROSCOPY

SimpleITK = pytest.importorskip("SimpleITK")

PLUGIN = "napari-kmeans"
VOLUME = np.random.default_rng(0).integers(-1000, 2000, (4, 20, 30)).astype(np.int16)


@pytest.mark.parametrize("kind", ["nrrd", "mha", "nii", "nii.gz", "NRRD"])
def test_a_volume_has_its_pixel_size_and_unit(viewer, tmp_path, kind):
    volume = SimpleITK.GetImageFromArray(VOLUME)
    volume.SetSpacing((0.5, 0.7, 2.0))
    path = tmp_path / f"a.v2.{kind}"
    SimpleITK.WriteImage(volume, str(path))
    (layer,) = viewer.open(str(path), plugin=PLUGIN)
    np.testing.assert_array_equal(layer.data, VOLUME)
    assert layer.scale == pytest.approx((2.0, 0.7, 0.5))
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
    assert layer.axis_labels == ("z", "y", "x")
    assert layer.name == "a.v2"


def test_channels_become_layers(viewer, tmp_path):
    channels = np.moveaxis(np.stack([VOLUME[0], VOLUME[1]]), 0, -1)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(channels, isVector=True), str(tmp_path / "a.mha"))
    layers = viewer.open(str(tmp_path / "a.mha"), plugin=PLUGIN)
    assert [layer.name for layer in layers] == ["a channel 0", "a channel 1"]
    for layer, expected in zip(layers, VOLUME, strict=False):
        np.testing.assert_array_equal(layer.data, expected)
        assert layer.axis_labels == ("y", "x")


def write_dicom(path, plane, position):
    image = SimpleITK.GetImageFromArray(plane[np.newaxis])
    for tag, value in {
        "0008|0060": "CT",
        "0020|000e": "1.2.826.0.1.3680043.2.1125.1",
        "0020|000d": "1.2.826.0.1.3680043.2.1125.2",
        "0020|0032": f"0\\0\\{position}",
        "0020|0037": "1\\0\\0\\0\\1\\0",
        "0020|0013": str(position),
    }.items():
        image.SetMetaData(tag, value)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(path))
    writer.Execute(image)


def test_slices_of_a_series_opened_as_a_stack_are_a_volume(viewer, tmp_path):
    for position, plane in enumerate(VOLUME):
        write_dicom(tmp_path / f"{9 - position}.dcm", plane, position)  # names in the opposite order
    paths = sorted(str(path) for path in tmp_path.iterdir())
    (layer,) = viewer.open(paths, stack=True, plugin=PLUGIN)
    np.testing.assert_array_equal(layer.data, VOLUME)
    np.testing.assert_array_equal(layer.data, read_image(tmp_path).data)


def test_without_their_packages_the_error_names_them(viewer, tmp_path, monkeypatch):
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\n")
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(ValueError, match=r"pip install 'napari-kmeans\[formats\]'"):
        viewer.open(str(tmp_path / "a.nrrd"), plugin=PLUGIN)


def test_only_formats_that_napari_lacks_are_claimed(viewer, npe2pm):
    def readers(path):
        return [reader for reader in npe2pm.iter_compatible_readers(path) if reader.plugin_name == PLUGIN]

    assert all(readers(f"a{suffix}") for suffix in (*MEDICAL, *MICROSCOPY))
    assert not any(readers(f"a{suffix}") for suffix in (".tif", ".png", ".zarr", ".gz"))
