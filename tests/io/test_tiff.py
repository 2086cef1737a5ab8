"""TIFF: read whole or block by block."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.io import tiff as tiff_module
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.io.images import read_image

tifffile = pytest.importorskip("tifffile")

Image = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.thorough

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


@pytest.mark.parametrize("dtype", ["bool", "u1", ">u2", "i2", "u4", "f4"])
def test_gray_tiff_is_read(tmp_path: Path, dtype: str) -> None:
    data = GRAY.astype(dtype)
    image = tiff(tmp_path, data, photometric="minisblack")
    same(image, data.astype(np.dtype(dtype).newbyteorder("=")), "YX")


def test_tags_decide_what_is_a_colour(tmp_path: Path) -> None:
    same(tiff(tmp_path, RGB, photometric="rgb"), RGB, "YXS", 2)
    planar = np.moveaxis(RGB, 2, 0)
    same(tiff(tmp_path, planar, photometric="rgb", planarconfig="separate"), RGB, "YXS", 2)
    same(tiff(tmp_path, np.stack([RGB, RGB]), photometric="rgb"), np.stack([RGB, RGB]), "ZYXS", 3)
    same(tiff(tmp_path, RGB, photometric="minisblack"), RGB, "ZYX")
    same(tiff(tmp_path, GRAY[:, :3], photometric="minisblack"), GRAY[:, :3], "YX")


def test_the_tags_decide_whether_a_fourth_sample_is_alpha(tmp_path: Path) -> None:
    rgba = np.dstack([RGB, ALPHA])
    same(tiff(tmp_path, rgba, photometric="rgb", extrasamples=["unassalpha"]), rgba, "YXS", 2)
    with pytest.warns(UserWarning, match="it has 4 samples per pixel, of which only the colours are used"):
        same(tiff(tmp_path, rgba, photometric="rgb", extrasamples=["unspecified"]), RGB, "YXS", 2)
    gray_alpha = np.dstack([GRAY, ALPHA])
    expected = np.dstack([GRAY, GRAY, GRAY, ALPHA])
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    same(tiff(tmp_path, gray_alpha, extrasamples=["unassalpha"], **options), expected, "YXS", 2)
    channels = np.moveaxis(gray_alpha, 2, 0)
    same(tiff(tmp_path, gray_alpha, extrasamples=["unspecified"], **options), channels, "CYX", 0)


def test_more_bands_than_colours_and_alpha_are_read_as_channels(tmp_path: Path) -> None:
    bands = np.dstack([RGB, GRAY, ALPHA])  # such as near infrared
    options = {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]}
    with pytest.warns(
        UserWarning, match="axes with C instead of S, such as YXC, read all samples as channels"
    ):
        same(tiff(tmp_path, bands, **options), np.dstack([RGB, ALPHA]), "YXS", 2)
    same(read_image(tmp_path / "image.tif", axes="YXC"), np.moveaxis(bands, 2, 0), "CYX", 0)
    tiff(tmp_path, RGB, photometric="rgb")
    same(read_image(tmp_path / "image.tif", axes="YXC"), np.moveaxis(RGB, 2, 0), "CYX", 0)


def test_palettes_and_inverted_gray_are_converted(tmp_path: Path) -> None:
    palette = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16)
    same(
        tiff(tmp_path, GRAY, photometric="palette", colormap=palette * 257),
        palette.T.astype("u1")[GRAY],
        "YXS",
        2,
    )
    same(tiff(tmp_path, GRAY, photometric="miniswhite"), 255 - GRAY, "YX")
    # ImageJ uses palettes only to display values.
    same(tiff(tmp_path, GRAY, imagej=True, colormap=palette * 257), GRAY, "YX")


def test_pages_become_planes(tmp_path: Path) -> None:
    same(tiff(tmp_path, STACK, photometric="minisblack", metadata=None), STACK, "ZYX")
    series = np.stack([STACK, STACK])
    same(tiff(tmp_path, series, photometric="minisblack"), series, "TZYX")
    with pytest.raises(ValueError, match=r"image\.tif has axes QQQYX"):
        tiff(tmp_path, np.stack([series, series]), photometric="minisblack")


def test_an_imagej_hyperstack_is_read(tmp_path: Path) -> None:
    data = np.stack([STACK, STACK])
    metadata = {"axes": "TZYX", "spacing": 2.5, "unit": r"\u00B5m", "finterval": 3}
    image = tiff(tmp_path, data, imagej=True, resolution=(4, 5), metadata=metadata)
    same(image, data, "TZYX")
    assert image.pixel_size == pytest.approx({"T": 3, "Z": 2.5, "Y": 0.2, "X": 0.25})
    assert image.time_unit == "s"
    assert image.unit == "um"
    channels = tiff(tmp_path, data, imagej=True, metadata={"axes": "ZCYX"})
    same(channels, data, "ZCYX", 1)
    assert channels.spatial_axes == "ZYX"
    assert channels.pixel_size == {}


def test_ome_metadata_is_read(tmp_path: Path) -> None:
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
        ((72, 72), "inch", ({}, "")),  # the default of programs without a pixel size
        ((1, 1), "none", ({}, "")),
    ],
)
def test_resolution_tags_give_the_pixel_size(
    tmp_path: Path, resolution: tuple[int, int], unit: str, expected: tuple[dict[str, float], str]
) -> None:
    image = tiff(tmp_path, GRAY, resolution=resolution, resolutionunit=unit)
    assert (image.pixel_size, image.unit) == expected


def test_compressed_tiff_is_read(tmp_path: Path) -> None:
    same(tiff(tmp_path, GRAY, compression="zlib"), GRAY, "YX")
    pytest.importorskip("imagecodecs")
    same(pillow(tmp_path, Image.fromarray(GRAY), ".tif", compression="tiff_lzw"), GRAY, "YX")


def test_the_first_of_several_series_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(GRAY)
        writer.write(GRAY[:5, :5])
    with pytest.warns(UserWarning, match=r"two\.tif: it contains 2 images; only the first is used"):
        same(read_image(path), GRAY, "YX")


def test_missing_pages_give_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=None)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.warns(UserWarning, match=r"pages\.tif: .*invalid page offset"):
        assert read_image(path).data.ndim == 2


def test_other_colour_spaces_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"image\.tif has 4 samples per pixel with photometric interpretation SEPARATED"
    ):
        pillow(tmp_path, Image.new("CMYK", (4, 4)), ".tif")


LARGE = np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8)
LARGE_RGB = np.dstack([LARGE, LARGE[::-1], 255 - LARGE])
LARGE_STACK = np.stack([LARGE, LARGE[::-1], 255 - LARGE])
COLORMAP = np.random.default_rng(1).integers(0, 65536, (3, 256), dtype=np.uint16)
MICRON = {"unit": "micron", "spacing": 2.0}


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (LARGE, {}),
        (LARGE, {"rowsperstrip": 7, "compression": "lzw", "predictor": True}),
        (LARGE.astype(np.float32), {"tile": (64, 128), "compression": "zlib"}),
        (LARGE.astype(">u2"), {"byteorder": ">"}),
        (LARGE, {"photometric": "miniswhite"}),
        (LARGE, {"photometric": "palette", "colormap": COLORMAP}),
        (LARGE_RGB, {"photometric": "rgb"}),
        (np.moveaxis(LARGE_RGB, -1, 0).copy(), {"photometric": "rgb", "planarconfig": "separate"}),
        (LARGE_STACK, {"imagej": True, "metadata": {"axes": "ZYX", **MICRON}, "resolution": (4, 5)}),
        (LARGE_STACK[np.newaxis], {"ome": True, "metadata": {"axes": "TCYX"}, "photometric": "minisblack"}),
        (
            np.stack([LARGE_STACK] * 2),
            {"ome": True, "metadata": {"axes": "ZCYX"}, "photometric": "minisblack"},
        ),
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
def test_large_files_are_read_like_small_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: np.ndarray, options: dict[str, Any]
) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, data, **options)
    small = read_image(path)
    assert not small.is_lazy
    monkeypatch.setattr(tiff_module, "LAZY_BYTES", 1000)
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


def test_the_levels_of_a_pyramid_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(
            LARGE,
            subifds=1,
            tile=(64, 64),
            metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
        )
        file.write(LARGE[::2, ::2], subfiletype=1, tile=(64, 64))
    monkeypatch.setattr(tiff_module, "LAZY_BYTES", 1000)
    image = read_image(path)
    [coarse] = image.coarser
    np.testing.assert_array_equal(coarse, LARGE[::2, ::2])
    assert image.layer_keywords()["multiscale"]


def test_neighbouring_strips_and_tiles_are_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_module, "LAZY_BYTES", 1000)
    wide = np.zeros((3000, 5000), np.uint8)
    for options in ({"rowsperstrip": 1}, {"tile": (128, 256)}):
        tifffile.imwrite(tmp_path / "x.tif", wide, compression="zlib", **options)
        image = read_image(tmp_path / "x.tif")
        assert image.data.npartitions <= 24
        assert max(np.prod(chunk) for chunk in [image.data.chunksize]) <= 1 << 23


def test_a_truncated_file_is_named_with_the_missing_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.tile(LARGE, (8, 8)), tile=(256, 256), compression="zlib")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    monkeypatch.setattr(tiff_module, "LAZY_BYTES", 1000)
    image = read_image(path)
    with pytest.raises(OSError, match=r"x\.tif: the pixels \[\d+:\d+, \d+:\d+\] cannot be read"):
        napari_kmeans.fit(image.data, 2)


def test_blocks_can_be_read_by_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "x.tif", LARGE, tile=(64, 64))
    monkeypatch.setattr(tiff_module, "LAZY_BYTES", 1000)
    again = pickle.loads(pickle.dumps(read_image(tmp_path / "x.tif").data))
    np.testing.assert_array_equal(again, LARGE)
