"""The script of Copy as Python is run, and has to make the labels that are on the screen."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtWidgets import QApplication

import napari_kmeans

pytestmark = pytest.mark.thorough


def rgba(rng):
    image = rng.integers(0, 256, (32, 36, 4), dtype=np.uint8)
    image[:8, :9, 3] = 0
    return image


def holes(rng):
    image = rng.normal(size=(30, 31)).astype(np.float32)
    image[3:6] = np.nan
    return image


IMAGES = {
    "gray": lambda rng: (rng.integers(0, 256, (30, 31), dtype=np.uint8), False),
    "gray16": lambda rng: (rng.integers(0, 65536, (30, 31), dtype=np.uint16), False),
    "NaN": lambda rng: (holes(rng), False),
    "RGB": lambda rng: (rng.integers(0, 256, (32, 36, 3), dtype=np.uint8), True),
    "RGBA": lambda rng: (rgba(rng), True),
    "volume": lambda rng: (rng.integers(0, 4096, (5, 12, 14), dtype=np.uint16), False),
    "movie in colour": lambda rng: (rng.integers(0, 256, (4, 12, 14, 3), dtype=np.uint8), True),
}
STACKS = "volume", "movie in colour"


def move_border(dock):
    dock.border.which.setCurrentIndex(1)
    value = dock.border.value.value()
    dock.border.value.setValue(value + 0.1 * abs(value))


EDITS = {
    "k": [],
    "border": [move_border],
    "merged": [lambda dock: dock.table.action_requested.emit("merge", [1, 3])],
    "background": [lambda dock: dock.table.action_requested.emit("background", [2])],
    "named": [lambda dock: dock.table.item(2, 1).setText("leaf 'n\" bark")],
    "merged background": [
        lambda dock: dock.table.action_requested.emit("merge", [2, 3]),
        lambda dock: dock.table.action_requested.emit("background", [2]),
    ],
    "everything": [
        move_border,
        lambda dock: dock.table.action_requested.emit("merge", [3, 4]),
        lambda dock: dock.table.action_requested.emit("background", [1]),
        lambda dock: dock.table.item(1, 1).setText("coin"),
    ],
}


def run_script(viewer, dock):
    dock.menu.copy_python.trigger()
    script = QApplication.clipboard().text()
    assert set(re.findall(r"^(?:import|from) (\S+)", script, re.MULTILINE)) <= {"napari_kmeans", "numpy"}
    assert set(re.findall(r"napari_kmeans\.(\w+)", script)) <= set(napari_kmeans.__all__)
    names = {"viewer": viewer}
    exec(script, names)
    return names["labels"], names["model"]


def check(viewer, dock):
    layer = viewer.layers[f"{dock.image.value.name} k-means"]
    assert isinstance(layer, Labels)
    assert len(viewer.layers) == 2 * sum(isinstance(each, Image) for each in viewer.layers)
    labels, model = run_script(viewer, dock)
    np.testing.assert_array_equal(labels, layer.data)
    shown = dock.session.model
    one = model[dock.session.position] if isinstance(model, napari_kmeans.KMeansStack) else model
    assert (one.names, one.merges, one.background) == (shown.names, shown.merges, shown.background)
    np.testing.assert_array_equal(one.centers, shown.centers)


@pytest.mark.parametrize("kind", IMAGES)
def test_script_reproduces_the_displayed_labels(viewer, open_dock, settle, kind):
    data, rgb = IMAGES[kind](np.random.default_rng(7))
    dock = open_dock()
    for name, edits in EDITS.items():
        viewer.add_image(data, rgb=rgb, name=f'{name}\'s "image"')
        settle(dock)
        dock.n_clusters.value = 5
        for edit in edits:
            edit(dock)
        settle(dock)
        check(viewer, dock)


@pytest.mark.parametrize("edits", ["k", "merged background", "named"])
@pytest.mark.parametrize("kind", STACKS)
def test_script_reproduces_the_displayed_labels_of_each_position(viewer, open_dock, settle, kind, edits):
    data, rgb = IMAGES[kind](np.random.default_rng(7))
    viewer.add_image(data, rgb=rgb, axis_labels=("t", "y", "x"))
    dock = open_dock()
    dock.n_clusters.value = 5
    move_border(dock)  # for the whole stack, so no part of what follows
    dock.where.value = 0
    settle(dock)
    for edit in EDITS[edits]:
        edit(dock)
        settle(dock)
    check(viewer, dock)


def test_thresholds_set_for_the_whole_stack_are_not_in_the_script_for_each_position(
    viewer, open_dock, settle, volume
):
    viewer.add_image(volume)
    dock = open_dock()
    dock.n_clusters.value = 4
    move_border(dock)
    settle(dock)
    dock.n_clusters.value = 5
    dock.where.value = 0
    dock.n_clusters.value = 4
    settle(dock)
    assert not dock.session.model.adjusted
    check(viewer, dock)


def test_script_of_another_luminance_and_of_a_loaded_model(viewer, open_dock, settle):
    data, _ = IMAGES["RGB"](np.random.default_rng(7))
    viewer.add_image(data, rgb=True)
    dock = open_dock()
    dock.features.value = "gray601"
    dock.n_clusters.value = 4
    settle(dock)
    check(viewer, dock)
    loaded = napari_kmeans.fit(data[::2], 6, channel_axis=-1).merged([[2, 5]]).with_background([1])
    dock.use_model(loaded)
    settle(dock)
    check(viewer, dock)
    np.testing.assert_array_equal(run_script(viewer, dock)[0], loaded.predict(data))


def add_scaled_labels(viewer):
    roi = np.zeros((20, 25), dtype=np.uint8)
    roi[3:12, 5:20] = 1
    return viewer.add_labels(roi, scale=(2, 2), translate=(0.5, 0.5), name="it's a roi")


def add_shapes(viewer):
    return viewer.add_shapes(
        [np.array([[2, 3], [2, 15], [12, 15], [12, 3]]), np.array([[5, 16], [5, 22], [15, 22], [15, 16]])],
        shape_type=["rectangle", "ellipse"],
        name="drawn",
    )


@pytest.mark.parametrize("add_mask", [add_scaled_labels, add_shapes])
def test_script_reproduces_labels_with_any_kind_of_mask(viewer, open_dock, settle, gray, add_mask):
    viewer.add_image(gray)
    mask = add_mask(viewer)
    viewer.layers.selection.active = viewer.layers["gray"]
    dock = open_dock()
    dock.mask.value = mask
    settle(dock)
    labels, _ = run_script(viewer, dock)
    assert 0 < np.count_nonzero(labels) < labels.size
    np.testing.assert_array_equal(labels, viewer.layers["gray k-means"].data)


@pytest.mark.parametrize("shape", [(6, 12, 3), (6, 12, 4)])
def test_script_of_a_volume_of_three_or_four_columns_does_not_warn(viewer, open_dock, settle, shape):
    image = np.random.default_rng(7).integers(0, 4096, shape, dtype=np.uint16)
    with pytest.warns(UserWarning, match="channel_axis"):  # the script has to say that 3 is no colour
        napari_kmeans.fit(image, 3)
    viewer.add_image(image, rgb=False, name="narrow")
    dock = open_dock()
    dock.n_clusters.value = 5  # not the default, so that the labels are wanted
    settle(dock)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(viewer, dock)
