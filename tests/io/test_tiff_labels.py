"""Labels as TIFF: for ImageJ, and large ones in tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest

from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.io import tiff_labels
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.io.images import read_image
from napari_kmeans.io.label_images import write_labels

tifffile = pytest.importorskip("tifffile")

pytestmark = pytest.mark.thorough

LARGE = np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8)
LARGE_STACK = np.stack([LARGE, LARGE[::-1], 255 - LARGE])
LABELS = np.random.default_rng(0).integers(0, 5, (3, 5, 700, 1100), dtype=np.uint8)


@pytest.mark.parametrize("axes", ["YX", "ZYX", "TYX", "TZYX"])
def test_labels_can_be_opened_in_imagej(tmp_path: Path, axes: str) -> None:
    size = {"Z": 2.0, "Y": 0.5, "X": 0.25}
    image = ImageFile(Path("cells.tif"), np.empty(0), axes, {a: size[a] for a in size if a in axes}, "um")
    labels = np.random.default_rng(0).integers(0, 4, (2, 5, 4, 3)[4 - len(axes) :], dtype=np.uint8)
    path = tmp_path / "labels.tif"
    write_labels(path, labels, image)
    with tifffile.TiffFile(path) as file:
        assert file.is_imagej
        assert file.series[0].axes == axes
        assert file.imagej_metadata["unit"] == "um"
        assert file.imagej_metadata.get("spacing") == (2.0 if "Z" in axes else None)
        assert (file.imagej_metadata["min"], file.imagej_metadata["max"]) == (0, labels.max())
        assert file.pages[0].tags["XResolution"].value == (4, 1)
        assert file.pages[0].tags["YResolution"].value == (2, 1)
        assert file.asarray().dtype == np.uint8
        np.testing.assert_array_equal(file.asarray(), labels)
    again = read_image(path)
    assert (again.axes, again.pixel_size, again.unit) == (axes, image.pixel_size, "um")
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels.tif"]


@pytest.mark.parametrize(
    ("unit", "length", "expected"), [("Å", 1.5, ("Å", 1.5)), ("m", 1e-10, ("um", 1e-4)), ("", 3.0, ("", 3.0))]
)
def test_units_are_kept(tmp_path: Path, unit: str, length: float, expected: tuple[str, float]) -> None:
    image = ImageFile(Path("x.tif"), np.empty(0), "YX", {"Y": length, "X": length}, unit)
    write_labels(tmp_path / "labels.tif", np.ones((3, 3), np.uint8), image)
    again = read_image(tmp_path / "labels.tif")
    assert (again.unit, again.pixel_size["X"]) == (expected[0], pytest.approx(expected[1]))


def test_labels_are_only_overwritten_on_request(tmp_path: Path) -> None:
    image = ImageFile(Path("x.tif"), np.empty(0), "YX")
    path = tmp_path / "labels.tif"
    write_labels(path, np.zeros((2, 2), np.uint8), image)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"labels\.tif"):
        write_labels(path, np.ones((2, 2), np.uint8), image)
    assert path.read_bytes() == before
    write_labels(path, np.ones((2, 2), np.uint8), image, overwrite=True)
    assert tifffile.imread(path).all()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, *_: object, **__: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device", str(path))

    path = tmp_path / "labels.tif"
    path.write_bytes(b"old")
    monkeypatch.setattr(tifffile, "imwrite", fail)
    with pytest.raises(OSError, match=r"labels\.tif'$"):
        write_labels(path, np.ones((2, 2), np.uint8), ImageFile(path, np.empty(0), "YX"), overwrite=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("highest", "dtype"), [(65_535, np.uint16), (65_536, np.float32), (1 << 24, np.float32)]
)
def test_object_numbers_are_stored_exactly(tmp_path: Path, highest: int, dtype: type) -> None:
    path = tmp_path / "objects.tif"
    objects = np.array([[0, 1, highest - 1, highest]], dtype=np.int32)
    write_labels(path, objects, ImageFile(path, np.empty(0), "YX"))
    with tifffile.TiffFile(path) as file:
        assert file.is_imagej
        assert file.pages[0].dtype == dtype
        np.testing.assert_array_equal(file.asarray(), objects)


def test_more_objects_than_a_tiff_can_store_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "objects.tif"
    objects = np.array([[(1 << 24) + 1]], dtype=np.int32)
    with pytest.raises(ValueError, match=r"objects\.tif cannot hold 16777217 objects"):
        write_labels(path, objects, ImageFile(path, np.empty(0), "YX"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("axes", "chunks"),
    [
        ("YX", (700, 1100)),
        ("YX", (100, 300)),
        ("YX", ((1, 650, 49), (1100,))),
        ("ZYX", (1, 512, 512)),
        ("ZYX", (3, 300, 1100)),
        ("TZYX", (2, 2, 700, 600)),
    ],
)
@pytest.mark.parametrize("held", [1 << 29, 1 << 12], ids=["planes together", "rows"])
def test_large_lazy_labels_are_written_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, axes: str, chunks: Any, held: int
) -> None:
    monkeypatch.setattr(tiff_labels, "LAZY_BYTES", 1 << 16)
    monkeypatch.setattr(tiff_labels, "_HELD_BYTES", held)
    data = LABELS[(0,) * (4 - len(axes))]
    size = {axis: length for axis, length in {"Z": 2.0, "Y": 0.5, "X": 0.25}.items() if axis in axes}
    image = ImageFile(Path("x.zarr"), data, axes, size, "um")
    path = tmp_path / "labels.tif"
    shares: list[float] = []
    write_labels(path, da.from_array(data, chunks=chunks), image, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
        assert file.series[0].axes == axes
        assert file.pages[0].is_tiled
        np.testing.assert_array_equal(file.asarray(), data)
    again = read_image(path)
    assert (again.axes, again.pixel_size, again.unit) == (axes, size, "um")


def test_each_block_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_labels, "LAZY_BYTES", 1 << 16)
    computed: list[int] = []

    def count(block: np.ndarray) -> np.ndarray:
        computed.append(1)
        return block

    cases = [((300, 400)), ((1, 650, 49), 1100), (3, 300, 1100), ((1, 3, 1), (1, 650, 49), 1100)]
    for chunks in cases:
        data = LABELS[(0,) * (4 - len(chunks))]
        computed.clear()
        labels = da.from_array(data, chunks=chunks).map_blocks(
            count, meta=np.empty((0,) * data.ndim, np.uint8)
        )
        image = ImageFile(Path("x"), data, "ZYX"[-data.ndim :])
        write_labels(tmp_path / "x.tif", labels, image, overwrite=True)
        assert len(computed) == labels.npartitions


def test_small_lazy_labels_can_be_opened_in_imagej(tmp_path: Path) -> None:
    write_labels(tmp_path / "x.tif", da.from_array(LARGE, chunks=100), ImageFile(Path("x"), LARGE, "YX"))
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        assert file.is_imagej
        assert not file.is_bigtiff
        np.testing.assert_array_equal(file.asarray(), LARGE)


def test_large_labels_in_memory_are_written_as_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_labels, "_MAX_BYTES", LARGE.nbytes - 1)
    write_labels(tmp_path / "x.tif", LARGE, ImageFile(Path("x"), LARGE, "YX"))
    objects = LARGE_STACK.astype(np.int32) * 100_000
    write_labels(tmp_path / "y.tif", objects, ImageFile(Path("x"), LARGE_STACK, "ZYX"))
    for name, labels in [("x.tif", LARGE), ("y.tif", objects)]:
        with tifffile.TiffFile(tmp_path / name) as file:
            assert file.is_bigtiff
            assert file.pages[0].dtype == labels.dtype
            np.testing.assert_array_equal(file.asarray(), labels)


@pytest.mark.parametrize("error", [Cancelled, OSError(28, "No space left on device")])
def test_a_cancelled_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(tiff_labels, "LAZY_BYTES", 1 << 16)
    path = tmp_path / "x.tif"
    path.write_bytes(b"old")
    shares: list[float] = []

    def stop(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            raise error

    labels = da.from_array(LABELS[0], chunks=(1, 300, 400))
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        write_labels(path, labels, ImageFile(path, labels, "ZYX"), overwrite=True, progress=stop)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
