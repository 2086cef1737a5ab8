"""OME-Zarr images in, label images out: compared with ome-zarr-py, and with models of the format."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.io.files import export, read_image, write_labels
from napari_kmeans.io.image_file import ImageFile, Url, location

zarr = pytest.importorskip("zarr")
pytest.importorskip("ome_zarr")
yaozarrs = pytest.importorskip("yaozarrs")

import dask.array as da
import ome_zarr_models.v04
import ome_zarr_models.v05
from ome_zarr import writer
from ome_zarr.format import format_from_version

pytestmark = pytest.mark.thorough

VERSIONS = ("0.4", "0.5")
SHAPES = {"t": 2, "c": 3, "z": 4, "y": 70, "x": 90}
SCALE = {"t": 0.5, "c": 1.0, "z": 2.0, "y": 0.25, "x": 0.2}
UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


def values(axes: str) -> np.ndarray:
    shape = [SHAPES[axis] for axis in axes]
    return np.random.default_rng(len(axes)).integers(0, 4000, shape).astype(np.uint16)


def make_image(path: Path, axes: str, version: str = "0.5", **metadata: Any) -> np.ndarray:
    """An image of three levels in small chunks, as ome-zarr-py writes it."""
    data, fmt = values(axes), format_from_version(version)
    path.parent.mkdir(parents=True, exist_ok=True)
    group = zarr.open_group(path, mode="w", zarr_format=fmt.zarr_format)
    writer.write_image(
        data,
        group,
        axes=list(axes),
        scale={axis: SCALE[axis] for axis in axes},
        axes_units={axis: UNITS[axis] for axis in axes if axis in UNITS},
        scaler=None,
        scale_factors=[2, 4],
        fmt=fmt,
        storage_options={"chunks": tuple({"y": 32, "x": 40, "z": 3}.get(axis, 1) for axis in axes)},
    )
    describe(path, **metadata)
    return data


def describe(path: Path, **metadata: Any) -> None:
    """Change what an image says of itself."""
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


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# Reading


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axes", ["yx", "zyx", "tyx", "cyx", "tzyx", "czyx", "tczyx"])
def test_images_of_ome_zarr_py_are_read(tmp_path: Path, axes: str, version: str) -> None:
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


def test_transformations_of_level_and_image_are_combined(tmp_path: Path) -> None:
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
    # Units that differ become µm.
    assert image.unit == "um"
    assert image.pixel_size == pytest.approx({"Y": 0.001, "X": 1.5})
    assert image.origin == pytest.approx({"Y": 0.006, "X": 11.0})
    assert image.layer_keywords()["translate"] == pytest.approx((0.006, 11.0))


def test_what_no_scale_can_be_is_left_out_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    make_image(path, "yx")
    multiscale = attributes(path)["multiscales"][0]
    multiscale["datasets"][0]["coordinateTransformations"] = [{"type": "scale", "scale": [0.0, 3.0]}]
    describe(path, multiscales=[multiscale])
    with pytest.warns(UserWarning, match=r"x\.zarr has the scale \[0\.0, 3\.0\], which is invalid and ignored"):
        assert read_image(path).pixel_size == {"Y": 1.0, "X": 1.0}


@pytest.mark.parametrize("version", VERSIONS)
def test_channels(tmp_path: Path, version: str) -> None:
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


def test_a_single_channel_is_taken_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHAPES, "c", 1)
    data = make_image(tmp_path / "x.zarr", "tczyx")
    image = read_image(tmp_path / "x.zarr")
    assert (image.axes, image.channel_axis) == ("TZYX", None)
    np.testing.assert_array_equal(image.data, data[:, 0])


@pytest.mark.parametrize("axes", [None, ["t", "c", "z", "y", "x"]], ids=["0.1", "0.3"])
def test_earlier_versions_of_the_format(tmp_path: Path, axes: list[str] | None) -> None:
    path = tmp_path / "x.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    data = values("tczyx")
    group.create_array("0", data=data, chunks=(1, 1, 4, 64, 64))
    multiscale: dict[str, Any] = {"version": "0.1", "datasets": [{"path": "0"}]}
    if axes is not None:
        multiscale |= {"version": "0.3", "axes": axes}
    group.attrs["multiscales"] = [multiscale]
    image = read_image(path)
    assert (image.axes, image.pixel_size, image.unit) == ("TCZYX", {}, "")
    np.testing.assert_array_equal(image.data, data)


def test_the_first_of_a_collection_is_read(tmp_path: Path) -> None:
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
        (
            {"plate": {"wells": [{"path": "A/1"}, {"path": "A/2"}]}},
            r"is a plate of 2 wells; .*x\.zarr.A.1.0$",
        ),
        ({"well": {"images": [{"path": "0"}]}}, r"is a well of 1 images; .*x\.zarr.0$"),
        ({"labels": ["nuclei"]}, r"contains label images; .*x\.zarr.nuclei$"),
        (
            {"multiscales": [{"coordinateSystems": [], "datasets": []}]},
            "has a version of OME-Zarr above 0.5, which is not supported",
        ),
    ],
)
def test_groups_that_are_no_image(tmp_path: Path, metadata: dict[str, Any], complaint: str) -> None:
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
def test_axes_that_are_no_image(tmp_path: Path, axes: list[dict[str, str]], complaint: str) -> None:
    make_image(tmp_path / "x.zarr", "yx")
    multiscale = attributes(tmp_path / "x.zarr")["multiscales"][0]
    describe(tmp_path / "x.zarr", multiscales=[{**multiscale, "axes": axes}])
    with pytest.raises(ValueError, match=complaint):
        read_image(tmp_path / "x.zarr")


def test_what_is_no_ome_zarr(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a.zarr", shape=(3, 4), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"a\.zarr is a zarr array of 2 axes without the metadata"):
        read_image(tmp_path / "a.zarr")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="folder is a folder, but not an OME-Zarr image"):
        read_image(tmp_path / "folder")
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "absent.zarr")
    with pytest.raises(ValueError, match="memory://absent is not an OME-Zarr image, or cannot be reached"):
        read_image(Url("memory://absent"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_chunk_that_is_cut_off_is_named(tmp_path: Path, version: str) -> None:
    path = tmp_path / "x.zarr"
    make_image(path, "yx", version)
    full = path / attributes(path)["multiscales"][0]["datasets"][0]["path"]
    chunk = full / ("1/2" if version == "0.4" else "c/1/2")
    chunk.write_bytes(chunk.read_bytes()[:50])
    image = read_image(path)
    np.testing.assert_array_equal(image.data[:32], levels_of_intact(path)[:32])
    with pytest.raises(OSError, match=rf"{full.name}: the pixels \[32:64, 80:90\] cannot be read \("):
        napari_kmeans.fit(image.data, 3)


def levels_of_intact(path: Path) -> np.ndarray:
    return values("yx")


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
def test_images_on_a_server(tmp_path: Path, server: str, version: str) -> None:
    data = make_image(tmp_path / "cells.ome.zarr", "zyx", version)
    image = read_image(location(f"{server}/cells.ome.zarr"))
    assert (image.stem, image.axes, len(image.coarser)) == ("cells", "ZYX", 2)
    np.testing.assert_array_equal(image.data, data)
    labels, model = napari_kmeans.segment(image.data, 3)
    write_labels(tmp_path / "labels.ome.zarr", labels, image, model=model)
    np.testing.assert_array_equal(levels(tmp_path / "labels.ome.zarr")[0], model.predict(data))
    with pytest.raises(ValueError, match=r"nothing\.zarr is not an OME-Zarr image, or cannot be reached"):
        read_image(location(f"{server}/nothing.zarr"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b.zarr", Path("a/b.zarr")),
        (r"C:\data\b.zarr", Path(r"C:\data\b.zarr")),
        ("file:///a/b.zarr", Path("/a/b.zarr")),
        ("s3://bucket/b.ome.zarr/?x=1", Url("s3://bucket/b.ome.zarr/?x=1")),
        ("simplecache::https://host/b.zarr", Url("simplecache::https://host/b.zarr")),
    ],
)
def test_locations(text: str, expected: Path | Url) -> None:
    assert location(text) == expected
    assert type(location(text)) is type(expected)


# Writing


def segmented(path: Path, axes: str, version: str) -> tuple[Any, Any, ImageFile]:
    make_image(path, axes, version)
    image = read_image(path)
    if "c" in axes:
        image = image.channel("1")
    labels, model = napari_kmeans.segment(image.data, 3)
    return labels, model.with_names(["dark", "grey", "bright"]), image


def check_models(path: Path, version: str) -> None:
    """What others make of the format accepts the label image."""
    yaozarrs.validate_zarr_store(path)
    models = ome_zarr_models.v04 if version == "0.4" else ome_zarr_models.v05
    models.ImageLabel.from_zarr(zarr.open_group(path, mode="r"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axes", ["yx", "zyx", "tzyx", "tczyx"])
def test_labels_as_a_store_of_their_own(tmp_path: Path, axes: str, version: str) -> None:
    labels, model, image = segmented(tmp_path / "in" / "x.ome.zarr", axes, version)
    path = tmp_path / "x-labels.ome.zarr"
    shares: list[float] = []
    write_labels(path, labels, image, model=model, progress=shares.append)
    check_models(path, version)
    assert names(tmp_path) == ["in", "x-labels.ome.zarr"]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    stored = levels(path)
    np.testing.assert_array_equal(stored[0], model.predict(image.data.compute()))
    assert [level.shape for level in stored] == [image.data.shape, *(level.shape for level in image.coarser)]
    again = read_image(path)
    assert (again.axes, again.pixel_size, again.unit) == (image.axes, image.pixel_size, image.unit)
    # The levels lie where those of the image do.
    assert again.store is not None
    assert image.store is not None
    assert again.store.levels == image.store.levels
    assert again.store.axes == image.store.axes
    label = attributes(path)["image-label"]
    assert label["source"] == {"image": "../in/x.ome.zarr"}
    assert [color["label-value"] for color in label["colors"]] == [1, 2, 3]
    assert label["colors"][0]["rgba"] == [0, 114, 178, 255]
    first, *_ = label["properties"]
    assert (first["label-value"], first["name"], first["pixels"]) == (1, "dark", int((stored[0] == 1).sum()))
    assert first["center"] == model.centers[0, 0]
    assert "above" not in first
    kept = zarr.open_group(path, mode="r").attrs["napari-kmeans"]
    assert kept["thresholds"] == model.thresholds.tolist()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("consolidated", [False, True])
def test_labels_inside_the_image(tmp_path: Path, version: str, consolidated: bool) -> None:
    host = tmp_path / "x.ome.zarr"
    labels, model, image = segmented(host, "czyx", version)
    if consolidated:
        consolidate(host)
    for name in ("k-means", "again"):
        write_labels(host / "labels" / name, labels, image, model=model)
        check_models(host / "labels" / name, version)
        assert attributes(host / "labels" / name)["image-label"]["source"] == {"image": "../../"}
    with pytest.raises(FileExistsError):
        write_labels(host / "labels" / "again", labels, image)
    write_labels(host / "labels" / "again", labels, image, overwrite=True)
    assert attributes(host / "labels")["labels"] == ["k-means", "again"]
    assert [entry for entry in names(host / "labels") if not entry.startswith((".z", "zarr"))] == [
        "again",
        "k-means",
    ]
    yaozarrs.validate_zarr_store(host)
    group = zarr.open_group(host, mode="r")
    assert (group.metadata.consolidated_metadata is not None) == consolidated
    np.testing.assert_array_equal(group["labels/again/0"][:], labels)


def consolidate(path: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(path)


def test_labels_of_another_image_are_refused(tmp_path: Path) -> None:
    make_image(tmp_path / "x.zarr", "yx")
    with pytest.raises(ValueError, match=r"x\.zarr is not the image of these labels"):
        export(tmp_path / "x.zarr" / "labels" / "a", np.ones((5, 5), np.uint8))
    assert "labels" not in names(tmp_path / "x.zarr")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint64])
@pytest.mark.parametrize("shape", [(700, 1800), (3, 513, 1025), (2, 1, 600, 40)])
def test_coarser_levels_are_nearest_labels(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    # Labels that tell their own place along one axis, one axis after the other.
    for axis in (-2, -1):
        places = np.broadcast_to(np.arange(shape[axis]).reshape(-1, *[1] * (-1 - axis)), shape).astype(dtype)
        path = tmp_path / f"{axis}.zarr"
        export(path, places, scale=[3.0] * len(shape))
        full, *coarser = levels(path)
        assert full.dtype == dtype
        np.testing.assert_array_equal(full, places)
        assert max(coarser[-1].shape[-2:]) <= 512 < max(([full, *coarser])[-2].shape[-2:])
        for number, level in enumerate(coarser, start=1):
            steps = attributes(path)["multiscales"][0]["datasets"][number]["coordinateTransformations"]
            factor = steps[0]["scale"][axis] / 3
            assert factor == 2**number
            assert level.shape[axis] == shape[axis] // factor
            found = np.moveaxis(level.astype(np.int64), axis, -1)
            middles = (np.arange(level.shape[axis]) + 0.5) * shape[axis] / level.shape[axis] - 0.5
            if dtype is not np.uint8:  # which cannot hold every place
                assert np.abs(found - middles).max() <= factor / 2
                assert (np.diff(found, axis=-1) > 0).all()
            assert steps[1]["translation"][axis] == pytest.approx((factor - 1) / 2 * 3)


CHUNKS = [
    (64, 64),
    (1024, 1024),
    (2000, 300),
    ((700, 100, 900, 300), (1, 1999)),
    ((2000,), (150,) * 13 + (50,)),
    ((5,) * 400, (2000,)),
]


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_labels_do_not_depend_on_blocks_and_each_is_computed_once(
    tmp_path: Path, chunks: Any, version: str
) -> None:
    data = np.random.default_rng(0).integers(0, 5, (2000, 2000), dtype=np.uint8)
    computed: list[int] = []
    lock = threading.Lock()

    def count(block: np.ndarray) -> np.ndarray:
        with lock:
            computed.append(1)
        return block

    labels = da.from_array(data, chunks=chunks).map_blocks(count, meta=np.empty((0, 0), np.uint8))
    image = ImageFile(Path("x.tif"), labels, "YX")
    if version == "0.4":
        make_big(tmp_path / "x.zarr", data.shape)
        image = read_image(tmp_path / "x.zarr")
    write_labels(tmp_path / "out.zarr", labels, image)
    np.testing.assert_array_equal(levels(tmp_path / "out.zarr")[0], data)
    assert len(computed) == labels.npartitions
    biggest = np.prod(zarr.open_group(tmp_path / "out.zarr")["0"].chunks)
    assert biggest <= 1 << 22


def make_big(path: Path, shape: tuple[int, ...]) -> None:
    """An image of the older version, of one level and without pixels."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("0", shape=shape, dtype=np.uint8, chunks=(512, 512))
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}]
    writer.write_multiscales_metadata(group, datasets, fmt=format_from_version("0.4"), axes=["y", "x"])


