from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.io.image_file import ImageFile, location
from napari_kmeans.io.images import is_store, read_image

tifffile = pytest.importorskip("tifffile")

Image = pytest.importorskip("PIL.Image")


GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
RGB = np.dstack([GRAY, GRAY[::-1], 255 - GRAY])
ALPHA = np.where(GRAY > 40, 255, 0).astype(np.uint8)


def pillow(folder: Path, picture: Any, suffix: str = ".png", **options: Any) -> ImageFile:
    path = folder / f"image{suffix}"
    picture.save(path, **options)
    return read_image(path)


def same(image: ImageFile, data: np.ndarray, axes: str, channel_axis: int | None = None) -> None:
    assert image.axes == axes
    assert image.channel_axis == channel_axis
    assert image.is_color == axes.endswith("S")
    assert image.data.dtype == data.dtype
    np.testing.assert_array_equal(image.data, data)


@pytest.mark.parametrize("data", [GRAY, GRAY.astype(np.uint16) * 257, GRAY > 100], ids=["8", "16", "1 bit"])
def test_gray_png_is_read(tmp_path: Path, data: np.ndarray) -> None:
    same(pillow(tmp_path, Image.fromarray(data)), data, "YX")


@pytest.mark.parametrize("data", [RGB, np.dstack([RGB, ALPHA])], ids=["RGB", "RGBA"])
def test_colour_png_is_read(tmp_path: Path, data: np.ndarray) -> None:
    same(pillow(tmp_path, Image.fromarray(data)), data, "YXS", 2)


def test_a_palette_becomes_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(RGB).quantize(8)
    same(pillow(tmp_path, picture), np.asarray(picture.convert("RGB")), "YXS", 2)
    transparent = pillow(tmp_path, picture, transparency=3)
    np.testing.assert_array_equal(transparent.data[..., 3] == 0, np.asarray(picture) == 3)


def test_gray_with_alpha_has_the_same_brightness(tmp_path: Path) -> None:
    image = pillow(tmp_path, Image.fromarray(np.dstack([GRAY, ALPHA])))
    same(image, np.dstack([GRAY, GRAY, GRAY, ALPHA]), "YXS", 2)
    labels, model = napari_kmeans.segment(image.data, 3, channel_axis=2)
    expected, plain = napari_kmeans.segment(GRAY, 3, mask=ALPHA)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(model.centers, plain.centers)


def test_16_bit_colour_png_warns(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    write_16_bit_rgb_png(path)
    with pytest.warns(UserWarning, match=r"deep\.png has 16 bits per colour sample; only 8 are used"):
        assert read_image(path).data.dtype == np.uint8


def write_16_bit_rgb_png(path: Path) -> None:
    """Write the file directly, because Pillow cannot."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(range(24)) for _ in range(4))
    image = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + image)


def test_jpeg_is_read(tmp_path: Path) -> None:
    same(pillow(tmp_path, Image.new("L", (30, 20), 77), ".jpg"), np.full((20, 30), 77, np.uint8), "YX")
    assert pillow(tmp_path, Image.fromarray(RGB), ".jpg").axes == "YXS"
    ink = pillow(tmp_path, Image.new("CMYK", (30, 20)), ".jpg")  # no ink at all: white
    same(ink, np.full((20, 30, 3), 255, np.uint8), "YXS", 2)


def test_the_first_of_several_pictures_is_read_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="contains 2 images; only the first is used"):
        image = pillow(
            tmp_path, Image.fromarray(GRAY), save_all=True, append_images=[Image.fromarray(255 - GRAY)]
        )
    same(image, GRAY, "YX")


def test_errors_name_the_file_and_the_reason(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.png"):
        read_image(tmp_path / "absent.png")
    for name, content, reason in [
        ("empty.tif", b"", "is empty"),
        ("text.png", b"hello", "is not a supported image"),
        ("text.tif", b"hello", "is not a supported image"),
        ("garbage.tif", b"II*\0garbage", "is a TIFF without an image"),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{path.name} {reason}"):
            read_image(path)


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg", "cut.tif", "zlib.tif"])
def test_truncated_files_are_rejected(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".tif":
        tifffile.imwrite(path, GRAY, compression="zlib" if name == "zlib.tif" else None)
    else:
        Image.fromarray(GRAY).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=rf"{name} cannot be read as an image \(.+\)$"):
        read_image(path)


def test_importing_loads_no_image_library() -> None:
    code = (
        "import sys, napari_kmeans.io.images, napari_kmeans.io.label_images, napari_kmeans.report.tables\n"
        "heavy = 'tifffile imageio PIL skimage sklearn zarr ome_zarr fsspec dask napari qtpy'.split()\n"
        "assert not set(heavy) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("at", "expected"),
    [("x.ome.zarr", True), ("x.tif", False), ("folder", False), ("https://host/x", True)],
)
def test_stores_are_recognized(at: str, expected: bool) -> None:
    assert is_store(location(at)) == expected


def test_another_series_is_read_with_its_own_metadata(tmp_path: Path) -> None:
    path = tmp_path / "two.ome.tif"
    first, second = np.zeros((4, 5), np.uint8), np.arange(2 * 6 * 7, dtype=np.uint16).reshape(2, 6, 7)
    with tifffile.TiffWriter(path, ome=True) as tiff:
        sizes = {"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
        tiff.write(first, metadata={"axes": "YX", "PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0, **sizes})
        tiff.write(second, metadata={"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, **sizes})
    image = read_image(path, series=1)  # without a warning
    np.testing.assert_array_equal(image.data, second)
    assert (image.axes, image.pixel_size["X"]) == ("ZYX", 0.5)
    np.testing.assert_array_equal(read_image(path, series=0).data, first)
    with pytest.raises(ValueError, match=r"two\.ome\.tif has no series 2: choose 0 to 1"):
        read_image(path, series=2)


def test_axes_that_a_file_states_wrongly_are_named(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (6, 7, 2, 5), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", data, photometric="minisblack")
    image = read_image(tmp_path / "x.tif", axes="xytc")
    assert image.axes == "TCYX"
    np.testing.assert_array_equal(image.data, data.transpose(2, 3, 1, 0))
    Image.fromarray(data[..., 0, 0]).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", axes="XY").data, data[..., 0, 0].T)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("YX", r"has 3 axes \(QYX, 2 × 6 × 7\), but 'YX' names 2"),
        ("TZX", "Y and X are required, and T, Z, C and S are allowed once each"),
        ("YYX", "allowed once each"),
        ("YXS", "S is for the 3 or 4 values of a colour"),
        ("QYX", "Y and X are required"),
    ],
)
def test_axes_that_do_not_fit_are_rejected(tmp_path: Path, axes: str, message: str) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((2, 6, 7), np.uint8), photometric="minisblack")
    with pytest.raises(ValueError, match=message):
        read_image(path, axes=axes)


def test_files_with_one_image_have_no_other_series(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "x.png")
    read_image(tmp_path / "x.png", series=0)
    with pytest.raises(ValueError, match="contains a single image, so there is no series 1"):
        read_image(tmp_path / "x.png", series=1)
