"""TIFF block by block: large images are read as small ones are, many labels are written as BigTIFF."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari_kmeans.io.files import read_image, write_labels

import napari_kmeans
from napari_kmeans.blocks.loop import Cancelled
from napari_kmeans.io import tiff
from napari_kmeans.io.image_file import ImageFile

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("zarr")

import dask.array as da

pytestmark = pytest.mark.thorough

GRAY = np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8)
RGB = np.dstack([GRAY, GRAY[::-1], 255 - GRAY])
STACK = np.stack([GRAY, GRAY[::-1], 255 - GRAY])
COLORMAP = np.random.default_rng(1).integers(0, 65536, (3, 256), dtype=np.uint16)
MICRON = {"unit": "micron", "spacing": 2.0}


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (GRAY, {}),
        (GRAY, {"rowsperstrip": 7, "compression": "lzw", "predictor": True}),
        (GRAY.astype(np.float32), {"tile": (64, 128), "compression": "zlib"}),
        (GRAY.astype(">u2"), {"byteorder": ">"}),
        (GRAY, {"photometric": "miniswhite"}),
        (GRAY, {"photometric": "palette", "colormap": COLORMAP}),
        (RGB, {"photometric": "rgb"}),
        (np.moveaxis(RGB, -1, 0).copy(), {"photometric": "rgb", "planarconfig": "separate"}),
        (STACK, {"imagej": True, "metadata": {"axes": "ZYX", **MICRON}, "resolution": (4, 5)}),
        (STACK[np.newaxis], {"ome": True, "metadata": {"axes": "TCYX"}, "photometric": "minisblack"}),
        (np.stack([STACK] * 2), {"ome": True, "metadata": {"axes": "ZCYX"}, "photometric": "minisblack"}),
    ],
    ids=[
        "plain",
        "lzw",
        "tiles",
        "big endian",
        "white",
        "palette",
        "rgb",
        "planar",
        "imagej",
        "tcyx",
        "zcyx",
    ],
)
def test_large_files_are_read_as_small_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: np.ndarray, options: dict[str, Any]
) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, data, **options)
    small = read_image(path)
    assert not small.is_lazy
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1000)
    large = read_image(path)
    assert large.is_lazy
    assert large.data.dtype == small.data.dtype
    np.testing.assert_array_equal(large.data, small.data)
    for name in ("axes", "pixel_size", "unit", "channel_axis"):
        assert getattr(large, name) == getattr(small, name)
    if small.channel_axis is None or small.is_color:
        keywords = {"n_clusters": 3, "channel_axis": small.channel_axis}
        labels, model = napari_kmeans.segment(large.data, **keywords)
        expected, same = napari_kmeans.segment(small.data, **keywords)
        np.testing.assert_array_equal(model.centers, same.centers)
        np.testing.assert_array_equal(labels, expected)


def test_a_pyramid_has_its_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(
            GRAY,
            subifds=1,
            tile=(64, 64),
            metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
        )
        file.write(GRAY[::2, ::2], subfiletype=1, tile=(64, 64))
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1000)
    image = read_image(path)
    [coarse] = image.coarser
    np.testing.assert_array_equal(coarse, GRAY[::2, ::2])
    assert image.layer_keywords()["multiscale"]


def test_strips_and_tiles_are_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1000)
    wide = np.zeros((3000, 5000), np.uint8)
    for options in ({"rowsperstrip": 1}, {"tile": (128, 256)}):
        tifffile.imwrite(tmp_path / "x.tif", wide, compression="zlib", **options)
        image = read_image(tmp_path / "x.tif")
        assert image.data.npartitions <= 24
        assert max(np.prod(chunk) for chunk in [image.data.chunksize]) <= 1 << 23


def test_a_file_that_is_cut_off_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.tile(GRAY, (8, 8)), tile=(256, 256), compression="zlib")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1000)
    image = read_image(path)
    with pytest.raises(OSError, match=r"x\.tif: the pixels \[\d+:\d+, \d+:\d+\] cannot be read"):
        napari_kmeans.fit(image.data, 2)


def test_blocks_can_be_read_by_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "x.tif", GRAY, tile=(64, 64))
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1000)
    again = pickle.loads(pickle.dumps(read_image(tmp_path / "x.tif").data))
    np.testing.assert_array_equal(again, GRAY)


LABELS = np.random.default_rng(0).integers(0, 5, (3, 5, 700, 1100), dtype=np.uint8)


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
def test_labels_that_are_lazy_and_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, axes: str, chunks: Any, held: int
) -> None:
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1 << 16)
    monkeypatch.setattr(tiff, "_HELD_BYTES", held)
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
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1 << 16)
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


def test_lazy_labels_that_are_few_are_what_imagej_opens(tmp_path: Path) -> None:
    write_labels(tmp_path / "x.tif", da.from_array(GRAY, chunks=100), ImageFile(Path("x"), GRAY, "YX"))
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        assert file.is_imagej
        assert not file.is_bigtiff
        np.testing.assert_array_equal(file.asarray(), GRAY)


def test_labels_in_memory_that_a_tiff_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "_MOST_BYTES", GRAY.nbytes - 1)
    write_labels(tmp_path / "x.tif", GRAY, ImageFile(Path("x"), GRAY, "YX"))
    objects = STACK.astype(np.int32) * 100_000
    write_labels(tmp_path / "y.tif", objects, ImageFile(Path("x"), STACK, "ZYX"))
    for name, labels in [("x.tif", GRAY), ("y.tif", objects)]:
        with tifffile.TiffFile(tmp_path / name) as file:
            assert file.is_bigtiff
            assert file.pages[0].dtype == labels.dtype
            np.testing.assert_array_equal(file.asarray(), labels)


@pytest.mark.parametrize("error", [Cancelled, OSError(28, "No space left on device")])
def test_what_is_stopped_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(tiff, "LAZY_BYTES", 1 << 16)
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