def test_zarr_arrays_and_what_is_cut_like_arrays_are_written(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 5, (300, 400), dtype=np.uint8)
    array = zarr.create_array(tmp_path / "a.zarr", shape=data.shape, chunks=(70, 90), dtype=np.uint8)
    array[:] = data

    class Looked:
        shape, ndim, dtype = data.shape, 2, data.dtype

        def __getitem__(self, key: Any) -> np.ndarray:
            return data[key]

    for name, labels in [("zarr", array), ("looked", Looked())]:
        export(tmp_path / f"{name}.ome.zarr", labels)
        np.testing.assert_array_equal(levels(tmp_path / f"{name}.ome.zarr")[0], data)


def test_merged_clusters_and_background(tmp_path: Path) -> None:
    image = np.arange(100, dtype=np.uint8).reshape(10, 10)
    model = napari_kmeans.fit(image, 5)
    model = model.merged([[2, 4]]).with_background([1])
    export(tmp_path / "x.zarr", model.predict(image), model=model)
    label = attributes(tmp_path / "x.zarr")["image-label"]
    assert [color["label-value"] for color in label["colors"]] == [2, 3, 5]
    assert [known["label-value"] for known in label["properties"]] == [2, 3, 5]


def test_numbers_are_those_of_the_labels_that_are_written(tmp_path: Path) -> None:
    # Of a model that was fitted to another image, and of labels that were cleaned up since.
    model = napari_kmeans.fit(np.arange(100, dtype=np.uint8), 3)
    labels = np.repeat(np.array([0, 1, 1, 3], np.uint8), 10).reshape(8, 5)
    export(tmp_path / "x.zarr", labels, model=model)
    properties = attributes(tmp_path / "x.zarr")["image-label"]["properties"]
    assert [known["pixels"] for known in properties] == [20, 0, 10]
    assert [known["share"] for known in properties] == pytest.approx([2 / 3, 0, 1 / 3])


