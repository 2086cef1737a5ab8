from __future__ import annotations

import os
import re
import struct
import sys
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest

from napari_kmeans.io.images import read_image

tifffile = pytest.importorskip("tifffile")
Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)

_ORIENTATION = 0x112


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line in a folder; return its exit status and standard error."""
    pytest.importorskip("typer")
    from napari_kmeans.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*args: Any) -> tuple[int, str]:
        status = main(list(map(str, args)))
        return status, capsys.readouterr().err

    return run


# Files that are not regular files


needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="named pipes, links without special rights")


@needs_posix
def test_a_loop_of_links_gives_an_error(tmp_path: Path, run: Any) -> None:
    (tmp_path / "a.png").symlink_to("b.png")
    (tmp_path / "b.png").symlink_to("a.png")
    with pytest.raises(OSError, match=r"a\.png"):
        read_image(tmp_path / "a.png")
    status, err = run("segment", "a.png", "-k", 2, "-o", "out")
    assert status == 1
    assert err == f"napari-kmeans: a.png: {os.strerror(40 if sys.platform == 'linux' else 62)}\n"


@needs_posix
@pytest.mark.timeout(30)
def test_a_named_pipe_is_rejected(tmp_path: Path, run: Any) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(
        ValueError, match=r"pipe\.png is a named pipe; only regular files and folders can be read$"
    ):
        read_image(tmp_path / "pipe.png")
    status, err = run("segment", "pipe.png", "-k", 2, "-o", "out")
    assert (status, err.count("\n")) == (1, 1)
    assert "pipe.png is a named pipe" in err


@needs_posix
def test_a_device_is_rejected() -> None:
    with pytest.raises(ValueError, match="/dev/null is a device; only regular files and folders can be read"):
        read_image(Path("/dev/null"))


# Other formats


def dicom(preamble: bytes) -> bytes:
    return preamble.ljust(128, b"\0") + b"DICM" + b"\2\0\0\0UL\4\0" + bytes(200)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (dicom(b""), "DICOM"),
        (dicom(b"II*\0\x54\x18\x08\0"), "DICOM"),  # begins like a TIFF, as CT_small.dcm of pydicom
        (dicom(b"II*\0\x08\0\0\0"), "DICOM"),
        (dicom(b"MM\0*" + struct.pack(">I", 128)), "DICOM"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"ZISRAWFILE" + bytes(100), "CZI"),
        (b"\x1f\x8b\x08" + bytes(100), "gzip"),
    ],
)
def test_other_formats_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, name: str
) -> None:
    for package in ("SimpleITK", "bioio_czi"):
        monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / "image.tif"
    path.write_bytes(content)
    remedy = (
        "needs other packages: pip install 'napari-kmeans[formats]'"
        if name in ("DICOM", "CZI")
        else "is not supported; convert it to OME-Zarr or TIFF"
    )
    message = rf"image\.tif is a {name} file, which {re.escape(remedy)}$"
    with pytest.raises(ValueError, match=message):
        read_image(path)


def test_a_tiff_that_is_also_dicom_is_read(tmp_path: Path) -> None:
    height, width = GRAY.shape
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 300, 277: 1, 278: height, 279: GRAY.size}
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()) + bytes(4)
    head = struct.pack("<2sHI", b"II", 42, 132).ljust(128, b"\0") + b"DICM" + directory
    (tmp_path / "dual.tif").write_bytes(head.ljust(300, b"\0") + GRAY.tobytes())
    np.testing.assert_array_equal(read_image(tmp_path / "dual.tif").data, GRAY)


# EXIF


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, GRAY),
        (2, GRAY[:, ::-1]),
        (3, GRAY[::-1, ::-1]),
        (4, GRAY[::-1]),
        (5, GRAY.T),
        (6, np.rot90(GRAY, -1)),
        (7, GRAY[::-1, ::-1].T),
        (8, np.rot90(GRAY)),
    ],
)
@pytest.mark.parametrize("color", [False, True])
def test_pictures_are_turned_upright(
    tmp_path: Path, orientation: int, turned: np.ndarray, color: bool
) -> None:
    data = np.dstack([GRAY, 255 - GRAY, GRAY]) if color else GRAY
    expected = np.dstack([turned, 255 - turned, turned]) if color else turned
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    Image.fromarray(data).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png").data, expected)
    Image.fromarray(data).save(tmp_path / "x.jpg", exif=exif, quality=100, subsampling=0)
    image = read_image(tmp_path / "x.jpg")
    assert image.data.shape == expected.shape
    assert np.abs(image.data.astype(int) - expected).mean() < 4


# Missing pixels of a GeoTIFF


@pytest.mark.parametrize(
    ("dtype", "text", "expected"),
    [
        ("f4", "-9999", -9999.0),
        ("f4", "-3.40282346638529e+38", float(np.finfo(np.float32).min)),
        ("f4", "0.1", float(np.float32(0.1))),
        ("f8", "-1.7976931348623157e+308", np.finfo(np.float64).min),
        ("f4", "-1.7976931348623157e+308", None),
        ("f4", "nan", None),
        ("f8", "inf", None),
        ("i2", "-32768", -32768),
        ("u2", "65535 ", 65535),
        ("u2", "7.0", 7),
        ("u1", "-9999", None),
        ("u1", "0.5", None),
        ("u1", "none", None),
        ("f4", "-0,5", -0.5),
        ("bool", "1", 1),
    ],
)
def test_nodata_of_a_geotiff_is_read(tmp_path: Path, dtype: str, text: str, expected: float | None) -> None:
    data = np.zeros((4, 5), dtype)
    tags = [(42113, 2, len(text) + 1, text, True)]
    tifffile.imwrite(tmp_path / "x.tif", data, extratags=tags, photometric="minisblack")
    image = read_image(tmp_path / "x.tif")
    assert image.nodata == expected
    if expected is not None:
        assert data.dtype.type(image.nodata) == expected
    tifffile.imwrite(tmp_path / "plain.tif", data, photometric="minisblack")
    assert read_image(tmp_path / "plain.tif").nodata is None


def test_nodata_belongs_to_the_stored_values(tmp_path: Path) -> None:
    tags = [(42113, 2, 2, "0", True)]
    tifffile.imwrite(tmp_path / "x.tif", GRAY, extratags=tags, photometric="miniswhite")
    assert read_image(tmp_path / "x.tif").nodata is None
    stack = np.stack([GRAY, GRAY, GRAY])
    tifffile.imwrite(tmp_path / "x.tif", stack, extratags=tags, ome=True, metadata={"axes": "CYX"})
    assert read_image(tmp_path / "x.tif").channel("1").nodata == 0


@pytest.mark.parametrize("lazy", [False, True])
def test_the_command_line_excludes_nodata(
    tmp_path: Path, run: Any, lazy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lazy:
        monkeypatch.setattr("napari_kmeans.io.tiff.LAZY_BYTES", 10)
    data = GRAY.astype(np.float32)
    data[3:9, 4:12] = -9999
    tags = [(42113, 2, 6, "-9999", True)]
    tifffile.imwrite(tmp_path / "x.tif", data, extratags=tags, photometric="minisblack")
    assert isinstance(read_image(tmp_path / "x.tif").data, da.Array) == lazy
    assert run("segment", "x.tif", "-k", 2, "-o", "out") == (0, "")
    labels = tifffile.imread(tmp_path / "out" / "x-labels.tif")
    np.testing.assert_array_equal(labels == 0, data == -9999)
    assert run("segment", "x.tif", "-k", 2, "-o", "out", "--overwrite", "--exclude", -9999) == (0, "")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "x-labels.tif"), labels)
