"""Colours, channels, texture, masks and clean-up through the dock's controls."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtWidgets import QApplication

import napari_kmeans
from napari_kmeans.kmeans.search import N_INIT

pytestmark = pytest.mark.thorough


def clusters_of(viewer):
    return next(layer for layer in viewer.layers if layer.name.endswith("k-means"))


def choices(control):
    return [control.native.itemText(i) for i in range(control.native.count())]


def run_script(viewer, dock):
    dock.menu.copy_python.trigger()
    names = {"viewer": viewer}
    exec(QApplication.clipboard().text(), names)
    return names["labels"]


@pytest.fixture
def stained():
    """Three stains with noise, 60 × 70 RGB."""
    rng = np.random.default_rng(4)
    colors = np.array([[150, 90, 60], [90, 100, 160], [230, 225, 228]])
    return np.clip(colors[rng.integers(0, 3, (60, 70))] + rng.normal(0, 6, (60, 70, 3)), 0, 255).astype("u1")


@pytest.fixture
def specks():
    """Two halves with specks in them, 40 × 60."""
    image = np.repeat([[40, 200]], 30, axis=1).repeat(40, axis=0).astype(np.uint8)
    image[5:7, 5:7], image[20, 45:48] = 200, 40
    return image + np.random.default_rng(0).integers(0, 9, image.shape, dtype=np.uint8)


@pytest.mark.parametrize("features", ["rgb", "lab", "red", "saturation", "value", "channels", "gray601"])
def test_colours_by_any_feature_give_what_python_gives(viewer, open_dock, settle, stained, features):
    viewer.add_image(stained)
    dock = open_dock()
    dock.features.value = features
    settle(dock)
    expected, model = napari_kmeans.segment(stained, 3, features=features, channel_axis=-1)
    np.testing.assert_array_equal(clusters_of(viewer).data, expected)
    several = model.n_features > 1
    assert dock.tabs.tabText(0) == ("Clusters" if several else "Histogram")
    assert (f"of {N_INIT} restarts" in dock.status.text()) == several
    np.testing.assert_array_equal(run_script(viewer, dock), expected)
    # The same colours in overlay, table and plot.
    overlay = [clusters_of(viewer).get_color(label) for label in (1, 2, 3)]
    swatches = [
        dock.table.item(row, 0).icon().pixmap(4).toImage().pixelColor(1, 1).getRgbF() for row in range(3)
    ]
    np.testing.assert_allclose(overlay, swatches, atol=0.01)


def test_only_what_applies_is_offered(viewer, open_dock, settle, stained, gray):
    image = viewer.add_image(stained)
    dock = open_dock()
    assert {"Colour (RGB)", "Colour (Lab)", "Red", "Saturation", "Channels", "Texture"} <= set(
        choices(dock.features)
    )
    viewer.layers.remove(image)
    viewer.add_image(gray)
    settle(dock)
    assert choices(dock.features) == ["Grayscale", "Texture"]
    assert not dock.standardize.native.isVisibleTo(dock.native)
    viewer.add_image(gray[::-1].copy())
    settle(dock)
    assert set(choices(dock.features)) == {"Grayscale", "Channels", "Texture"}


def test_layers_of_one_extent_are_channels(viewer, open_dock, settle):
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, (50, 60))
    nuclei = (np.array([20, 900, 30])[kinds] + rng.normal(0, 10, (50, 60))).astype(np.float32)
    membrane = (np.array([2, 1, 9])[kinds] + rng.normal(0, 0.2, (50, 60))).astype(np.float32)
    first, second = viewer.add_image(nuclei, name="nuclei"), viewer.add_image(membrane, name="membrane")
    viewer.add_image(membrane, name="other")
    viewer.layers.selection.active = second
    dock = open_dock()
    viewer.layers.selection.add(first)
    dock.features.value = "channels"
    settle(dock)
    both = np.stack([nuclei, membrane], axis=-1)
    for standardize in (True, False):
        dock.standardize.value = standardize
        settle(dock)
        expected, model = napari_kmeans.segment(
            both, 3, features=napari_kmeans.Channels(standardize=standardize), channel_axis=-1
        )
        np.testing.assert_array_equal(clusters_of(viewer).data, expected)
        np.testing.assert_array_equal(run_script(viewer, dock), expected)
    assert dock.session.model.centers.shape == model.centers.shape == (3, 2)
    # Without one of them it is gray again.
    viewer.layers.remove(first)
    settle(dock)
    assert dock.features.value == "gray"


def test_texture_is_clustered_by_scales_of_structure(viewer, open_dock, settle):
    rng = np.random.default_rng(2)
    image = np.where(np.arange(64) < 32, rng.normal(100, 30, (64, 64)), 100).astype(np.float32)
    viewer.add_image(image)
    dock = open_dock()
    dock.n_clusters.value = 2
    dock.features.value = "texture"
    settle(dock)
    expected = napari_kmeans.segment(image, 2, features="texture")[0]
    np.testing.assert_array_equal(clusters_of(viewer).data, expected)
    assert dock.sigma.native.isVisibleTo(dock.native)
    dock.sigma.value = (0.5, 2.0)
    settle(dock)
    expected = napari_kmeans.segment(image, 2, features=napari_kmeans.Texture(sigma=(0.5, 2)))[0]
    np.testing.assert_array_equal(clusters_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)


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
def test_every_feature_is_switched_back_and_forth(viewer, open_dock, settle, kind):
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


def test_a_labels_layer_is_a_mask(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    roi = np.zeros(gray.shape, dtype=np.int32)
    roi[5:20, 10:40] = 7
    layer = viewer.add_labels(roi, name="roi")
    viewer.layers.selection.active = viewer.layers["gray"]
    dock = open_dock()
    dock.mask.value = layer
    settle(dock)
    expected = napari_kmeans.segment(gray, 3, mask=roi)[0]
    np.testing.assert_array_equal(clusters_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)
    assert dock.view.where.chosen == "in roi"
    layer.data[...] = 0
    layer.data[:9] = 1  # painted on: Segment reads it anew
    dock.segment.native.click()
    settle(dock)
    np.testing.assert_array_equal(
        clusters_of(viewer).data, napari_kmeans.segment(gray, 3, mask=layer.data)[0]
    )
    viewer.layers.remove(layer)
    settle(dock)
    np.testing.assert_array_equal(clusters_of(viewer).data, napari_kmeans.segment(gray, 3)[0])


def test_a_mask_of_another_scale_is_looked_up_in_the_world(viewer, open_dock, settle, gray):
    viewer.add_image(gray, scale=(2, 2), translate=(10, 0))
    roi = np.zeros((20, 25), dtype=np.uint8)
    roi[3:12, 5:20] = 1
    layer = viewer.add_labels(roi, scale=(4, 4), translate=(11, 1), name="roi")
    viewer.layers.selection.active = viewer.layers["gray"]
    dock = open_dock()
    dock.mask.value = layer
    settle(dock)
    rows, columns = np.meshgrid(np.arange(40), np.arange(50), indexing="ij")
    at = np.rint(layer.world_to_data((0, 0))).astype(int)
    there = np.array(
        [
            np.rint(layer.world_to_data((10 + 2 * r, 2 * c)))
            for r, c in zip(rows.flat, columns.flat, strict=True)
        ]
    )
    inside = np.zeros(gray.size, dtype=bool)
    valid = ((there >= 0) & (there < roi.shape)).all(axis=1)
    inside[valid] = roi[tuple(there[valid].astype(int).T)] != 0
    assert at.size == 2
    expected = napari_kmeans.segment(gray, 3, mask=inside.reshape(gray.shape))[0]
    np.testing.assert_array_equal(clusters_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)


def test_shapes_are_a_mask(viewer, open_dock, settle, volume):
    viewer.add_image(volume)
    shapes = viewer.add_shapes(
        [np.array([[2, 3], [2, 15], [12, 15], [12, 3]]), np.array([[5, 16], [5, 22], [15, 22], [15, 16]])],
        shape_type=["rectangle", "ellipse"],
        name="drawn",
    )
    viewer.layers.selection.active = viewer.layers["volume"]
    dock = open_dock()
    dock.mask.value = shapes
    settle(dock)
    inside = clusters_of(viewer).data != 0
    assert inside[:, 4:11, 5:14].all()  # at every position
    assert inside[:, 10, 19].all()
    assert not inside[:, 5, 16].any()  # a corner of the ellipse
    assert not inside[:, 16:].any()


def test_masks_that_do_not_fit_are_explained(viewer, open_dock, settle, gray, volume):
    viewer.add_image(gray)
    empty = viewer.add_labels(np.zeros(gray.shape, np.uint8), name="empty")
    deep = viewer.add_labels(np.ones(volume.shape, np.uint8), name="deep")
    viewer.layers.selection.active = viewer.layers["gray"]
    dock = open_dock()
    dock.mask.value = empty
    settle(dock)
    assert "“empty” covers no pixel of “gray”" in dock.status.text()
    dock.mask.value = deep
    settle(dock)
    assert "“deep” has 3 dimensions and “gray” 2" in dock.status.text()
    dock.undo.defaultAction().trigger()
    dock.undo.defaultAction().trigger()
    settle(dock)
    np.testing.assert_array_equal(clusters_of(viewer).data, napari_kmeans.segment(gray, 3)[0])


@pytest.mark.parametrize(
    ("choice", "exclude"), [("Zeros", (0,)), ("Saturated", ("saturated",)), ("A value…", (100.0,))]
)
def test_values_are_left_out(viewer, open_dock, settle, gray, choice, exclude):
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
    np.testing.assert_array_equal(clusters_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)


def test_smoothing_is_in_the_units_of_the_layer(viewer, open_dock, settle, gray):
    viewer.add_image(gray, scale=(0.5, 0.25), units=("um", "um"))
    dock = open_dock()
    dock.smooth.value = 0.5
    settle(dock)
    expected = napari_kmeans.segment(gray, 3, smooth=(1.0, 2.0))[0]
    np.testing.assert_array_equal(clusters_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)
    assert dock.view.prepare.chosen == "smooth 0.5 µm"


@pytest.mark.parametrize("background", [[], [1]])
def test_clean_up_at_rest(viewer, open_dock, settle, specks, background):
    viewer.add_image(specks)
    dock = open_dock()
    dock.n_clusters.value = 2
    dock.min_size.value = 10
    dock.majority.value = 1
    settle(dock)
    if background:
        dock.table.asked.emit("background", background)
        settle(dock)
    labels = napari_kmeans.clean_labels(napari_kmeans.segment(specks, 2)[0], majority=1, min_size=10)
    assert len(np.unique(labels[:, :30])) == 1
    labels[np.isin(labels, background)] = 0
    layer = clusters_of(viewer)
    np.testing.assert_array_equal(layer.data, labels)
    np.testing.assert_array_equal(run_script(viewer, dock), labels)
    counts = np.bincount(labels.ravel(), minlength=3)
    assert layer.features["pixels"].tolist() == [counts[label] for label in layer.features["index"]]
    dock.undo.defaultAction().trigger()
    settle(dock)


def test_a_stack_is_cleaned_in_its_units_and_time_point_by_time_point(viewer, open_dock, settle):
    rng = np.random.default_rng(5)
    movie = rng.integers(0, 255, (3, 30, 40), dtype=np.uint8)
    viewer.add_image(movie, scale=(1, 0.5, 0.5), units=("s", "um", "um"), axis_labels=("t", "y", "x"))
    dock = open_dock()
    dock.min_size.value = 2
    settle(dock)
    plain = napari_kmeans.segment(movie, 3)[0]
    expected = np.stack([napari_kmeans.clean_labels(plane, min_size=8) for plane in plain])
    np.testing.assert_array_equal(clusters_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)


def test_clusters_are_split_into_measured_objects(viewer, open_dock, settle, specks):
    image = viewer.add_image(specks, scale=(0.5, 0.5), units=("um", "um"))
    dock = open_dock()
    assert not dock.objects.enabled
    dock.n_clusters.value = 2
    settle(dock)
    assert dock.objects.enabled
    dock.table.asked.emit("objects", [2])
    settle(dock)
    layer = viewer.layers[-1]
    assert isinstance(layer, Labels)
    assert layer.name == "specks objects"
    np.testing.assert_allclose(layer.extent.world, image.extent.world)
    labels = clusters_of(viewer).data
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
    np.testing.assert_array_equal(clusters_of(viewer).data, model.predict(other))
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
        shown = np.array([clusters_of(viewer).get_color(label)[:3] for label in (1, 2, 3)]) * 255
        labels = clusters_of(viewer).data
        means = [stained[labels == label].mean(axis=0) for label in (1, 2, 3)]
        np.testing.assert_allclose(shown, means, atol=4)
