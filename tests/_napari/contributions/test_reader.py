"""Medical and microscopy images, opened in a real viewer."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans._napari.contributions import reader

SimpleITK = pytest.importorskip("SimpleITK")

VOLUME = np.random.default_rng(0).integers(-1000, 2000, (4, 20, 30)).astype(np.int16)
SPACING = (0.5, 0.7, 2.0)


@pytest.mark.parametrize("kind", ["nrrd", "mha", "nii", "nii.gz"])
def test_a_volume_opens_with_its_size(viewer, tmp_path, kind):
    image = SimpleITK.GetImageFromArray(VOLUME)
    image.SetSpacing(SPACING)
    path = tmp_path / f"scan.{kind}"
    SimpleITK.WriteImage(image, str(path))
    [layer] = viewer.open(path, plugin="napari-kmeans")
    np.testing.assert_array_equal(layer.data, VOLUME)
    assert layer.name == "scan"
    assert tuple(layer.scale) == pytest.approx(SPACING[::-1])
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3


def test_channels_open_as_layers(viewer, tmp_path):
    bands = np.stack([VOLUME[0], VOLUME[1]], axis=-1)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(bands, isVector=True), str(tmp_path / "scan.nrrd"))
    layers = viewer.open(tmp_path / "scan.nrrd", plugin="napari-kmeans")
    assert [layer.name for layer in layers] == ["scan, channel 1", "scan, channel 2"]
    for layer, band in zip(layers, VOLUME, strict=False):
        np.testing.assert_array_equal(np.squeeze(layer.data), band)


def test_the_dock_segments_an_opened_volume(viewer, open_dock, settle, tmp_path):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOLUME), str(tmp_path / "scan.mha"))
    viewer.open(tmp_path / "scan.mha", plugin="napari-kmeans")
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    np.testing.assert_array_equal(viewer.layers["scan k-means"].data, napari_kmeans.segment(VOLUME, 4)[0])


def test_a_damaged_file_gives_one_clear_error(viewer, tmp_path):
    (tmp_path / "scan.nrrd").write_bytes(b"NRRD0004\n" + b"\1" * 500)
    with pytest.raises(ValueError, match=r"scan\.nrrd cannot be read as an image"):
        viewer.open(tmp_path / "scan.nrrd", plugin="napari-kmeans")


@pytest.mark.parametrize("path", ["a.tif", "a.png", "folder", ["a.nrrd", "b.nrrd"]])
def test_other_files_are_left_to_other_readers(path):
    assert reader.get_reader(path) is None


def test_without_the_package_the_file_is_left_to_other_readers(monkeypatch):
    assert reader.get_reader("a.nrrd") is reader.read
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert reader.get_reader("a.nrrd") is None
