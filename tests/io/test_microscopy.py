"""CZI, ND2 and LIF; only the environment of the slow tests has their readers."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import napari_kmeans

PLANES = np.random.default_rng(0).integers(0, 4000, (2, 3, 20, 30)).astype(np.uint16)  # C, Z, Y, X


def write_czi(path, planes=PLANES):
    czi = pytest.importorskip("pylibCZIrw.czi")
    pytest.importorskip("bioio_czi")
    with czi.create_czi(str(path)) as document:
        for c, z in np.ndindex(planes.shape[:2]):
            document.write(planes[c, z][..., np.newaxis], plane={"C": c, "Z": z, "T": 0})
        document.write_metadata(
            "cells", channel_names={0: "DAPI", 1: "GFP"}, scale_x=2e-7, scale_y=2e-7, scale_z=5e-7
        )


@pytest.mark.thorough
def test_czi_is_read_with_its_metadata(tmp_path):
    write_czi(tmp_path / "a.czi")
    image = napari_kmeans.read_image(tmp_path / "a.czi")
    assert image.axes == "ZCYX"
    np.testing.assert_array_equal(image.data, PLANES.swapaxes(0, 1))
    assert image.pixel_size == pytest.approx({"Z": 0.5, "Y": 0.2, "X": 0.2})
    assert image.unit == "um"
    assert image.channel_names == ("DAPI", "GFP")
    labels, _ = napari_kmeans.segment(image, 3, features="channels")
    assert labels.shape == (3, 20, 30)
    napari_kmeans.write_labels(tmp_path / "labels.tif", labels, image)
    assert napari_kmeans.read_image(tmp_path / "labels.tif").pixel_size["Z"] == pytest.approx(0.5)


@pytest.mark.thorough
def test_a_large_czi_is_read_on_demand(tmp_path, monkeypatch):
    write_czi(tmp_path / "a.czi", PLANES[:1])
    monkeypatch.setattr("napari_kmeans.io.microscopy.LAZY_BYTES", 100)
    image = napari_kmeans.read_image(tmp_path / "a.czi")
    assert image.is_lazy
    assert image.axes == "ZYX"
    labels, _ = napari_kmeans.segment(image, 2)
    np.testing.assert_array_equal(labels.compute(), napari_kmeans.segment(PLANES[0], 2)[0])


def write_scenes(path, scenes):
    """Write a CZI of several scenes, with the list of them that microscopes write and pylibCZIrw does not."""
    czi = pytest.importorskip("pylibCZIrw.czi")
    pytest.importorskip("bioio_czi")
    filler = "x" * 500
    with czi.create_czi(str(path)) as document:
        for number, plane in enumerate(scenes):
            position = {"C": 0, "Z": 0, "T": 0}
            document.write(plane[..., np.newaxis], (100 * number, 0), plane=position, scene=number)
        document.write_metadata(filler)
    names = "".join(f'<Scene Index="{i}" Name="field {i}"/>' for i in range(len(scenes)))
    listed = f"<S><Scenes>{names}</Scenes></S>"
    content = path.read_bytes().replace(b"<Dimensions>", f"<Dimensions>{listed}".encode())
    path.write_bytes(content.replace(filler.encode(), filler[len(listed) :].encode()))  # as long as before


@pytest.mark.thorough
def test_scenes_of_a_czi_are_series(tmp_path):
    write_scenes(tmp_path / "a.czi", PLANES[0])
    with pytest.warns(UserWarning, match="contains 3 scenes; only the first is used: field 0"):
        image = napari_kmeans.read_image(tmp_path / "a.czi")
    np.testing.assert_array_equal(image.data, PLANES[0, 0])
    for number, plane in enumerate(PLANES[0]):
        image = napari_kmeans.read_image(tmp_path / "a.czi", series=number)
        np.testing.assert_array_equal(image.data, plane)
    with pytest.raises(ValueError, match="has no series 3: choose 0 to 2"):
        napari_kmeans.read_image(tmp_path / "a.czi", series=3)


@pytest.mark.parametrize(
    ("name", "head", "kind", "package"),
    [
        ("a.czi", b"ZISRAWFILE", "CZI", "bioio_czi"),
        ("a", b"ZISRAWFILE", "CZI", "bioio_czi"),
        ("a.nd2", b"\xda\xce\xbe\x0a", "ND2", "bioio_nd2"),
        ("a.lif", b"\x70\0\0\0", "LIF", "bioio_lif"),
    ],
)
def test_the_error_names_the_extra_to_install(tmp_path, monkeypatch, name, head, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / name).write_bytes(head)
    message = rf"is a {kind} file, which needs other packages: pip install 'napari-kmeans\[formats\]'"
    with pytest.raises(ValueError, match=message):
        napari_kmeans.read_image(tmp_path / name)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "head", "package"),
    [
        ("a.czi", b"ZISRAWFILE", "bioio_czi"),
        ("a.nd2", b"\xda\xce\xbe\x0a", "bioio_nd2"),
        ("a.lif", b"\x70\0\0\0", "bioio_lif"),
    ],
)
def test_a_damaged_file_gives_one_clear_error(tmp_path, name, head, package):
    pytest.importorskip(package)
    (tmp_path / name).write_bytes(head + b"\1" * 500)
    with pytest.raises(ValueError, match=f"{name} cannot be read as an image") as caught:
        napari_kmeans.read_image(tmp_path / name)
    assert "\n" not in str(caught.value)
