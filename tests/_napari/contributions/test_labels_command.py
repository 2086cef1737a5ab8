"""The menu command that labels the active image without the dock."""

from __future__ import annotations

import numpy as np
from napari._app_model import get_app_model
from napari.layers import Labels

import napari_kmeans
from napari_kmeans._napari.contributions.labels_command import labels_of
from napari_kmeans._napari.layers import worker

COMMAND = "napari-kmeans.label_active_image"


def run(command, qtbot, viewer, n_layers):
    get_app_model().commands.execute_command(command).result()
    qtbot.waitUntil(lambda: len(viewer.layers) == n_layers)


def test_command_adds_labels_above_the_active_image(viewer, qtbot, picture):
    image = viewer.add_image(picture("coins"), scale=(0.5, 0.25), units="um", name="money")
    above = viewer.add_points([[0, 0]])
    viewer.layers.selection.active = image
    run(COMMAND, qtbot, viewer, 3)
    labels = viewer.layers["money k-means"]
    assert isinstance(labels, Labels)
    assert viewer.layers.index(labels) == viewer.layers.index(image) + 1 < viewer.layers.index(above)
    expected, model = napari_kmeans.segment(picture("coins"), 3)
    np.testing.assert_array_equal(labels.data, expected)
    np.testing.assert_array_equal(labels.scale, image.scale)
    assert list(labels.features["index"]) == [1, 2, 3]
    assert labels.metadata["napari-kmeans"] == model.with_pixel_size((0.5, 0.25), "um").to_json()
    assert viewer.layers.selection.active is image
    made = labels.metadata["napari-kmeans provenance"]
    assert made["source"]["layer"] == "money"
    assert made["task"]["recipe"] == model.recipe.to_dict()


def test_colours_are_clustered_by_luminance(viewer, qtbot, picture):
    viewer.add_image(picture("astronaut"), name="photo")
    run(COMMAND, qtbot, viewer, 2)
    expected = napari_kmeans.segment(picture("astronaut"), 3, channel_axis=-1)[0]
    np.testing.assert_array_equal(viewer.layers["photo k-means"].data, expected)


def test_pyramid_gets_labels_of_its_finest_level(viewer, picture):
    levels = [picture("coins"), picture("coins")[::2, ::2]]
    image = viewer.add_image(levels, multiscale=True)
    assert labels_of(image, 4).data.shape == picture("coins").shape


def test_other_layers_give_a_warning(viewer, monkeypatch):
    shown = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", shown.append)
    viewer.add_points([[0, 0]])
    get_app_model().commands.execute_command(COMMAND).result()
    assert shown == ["K-means needs an image: select an image layer first."]
    assert len(viewer.layers) == 1


def test_images_that_cannot_be_clustered_give_an_error(viewer, qtbot, monkeypatch):
    shown = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    viewer.add_image(np.full((5, 5), np.nan), contrast_limits=(0, 1))
    get_app_model().commands.execute_command(COMMAND).result()
    qtbot.waitUntil(lambda: bool(shown))
    assert len(viewer.layers) == 1


def test_no_labels_are_added_for_an_image_removed_during_clustering(viewer, qtbot, gate, large):
    viewer.add_image(large)
    gate.shut()
    get_app_model().commands.execute_command(COMMAND).result()
    qtbot.waitUntil(gate.entered.is_set)
    viewer.layers.clear()
    gate.open()
    qtbot.waitUntil(lambda: not worker._running)
    assert len(viewer.layers) == 0
