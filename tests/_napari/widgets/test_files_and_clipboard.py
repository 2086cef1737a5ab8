"""What leaves the dock or enters it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dock_helpers import ask, clusters_of, select
from qtpy.QtWidgets import QApplication, QFileDialog

import napari_kmeans
from napari_kmeans import KMeansModel, Recipe
from napari_kmeans._napari.layers.image_layer import METADATA_KEY
from napari_kmeans.batch import Task
from napari_kmeans.io.image_file import ImageFile


def test_a_saved_model_labels_another_image(viewer, open_dock, settle, monkeypatch, tmp_path, gray):
    viewer.add_image(gray, name="a")
    dock = open_dock()
    dock.n_clusters.value = 5
    settle(dock)
    path = tmp_path / "model.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    dock.menu.save_model.trigger()
    other = viewer.add_image(gray[::-1] // 2, name="b")
    settle(dock)
    dock.menu.load_model.trigger()
    settle(dock)
    assert dock.n_clusters.value == 5
    with pytest.warns(
        UserWarning, match="the image differs from the one that the model was fitted to: values"
    ):
        expected = KMeansModel.load(path).predict(other.data)
    np.testing.assert_array_equal(viewer.layers["b k-means"].data, expected)
    path.write_text("{}")
    dock.menu.load_model.trigger()
    assert "not a napari-kmeans model" in dock.status.text()


def test_a_model_that_does_not_suit_the_image_is_refused(
    viewer, open_dock, settle, monkeypatch, tmp_path, gray, colored
):
    path = tmp_path / "lab.json"
    napari_kmeans.fit(colored, 4, features="lab", channel_axis=-1).save(path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    viewer.add_image(gray, name="a")
    dock = open_dock()
    dock.n_clusters.value = 5
    settle(dock)
    before = viewer.layers["a k-means"].data.copy()
    dock.menu.load_model.trigger()
    settle(dock)
    reason = "The model does not suit this image: “Colour (Lab)” needs a colour image."
    assert reason in dock.status.text()
    assert (dock.features.value, dock.n_clusters.value) == ("gray", 5)
    assert dock.table.isEnabled()
    assert dock.table.rowCount() == 5
    np.testing.assert_array_equal(viewer.layers["a k-means"].data, before)
    dock.n_clusters.value = 4
    settle(dock)
    assert viewer.layers["a k-means"].data.max() == 4
    assert reason not in dock.status.text()
    dock.undo.click()
    assert dock.n_clusters.value == 5


def test_a_loaded_model_restores_the_clean_up(viewer, open_dock, settle, monkeypatch, tmp_path, gray):
    units = {"scale": (0.5, 0.5), "units": ("um", "um")}
    viewer.add_image(gray, name="a", **units)
    dock = open_dock()
    dock.n_clusters.value = 4
    dock.min_size.value = 3
    dock.majority.value = 0.5
    settle(dock)
    cleaned = viewer.layers["a k-means"].data
    path = tmp_path / "model.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    dock.menu.save_model.trigger()
    saved = KMeansModel.load(path).recipe.clean_up
    assert (saved.min_size, saved.majority) == (12, 1)  # pixels
    viewer.add_image(gray, name="b", **units)
    settle(dock)
    assert dock.min_size.value == 0
    dock.menu.load_model.trigger()
    settle(dock)
    assert (dock.min_size.value, dock.majority.value) == (3, 0.5)
    assert dock.view.clean_up.chosen == "majority 0.5 µm; smallest region 3 µm²"
    np.testing.assert_array_equal(viewer.layers["b k-means"].data, cleaned)


def test_thresholds_of_a_loaded_model_are_not_called_adjusted(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    model = napari_kmeans.fit(gray, 4)
    dock.use_model(model)
    settle(dock)
    assert dock.border.title.text() == "Threshold"  # they are optimal here
    dock.use_model(napari_kmeans.fit(gray // 2, 4))
    settle(dock)
    assert dock.border.title.text() == "Loaded"
    dock.border.value.setValue(dock.border.value.value() + 1)
    settle(dock)
    assert dock.border.title.text() == "Adjusted"
    dock.border.back.click()
    settle(dock)
    assert dock.border.title.text() == "Threshold"
    dock.use_model(model.with_thresholds([20, 60, 120]))
    settle(dock)
    assert dock.border.title.text() == "Adjusted"


def test_a_model_with_an_illumination_field_needs_an_image_of_the_same_shape(viewer, open_dock, settle, gray):
    model = napari_kmeans.fit(gray, 3, illumination="additive")
    viewer.add_image(gray[:30], name="smaller")
    dock = open_dock()
    dock.use_model(model)
    settle(dock)
    assert "The model does not suit this image: image has the spatial shape (30, 50)" in dock.status.text()
    assert dock.illumination.value == "none"
    viewer.add_image(gray, name="same")
    settle(dock)
    dock.use_model(model)
    settle(dock)
    np.testing.assert_array_equal(viewer.layers["same k-means"].data, model.predict(gray))
    assert "The illumination field was fitted to this image again" in dock.status.text()


def test_a_saved_recipe_makes_the_same_labels(viewer, open_dock, settle, monkeypatch, tmp_path, gray):
    viewer.add_image(gray, name="a", scale=(0.5, 0.5), units=("um", "um"))
    dock = open_dock()
    dock.n_clusters.value = 4
    dock.smooth.value = 1
    dock.min_size.value = 3
    settle(dock)
    path = tmp_path / "recipe.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.menu.save_recipe.trigger()
    assert "Saved to" in dock.status.text()
    recipe = Recipe.load(path)
    assert (recipe.n_clusters, recipe.smooth, recipe.clean_up.min_size) == (4, (2.0,), 12)
    found = Task(recipe).run(ImageFile(path, gray, "YX"), lambda name: lambda share: None)
    settle(dock)
    np.testing.assert_array_equal(viewer.layers["a k-means"].data, found.segmentation.labels)


def test_copied_script_makes_the_same_labels(viewer, open_dock, settle, colored):
    viewer.add_image(colored, rgb=True)
    dock = open_dock()
    dock.n_clusters.value = 5
    settle(dock)
    dock.border.value.setValue(dock.border.value.value() + 3)
    settle(dock)
    select(dock, 0, 3)
    ask(dock, "Merge")
    select(dock, 1)
    ask(dock, "Set as background (label 0)")
    dock.table.item(2, 1).setText("leaf")
    settle(dock)
    [layer] = clusters_of(viewer)
    dock.menu.copy_python.trigger()
    names = {"viewer": viewer}
    exec(QApplication.clipboard().text(), names)
    np.testing.assert_array_equal(names["labels"], layer.data)
    of_script, of_layer = (
        json.loads(text) for text in (names["model"].to_json(), layer.metadata[METADATA_KEY])
    )
    assert of_script["recipe"]["edits"]["names"] == of_layer["recipe"]["edits"]["names"]
    assert "leaf" in of_layer["recipe"]["edits"]["names"]


@pytest.mark.parametrize(("entry", "name"), [("save_model", "made.json"), ("save_table", "made.csv")])
def test_saved_models_and_tables_record_how_they_were_made(
    viewer, open_dock, settle, monkeypatch, tmp_path, gray, capsys, entry, name
):
    pytest.importorskip("typer")
    from napari_kmeans.cli.show import show

    viewer.add_image(gray, name="cells")
    dock = open_dock()
    dock.n_clusters.value = 4
    dock.smooth.value = 1
    settle(dock)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), ""))
    getattr(dock.actions, entry)()
    assert show(tmp_path / name) == 0
    shown = capsys.readouterr().out
    assert "cells" in shown
    assert "n_clusters = 4" in shown
    assert "smooth = 1" in shown
