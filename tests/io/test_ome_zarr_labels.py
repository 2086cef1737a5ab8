"""OME-Zarr labels: readable by other implementations, and never left incomplete."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr

import napari_kmeans
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.io.images import read_image
from napari_kmeans.io.label_images import export, write_labels
from napari_kmeans.report.label_metadata import model_metadata

MakeImage = Callable[..., np.ndarray]

pytest.importorskip("ome_zarr")
yaozarrs = pytest.importorskip("yaozarrs")

import ome_zarr_models.v04
import ome_zarr_models.v05
from ome_zarr import writer
from ome_zarr.format import format_from_version

pytestmark = pytest.mark.thorough

VERSIONS = ("0.4", "0.5")
SCALE = {"t": 0.5, "c": 1.0, "z": 2.0, "y": 0.25, "x": 0.2}


def attributes(path: Path) -> dict[str, Any]:
    found = zarr.open_group(path, mode="r").attrs.asdict()
    return found.get("ome", found)


def levels(path: Path) -> list[np.ndarray]:
    group = zarr.open_group(path, mode="r")
    return [group[level["path"]][:] for level in attributes(path)["multiscales"][0]["datasets"]]


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def segmented(make_image: MakeImage, path: Path, axes: str, version: str) -> tuple[Any, Any, ImageFile]:
    make_image(path, axes, version)
    image = read_image(path)
    if "c" in axes:
        image = image.channel("1")
    labels, model = napari_kmeans.segment(image.data, 3)
    return labels, model.with_names(["dark", "grey", "bright"]), image


def check_models(path: Path, version: str) -> None:
    """Check a label image with two other implementations of the format."""
    yaozarrs.validate_zarr_store(path)
    models = ome_zarr_models.v04 if version == "0.4" else ome_zarr_models.v05
    models.ImageLabel.from_zarr(zarr.open_group(path, mode="r"))


CHUNKS = [
    (64, 64),
    (1024, 1024),
    (2000, 300),
    ((700, 100, 900, 300), (1, 1999)),
    ((2000,), (150,) * 13 + (50,)),
    ((5,) * 400, (2000,)),
]


def consolidate(path: Path) -> None:

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(path)


def make_big(path: Path, shape: tuple[int, ...]) -> None:
    """An image in the older version of the format, with one level and without pixels."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("0", shape=shape, dtype=np.uint8, chunks=(512, 512))
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}]
    writer.write_multiscales_metadata(group, datasets, fmt=format_from_version("0.4"), axes=["y", "x"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axes", ["yx", "zyx", "tzyx", "tczyx"])
def test_labels_are_written_to_a_separate_store(
    tmp_path: Path, axes: str, version: str, make_image: MakeImage
) -> None:
    labels, model, image = segmented(make_image, tmp_path / "in" / "x.ome.zarr", axes, version)
    path = tmp_path / "x-labels.ome.zarr"
    shares: list[float] = []
    write_labels(path, labels, image, metadata=model_metadata(model), progress=shares.append)
    check_models(path, version)
    assert names(tmp_path) == ["in", "x-labels.ome.zarr"]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    stored = levels(path)
    np.testing.assert_array_equal(stored[0], model.predict(image.data.compute()))
    assert [level.shape for level in stored] == [image.data.shape, *(level.shape for level in image.coarser)]
    again = read_image(path)
    assert (again.axes, again.pixel_size, again.unit) == (image.axes, image.pixel_size, image.unit)
    # The levels are at the positions of those of the image.
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
    assert kept["clustering"]["thresholds"] == model.thresholds.tolist()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("consolidated", [False, True])
def test_labels_are_written_inside_the_image(
    tmp_path: Path, version: str, consolidated: bool, make_image: MakeImage
) -> None:
    host = tmp_path / "x.ome.zarr"
    labels, model, image = segmented(make_image, host, "czyx", version)
    if consolidated:
        consolidate(host)
    for name in ("k-means", "again"):
        write_labels(host / "labels" / name, labels, image, metadata=model_metadata(model))
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


def test_labels_of_another_image_are_rejected(tmp_path: Path, make_image: MakeImage) -> None:
    make_image(tmp_path / "x.zarr", "yx")
    with pytest.raises(ValueError, match=r"x\.zarr is not the image of these labels"):
        export(tmp_path / "x.zarr" / "labels" / "a", np.ones((5, 5), np.uint8))
    assert "labels" not in names(tmp_path / "x.zarr")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint64])
