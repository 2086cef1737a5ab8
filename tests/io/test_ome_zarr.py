"""OME-Zarr images are read as ome-zarr-py writes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import napari_kmeans
from napari_kmeans.io.image_file import Url, location
from napari_kmeans.io.images import read_image
from napari_kmeans.io.label_images import write_labels
from napari_kmeans.report.label_metadata import model_metadata

pytest.importorskip("ome_zarr")

MakeImage = Callable[..., np.ndarray]
VERSIONS = ("0.4", "0.5")
SCALE = {"t": 0.5, "c": 1.0, "z": 2.0, "y": 0.25, "x": 0.2}


def describe(path: Path, **metadata: Any) -> None:
    """Change the metadata of an image."""
    group = zarr.open_group(path, mode="a")
    if "ome" in group.attrs:
        metadata = {"ome": {**group.attrs["ome"], **metadata}}
    group.attrs.update(metadata)


def attributes(path: Path) -> dict[str, Any]:
    found = zarr.open_group(path, mode="r").attrs.asdict()
    return found.get("ome", found)


def levels(path: Path) -> list[np.ndarray]:
    group = zarr.open_group(path, mode="r")
    return [group[level["path"]][:] for level in attributes(path)["multiscales"][0]["datasets"]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The folder of the test, over HTTP."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path)) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axes", ["yx", "zyx", "tyx", "cyx", "tzyx", "czyx", "tczyx"])
def test_images_written_by_ome_zarr_py_are_read(
    tmp_path: Path, axes: str, version: str, make_image: MakeImage
) -> None:
    path = tmp_path / "cells.ome.zarr"
    data = make_image(path, axes, version)
    image = read_image(path)
    assert (image.stem, image.axes, image.is_lazy) == ("cells", axes.upper(), True)
    assert (
        image.data.chunksize
        == zarr.open_group(path)[attributes(path)["multiscales"][0]["datasets"][0]["path"]].chunks
    )
    assert image.data.dtype == data.dtype
    np.testing.assert_array_equal(image.data, data)
    for ours, stored in zip([image.data, *image.coarser], levels(path), strict=True):
        np.testing.assert_array_equal(ours, stored)
    assert image.pixel_size == {axis.upper(): SCALE[axis] for axis in axes if axis != "c"}
    assert (image.unit, image.time_unit) == ("um", "s" if "t" in axes else "")
    assert image.channel_axis == (axes.index("c") if "c" in axes else None)
    keywords = image.layer_keywords()
    assert keywords["multiscale"]
    assert keywords["scale"] == tuple(SCALE[axis] for axis in axes)
    assert keywords["units"] == tuple({"t": "s", "c": "pixel"}.get(axis, "um") for axis in axes)


def test_transformations_of_level_and_image_are_combined(tmp_path: Path, make_image: MakeImage) -> None:
    path = tmp_path / "x.zarr"
    make_image(path, "yx")
    multiscale = attributes(path)["multiscales"][0]
    multiscale["datasets"][0]["coordinateTransformations"] = [
        {"type": "scale", "scale": [2.0, 3.0]},
        {"type": "translation", "translation": [10.0, 20.0]},
    ]
    multiscale["coordinateTransformations"] = [
        {"type": "scale", "scale": [0.5, 0.5]},
        {"type": "translation", "translation": [1.0, 1.0]},
    ]
    multiscale["axes"][0]["unit"] = "nanometer"
    describe(path, multiscales=[multiscale])
    image = read_image(path)
    # Different units are converted to µm.
    assert image.unit == "um"
    assert image.pixel_size == pytest.approx({"Y": 0.001, "X": 1.5})
    assert image.origin == pytest.approx({"Y": 0.006, "X": 11.0})
    assert image.layer_keywords()["translate"] == pytest.approx((0.006, 11.0))


def test_an_invalid_scale_is_ignored_with_a_warning(tmp_path: Path, make_image: MakeImage) -> None:
    path = tmp_path / "x.zarr"
    make_image(path, "yx")
    multiscale = attributes(path)["multiscales"][0]
    multiscale["datasets"][0]["coordinateTransformations"] = [{"type": "scale", "scale": [0.0, 3.0]}]
    describe(path, multiscales=[multiscale])
    with pytest.warns(
        UserWarning, match=r"x\.zarr has the scale \[0\.0, 3\.0\], which is invalid and is ignored"
    ):
        assert read_image(path).pixel_size == {"Y": 1.0, "X": 1.0}


@pytest.mark.parametrize("version", VERSIONS)
def test_channels_can_be_chosen_by_name_or_index(tmp_path: Path, version: str, make_image: MakeImage) -> None:
    path = tmp_path / "x.zarr"
    omero = {"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "1", "color": "00FF00"}, {}]}
    data = make_image(path, "tczyx", version, omero=omero)
    image = read_image(path)
    assert image.channel_names == ("DAPI", "1", "2")
    for chosen, index in [("DAPI", 0), ("0", 0), ("1", 1), ("2", 2)]:
        channel = image.channel(chosen)
        assert (channel.axes, channel.channel_axis) == ("TZYX", None)
        np.testing.assert_array_equal(channel.data, data[:, index])
        assert channel.coarser[1].shape == (2, 4, 17, 22)
    for chosen in ("3", "GFP", "-1"):
        with pytest.raises(ValueError, match=rf"no channel '{chosen}': choose 0 to 2 \(DAPI, 1, 2\)"):
            image.channel(chosen)
    describe(path, omero={"channels": [{"label": "GFP"}, {"label": "GFP"}, {"label": "2"}]})
    with pytest.raises(ValueError, match="several channels 'GFP'"):
        read_image(path).channel("GFP")
    with pytest.raises(ValueError, match="no channels"):
        image.channel("0").channel("0")


def test_a_single_channel_is_selected_automatically(tmp_path: Path, make_image: MakeImage) -> None:
    data = make_image(tmp_path / "x.zarr", "tczyx", n_channels=1)
    image = read_image(tmp_path / "x.zarr")
    assert (image.axes, image.channel_axis) == ("TZYX", None)
    np.testing.assert_array_equal(image.data, data[:, 0])


@pytest.mark.parametrize("axes", [None, ["t", "c", "z", "y", "x"]], ids=["0.1", "0.3"])
def test_earlier_versions_of_the_format_are_read(tmp_path: Path, axes: list[str] | None) -> None:
    path = tmp_path / "x.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    data = np.random.default_rng(5).integers(0, 4000, (2, 3, 4, 70, 90)).astype(np.uint16)
    group.create_array("0", data=data, chunks=(1, 1, 4, 64, 64))
    multiscale: dict[str, Any] = {"version": "0.1", "datasets": [{"path": "0"}]}
    if axes is not None:
        multiscale |= {"version": "0.3", "axes": axes}
    group.attrs["multiscales"] = [multiscale]
    image = read_image(path)
    assert (image.axes, image.pixel_size, image.unit) == ("TCZYX", {}, "")
    np.testing.assert_array_equal(image.data, data)


def test_the_first_of_a_collection_is_read(tmp_path: Path, make_image: MakeImage) -> None:
    data = make_image(tmp_path / "x.zarr" / "0", "yx")
    make_image(tmp_path / "x.zarr" / "1", "yx")
    describe(tmp_path / "x.zarr", ome={"version": "0.5", "bioformats2raw.layout": 3})
    with pytest.warns(UserWarning, match=r"x\.zarr contains several images; only the first is used"):
        image = read_image(tmp_path / "x.zarr")
    assert image.stem == "x"
    np.testing.assert_array_equal(image.data, data)


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({}, r"is a zarr group without the metadata of an OME-Zarr image$"),
        ({"multiscales": []}, r"is a zarr group without the metadata of an OME-Zarr image$"),
        (
            {"plate": {"wells": [{"path": "A/1"}, {"path": "A/2"}]}},
            r"is a plate of 2 wells; .*x\.zarr.A.1.0$",
        ),
        ({"well": {"images": [{"path": "0"}]}}, r"is a well of 1 images; .*x\.zarr.0$"),
        ({"labels": ["nuclei"]}, r"contains label images; .*x\.zarr.nuclei$"),
        (
            {"multiscales": [{"coordinateSystems": [], "datasets": []}]},
            "has an OME-Zarr version newer than 0.5, which is not supported",
        ),
    ],
)
def test_groups_that_are_not_an_image_are_rejected(
    tmp_path: Path, metadata: dict[str, Any], complaint: str
) -> None:
    zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=2).attrs.update(metadata)
    with pytest.raises(ValueError, match=complaint):
        read_image(tmp_path / "x.zarr")


@pytest.mark.parametrize(
    ("axes", "complaint"),
    [
        ([{"name": "y", "type": "space"}], "has metadata of 1 axes, but arrays of 2|has axes y;"),
        ([{"name": "x", "type": "space"}, {"name": "c", "type": "channel"}], "has axes x, c; only time"),
        ([{"name": "t", "type": "time"}, {"name": "x", "type": "space"}], "has axes t, x; only time"),
    ],
)
def test_invalid_axes_are_rejected(
    tmp_path: Path, axes: list[dict[str, str]], complaint: str, make_image: MakeImage
) -> None:
    make_image(tmp_path / "x.zarr", "yx")
    multiscale = attributes(tmp_path / "x.zarr")["multiscales"][0]
    describe(tmp_path / "x.zarr", multiscales=[{**multiscale, "axes": axes}])
    with pytest.raises(ValueError, match=complaint):
        read_image(tmp_path / "x.zarr")


def test_other_folders_are_rejected(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a.zarr", shape=(3, 4), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"a\.zarr is a zarr array of 2 axes without the metadata"):
        read_image(tmp_path / "a.zarr")
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        ValueError,
        match="folder is a folder, but not an OME-Zarr image; name the images in it, or use napari-kmeans batch with a "
        "recipe",
    ):
        read_image(tmp_path / "folder")
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "absent.zarr")
    with pytest.raises(ValueError, match="memory://absent is not an OME-Zarr image, or cannot be reached"):
        read_image(Url("memory://absent"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_truncated_chunk_is_named(tmp_path: Path, version: str, make_image: MakeImage) -> None:
    path = tmp_path / "x.zarr"
    data = make_image(path, "yx", version)
    full = path / attributes(path)["multiscales"][0]["datasets"][0]["path"]
    chunk = full / ("1/2" if version == "0.4" else "c/1/2")
    chunk.write_bytes(chunk.read_bytes()[:50])
    image = read_image(path)
    np.testing.assert_array_equal(image.data[:32], data[:32])
    with pytest.raises(OSError, match=rf"{full.name}: the pixels \[32:64, 80:90\] cannot be read \("):
        napari_kmeans.fit(image.data, 3)


@pytest.mark.parametrize("version", VERSIONS)
def test_images_on_a_server_are_read(
    tmp_path: Path, server: str, version: str, make_image: MakeImage
) -> None:
    data = make_image(tmp_path / "cells.ome.zarr", "zyx", version)
    image = read_image(location(f"{server}/cells.ome.zarr"))
    assert (image.stem, image.axes, len(image.coarser)) == ("cells", "ZYX", 2)
    np.testing.assert_array_equal(image.data, data)
    labels, model = napari_kmeans.segment(image.data, 3)
    write_labels(tmp_path / "labels.ome.zarr", labels, image, metadata=model_metadata(model))
    np.testing.assert_array_equal(levels(tmp_path / "labels.ome.zarr")[0], model.predict(data))
    with pytest.raises(ValueError, match=r"nothing\.zarr is not an OME-Zarr image, or cannot be reached"):
        read_image(location(f"{server}/nothing.zarr"))
