from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.batch import Input, Outcome, Outputs, Task, plan, run
from napari_kmeans.batch.plan import Job
from napari_kmeans.blocks.progress import Cancelled, Progress

tifffile = pytest.importorskip("tifffile")

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
# As an attribute of its package, this name is the function.
MODULE = importlib.import_module("napari_kmeans.batch.run")
TASK = Task(napari_kmeans.Recipe.of(3))


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Jobs of three images, the second of which is empty."""
    for name in ("a.tif", "c.tif"):
        tifffile.imwrite(tmp_path / name, GRAY)
    (tmp_path / "b.tif").write_bytes(b"")
    return plan([Input(tmp_path / f"{name}.tif") for name in "abc"], Outputs(tmp_path / "out", table=True))


def test_one_failure_does_not_stop_the_others(tmp_path: Path, jobs: list[Job]) -> None:
    outcomes = list(run(jobs, TASK))
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].error == f"{tmp_path / 'b.tif'} is empty"
    assert (outcomes[2].n_clusters, outcomes[2].warnings) == (3, ())
    expected, _ = napari_kmeans.segment(GRAY, 3)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "c-labels.tif"), expected)
    [again] = run(jobs[:1], TASK)
    assert "already exists; use --overwrite to replace it, or --skip-existing to keep it" in again.error
    assert (again.status, again.not_replaced, outcomes[1].not_replaced) == ("failed", True, False)
    [again] = run(jobs[:1], TASK, overwrite=True)
    assert again.status == "done"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_processes_write_the_same_files_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "SECONDS_TO_START", 0.0)  # so that a few small images are enough
    rng = np.random.default_rng(1)
    for number in range(12):
        tifffile.imwrite(tmp_path / f"{number}.tif", rng.integers(0, 256, (30, 40 + number), dtype=np.uint8))
    (tmp_path / "4.tif").write_bytes(b"II*\0 broken")
    written = {}
    for n_processes in (1, 3):
        out = tmp_path / f"out{n_processes}"
        jobs = plan([Input(tmp_path / f"{i}.tif") for i in range(12)], Outputs(out, table=True))
        outcomes = list(run(jobs, TASK, n_processes=n_processes))
        assert sorted(o.job.image for o in outcomes) == sorted(job.image for job in jobs)
        assert [o.job.image.name for o in outcomes if o.status == "failed"] == ["4.tif"]
        written[n_processes] = contents(out)
    assert written[1] == written[3]
    assert len(written[1]) == 33  # labels, tables and their metadata


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        # The first image includes imports; 2 images of 0.1 s take less time than starting a process.
        ([1.5, 0.1, 0.1, 0.1], 0),
        ([1.5, *[0.01] * 100], 0),
        # 98 images of 0.1 s take longer, and so do 2 images of 3 s.
        ([1.5, *[0.1] * 99], 2),
        ([3.0, 3.0, 3.0], 1),
        # Images that are skipped or fail at once give no estimate for the others.
        ([*[0.001] * 20, *[1.0] * 9], 2),
        ([3.0], 0),
    ],
)
def test_processes_start_only_if_the_remaining_images_take_longer(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float], expected: int
) -> None:
    now, started = [0.0], []

    @contextlib.contextmanager
    def worker(*_: object) -> Iterator[None]:
        started.append(1)
        yield

    def process(job: Job, *_: object, **__: object) -> Outcome:
        now[0] += durations[job]
        return Outcome(job, "done")

    jobs = plan([Input(Path(f"{i}.tif")) for i in range(len(seconds))], Outputs(Path("out")))
    durations = dict(zip(jobs, seconds, strict=True))
    monkeypatch.setattr(MODULE, "_Worker", worker)
    monkeypatch.setattr(MODULE, "process", process)
    monkeypatch.setattr(MODULE.time, "perf_counter", lambda: now[0])
    assert [outcome.job for outcome in run(jobs, TASK, n_processes=3)] == jobs
    assert len(started) == expected
    started.clear()
    list(run(jobs, TASK, n_processes=1))
    assert not started


def test_a_batch_can_be_stopped(tmp_path: Path, jobs: list[Job]) -> None:
    def stage_of(job: Job):
        def stage(name: str) -> Progress:
            if job is jobs[-1] and name == "writing":
                raise Cancelled
            return lambda share: None

        return stage

    done: list[Outcome] = []
    with pytest.raises(Cancelled):
        done += run(jobs, TASK, stage=stage_of)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a-clusters.csv",
        "a-clusters.csv-metadata.json",
        "a-labels.tif",
    ]


def test_the_table_has_the_counts_of_changed_labels(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY)
    recipe = napari_kmeans.Recipe.of(3, clean_up=napari_kmeans.CleanUp(majority=1))
    jobs = plan([Input(tmp_path / "a.tif")], Outputs(tmp_path / "out", table=True))
    [outcome] = run(jobs, Task(recipe))
    assert outcome.status == "done"
    rows = (tmp_path / "out" / "a-clusters.csv").read_text().splitlines()[1:]
    labels = tifffile.imread(tmp_path / "out" / "a-labels.tif")
    assert [int(row.split(",")[3]) for row in rows] == np.bincount(labels.ravel(), minlength=4)[1:].tolist()
    assert [int(row.split(",")[3]) for row in rows] != napari_kmeans.fit(GRAY, 3).counts.tolist()
