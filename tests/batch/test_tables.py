from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.batch import Input, Outputs, Task, plan, run, write_tables
from napari_kmeans.batch.tables import check_contact_sheet, check_table, objects_path, write_contact_sheet
from napari_kmeans.io.record import read_record

tifffile = pytest.importorskip("tifffile")

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


def test_one_table_of_all_images_in_their_order(tmp_path: Path) -> None:
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif", GRAY)
    jobs = plan(
        [Input(tmp_path / f"{name}.tif") for name in ("b", "absent", "a")], Outputs(tmp_path, objects=True)
    )
    task = Task(napari_kmeans.Recipe.of(3))
    outcomes = list(run(jobs, task, rows=True))
    paths = write_tables(tmp_path / "all.csv", jobs, reversed(outcomes), task)
    assert paths == [tmp_path / "all.csv", tmp_path / "all-objects.csv"]
    for path in paths:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        names = [row["image"] for row in rows]
        assert list(dict.fromkeys(names)) == [(tmp_path / f"{name}.tif").as_posix() for name in "ba"]
        assert len(rows) % 2 == 0
        sources = read_record(path)["provenance"]["sources"]
        assert [Path(source["path"]).name for source in sources] == ["b.tif", "a.tif"]
        assert all(source["fingerprint"].startswith("sha256:") for source in sources)


def test_a_table_is_checked_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"x\.txt must end in \.csv or \.parquet"):
        check_table(Path("x.txt"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match="needs pyarrow"):
        check_table(Path("x.parquet"))
    path = tmp_path / "x.csv"
    path.write_text("mine")
    for options in ({}, {"skip_existing": True}):
        with pytest.raises(ValueError, match=r"already exists; use --overwrite to replace it$"):
            check_table(path, **options)
    check_table(path, overwrite=True)
    task = Task()
    write_tables(path, [], [], task)
    check_table(path, skip_existing=True)
    with pytest.raises(ValueError, match=r"use --overwrite to replace it, or --skip-existing to update it$"):
        check_table(path)
    assert objects_path(path) == tmp_path / "x-objects.csv"


def test_a_contact_sheet_is_the_same_after_a_resumed_run(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif", GRAY)
    jobs = plan([Input(tmp_path / f"{name}.tif") for name in ("a", "absent", "b")], Outputs(tmp_path / "out"))
    task, sheet = Task(napari_kmeans.Recipe.of(3)), tmp_path / "sheet.png"
    content = []
    for status in ("done", "skipped"):
        check_contact_sheet(sheet, skip_existing=True)
        outcomes = list(run(jobs, task, thumbnails=True, skip_existing=True))
        assert [outcome.status for outcome in outcomes] == [status, "failed", status]
        write_contact_sheet(sheet, jobs, outcomes, task)
        content.append(sheet.read_bytes())
    assert content[0] == content[1]
    sources = read_record(sheet)["provenance"]["sources"]
    assert [Path(source["path"]).name for source in sources] == ["a.tif", "b.tif"]
    with pytest.raises(ValueError, match="already exists; use --overwrite to replace it"):
        check_contact_sheet(sheet)
    with pytest.raises(ValueError, match=r"sheet\.txt must end in \.png or \.svg or \.pdf"):
        check_contact_sheet(Path("sheet.txt"))
