"""The fault table on the command line, and faults of files."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fault_table import ROWS, K, Row, gray

import napari_kmeans

pytest.importorskip("typer")
tifffile = pytest.importorskip("tifffile")
from napari_kmeans.cli import main


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line in a folder; return its status and the lines on standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: Any) -> tuple[int, list[str]]:
        status = main([str(argument) for argument in arguments])
        return status, capsys.readouterr().err.splitlines()

    return run


def options_of(row: Row) -> list[str]:
    options = []
    for name, value in row.options.items():
        if name != "channel_axis":
            options += [f"--{name}", str(value)]
    return options


def write(row: Row) -> None:
    image = np.asarray(row.make()[...])
    is_color = row.options.get("channel_axis") == -1
    keywords: dict[str, Any] = {"photometric": "rgb" if is_color else "minisblack"}
    if is_color and image.shape[-1] == 4:
        keywords["extrasamples"] = ["unassalpha"]
    tifffile.imwrite("image.tif", image, **keywords)


@pytest.mark.parametrize("row", [row for row in ROWS if row.in_files], ids=str)
def test_labels_equal_those_of_python_or_an_error_takes_one_line(row: Row, run: Any) -> None:
    write(row)
    status, lines = run("segment", "image.tif", "-k", K, "-o", "labels.tif", *options_of(row))
    assert not any("Traceback" in line for line in lines)
    if row.error:
        assert status == 1
        [line] = lines
        assert row.error in line
        assert not Path("labels.tif").exists()
        return
    assert status == 0, lines
    if row.warns:
        assert any(row.warns in line for line in lines), lines
    else:
        assert lines == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected, _ = napari_kmeans.segment(np.asarray(row.make()[...]), K, **row.options)
    np.testing.assert_array_equal(tifffile.imread("labels.tif"), expected)


# Files


def write_folder() -> None:
    Path("image.tif").mkdir()


def write_pipe() -> None:
    os.mkfifo("image.tif")


def write_loop() -> None:
    Path("image.tif").symlink_to("image.tif")


def write_huge_store() -> None:
    import zarr

    group = zarr.open_group("image.tif", mode="w", zarr_format=2)
    group.create_array("0", shape=(10**9, 10**9), chunks=(1000, 1000), dtype="u1")
    axes = [{"name": name, "type": "space"} for name in "yx"]
    scale = [{"type": "scale", "scale": [1, 1]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]


def write_bytes(n: int | None = None, content: bytes = b"") -> Any:
    def write_part() -> None:
        tifffile.imwrite("image.tif", gray())
        whole = Path("image.tif").read_bytes()
        Path("image.tif").write_bytes(content or whole[:n])

    return write_part


FILES = {
    "nothing there": (lambda: None, "No such file"),
    "an empty file": (write_bytes(0), "empty"),
    "a header only": (write_bytes(8), "a TIFF without an image"),
    "a truncated file": (write_bytes(300), "cannot be read"),
    "a text": (write_bytes(content=b"not an image"), "not a supported image"),
    "another format": (write_bytes(content=bytes(128) + b"DICM" + bytes(200)), "DICOM"),
    "a folder": (write_folder, "not an OME-Zarr image"),
    "a pipe": (write_pipe, "named pipe"),
    "a loop of links": (write_loop, "Too many levels"),
    "a store of a billion times a billion pixels": (write_huge_store, "blocks to read"),
}


@pytest.mark.timeout(20)
@pytest.mark.skipif(sys.platform == "win32", reason="pipes, and links without special rights")
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_is_named_and_the_next_is_read(name: str, run: Any) -> None:
    write_file, message = FILES[name]
    write_file()
    tifffile.imwrite("good.tif", gray())
    status, lines = run("segment", "image.tif", "good.tif", "-k", K, "-o", "out")
    assert status == 1
    assert len(lines) == 2  # the second counts the failures
    assert "image.tif" in lines[0]
    assert message in lines[0]
    assert os.listdir("out") == ["good-labels.tif"]


HOSTILE_MODELS = {
    "empty": b"",
    "not text": b"\xff\xfe\x00",
    "not JSON": b"{",
    "a list": b"[1, 2]",
    "of something else": b'{"format": "cake", "version": 3}',
    "of the future": b'{"format": "napari-kmeans model", "version": 99}',
    "deeply nested": b"[" * 100_000,
    "a huge number": b'{"format": "napari-kmeans model", "version": 3, "centers": [[1e999]]}',
}


@pytest.mark.parametrize("name", HOSTILE_MODELS)
def test_an_invalid_model_gives_a_one_line_error(name: str, run: Any) -> None:
    Path("model.json").write_bytes(HOSTILE_MODELS[name])
    tifffile.imwrite("image.tif", gray())
    status, lines = run("apply", "model.json", "image.tif", "-o", "out")
    assert status == 1
    [line] = lines
    assert "model.json" in line
    assert not Path("out").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_a_full_disk_is_named_and_nothing_is_left(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite("image.tif", gray())
    from napari_kmeans.io import tiff

    write = tiff.tifffile.TiffWriter.write if hasattr(tiff, "tifffile") else tifffile.TiffWriter.write

    def full(*arguments: Any, **keywords: Any) -> None:
        write(*arguments, **keywords)
        with open("/dev/full", "wb") as file:
            file.write(b"x")

    monkeypatch.setattr(tifffile.TiffWriter, "write", full)
    status, lines = run("segment", "image.tif", "-k", K, "-o", "labels.tif")
    assert status == 1
    [line] = lines
    assert "No space left" in line or "full" in line
    assert "labels.tif" in line
    assert [name for name in os.listdir() if name.startswith("labels")] == []
