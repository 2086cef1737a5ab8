"""Colours, channels, texture, masks and clean-up through the dock's controls."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from dock_helpers import overlay_of, run_script
from napari.layers import Labels

import napari_kmeans
from napari_kmeans.kmeans.search import N_INIT

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("features", ["rgb", "lab", "red", "saturation", "value", "channels", "gray601"])
def test_labels_of_colours_equal_those_of_python_for_every_feature_space(
    viewer, open_dock, settle, stained, features
):
    viewer.add_image(stained)
    dock = open_dock()
    dock.features.value = features
    settle(dock)
    expected, model = napari_kmeans.segment(stained, 3, features=features, channel_axis=-1)
    np.testing.assert_array_equal(overlay_of(viewer).data, expected)
    several = model.n_features > 1
    assert dock.tabs.tabText(0) == ("Clusters" if several else "Histogram")
    assert (f"of {N_INIT} restarts" in dock.status.text()) == several
    np.testing.assert_array_equal(run_script(viewer, dock), expected)
    # The same colours in overlay, table and plot.
    overlay = [overlay_of(viewer).get_color(label) for label in (1, 2, 3)]
    swatches = [
        dock.table.item(row, 0).icon().pixmap(4).toImage().pixelColor(1, 1).getRgbF() for row in range(3)
    ]
    np.testing.assert_allclose(overlay, swatches, atol=0.01)


KINDS = {
    "2-D": lambda rng: ({"data": rng.integers(0, 255, (40, 50), dtype=np.uint8)}, False),
    "RGB": lambda rng: ({"data": rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)}, True),
    "RGBA": lambda rng: ({"data": rng.integers(0, 255, (40, 50, 4), dtype=np.uint8)}, True),
    "stack": lambda rng: ({"data": rng.integers(0, 999, (4, 30, 40), dtype=np.uint16)}, False),
    "time series": lambda rng: (
        {"data": rng.integers(0, 999, (3, 4, 20, 30), dtype=np.uint16), "axis_labels": ("t", "z", "y", "x")},
        False,
    ),
    "multiscale": lambda rng: (
        {"data": [rng.integers(0, 255, (n, n, 3), dtype=np.uint8) for n in (64, 32)], "multiscale": True},
        True,
    ),
    "lazy": lambda rng: (
        {"data": da.from_array(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8), chunks=(20, 20, 3))},
        True,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_feature_space_can_be_selected_in_any_order(viewer, open_dock, settle, kind):
    keywords, rgb = KINDS[kind](np.random.default_rng(3))
    viewer.add_image(**keywords, rgb=rgb)
    dock = open_dock()
    names = list(dock.features.choices)
    assert len(names) >= 2
    for name in names:
        dock.features.value = name
        settle(dock)
        assert dock.session.model.features == name, dock.status.text()
        assert dock.session.model.n_clusters == 3
        dock.n_clusters.value = 4
        settle(dock)
        assert dock.table.rowCount() == 4
        dock.undo.defaultAction().trigger()
        settle(dock)
    for name in reversed(names[:-1]):
        dock.features.value = name
        settle(dock)
        assert dock.session.model.features == name, dock.status.text()
        assert dock.table.rowCount() == 3


def test_clusters_are_split_into_measured_objects(viewer, open_dock, settle, specks):
    image = viewer.add_image(specks, scale=(0.5, 0.5), units=("um", "um"))
    dock = open_dock()
    assert not dock.objects.enabled
    dock.n_clusters.value = 2
    settle(dock)
    assert dock.objects.enabled
    dock.table.action_requested.emit("objects", [2])
    settle(dock)
    layer = viewer.layers[-1]
    assert isinstance(layer, Labels)
    assert layer.name == "specks objects"
    np.testing.assert_allclose(layer.extent.world, image.extent.world)
    labels = overlay_of(viewer).data
    np.testing.assert_array_equal(layer.data != 0, labels == 2)
    assert layer.features["cluster"].tolist() == [2, 2]
    assert sorted(layer.features["area"]) == [0.25 * 4, 0.25 * (np.count_nonzero(labels == 2) - 4)]
    assert "intensity_mean" in layer.features
    dock.objects.native.click()  # all clusters, none being selected
    settle(dock)
    assert set(viewer.layers[-1].features["cluster"]) == {1, 2}


def test_a_saved_model_of_colours_labels_another_image(viewer, open_dock, settle, stained, tmp_path):
    model = napari_kmeans.fit(stained, 3, features="lab", channel_axis=-1).with_names(["a", "b", "c"])
    other = stained[::-1].copy()
    other[:9] = 128
    viewer.add_image(other)
    dock = open_dock()
    dock.use_model(model)
    settle(dock)
    np.testing.assert_array_equal(overlay_of(viewer).data, model.predict(other))
    assert dock.features.value == "lab"
    assert dock.table.item(0, 1).text() == "a"


def test_mean_colours_are_those_of_the_image(viewer, open_dock, settle, stained):
    viewer.add_image(stained)
    dock = open_dock()
    for features in ("rgb", "lab"):
        dock.features.value = features
        settle(dock)
        action = next(a for a in dock.menu.palettes.actions() if a.data() == "mean intensity")
        action.trigger()
        settle(dock)
        shown = np.array([overlay_of(viewer).get_color(label)[:3] for label in (1, 2, 3)]) * 255
        labels = overlay_of(viewer).data
        means = [stained[labels == label].mean(axis=0) for label in (1, 2, 3)]
        np.testing.assert_allclose(shown, means, atol=4)
