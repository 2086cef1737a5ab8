"""What layers and files of the dock say of how they were made."""

from __future__ import annotations

import numpy as np
import tifffile
from qtpy.QtWidgets import QFileDialog

import napari_kmeans
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.session.provenance import PROVENANCE_KEY, provenance_of, record_for_file, task_of
from napari_kmeans.batch import Task
from napari_kmeans.io.fingerprint import fingerprint
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.io.record import read_record
from napari_kmeans.labels.clean_up import CleanUp
from napari_kmeans.model.recipe import Recipe


def test_the_task_of_an_exported_file_reproduces_its_labels(
    viewer, open_dock, settle, gray, tmp_path, monkeypatch
):
    from napari.layers._source import layer_source

    source = tmp_path / "cells.tif"
    tifffile.imwrite(source, gray)
    with layer_source(path=str(source)):
        viewer.add_image(gray, name="cells", scale=(0.5, 0.5), units=("um", "um"))
    dock = open_dock()
    dock.n_clusters.value = 4
    dock.min_size.value = 3  # µm²
    settle(dock)
    dock.table.action_requested.emit("merge", [1, 2])
    settle(dock)
    path = tmp_path / "labels.tif"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.menu.export.trigger()
    settle(dock)
    record = read_record(path)
    made = record["provenance"]
    assert made["source"]["path"] == source.as_posix()
    assert made["source"]["fingerprint"] == fingerprint(source)
    assert made["task"]["recipe"]["clean_up"]["min_size"] == 12  # pixels
    again = Task.of_record(record).run(ImageFile(source, gray, "YX"), lambda name: lambda share: None)
    np.testing.assert_array_equal(again.segmentation.labels, tifffile.imread(path))
    # The layer says the same, but for the fingerprint of the file.
    of_layer = viewer.layers["cells k-means"].metadata[PROVENANCE_KEY]
    assert of_layer["task"] == made["task"]
    assert of_layer["source"].items() <= made["source"].items()


def test_settings_that_a_batch_cannot_apply_are_recorded_without_a_recipe(session_of, volume):
    session = session_of(volume, LayerRecipe(Recipe(n_clusters=3), per_axis=0))
    made = task_of(session.request, napari_kmeans.fit(volume, 3))
    assert made["per_axis"] == 0
    assert "recipe" not in made
    whole = session_of(volume, LayerRecipe(Recipe(n_clusters=3, clean_up=CleanUp(min_size=5))))
    made = task_of(whole.request, napari_kmeans.fit(volume, 3))
    assert made["recipe"]["n_clusters"] == 3
    assert made["recipe"]["clean_up"]["min_size"] == 5


def test_an_image_without_a_file_is_named_by_its_layer(session_of, gray):
    session = session_of(gray, name="cells")
    source = provenance_of(session.request, napari_kmeans.fit(gray, 3))["source"]
    assert source == {"layer": "cells", "shape": list(gray.shape), "dtype": "uint8"}
    assert '"layer":"cells"' in record_for_file(session.request, napari_kmeans.fit(gray, 3))
