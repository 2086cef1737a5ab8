"""The labels of a session, on demand or of every pixel."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans._napari.layers.image_layer import resolutions_of
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.session.measurements import measure
from napari_kmeans._napari.session.result_labels import labels_on_demand, labels_to_export
from napari_kmeans.model.recipe import Recipe

EACH = LayerRecipe(Recipe(n_clusters=3), per_axis=0)


def measured(session):
    found = resolutions_of(session.image, session.settings)
    place = session.place
    part = found.finest if place is None else found.finest.at(*place)
    session.set_measured(found, place, measure(part, found.recipe, 12))
    session.find_model()
    return session


def test_labels_on_demand_are_those_of_the_model(session_of, gray):
    session = measured(session_of(gray))
    session.edit(background=(2,))
    session.find_model()
    [labels] = labels_on_demand(session)
    expected = napari_kmeans.fit(gray, 3).with_background([2]).predict(gray)
    np.testing.assert_array_equal(labels[5:20, 3:], expected[5:20, 3:])
    [plain] = labels_on_demand(session, with_background=False)
    np.testing.assert_array_equal(plain.compute(), napari_kmeans.segment(gray, 3)[0])


def test_labels_of_positions_use_the_settings_of_the_request(session_of, volume):
    session = measured(session_of(volume, EACH))
    [labels] = labels_on_demand(session)
    session.choose_k(5)
    session.choose_per_axis(None)
    expected = napari_kmeans.segment(volume, 3, per_axis=0)[0]
    np.testing.assert_array_equal(labels[4], expected[4])
    np.testing.assert_array_equal(labels.compute(), expected)


def test_positions_of_a_lazy_stack_have_labels_once_they_are_measured(session_of, volume):
    session = measured(session_of(da.from_array(volume, chunks=(1, 20, 24)), EACH))
    [labels] = labels_on_demand(session)
    expected = napari_kmeans.segment(volume, 3, per_axis=0)[0]
    np.testing.assert_array_equal(labels[0], expected[0])
    assert not labels[3].any()
    found = session.resolutions
    session.set_measured(found, (0, 3), measure(found.finest.at(0, 3), found.recipe, 12))
    np.testing.assert_array_equal(labels[3], expected[3])


@pytest.mark.parametrize("with_background", [True, False])
@pytest.mark.parametrize("per_axis", [None, 0])
def test_labels_to_export_are_those_of_every_pixel(session_of, volume, per_axis, with_background):
    session = measured(session_of(volume, LayerRecipe(Recipe(n_clusters=3), per_axis=per_axis)))
    session.edit(background=(1,))
    request = session.request
    session.choose_k(7)  # after the export was asked for
    labels, model = labels_to_export(
        request, session.resolutions, session.measured, with_background=with_background
    )
    expected = napari_kmeans.segment(volume, 3, per_axis=per_axis)[0]
    if with_background:
        expected[expected == 1] = 0
    np.testing.assert_array_equal(labels.compute(), expected)
    assert model.background == (1,)