@pytest.mark.parametrize("shape", [(700, 1800), (3, 513, 1025), (2, 1, 600, 40)])
def test_coarser_levels_contain_the_nearest_labels(
    tmp_path: Path, shape: tuple[int, ...], dtype: type
) -> None:
    # The labels are the indices along one axis, for each axis in turn.
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
            if dtype is not np.uint8:  # uint8 cannot hold every index
                assert np.abs(found - middles).max() <= factor / 2
                assert (np.diff(found, axis=-1) > 0).all()
            assert steps[1]["translation"][axis] == pytest.approx((factor - 1) / 2 * 3)


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_labels_do_not_depend_on_chunks_and_are_computed_once(
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


def test_merged_clusters_share_a_colour_and_background_has_none(tmp_path: Path) -> None:
    image = np.arange(100, dtype=np.uint8).reshape(10, 10)
    model = napari_kmeans.fit(image, 5)
    model = model.merged([[2, 4]]).with_background([1])
    export(tmp_path / "x.zarr", model.predict(image), metadata=model_metadata(model))
    label = attributes(tmp_path / "x.zarr")["image-label"]
    assert [color["label-value"] for color in label["colors"]] == [2, 3, 5]
    assert [known["label-value"] for known in label["properties"]] == [2, 3, 5]


def test_counts_are_those_of_the_written_labels(tmp_path: Path) -> None:
    # The model was fitted to another image, and the labels were changed afterwards.
    model = napari_kmeans.fit(np.arange(100, dtype=np.uint8), 3)
    labels = np.repeat(np.array([0, 1, 1, 3], np.uint8), 10).reshape(8, 5)
    export(tmp_path / "x.zarr", labels, metadata=model_metadata(model))
    properties = attributes(tmp_path / "x.zarr")["image-label"]["properties"]
    assert [known["pixels"] for known in properties] == [20, 0, 10]
    assert [known["share"] for known in properties] == pytest.approx([2 / 3, 0, 1 / 3])


def test_models_of_a_lazy_stack_are_computed_while_it_is_written(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 200, (3, 40, 50), dtype=np.uint8)
    read: list[int] = []

    def count(block: np.ndarray) -> np.ndarray:
        read.append(1)
        return block

    lazy = da.from_array(image, chunks=(1, 40, 50)).map_blocks(count, meta=np.empty((0, 0, 0), np.uint8))
    labels, stack = napari_kmeans.segment(lazy, 3, per_axis=0)
    assert read == []
    export(tmp_path / "x.zarr", labels, metadata=model_metadata(stack))
    assert len(read) == 6  # each position once for its model and once for its labels
    expected, same = napari_kmeans.segment(image, 3, per_axis=0)
    np.testing.assert_array_equal(levels(tmp_path / "x.zarr")[0], expected)
    kept = zarr.open_group(tmp_path / "x.zarr", mode="r").attrs["napari-kmeans"]
    assert [model["clustering"]["counts"] for model in kept["models"]] == [
        model.counts.tolist() for model in same
    ]


def test_labels_of_a_stack_have_colours_but_no_properties(tmp_path: Path) -> None:
    image = np.arange(200, dtype=np.uint8).reshape(2, 10, 10)
    labels, stack = napari_kmeans.segment(image, 3, per_axis=0)
    export(tmp_path / "x.zarr", labels, metadata=model_metadata(stack))
    label = attributes(tmp_path / "x.zarr")["image-label"]
    assert [color["label-value"] for color in label["colors"]] == [1, 2, 3]
    assert "properties" not in label


@pytest.mark.filterwarnings("ignore")  # warnings of other packages about each other
def test_napari_ome_zarr_opens_labels(tmp_path: Path, make_image: MakeImage) -> None:
    napari_ome_zarr = pytest.importorskip("napari_ome_zarr")
    layers = pytest.importorskip("napari.layers")
    labels, model, image = segmented(make_image, tmp_path / "a" / "b" / "x.ome.zarr", "tczyx", "0.5")
    path = tmp_path / "a" / "b" / "x-labels.ome.zarr"
    write_labels(path, labels, image, metadata=model_metadata(model))
    write_labels(tmp_path / "a/b/x.ome.zarr/labels/k-means", labels, image, metadata=model_metadata(model))
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
        column = "index" if "index" in layer.features else "label_value"  # before and after version 0.10
        assert list(layer.features[column]) == [1, 2, 3]
        np.testing.assert_allclose(layer.get_color(1), np.array([0, 114, 178, 255]) / 255, atol=1e-6)


pytestmark = pytest.mark.thorough

OLD = np.full((600, 1200), 7, np.uint8)
NEW = np.random.default_rng(0).integers(0, 5, (600, 1200), dtype=np.uint8)


def lazily(data: np.ndarray = NEW) -> Any:
    return da.from_array(data, chunks=(200, 300))


@pytest.fixture(params=["nothing", "old"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, bytes]:
    """Return the initial content of the folder: nothing or an older result."""
    if request.param == "old":
        export(tmp_path / "x.zarr", OLD)
    return content(tmp_path)


def content(folder: Path) -> dict[str, bytes]:
    """Return the content of all files in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def check_next_run(path: Path) -> None:
    export(path, lazily(), overwrite=True)
    np.testing.assert_array_equal(zarr.open_group(path, mode="r")["0"][:], NEW)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_an_error_in_a_block_leaves_the_old_labels(tmp_path: Path, before: dict[str, bytes]) -> None:
    def fail_late(block: np.ndarray, block_info: Any = None) -> np.ndarray:
        if block_info[0]["chunk-location"] == (2, 1):
            raise OSError("the disk of the image is gone")
        return block

    labels = lazily().map_blocks(fail_late, meta=np.empty((0, 0), np.uint8))
    with pytest.raises(OSError, match="the disk of the image is gone"):
        export(tmp_path / "x.zarr", labels, overwrite=True)
    assert content(tmp_path) == before
    check_next_run(tmp_path / "x.zarr")


def test_a_cancel_at_any_stage_leaves_the_old_labels(tmp_path: Path, before: dict[str, bytes]) -> None:
    calls: list[float] = []
    export(tmp_path / "all.zarr", lazily(), progress=calls.append)
    shutil.rmtree(tmp_path / "all.zarr")
    assert len(calls) > 12  # the blocks of the first level, and those of others
    for last in range(1, len(calls) + 1):
        seen: list[float] = []

        def stop(share: float, seen: list[float] = seen, last: int = last) -> None:
            seen.append(share)
            if len(seen) == last:
                raise Cancelled

        with pytest.raises(Cancelled):
            export(tmp_path / "x.zarr", lazily(), overwrite=True, progress=stop)
        assert len(seen) == last
        assert content(tmp_path) == before
    check_next_run(tmp_path / "x.zarr")


def test_threads_write_nothing_after_a_cancel(tmp_path: Path) -> None:
    running: set[int] = set()

    def work(block: np.ndarray) -> np.ndarray:
        running.add(threading.get_ident())
        block = block + np.uint8(0)
        running.discard(threading.get_ident())
        return block

    def stop(share: float) -> None:
        raise Cancelled

    labels = lazily().map_blocks(work, meta=np.empty((0, 0), np.uint8))
    with pytest.raises(Cancelled):
        export(tmp_path / "x.zarr", labels, progress=stop)
    assert running == set()
    assert content(tmp_path) == {}


def test_a_cancel_leaves_the_image_of_the_labels_unchanged(tmp_path: Path) -> None:
    export(tmp_path / "image.zarr", NEW)
    before = content(tmp_path)

    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        export(tmp_path / "image.zarr/labels/a", NEW, source=tmp_path / "image.zarr", progress=stop)
    assert content(tmp_path) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("needs root to mount a small disk")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_the_old_labels(small_disk: Path) -> None:
    path = small_disk / "x.zarr"
    export(path, OLD)
    before = content(small_disk)
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000), dtype=np.uint8)
    with pytest.raises(OSError, match="No space left") as caught:
        export(path, noise, overwrite=True)
    assert caught.value.errno == errno.ENOSPC
    assert ".partial" not in str(caught.value)
    assert content(small_disk) == before
    check_next_run(path)


def test_an_error_at_any_write_leaves_the_old_labels(
    tmp_path: Path, before: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zarr.storage import LocalStore

    left = [0]

    def limited(write: Any) -> Any:
        async def write_while_there_is_room(self: Any, key: str, value: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.root / key))
            await write(self, key, value)

        return write_while_there_is_room

    for name in ("set", "set_if_not_exists"):
        monkeypatch.setattr(LocalStore, name, limited(getattr(LocalStore, name)))
    for room in range(25):
        left[0] = room
        with pytest.raises(OSError, match="No space left") as caught:
            export(tmp_path / "x.zarr", lazily(), overwrite=True)
        assert caught.value.errno == errno.ENOSPC
        assert ".partial" not in str(caught.value)
        assert content(tmp_path) == before
    monkeypatch.undo()
    check_next_run(tmp_path / "x.zarr")


_KILLED = """
import sys
import dask.array as da, numpy as np
from napari_kmeans.io.label_images import export

def wait(block, block_info=None):
    if block_info[0]["chunk-location"] == (2, 1):
        print("half of it is written", flush=True)
        sys.stdin.read()  # until this process is killed
    return block

labels = da.from_array(np.ones((600, 1200), np.uint8), chunks=(200, 300))
export(__import__("pathlib").Path(sys.argv[1]), labels.map_blocks(wait, meta=labels._meta), overwrite=True)
"""


def half_way(path: Path) -> subprocess.Popen[str]:
    """A process that has written half of its labels and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half of it is written\n"
    return process


def test_a_killed_process_leaves_the_old_labels(tmp_path: Path, before: dict[str, bytes]) -> None:
    with half_way(tmp_path / "x.zarr") as process:
        process.kill()
        process.communicate()
    # Leftovers have a recognizable name and are not an image.
    found = content(tmp_path)
    left = {name for name in found if name.split(os.sep)[0].startswith(".x.zarr.")}
    assert {name: found[name] for name in found.keys() - left} == before
    # Files of chunks that zarr was writing have this suffix, too.
    [partial] = {tmp_path / top for name in left if (top := name.split(os.sep)[0]).endswith(".partial")}
    assert any((partial / "0").rglob("*"))
    assert "ome" not in zarr.open_group(partial, mode="r").attrs
    check_next_run(tmp_path / "x.zarr")


def test_labels_written_by_another_process_are_left_alone(tmp_path: Path) -> None:
    with half_way(tmp_path / "x.zarr") as process:
        [partial] = tmp_path.glob(".x.zarr.*.partial")
        held = content(partial)
        assert held
        export(tmp_path / "x.zarr", lazily())
        assert held.items() <= content(partial).items()  # the other threads of that process continue
        process.communicate("")  # it continues and finishes last
    assert process.returncode == 0
    assert (zarr.open_group(tmp_path / "x.zarr", mode="r")["0"][:] == 1).all()
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zarr"]


def test_only_label_images_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.zarr").mkdir()
    (tmp_path / "notes.zarr" / "precious.txt").write_text("mine")
    zarr.create_array(tmp_path / "array.zarr", shape=(3,), dtype=np.uint8)
    zarr.open_group(tmp_path / "group.zarr", mode="w")
    (tmp_path / "file.zarr").write_text("mine")
    before = content(tmp_path)
    for name in ("notes", "array", "group", "file"):
        with pytest.raises(ValueError, match=rf"{name}\.zarr is not a label image, so it is not replaced"):
            export(tmp_path / f"{name}.zarr", NEW, overwrite=True)
        with pytest.raises(FileExistsError):
            export(tmp_path / f"{name}.zarr", NEW)
    assert content(tmp_path) == before
