from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.batch import Input, Outcome, Outputs, Task, plan, run
from napari_kmeans.batch.plan import Job
from napari_kmeans.batch.resume import find_existing, read_columns
from napari_kmeans.io.fingerprint import fingerprint

tifffile = pytest.importorskip("tifffile")

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
TASK = Task(napari_kmeans.Recipe.of(3))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    tifffile.imwrite(tmp_path / "x.tif", GRAY)
    outputs = Outputs(tmp_path / "out", table=True, objects=True)
    [job] = plan([Input(tmp_path / "x.tif")], outputs)
    return job


def again(job: Job, task: Task = TASK, **options: bool) -> Outcome:
    [outcome] = run([job], task, **{"skip_existing": True, "rows": True, **options})
    return outcome


def times(job: Job) -> list[int]:
    return [path.stat().st_mtime_ns for path in job.outputs]


def test_complete_outputs_are_skipped_and_their_rows_read(job: Job) -> None:
    first = again(job)
    assert first.status == "done"
    before = times(job)
    second = again(job)
    assert (second.status, second.n_clusters, second.warnings) == ("skipped", 3, ())
    assert times(job) == before
    assert list(second.rows) == list(first.rows)
    for name, column in first.rows.items():
        np.testing.assert_array_equal(second.rows[name], column)
    for name, column in first.objects.items():
        np.testing.assert_array_equal(second.objects[name], column)


@pytest.mark.parametrize("missing", range(4))
def test_incomplete_outputs_are_made_again(job: Job, missing: int) -> None:
    again(job)
    content = [path.read_bytes() for path in job.outputs]
    job.outputs[missing].unlink()
    assert again(job).status == "done"
    assert [path.read_bytes() for path in job.outputs] == content


def test_outputs_without_saved_rows_are_made_again(job: Job) -> None:
    assert again(job, rows=False).status == "done"
    assert again(job, rows=False).status == "skipped"
    outcome = again(job)
    assert outcome.status == "done"
    assert "confidence" in outcome.rows


@pytest.mark.parametrize("change", ["recipe", "image", "foreign", "table"])
def test_other_outputs_are_reported_and_kept(job: Job, tmp_path: Path, change: str) -> None:
    again(job)
    task, name = TASK, job.labels
    if change == "recipe":
        task = replace(TASK, recipe=napari_kmeans.Recipe.of(4))
    elif change == "image":
        tifffile.imwrite(tmp_path / "x.tif", GRAY[::-1])
    elif change == "foreign":
        tifffile.imwrite(job.labels, GRAY)
    else:
        assert job.table is not None
        name = job.table
        name.with_name(f"{name.name}-metadata.json").unlink()
    before = times(job)
    outcome = again(job, task)
    assert outcome.status == "failed"
    assert outcome.error.startswith(f"{name} was not made by this recipe from the current {job.image}; ")
    assert times(job) == before
    assert again(job, task, overwrite=True).status == "done"
    assert again(job, task).status == "skipped"


def test_find_existing_distinguishes_complete_and_foreign_outputs(job: Job) -> None:
    print_ = fingerprint(job.image)
    nothing = find_existing(job, TASK.to_dict(), print_)
    assert (nothing.is_complete, nothing.foreign, nothing.rows) == (False, None, {})
    again(job)
    found = find_existing(job, TASK.to_dict(), print_)
    assert (found.is_complete, found.n_clusters, found.rows["cluster"]) == (True, 3, [1, 2, 3])
    assert find_existing(job, TASK.to_dict(), "sha256:0").foreign == job.labels


def test_numbers_in_a_csv_table_are_read_as_numbers(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("index,mean,unit,gap\n1,2.5,um,\n2,1e3,um,-3\n")
    table = read_columns(tmp_path / "x.csv")
    assert table["index"] == [1, 2]
    assert table["mean"] == [2.5, 1000.0]
    assert table["unit"] == ["um", "um"]
    assert np.isnan(table["gap"][0])
    assert table["gap"][1] == -3
    (tmp_path / "empty.csv").write_text("index,mean\n")
    assert read_columns(tmp_path / "empty.csv") == {"index": [], "mean": []}


_KILLED = """
import os, sys
from pathlib import Path
from napari_kmeans.batch import Input, Outputs, Task, find_inputs, plan, run
from napari_kmeans.io import tiff_labels
import napari_kmeans

write, n_written = tiff_labels._write_imagej, 0

def write_half(partial, *rest):
    global n_written
    n_written += 1
    if n_written == 4:
        partial.write_bytes(b"half of it")
        os.kill(os.getpid(), 9)
    write(partial, *rest)

tiff_labels._write_imagej = write_half
jobs = plan([Input(Path(name)) for name in sys.argv[1:]], Outputs(Path("out"), table=True))
list(run(jobs, Task(napari_kmeans.Recipe.of(3))))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_a_batch_that_was_killed_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"{number}.tif" for number in range(6)]
    for number, name in enumerate(names):
        tifffile.imwrite(name, np.roll(GRAY, number, axis=0))
    done = subprocess.run([sys.executable, "-c", _KILLED, *names], check=False)
    assert done.returncode == -9
    left = sorted(path.name for path in Path("out").iterdir())
    assert [name for name in left if name.endswith(".tif")] == [f"{number}-labels.tif" for number in range(3)]
    assert any(name.endswith(".partial") for name in left)
    statuses = {}
    for folder, options in (("out", {"skip_existing": True}), ("once", {})):
        jobs = plan([Input(Path(name)) for name in names], Outputs(Path(folder), table=True))
        statuses[folder] = [outcome.status for outcome in run(jobs, TASK, **options)]
    assert statuses["out"] == ["skipped"] * 3 + ["done"] * 3
    resumed, once = (
        {path.name: path.read_bytes() for path in Path(folder).iterdir()} for folder in ("out", "once")
    )
    assert resumed == once
