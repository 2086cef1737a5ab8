from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.batch.rows import cluster_rows, combine_tables, write_rows
from napari_kmeans.batch.task import Task
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.io.record import read_record

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
RECORD = '{"format": "napari-kmeans table"}'


def rows_of(image: ImageFile, recipe: napari_kmeans.Recipe) -> dict[str, list]:
    result = Task(recipe).run(image, lambda name: lambda share: None)
    return cluster_rows(image, result)


def test_rows_of_an_image_have_size_and_confidence() -> None:
    image = ImageFile(Path("x.tif"), GRAY, "YX", {"Y": 0.5, "X": 0.25}, "um")
    rows = rows_of(image, napari_kmeans.Recipe.of(3))
    labels, model = napari_kmeans.segment(GRAY, 3)
    pixels = np.bincount(labels.ravel(), minlength=4)[1:]
    assert list(rows) == ["cluster", "name", "center", "pixels", "share", "size", "unit", "confidence"]
    assert (rows["cluster"], rows["pixels"]) == ([1, 2, 3], pixels.tolist())
    assert rows["size"] == (pixels * 0.125).tolist()
    assert rows["unit"] == ["µm²"] * 3
    confidence = model.confidence(GRAY)
    assert rows["confidence"] == pytest.approx([confidence[labels == n].mean() for n in (1, 2, 3)])


def test_sizes_that_are_unknown_are_empty() -> None:
    color = np.dstack([GRAY, GRAY[::-1], 255 - GRAY])
    image = ImageFile(Path("x.png"), color, "YXS")
    rows = rows_of(image, napari_kmeans.Recipe.of(2, features="rgb"))
    assert list(rows)[:5] == ["cluster", "name", "red", "green", "blue"]
    assert all(map(math.isnan, rows["size"]))
    assert rows["unit"] == ["", ""]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_of_several_images_are_combined(tmp_path: Path, suffix: str) -> None:
    table = combine_tables(
        [
            ("a.tif", {"cluster": [1, 2], "center": [3.5, 4.0]}),
            ("b.tif", {"cluster": [1], "red": [7]}),
            ("c", {}),
        ]
    )
    assert table["image"] == ["a.tif", "a.tif", "b.tif"]
    assert table["cluster"] == [1, 2, 1]
    path = tmp_path / f"x{suffix}"
    if suffix == ".csv":
        write_rows(path, table, RECORD)
        with path.open(newline="") as file:
            assert list(csv.reader(file)) == [
                ["image", "cluster", "center", "red"],
                ["a.tif", "1", "3.5", ""],
                ["a.tif", "2", "4.0", ""],
                ["b.tif", "1", "", "7"],
            ]
    else:
        from pyarrow import parquet

        write_rows(path, table, RECORD)
        assert parquet.read_table(path).to_pylist()[2] == {
            "image": "b.tif",
            "cluster": 1,
            "center": None,
            "red": 7,
        }
    assert read_record(path) == {"format": "napari-kmeans table"}
