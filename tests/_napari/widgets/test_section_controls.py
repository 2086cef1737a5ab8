"""What the controls in Prepare, Where and Clean up do to the labels."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from dock_helpers import overlay_of, run_script
from qtpy.QtWidgets import QApplication, QFileDialog

import napari_kmeans

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize(
    ("choice", "exclude"), [("Zeros", (0,)), ("Saturated", ("saturated",)), ("A value…", (100.0,))]
)
def test_chosen_values_are_excluded(viewer, open_dock, settle, gray, choice, exclude):
    image = gray.copy()
    image[:3], image[3:6], image[6:9] = 0, 255, 100
    viewer.add_image(image)
    dock = open_dock()
    dock.leave_out.native.setCurrentText(choice)
    if choice == "A value…":
        assert dock.no_data.native.isVisibleTo(dock.view.where.content())
        dock.no_data.value = 100
    settle(dock)
    expected = napari_kmeans.segment(image, 3, exclude=exclude)[0]
    np.testing.assert_array_equal(overlay_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)


def test_smoothing_is_in_the_units_of_the_layer(viewer, open_dock, settle, gray):
    viewer.add_image(gray, scale=(0.5, 0.25), units=("um", "um"))
    dock = open_dock()
    dock.smooth.value = 0.5
    settle(dock)
    expected = napari_kmeans.segment(gray, 3, smooth=(1.0, 2.0))[0]
    np.testing.assert_array_equal(overlay_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)
    assert dock.view.prepare.chosen == "smooth 0.5 µm"


@pytest.mark.parametrize("background", [[], [1]])
def test_clean_up_is_applied_when_the_controls_come_to_rest(viewer, open_dock, settle, specks, background):
    viewer.add_image(specks)
    dock = open_dock()
    dock.n_clusters.value = 2
    dock.min_size.value = 10
    dock.majority.value = 1
    settle(dock)
    if background:
        dock.table.action_requested.emit("background", background)
        settle(dock)
    labels = napari_kmeans.clean_labels(napari_kmeans.segment(specks, 2)[0], majority=1, min_size=10)
    assert len(np.unique(labels[:, :30])) == 1
    labels[np.isin(labels, background)] = 0
    layer = overlay_of(viewer)
    np.testing.assert_array_equal(layer.data, labels)
    np.testing.assert_array_equal(run_script(viewer, dock), labels)
    counts = np.bincount(labels.ravel(), minlength=3)
    assert layer.features["pixels"].tolist() == [counts[label] for label in layer.features["index"]]
    dock.undo.defaultAction().trigger()
    settle(dock)


def test_the_table_of_cleaned_labels_is_copied_and_saved(
    viewer, open_dock, settle, specks, monkeypatch, tmp_path
):
    viewer.add_image(specks)
    dock = open_dock()
    dock.n_clusters.value = 2
    dock.min_size.value = 10
    settle(dock)
    plain, shown = napari_kmeans.segment(specks, 2)[0], overlay_of(viewer).data
    counts = np.bincount(np.asarray(shown).ravel(), minlength=3)[1:].tolist()
    assert counts != np.bincount(plain.ravel(), minlength=3)[1:].tolist()
    path = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.table.action_requested.emit("csv", [])
    with path.open(newline="") as file:
        assert [int(row["pixels"]) for row in csv.DictReader(file)] == counts
    dock.table.action_requested.emit("copy", [])
    copied = csv.DictReader(QApplication.clipboard().text().splitlines(), delimiter="\t")
    assert [int(row["pixels"]) for row in copied] == counts


def test_a_stack_is_cleaned_in_its_units_and_time_point_by_time_point(viewer, open_dock, settle):
    rng = np.random.default_rng(5)
    movie = rng.integers(0, 255, (3, 30, 40), dtype=np.uint8)
    viewer.add_image(movie, scale=(1, 0.5, 0.5), units=("s", "um", "um"), axis_labels=("t", "y", "x"))
    dock = open_dock()
    dock.min_size.value = 2
    settle(dock)
    plain = napari_kmeans.segment(movie, 3)[0]
    expected = np.stack([napari_kmeans.clean_labels(plane, min_size=8) for plane in plain])
    np.testing.assert_array_equal(overlay_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)
