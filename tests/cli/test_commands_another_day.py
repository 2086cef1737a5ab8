"""The same command gives the same bytes, in another folder on another day."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
tifffile = pytest.importorskip("tifffile")
pytest.importorskip("matplotlib")

from napari_kmeans.cli import app as cli

STACK = np.random.default_rng(0).integers(0, 200, (3, 24, 30), dtype=np.uint8)


def write_input(kind: str) -> str:
    """Write an image in the current folder and return its name."""
    if kind == "tif":
        tifffile.imwrite("a.tif", STACK[0])
    elif kind == "ome.tif":
        tifffile.imwrite(
            "a.ome.tif",
            STACK,
            metadata={"axes": "ZYX", "UUID": "urn:uuid:00000000-0000-0000-0000-000000000001"},
            ome=True,
        )
    elif kind == "png":
        pytest.importorskip("imageio.v3").imwrite("a.png", STACK[0])
    elif kind == "ome.zarr":
        pytest.importorskip("ome_zarr.writer").write_image(STACK, "a.ome.zarr", axes="zyx", scaler=None)
    else:
        itk = pytest.importorskip("SimpleITK")
        itk.WriteImage(itk.GetImageFromArray(STACK), f"a.{kind}")
    return f"a.{kind}"


def outputs_of(
    folder: Path, kind: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, bytes]:
    """Return the content of all files that a command writes in a folder, by name."""
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    image = write_input(kind)
    assert cli.main(["segment", image, "-k", "3", "-o", "out", *options]) == 0
    return {
        str(path.relative_to("out")): path.read_bytes()
        for path in sorted(Path("out").rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def two_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return the outputs of the same command today and, in another folder, a year later."""

    def run(kind: str, options: list[str]) -> tuple[dict[str, bytes], dict[str, bytes]]:
        today = outputs_of(tmp_path / "today", kind, options, monkeypatch)
        now, offset = time.time, 400 * 86_400.0
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: now() + offset)
            patch.setattr(time, "time_ns", lambda: int(1e9 * time.time()))
            local, utc = time.localtime, time.gmtime
            patch.setattr(time, "localtime", lambda at=None: local(time.time() if at is None else at))
            patch.setattr(time, "gmtime", lambda at=None: utc(time.time() if at is None else at))
            later = outputs_of(tmp_path / "elsewhere" / "later", kind, options, patch)
            monkeypatch.chdir(tmp_path)
        return today, later

    return run


@pytest.mark.parametrize("kind", ["tif", "ome.tif", "png", "ome.zarr", "nrrd", "mha", "nii", "nii.gz"])
def test_labels_are_the_same_on_another_day(two_days, kind: str) -> None:
    today, later = two_days(kind, [])
    assert today
    assert later.keys() == today.keys()
    assert [name for name in today if later[name] != today[name]] == []


@pytest.mark.parametrize("figure", ["png", "svg", "pdf"])
def test_figures_tables_and_models_are_the_same_on_another_day(two_days, figure: str) -> None:
    options = ["--figure", figure, "--table", "--objects", "--confidence", "--save-model", "out/m.json"]
    today, later = two_days("tif", options)
    assert {os.path.splitext(name)[1] for name in today} >= {".tif", ".csv", ".json", f".{figure}"}
    assert [name for name in today if later[name] != today[name]] == []


def test_a_parquet_table_of_all_images_is_the_same_on_another_day(two_days) -> None:
    pytest.importorskip("pyarrow")
    today, later = two_days("tif", ["--table", "out/all.parquet"])
    assert "all.parquet" in today
    assert later == today
