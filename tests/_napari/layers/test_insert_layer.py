from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from napari_kmeans._napari.layers.insert_layer import insert_result, insert_unselected


@pytest.mark.parametrize(("index", "expected"), [(None, 2), (1, 1), (0, 0)])
def test_a_layer_is_inserted_and_the_selection_stays(gray, index, expected):
    viewer = ViewerModel()
    first, second = viewer.add_image(gray), viewer.add_image(gray)
    viewer.layers.selection = {first, second}
    viewer.layers.selection.active = first
    selected = set(viewer.layers.selection)
    layer = Labels(np.zeros(gray.shape, np.uint8))
    insert_unselected(viewer, layer, index)
    assert viewer.layers.index(layer) == expected
    assert set(viewer.layers.selection) == selected
    assert viewer.layers.selection.active is first


def test_a_result_is_placed_above_earlier_ones_which_are_hidden(gray):
    viewer = ViewerModel()
    image, other = viewer.add_image(gray), viewer.add_image(gray)
    results = [Labels(np.zeros(gray.shape, np.uint8), name=f"result {i}") for i in range(4)]
    insert_result(viewer, image, results[0])
    assert list(viewer.layers) == [image, results[0], other]
    insert_result(viewer, other, results[1])
    viewer.layers.move(viewer.layers.index(results[0]), 0)  # below its image
    insert_result(viewer, image, results[2])
    assert list(viewer.layers) == [results[0], image, results[2], other, results[1]]
    viewer.layers.move(viewer.layers.index(results[2]), 5)
    viewer.layers.remove(results[0])
    insert_result(viewer, image, results[3])
    assert list(viewer.layers) == [image, other, results[1], results[2], results[3]]
    assert [layer.visible for layer in results] == [False, True, False, True]