def test_models_of_a_lazy_stack_are_made_as_it_is_written(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 200, (3, 40, 50), dtype=np.uint8)
    read: list[int] = []

    def count(block: np.ndarray) -> np.ndarray:
        read.append(1)
        return block

    lazy = da.from_array(image, chunks=(1, 40, 50)).map_blocks(count, meta=np.empty((0, 0, 0), np.uint8))
    labels, stack = napari_kmeans.segment(lazy, 3, per_axis=0)
    assert read == []
    export(tmp_path / "x.zarr", labels, model=stack)
    assert len(read) == 6  # each position once for its model, and once for its labels
    expected, same = napari_kmeans.segment(image, 3, per_axis=0)
    np.testing.assert_array_equal(levels(tmp_path / "x.zarr")[0], expected)
    kept = zarr.open_group(tmp_path / "x.zarr", mode="r").attrs["napari-kmeans"]
    assert [model["counts"] for model in kept["models"]] == [model.counts.tolist() for model in same]


def test_stacks_of_models(tmp_path: Path) -> None:
    image = np.arange(200, dtype=np.uint8).reshape(2, 10, 10)
    labels, stack = napari_kmeans.segment(image, 3, per_axis=0)
    export(tmp_path / "x.zarr", labels, model=stack)
    label = attributes(tmp_path / "x.zarr")["image-label"]
    assert [color["label-value"] for color in label["colors"]] == [1, 2, 3]
    assert "properties" not in label


