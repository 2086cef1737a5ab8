from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.io.files import ImageFile, read_image, write_labels

tifffile = pytest.importorskip("tifffile")
Image = pytest.importorskip("PIL.Image")

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
RGB = np.dstack([GRAY, GRAY[::-1], 255 - GRAY])
STACK = np.stack([GRAY, GRAY[::-1], 255 - GRAY])
ALPHA = np.where(GRAY > 40, 255, 0).astype(np.uint8)


def tiff(folder: Path, data: np.ndarray, **options: Any) -> ImageFile:
    path = folder / "image.tif"
    tifffile.imwrite(path, data, **options)
    return read_image(path)


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


# PNG and JPEG


@pytest.mark.parametrize("data", [GRAY, GRAY.astype(np.uint16) * 257, GRAY > 100], ids=["8", "16", "1 bit"])
def test_gray_png(tmp_path: Path, data: np.ndarray) -> None:
    same(pillow(tmp_path, Image.fromarray(data)), data, "YX")


@pytest.mark.parametrize("data", [RGB, np.dstack([RGB, ALPHA])], ids=["RGB", "RGBA"])
def test_color_png(tmp_path: Path, data: np.ndarray) -> None:
    same(pillow(tmp_path, Image.fromarray(data)), data, "YXS", 2)


def test_palette_png(tmp_path: Path) -> None:
    picture = Image.fromarray(RGB).quantize(8)
    same(pillow(tmp_path, picture), np.asarray(picture.convert("RGB")), "YXS", 2)
    transparent = pillow(tmp_path, picture, transparency=3)
    np.testing.assert_array_equal(transparent.data[..., 3] == 0, np.asarray(picture) == 3)


