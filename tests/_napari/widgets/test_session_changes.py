"""Changes by hand, and undo."""

from __future__ import annotations

import numpy as np
from dock_helpers import ask, clusters_of, expected, select


def test_clusters_are_merged_split_and_sent_to_the_background(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    labels = expected(image, 4)[0]
    [layer] = clusters_of(viewer)

    select(dock, 1, 2)
    ask(dock, "Merge")
    settle(dock)
    np.testing.assert_array_equal(layer.data, np.where(labels == 3, 2, labels))
    assert dock.table.rowCount() == 3
    assert layer.features["index"].tolist() == [1, 2, 4]

    select(dock, 0)
    ask(dock, "Set as background (label 0)")
    settle(dock)
    assert not layer.data[labels == 1].any()

    dock.n_clusters.value = 6
    settle(dock)
    dock.n_clusters.value = 4
    settle(dock)
    assert dock.table.rowCount() == 3  # returning to this number restores its merges

    select(dock, 1)
    ask(dock, "Unmerge")
    select(dock, 0)
    ask(dock, "Remove from background")
    settle(dock)
    np.testing.assert_array_equal(layer.data, labels)


def test_undo_reverts_names_and_numbers_of_clusters(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    assert not dock.menu.undo.isEnabled()
    dock.n_clusters.value = 5
    settle(dock)
    dock.table.item(0, 1).setText("dark")
    settle(dock)
    dock.menu.undo.trigger()
    settle(dock)
    assert dock.table.item(0, 1).text() == "cluster 1"
    assert dock.n_clusters.value == 5
    dock.menu.undo.trigger()
    settle(dock)
    assert dock.n_clusters.value == 3
    np.testing.assert_array_equal(clusters_of(viewer)[0].data, expected(image, 3)[0])
    assert not dock.menu.undo.isEnabled()


def test_names_and_merges_belong_to_their_k_and_can_be_undone(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    dock.table.item(0, 1).setText("dark")
    select(dock, 1, 2)
    ask(dock, "Merge")
    settle(dock)
    [layer] = clusters_of(viewer)
    four = layer.data.copy()

    def rows():
        return [dock.table.item(row, 1).text() for row in range(dock.table.rowCount())]

    assert rows() == ["dark", "cluster 2", "cluster 4"]
    dock.n_clusters.value = 5
    settle(dock)
    assert rows() == [f"cluster {i}" for i in range(1, 6)]
    np.testing.assert_array_equal(layer.data, expected(image, 5)[0])
    dock.menu.undo.trigger()  # back to four, names and merges with it
    settle(dock)
    assert rows() == ["dark", "cluster 2", "cluster 4"]
    np.testing.assert_array_equal(layer.data, four)
    dock.menu.undo.trigger()
    settle(dock)
    assert rows() == ["dark", "cluster 2", "cluster 3", "cluster 4"]
    dock.menu.undo.trigger()
    settle(dock)
    assert rows() == [f"cluster {i}" for i in range(1, 5)]
    dock.n_clusters.value = 5
    dock.n_clusters.value = 4  # what was undone does not come back with its k
    settle(dock)
    assert rows() == [f"cluster {i}" for i in range(1, 5)]


def test_merged_clusters_and_background_can_be_merged_with_others(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 5
    settle(dock)
    labels = expected(image, 5)[0]
    [layer] = clusters_of(viewer)
    select(dock, 1, 2)
    ask(dock, "Merge")
    select(dock, 2)
    ask(dock, "Set as background (label 0)")
    settle(dock)
    assert not layer.data[labels == 4].any()
    select(dock, 1, 2)
    ask(dock, "Merge")
    settle(dock)
    # One that is seen and one that is not are seen together.
    np.testing.assert_array_equal(layer.data, np.where((labels == 3) | (labels == 4), 2, labels))
    select(dock, 1)
    ask(dock, "Set as background (label 0)")
    settle(dock)
    assert np.unique(layer.data).tolist() == [0, 1, 5]
    select(dock, 1)
    ask(dock, "Unmerge")
    settle(dock)
    assert np.unique(layer.data).tolist() == [0, 1, 3, 4, 5]  # the lowest alone is what was hidden


def test_a_control_returns_to_its_value_if_the_new_one_does_not_suit_the_image(
    viewer, open_dock, settle, colored
):
    viewer.add_image(colored)
    dock = open_dock()
    dock.illumination.value = "additive"
    settle(dock)
    dock.features.value = "rgb"
    settle(dock)
    assert "use 'multiplicative'" in dock.status.text()
    assert dock.features.value == "gray"
    assert dock.table.isEnabled()