@pytest.mark.parametrize(
    ("names", "axes", "order"),
    [
        ((), "tzyx", (0, 1, 2, 3)),
        (("-4", "-3", "-2", "-1"), "tzyx", (0, 1, 2, 3)),
        (("time", "z", "y", "x"), "tzyx", (0, 1, 2, 3)),
        (("Z", "C", "Y", "X"), "czyx", (1, 0, 2, 3)),
        (("y", "x", "z", "t"), "tzyx", (3, 2, 0, 1)),
        (("y", "y", "z", "t"), "tzyx", (0, 1, 2, 3)),
    ],
)
def test_export_names_axes(tmp_path: Path, names: tuple[str, ...], axes: str, order: tuple[int, ...]) -> None:
    labels = np.random.default_rng(0).integers(0, 5, (2, 3, 4, 5), dtype=np.uint8)
    # A layer may have a length as the unit of time: then nothing is known of it.
    scale, translate = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]
    export(
        tmp_path / "x.zarr",
        labels,
        axis_labels=names,
        scale=scale,
        translate=translate,
        units=["micrometer"] * 4,
    )
    check_models(tmp_path / "x.zarr", "0.5")
    multiscale = attributes(tmp_path / "x.zarr")["multiscales"][0]
    assert "".join(axis["name"] for axis in multiscale["axes"]) == axes
    np.testing.assert_array_equal(levels(tmp_path / "x.zarr")[0], labels.transpose(order))
    placed_by, moved_by = multiscale["datasets"][0]["coordinateTransformations"]
    assert placed_by["scale"] == [scale[axis] for axis in order]
    assert moved_by["translation"] == [translate[axis] for axis in order]
    assert multiscale["axes"][-1] == {"name": "x", "type": "space", "unit": "micrometer"}


