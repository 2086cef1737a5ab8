from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import napari_kmeans
from napari_kmeans.io.image_file import ImageFile, Url
from napari_kmeans.report.provenance import record_of, source_of, table_record

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


def test_a_record_is_a_model_with_its_provenance(tmp_path: Path) -> None:
    model = napari_kmeans.fit(GRAY, 3)
    (tmp_path / "x.png").write_bytes(b"pixels")
    source = source_of(tmp_path / "x.png", ImageFile(tmp_path / "x.png", GRAY, "YX"))
    assert source["fingerprint"].startswith("sha256:")
    assert (source["axes"], source["shape"], source["dtype"]) == ("YX", [20, 30], "uint8")
    text = record_of(model, {"recipe": 1}, source, {"size": [1.5, float("nan")]})
    assert "\n" not in text
    made = json.loads(text)["provenance"]
    assert (made["program"], made["version"]) == ("napari-kmeans", napari_kmeans.__version__)
    assert made["clusters"] == {"size": [1.5, None]}
    assert napari_kmeans.KMeansModel.from_json(text).to_json() == model.to_json()
    assert text == record_of(model, {"recipe": 1}, source, {"size": [1.5, float("nan")]})


def test_a_table_names_its_sources() -> None:
    source = source_of(Url("https://host/x.zarr"))
    assert source == {"path": "https://host/x.zarr", "fingerprint": ""}
    record = json.loads(table_record({"recipe": 1}, [source]))
    assert record["format"] == "napari-kmeans table"
    assert record["provenance"]["sources"] == [source]
