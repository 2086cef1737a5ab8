from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from napari_kmeans._napari.layers.insert_layer import insert_unselected, place_above


@pytest.mark.parametrize(("place", "expected"), [(None, 2), (1, 1), (0, 0)])
def test_a_layer_is_inserted_and_the_selection_stays(gray, place, expected):
    viewer = ViewerModel()
    first, second = viewer.add_image(gray), viewer.add_image(gray)
    viewer.layers.selection = {first, second}
    viewer.layers.selection.active = first
    selected = set(viewer.layers.selection)
    layer = Labels(np.zeros(gray.shape, np.uint8))
    insert_unselected(viewer, layer, place)
    assert viewer.layers.index(layer) == expected
    assert set(viewer.layers.selection) == selected
    assert viewer.layers.selection.active is first


def test_a_result_is_placed_above_earlier_ones_which_are_hidden(gray):
    viewer = ViewerModel()
    image, below, other, above = (viewer.add_image(gray) for _ in range(4))
    viewer.layers.move(viewer.layers.index(below), 0)
    assert place_above(viewer, image, []) == viewer.layers.index(image) + 1
    assert place_above(viewer, image, [below]) == viewer.layers.index(image) + 1
    assert place_above(viewer, image, [below, above]) == viewer.layers.index(above) + 1
    assert [layer.visible for layer in (image, below, other, above)] == [True, False, True, False]