def test_export_takes_the_levels_of_its_image(tmp_path: Path) -> None:
    data = make_image(tmp_path / "x.zarr", "cyx")
    labels = np.ones(data.shape[1:], np.uint8)
    scale = [SCALE["y"], SCALE["x"]]
    export(tmp_path / "a.zarr", labels, source=tmp_path / "x.zarr", scale=scale)
    assert [level.shape for level in levels(tmp_path / "a.zarr")] == [(70, 90), (35, 45), (17, 22)]
    # Whoever has changed the pixel size, or moved the layer, meant it.
    export(tmp_path / "m.zarr", labels, source=tmp_path / "x.zarr", scale=scale, translate=np.array([5, 6]))
    assert read_image(tmp_path / "m.zarr").origin == {"Y": 5.0, "X": 6.0}
    export(tmp_path / "b.zarr", labels, source=tmp_path / "x.zarr", scale=[7.0, 7.0])
    assert read_image(tmp_path / "b.zarr").pixel_size == {"Y": 7.0, "X": 7.0}
    export(tmp_path / "c.zarr", labels, source=tmp_path / "no such.zarr")
    export(tmp_path / "d.tif", labels, scale=scale, units=["micrometer"] * 2)
    assert read_image(tmp_path / "d.tif").pixel_size == pytest.approx({"Y": SCALE["y"], "X": SCALE["x"]})


