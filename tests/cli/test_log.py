from __future__ import annotations

import json
from pathlib import Path

from napari_kmeans.batch.one_image import Outcome
from napari_kmeans.batch.plan import Job
from napari_kmeans.cli.log import append_to_log


def test_a_line_for_each_image_is_added(tmp_path: Path) -> None:
    job = Job(Path("µ.tif"), Path("out/µ-labels.tif"), Path("out/µ.csv"))
    path = tmp_path / "run.jsonl"
    append_to_log(path, Outcome(job, "done", 3, 0.12345, ("odd",)))
    append_to_log(path, Outcome(job, "failed", error="it is\nbroken"))
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first == {
        "image": "µ.tif",
        "status": "done",
        "outputs": [str(Path("out/µ-labels.tif")), str(Path("out/µ.csv"))],
        "n_clusters": 3,
        "seconds": 0.1235,
        "warnings": ["odd"],
        "error": "",
    }
    assert (second["status"], second["error"]) == ("failed", "it is\nbroken")
