from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.batch import Input, Outputs, Task, plan
from napari_kmeans.batch.one_image import process, reason, with_path

tifffile = pytest.importorskip("tifffile")

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


def test_warnings_are_part_of_the_outcome(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", (GRAY > 99).astype(np.uint8))
    [job] = plan([Input(tmp_path / "x.tif")], Outputs(tmp_path / "out"))
    stages: list[str] = []

    def stage(name: str):
        stages.append(name)
        return lambda share: None

    outcome = process(job, Task(napari_kmeans.Recipe.of(5)), stage)
    assert (outcome.status, outcome.n_clusters) == ("done", 2)
    [warning] = outcome.warnings
    assert warning.startswith(f"{tmp_path / 'x.tif'}: the image has only 2 distinct values")
    assert stages == ["reading", "segmenting", "writing"]
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_programming_errors_are_not_reported_as_failures_of_an_image(tmp_path: Path) -> None:
    [job] = plan([Input(tmp_path / "x.tif")], Outputs(tmp_path / "out"))

    def stage(name: str):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        process(job, Task(), stage)


def test_reasons_of_failures_are_one_sentence() -> None:
    assert reason(OSError(28, "No space left on device", "y.tif")) == "y.tif: No space left on device"
    assert reason(MemoryError()) == "there is not enough memory"
    assert reason(ValueError()) == "ValueError"
    assert with_path(Path("x.tif"), "it is odd") == "x.tif: it is odd"
    assert with_path(Path("x.tif"), "x.tif is odd") == "x.tif is odd"