@pytest.mark.parametrize(
    "labels", [np.ones(5, np.uint8), np.ones((1,) * 6, np.uint8), np.ones((5, 5), np.float32)]
)
def test_labels_that_the_format_cannot_hold(tmp_path: Path, labels: np.ndarray) -> None:
    with pytest.raises(
        ValueError, match=r"OME-Zarr supports integer labels in 2 to 5 dimensions|have 6 dimensions"
    ):
        export(tmp_path / "x.zarr", labels)
    assert names(tmp_path) == []


@pytest.mark.filterwarnings("ignore")  # of other packages, about each other
def test_napari_ome_zarr_opens_labels(tmp_path: Path) -> None:
    napari_ome_zarr = pytest.importorskip("napari_ome_zarr")
    layers = pytest.importorskip("napari.layers")
    labels, model, image = segmented(tmp_path / "a" / "b" / "x.ome.zarr", "tczyx", "0.5")
    path = tmp_path / "a" / "b" / "x-labels.ome.zarr"
    write_labels(path, labels, image, model=model)
    write_labels(tmp_path / "a/b/x.ome.zarr/labels/k-means", labels, image, model=model)
    for opened, before in [(path, set()), (tmp_path / "a/b/x.ome.zarr", {"image"})]:
        found = napari_ome_zarr.napari_get_reader(str(opened))(str(opened))
        *others, last = [kind for _, _, kind in found]
        assert (set(others), last) == (before, "labels")
        layer = layers.Layer.create(*found[-1])
        np.testing.assert_array_equal(layer.data[0], labels)
        assert layer.scale == pytest.approx([SCALE[axis] for axis in "tzyx"])
        assert layer.axis_labels == ("t", "z", "y", "x")
        assert [str(unit) for unit in layer.units] == ["second"] + 3 * ["micrometer"]
        assert list(layer.features["name"]) == ["dark", "grey", "bright"]
        column = "index" if "index" in layer.features else "label_value"  # until its 0.10, and since
        assert list(layer.features[column]) == [1, 2, 3]
        np.testing.assert_allclose(layer.get_color(1), np.array([0, 114, 178, 255]) / 255, atol=1e-6)
