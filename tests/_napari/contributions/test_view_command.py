"""The picture that ``napari-kmeans view --screenshot`` leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari._app_model import get_app_model
from skimage.io import imread

from napari_kmeans._napari.contributions.view_command import view
from napari_kmeans._napari.contributions.waiting import process_events
from napari_kmeans.io.images import read_image
from napari_kmeans.report.palette import distinct_colors


@pytest.fixture
def window(viewer, monkeypatch):
    """The viewer that `view` gets, so that the test run cleans up after it."""
    monkeypatch.setattr("napari.Viewer", lambda title, show: viewer)
    return viewer


def count(picture, color):
    return int((picture[..., :3] == np.round(255 * color[:3])).all(axis=-1).sum())


def test_picture_shows_image_dock_and_clusters(window, tmp_path):
    path = tmp_path / "picture.png"
    ratio = window.window._qt_window.devicePixelRatioF()
    view(None, "coins", 4, None, path)
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]
    picture = imread(path)
    assert picture.shape[:2] == (round(760 * ratio), round(1200 * ratio))
    colors = distinct_colors(5)
    assert all(count(picture, color) > 50 for color in colors[:4])  # in the dock, where nothing is blended
    assert count(picture, colors[4]) == 0
    canvas = picture[100:600, 350:800, :3].astype(int)
    assert np.mean(np.ptp(canvas, axis=-1) > 20) > 0.5  # a gray image in the clusters' colours
    assert canvas.std() > 10


def test_picture_of_a_file_has_its_pixel_size_and_path(window, tmp_path, monkeypatch, gray):
    import tifffile

    monkeypatch.chdir(tmp_path)
    tif = Path("cells.tif")
    tifffile.imwrite(tif, gray, imagej=True, resolution=(4, 2), metadata={"unit": "um"})
    layers, close = [], type(window).close
    monkeypatch.setattr(type(window), "close", lambda viewer: (layers.extend(viewer.layers), close(viewer)))
    view(read_image(tif), None, 2, None, tmp_path / "picture.png")
    image, clusters = layers[:2]
    assert (image.name, clusters.name) == ("cells", "cells k-means")
    assert tuple(image.scale) == tuple(clusters.scale) == (0.5, 0.25)
    assert image.source.path == str(tmp_path / "cells.tif")
    assert set(np.unique(clusters.data)) == {1, 2}


def test_the_whole_image_fits_the_canvas_beside_the_dock(window, monkeypatch):
    window.window._qt_window.show()
    monkeypatch.setattr("napari.run", process_events)
    view(None, "coins", 2, None, None)
    shown = window.scene.camera.zoom * np.array(window.layers["coins"].data.shape)
    canvas = window.window._qt_window._qt_viewer.canvas.native
    assert shown[0] <= canvas.height()
    assert shown[1] <= canvas.width()


def test_the_menu_hides_and_shows_the_dock_of_the_command(window, monkeypatch):
    monkeypatch.setattr("napari.run", process_events)
    window.window._qt_window.show()
    view(None, "coins", 2, None, None)
    [dock] = window.window._wrapped_dock_widgets.values()
    for shown in (False, True):
        get_app_model().commands.execute_command("napari-kmeans.make_widget").result()
        assert list(window.window._wrapped_dock_widgets.values()) == [dock]
        assert dock.isVisible() == shown