def test_gray_with_alpha_is_as_bright_as_without(tmp_path: Path) -> None:
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
    """Pillow writes none."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(range(24)) for _ in range(4))
    image = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + image)


def test_jpeg(tmp_path: Path) -> None:
    same(pillow(tmp_path, Image.new("L", (30, 20), 77), ".jpg"), np.full((20, 30), 77, np.uint8), "YX")
    assert pillow(tmp_path, Image.fromarray(RGB), ".jpg").axes == "YXS"
    ink = pillow(tmp_path, Image.new("CMYK", (30, 20)), ".jpg")  # no ink at all: white
    same(ink, np.full((20, 30, 3), 255, np.uint8), "YXS", 2)


def test_only_the_first_of_several_pictures(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="contains 2 images; only the first is used"):
        image = pillow(
            tmp_path, Image.fromarray(GRAY), save_all=True, append_images=[Image.fromarray(255 - GRAY)]
        )
    same(image, GRAY, "YX")


# TIFF


@pytest.mark.parametrize("dtype", ["bool", "u1", ">u2", "i2", "u4", "f4"])
def test_gray_tiff(tmp_path: Path, dtype: str) -> None:
    data = GRAY.astype(dtype)
    image = tiff(tmp_path, data, photometric="minisblack")
    same(image, data.astype(np.dtype(dtype).newbyteorder("=")), "YX")


def test_colour_is_told_by_tags_not_by_size(tmp_path: Path) -> None:
    same(tiff(tmp_path, RGB, photometric="rgb"), RGB, "YXS", 2)
    planar = np.moveaxis(RGB, 2, 0)
    same(tiff(tmp_path, planar, photometric="rgb", planarconfig="separate"), RGB, "YXS", 2)
    same(tiff(tmp_path, np.stack([RGB, RGB]), photometric="rgb"), np.stack([RGB, RGB]), "ZYXS", 3)
    same(tiff(tmp_path, RGB, photometric="minisblack"), RGB, "ZYX")
    same(tiff(tmp_path, GRAY[:, :3], photometric="minisblack"), GRAY[:, :3], "YX")


def test_fourth_sample_is_alpha_only_if_it_says_so(tmp_path: Path) -> None:
    rgba = np.dstack([RGB, ALPHA])
    same(tiff(tmp_path, rgba, photometric="rgb", extrasamples=["unassalpha"]), rgba, "YXS", 2)
    same(tiff(tmp_path, rgba, photometric="rgb", extrasamples=["unspecified"]), RGB, "YXS", 2)
    gray_alpha = np.dstack([GRAY, ALPHA])
    expected = np.dstack([GRAY, GRAY, GRAY, ALPHA])
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    same(tiff(tmp_path, gray_alpha, extrasamples=["unassalpha"], **options), expected, "YXS", 2)
    channels = np.moveaxis(gray_alpha, 2, 0)
    same(tiff(tmp_path, gray_alpha, extrasamples=["unspecified"], **options), channels, "CYX", 0)


def test_palette_and_white_is_zero_tiff(tmp_path: Path) -> None:
    palette = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16)
    same(
        tiff(tmp_path, GRAY, photometric="palette", colormap=palette * 257),
        palette.T.astype("u1")[GRAY],
        "YXS",
        2,
    )
    same(tiff(tmp_path, GRAY, photometric="miniswhite"), 255 - GRAY, "YX")
    # To ImageJ, a palette is only a way to look at the values.
    same(tiff(tmp_path, GRAY, imagej=True, colormap=palette * 257), GRAY, "YX")


def test_pages_are_planes(tmp_path: Path) -> None:
    same(tiff(tmp_path, STACK, photometric="minisblack", metadata=None), STACK, "ZYX")
    series = np.stack([STACK, STACK])
    same(tiff(tmp_path, series, photometric="minisblack"), series, "TZYX")
    with pytest.raises(ValueError, match=r"image\.tif has axes QQQYX"):
        tiff(tmp_path, np.stack([series, series]), photometric="minisblack")


def test_imagej_hyperstack(tmp_path: Path) -> None:
    data = np.stack([STACK, STACK])
    metadata = {"axes": "TZYX", "spacing": 2.5, "unit": r"\u00B5m", "finterval": 3}
    image = tiff(tmp_path, data, imagej=True, resolution=(4, 5), metadata=metadata)
    same(image, data, "TZYX")
    assert image.pixel_size == pytest.approx({"Z": 2.5, "Y": 0.2, "X": 0.25})
    assert image.unit == "um"
    channels = tiff(tmp_path, data, imagej=True, metadata={"axes": "ZCYX"})
    same(channels, data, "ZCYX", 1)
    assert channels.spatial_axes == "ZYX"
    assert channels.pixel_size == {}


def test_ome(tmp_path: Path) -> None:
    data = np.stack([STACK, STACK])
    sizes = {"PhysicalSizeZ": 2, "PhysicalSizeY": 0.5, "PhysicalSizeX": 500, "PhysicalSizeXUnit": "nm"}
    image = tiff(tmp_path, data, ome=True, photometric="minisblack", metadata={"axes": "CZYX", **sizes})
    same(image, np.moveaxis(data, 0, 1), "ZCYX", 1)
    assert image.pixel_size == pytest.approx({"Z": 2, "Y": 0.5, "X": 0.5})
    assert image.unit == "um"
    same(tiff(tmp_path, RGB, ome=True, photometric="rgb"), RGB, "YXS", 2)


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        ((300, 300), "inch", ({"Y": 1 / 300, "X": 1 / 300}, "inch")),
        ((20_000, 10_000), "centimeter", ({"Y": 1e-4, "X": 5e-5}, "cm")),
        ((72, 72), "inch", ({}, "")),  # what programs write that know nothing
        ((1, 1), "none", ({}, "")),
    ],
)
def test_resolution_tags(
    tmp_path: Path, resolution: tuple[int, int], unit: str, expected: tuple[dict[str, float], str]
) -> None:
    image = tiff(tmp_path, GRAY, resolution=resolution, resolutionunit=unit)
    assert (image.pixel_size, image.unit) == expected


def test_compressed_tiff(tmp_path: Path) -> None:
    same(tiff(tmp_path, GRAY, compression="zlib"), GRAY, "YX")
    pytest.importorskip("imagecodecs")
    same(pillow(tmp_path, Image.fromarray(GRAY), ".tif", compression="tiff_lzw"), GRAY, "YX")


def test_only_the_first_of_several_series(tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(GRAY)
        writer.write(GRAY[:5, :5])
    with pytest.warns(UserWarning, match=r"two\.tif: it contains 2 images; only the first is used"):
        same(read_image(path), GRAY, "YX")


# What cannot be read


def test_errors_are_sentences_about_the_file(tmp_path: Path) -> None:
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
def test_cut_off_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".tif":
        tifffile.imwrite(path, GRAY, compression="zlib" if name == "zlib.tif" else None)
    else:
        Image.fromarray(GRAY).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=rf"{name} cannot be read as an image \(.+\)$"):
        read_image(path)


def test_missing_pages_are_told(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=None)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.warns(UserWarning, match=r"pages\.tif: .*invalid page offset"):
        assert read_image(path).data.ndim == 2


def test_other_colours_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"image\.tif has 4 samples per pixel of the kind SEPARATED"):
        pillow(tmp_path, Image.new("CMYK", (4, 4)), ".tif")


# Label images


@pytest.mark.parametrize("axes", ["YX", "ZYX", "TYX", "TZYX"])
def test_imagej_reads_labels(tmp_path: Path, axes: str) -> None:
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
def test_units_survive(tmp_path: Path, unit: str, length: float, expected: tuple[str, float]) -> None:
    image = ImageFile(Path("x.tif"), np.empty(0), "YX", {"Y": length, "X": length}, unit)
    write_labels(tmp_path / "labels.tif", np.ones((3, 3), np.uint8), image)
    again = read_image(tmp_path / "labels.tif")
    assert (again.unit, again.pixel_size["X"]) == (expected[0], pytest.approx(expected[1]))


def test_labels_are_not_overwritten_unless_told(tmp_path: Path) -> None:
    image = ImageFile(Path("x.tif"), np.empty(0), "YX")
    path = tmp_path / "labels.tif"
    write_labels(path, np.zeros((2, 2), np.uint8), image)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"labels\.tif"):
        write_labels(path, np.ones((2, 2), np.uint8), image)
    assert path.read_bytes() == before
    write_labels(path, np.ones((2, 2), np.uint8), image, overwrite=True)
    assert tifffile.imread(path).all()


def test_failed_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_layer_keywords() -> None:
    stack = ImageFile(Path("a/cells.ome.tif"), np.empty(0), "TZYXS", {"Z": 2, "Y": 0.5, "X": 0.5}, "um")
    assert stack.layer_keywords() == {
        "name": "cells",
        "rgb": True,
        "scale": (1.0, 2, 0.5, 0.5),
        "units": ("pixel", "um", "um", "um"),
        "axis_labels": ("t", "z", "y", "x"),
    }
    assert "units" not in ImageFile(Path("x.png"), np.empty(0), "YX").layer_keywords()


def test_importing_reads_no_library() -> None:
    code = (
        "import sys, napari_kmeans.io.files, napari_kmeans.report.tables\n"
        "heavy = 'tifffile imageio PIL skimage sklearn zarr ome_zarr fsspec dask napari qtpy'.split()\n"
        "assert not set(heavy) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("highest", "dtype"), [(65_535, np.uint16), (65_536, np.float32), (1 << 24, np.float32)]
)
def test_numbers_of_objects_are_kept_to_the_last(tmp_path: Path, highest: int, dtype: type) -> None:
    path = tmp_path / "objects.tif"
    objects = np.array([[0, 1, highest - 1, highest]], dtype=np.int32)
    write_labels(path, objects, ImageFile(path, np.empty(0), "YX"))
    with tifffile.TiffFile(path) as file:
        assert file.is_imagej
        assert file.pages[0].dtype == dtype
        np.testing.assert_array_equal(file.asarray(), objects)


def test_more_objects_than_a_file_can_tell_apart(tmp_path: Path) -> None:
    path = tmp_path / "objects.tif"
    objects = np.array([[(1 << 24) + 1]], dtype=np.int32)
    with pytest.raises(ValueError, match=r"objects\.tif cannot hold 16777217 objects"):
        write_labels(path, objects, ImageFile(path, np.empty(0), "YX"))
    assert list(tmp_path.iterdir()) == []
