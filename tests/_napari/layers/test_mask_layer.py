"""Labels and shapes as masks."""

from __future__ import annotations

import numpy as np
import pytest
from dock_helpers import overlay_of, run_script

import napari_kmeans

pytestmark = pytest.mark.thorough


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
    np.testing.assert_array_equal(overlay_of(viewer).data, expected)
    np.testing.assert_array_equal(run_script(viewer, dock), expected)
    assert dock.view.where.chosen == "in roi"
    layer.data[...] = 0
    layer.data[:9] = 1  # painted on: Segment reads it again
    dock.segment.native.click()
    settle(dock)
    np.testing.assert_array_equal(overlay_of(viewer).data, napari_kmeans.segment(gray, 3, mask=layer.data)[0])
    viewer.layers.remove(layer)
    settle(dock)
    np.testing.assert_array_equal(overlay_of(viewer).data, napari_kmeans.segment(gray, 3)[0])


def test_a_mask_of_another_scale_is_aligned_by_world_coordinates(viewer, open_dock, settle, gray):
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
    np.testing.assert_array_equal(overlay_of(viewer).data, expected)
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
    inside = overlay_of(viewer).data != 0
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
    assert "“deep” has 3 dimensions, but “gray” has 2" in dock.status.text()
    dock.undo.defaultAction().trigger()
    dock.undo.defaultAction().trigger()
    settle(dock)
    np.testing.assert_array_equal(overlay_of(viewer).data, napari_kmeans.segment(gray, 3)[0])
