from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.report.tables import PixelSize, cluster_table, table_text, without_nan, write_table

IMAGE = np.repeat(np.array([[10, 20, 100, 200]], dtype=np.uint8), [4, 3, 2, 1], axis=1)


@pytest.fixture
def model() -> napari_kmeans.KMeansModel:
    return napari_kmeans.fit(IMAGE, 4)


def test_each_label_has_a_row(model: napari_kmeans.KMeansModel) -> None:
    table = cluster_table(model)
    assert {column: values for column, values in table.items() if column not in ("above", "up_to")} == {
        "index": [1, 2, 3, 4],
        "name": ["cluster 1", "cluster 2", "cluster 3", "cluster 4"],
        "center": [10, 20, 100, 200],
        "pixels": [4, 3, 2, 1],
        "share": [0.4, 0.3, 0.2, 0.1],
    }
    assert table["above"][1:] == table["up_to"][:-1] == [15, 60, 150]
    assert math.isnan(table["above"][0])
    assert math.isnan(table["up_to"][-1])


def test_limits_equal_those_of_the_labels() -> None:
    image = np.random.default_rng(0).integers(0, 1000, (50, 50), dtype=np.uint16)
    labels, model = napari_kmeans.segment(image, 5)
    table = cluster_table(model)
    for label, above, up_to in zip(table["index"], table["above"], table["up_to"], strict=True):
        inside = ~(image <= above) & ~(image > up_to)
        np.testing.assert_array_equal(inside, labels == label)


def test_merged_named_and_background_clusters(model: napari_kmeans.KMeansModel) -> None:
    changed = model.with_names(["ground", "edge", "disc", "glare"]).merged([[2, 3]]).with_background([1])
    table = cluster_table(changed)
    assert table["index"] == [2, 4]
    assert table["name"] == ["edge", "glare"]
    assert table["center"] == pytest.approx([(3 * 20 + 2 * 100) / 5, 200])
    assert table["pixels"] == [5, 1]
    assert table["share"] == [0.5, 0.1]  # of all pixels, background included
    assert table["above"] == [15, 150]
    assert table["up_to"][0] == 150


def test_merged_clusters_that_are_not_neighbours_have_no_limits(model: napari_kmeans.KMeansModel) -> None:
    table = cluster_table(model.merged([[1, 3]]))
    assert table["index"] == [1, 2, 4]
    assert math.isnan(table["up_to"][0])


def test_counts_of_changed_labels_replace_those_of_the_model(model: napari_kmeans.KMeansModel) -> None:
    before, table = cluster_table(model), cluster_table(model, counts=np.array([0, 7, 0, 2, 1]))
    assert table["pixels"] == [7, 0, 2, 1]
    assert table["share"] == [0.7, 0, 0.2, 0.1]
    assert table["center"] == before["center"]


def test_clusters_without_pixels(model: napari_kmeans.KMeansModel) -> None:
    empty = model.with_thresholds([15, 15, 150]).merged([[2, 4]])
    assert cluster_table(empty)["pixels"] == [4, 1, 5]
    assert cluster_table(model.with_background([1, 2, 3, 4]))["index"] == []


def test_the_table_can_be_written_as_csv(tmp_path: Path, model: napari_kmeans.KMeansModel) -> None:
    path = tmp_path / "clusters.csv"
    write_table(path, model.with_names(["a", 'b, "c"', "é", "d"]))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["index", "name", "center", "pixels", "share", "above", "up_to"]
    assert [row["name"] for row in rows] == ["a", 'b, "c"', "é", "d"]
    assert [float(row["center"]) for row in rows] == [10, 20, 100, 200]
    assert [row["above"] for row in rows] == ["", "15.0", "60.0", "150.0"]
    with pytest.raises(FileExistsError, match=r"clusters\.csv"):
        write_table(path, model)
    write_table(path, model, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]


def test_each_feature_has_a_column(picture):
    model = napari_kmeans.fit(picture("coffee"), 3, features="rgb", channel_axis=-1)
    table = cluster_table(model.merged([[1, 2]]))
    assert list(table) == ["index", "name", "red", "green", "blue", "pixels", "share"]
    mean = np.average(model.centers[:2], axis=0, weights=model.counts[:2])
    np.testing.assert_allclose([table[name][0] for name in ("red", "green", "blue")], mean)
    assert table["pixels"] == [int(model.counts[:2].sum()), int(model.counts[2])]


def test_sizes_are_in_the_unit_of_the_pixel(model: napari_kmeans.KMeansModel) -> None:
    table = cluster_table(model, PixelSize(0.25, "µm²", "y, x"))
    assert table["size"] == [1, 0.75, 0.5, 0.25]
    assert table["unit"] == ["µm²"] * 4
    assert table["axes"] == ["y, x"] * 4


def test_text_for_spreadsheets_is_separated_by_tabs(model: napari_kmeans.KMeansModel) -> None:
    rows = [line.split("\t") for line in table_text(model).splitlines()]
    assert rows[0] == ["index", "name", "center", "pixels", "share", "above", "up_to"]
    assert rows[1] == ["1", "cluster 1", "10.0", "4", "0.4", "", "15.0"]
    assert len(rows) == 5


def test_intervals_are_columns_of_the_table() -> None:
    image = np.random.default_rng(0).choice([0.0, 2.0, 50.0, 53.0, 100.0], (60, 60))
    model = napari_kmeans.fit(image, 3)
    found = model.uncertainty(image, n_resamples=50)
    table = cluster_table(model.merged([[1, 2]]), uncertainty=found)
    low, high = found.share_of([1, 2])
    assert (table["share_low"][0], table["share_high"][0]) == (low, high)
    assert low < table["share"][0] < high
    assert (table["up_to_low"][0], table["up_to_high"][0]) == tuple(found.thresholds[1])
    assert math.isnan(table["up_to_high"][1])
    assert "share_low" in table_text(model, uncertainty=found).splitlines()[0]


def test_missing_values_are_none_instead_of_nan() -> None:
    table = {"above": [math.nan, 1.5], "name": ["a", "b"], "empty": []}
    assert without_nan(table) == {"above": [None, 1.5], "name": ["a", "b"], "empty": []}
