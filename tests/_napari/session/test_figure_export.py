"""Figures of what the viewer shows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_kmeans._napari.session.figure_export import plane_in_view
from napari_kmeans.io.record import read_record
from napari_kmeans.report.picture import middle_plane, scale_bar_of

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_figure_of_the_dock_records_how_it_was_made(
    viewer, open_dock, settle, gray, tmp_path, monkeypatch, kind
):
    viewer.add_image(gray, name="a/b.c")
    dock = open_dock()
    settle(dock)
    path = tmp_path / "figure"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), f"{kind.upper()} (*.{kind})"))
    assert dock.menu.export_figure.text() == "Export figure…"
    dock.menu.export_figure.trigger()
    settle(dock)
    path = path.with_suffix(f".{kind}")
    assert dock.status.text() in (
        f"Exported to {path}.",
        "There are no clusters yet; press Segment.",
    )
    dock.n_clusters.value = 5
    settle(dock)
    dock.menu.export_figure.trigger()
    settle(dock)
    assert dock.status.text() == f"Exported to {path}."
    record = read_record(path)
    assert len(record["clustering"]["counts"]) == 5
    assert record["provenance"]["source"]["layer"] == "a/b.c"
    assert json.loads(viewer.layers[-1].metadata["napari-kmeans"])["clustering"] == record["clustering"]


def test_the_plane_in_view_is_drawn_with_its_pixel_size(viewer):
    volume = np.arange(4 * 6 * 8, dtype=np.uint16).reshape(4, 6, 8)
    layer = viewer.add_image(volume, scale=(2, 0.5, 0.25), units=("um", "um", "um"), translate=(10, 0, 0))
    viewer.dims.set_point(0, 14)
    file = plane_in_view(layer, viewer.dims.point)
    np.testing.assert_array_equal(middle_plane(file), volume[2])
    assert file.pixel_size == {"Y": 0.5, "X": 0.25}
    assert file.stem == "volume, 2"
    bar = scale_bar_of(file)
    assert bar is not None
    assert bar.text == "500 nm"


def test_the_middle_plane_of_a_pyramid_is_read_from_a_coarser_level(viewer):
    class NotRead:
        shape, dtype, ndim = (2, 4000, 4000), np.dtype(np.uint8), 3

        def __getitem__(self, index):
            pytest.fail("the full resolution was read")

    class Layer:
        name, multiscale, rgb, ndim, scale = "x", True, False, 3, (1, 1, 1)
        data = (NotRead(), np.stack([np.zeros((2000, 2000), np.uint8), np.ones((2000, 2000), np.uint8)]))
        units = viewer.add_image(np.zeros((2, 2, 2))).units
        axis_labels = ("z", "y", "x")

        def world_to_data(self, point):
            return np.asarray(point)

        def data_to_world(self, point):
            return np.asarray(point)

    plane = middle_plane(plane_in_view(Layer(), (1, 0, 0)))
    assert plane.all()


def test_colours_of_a_colour_image_are_kept(viewer):
    data = np.random.default_rng(0).integers(0, 255, (5, 6, 3), dtype=np.uint8)
    file = plane_in_view(viewer.add_image(data, rgb=True), viewer.dims.point)
    assert file.is_color
    np.testing.assert_array_equal(middle_plane(file), data)
