"""The work that labels all pixels, run here without a worker."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.session.labelling import labelling
from napari_kmeans.labels.clean_up import CleanUp
from napari_kmeans.model.recipe import Recipe


def no_progress(_share):
    pass


def test_labels_use_the_settings_of_the_request(session_of, gray):
    session = session_of(gray)
    work = labelling(session.request, None, None, 12)
    session.choose_k(5)
    session.edit(background=(1,))
    result = work(no_progress)
    labels, model = napari_kmeans.segment(gray, 3)
    np.testing.assert_array_equal(result.segmentation.labels, labels)
    np.testing.assert_array_equal(result.model.counts, np.bincount(labels.ravel())[1:])
    np.testing.assert_array_equal(result.model.centers, model.centers)
    assert result.model.confirmation is not None


def test_labels_of_positions_use_the_settings_of_the_request_after_they_change(session_of, volume):
    session = session_of(volume, LayerRecipe(Recipe(n_clusters=4), per_axis=0))
    session.move_to(2)
    work = labelling(session.request, None, None, 12)
    session.choose_per_axis(None)
    session.choose_k(2)
    result = work(no_progress)
    labels, models = napari_kmeans.segment(volume, 4, per_axis=0)
    np.testing.assert_array_equal(result.segmentation.labels, labels)
    np.testing.assert_array_equal(result.segmentation.model.centers, models[2].centers)
    assert len(result.model) == len(volume)


def test_labels_are_cleaned_in_the_units_of_the_layer(session_of, gray):
    settings = LayerRecipe(Recipe(n_clusters=3, clean_up=CleanUp(min_size=2)))
    session = session_of(gray, settings, scale=(0.5, 0.5), units=("um", "um"))
    result = labelling(session.request, None, None, 12)(no_progress)
    expected = napari_kmeans.clean_labels(napari_kmeans.segment(gray, 3)[0], min_size=8)
    np.testing.assert_array_equal(result.segmentation.labels, expected)


def test_labels_of_a_lazy_stack_of_positions_stay_on_demand(session_of, volume):
    settings = LayerRecipe(Recipe(n_clusters=3), per_axis=0)
    session = session_of(da.from_array(volume, chunks=(1, 20, 24)), settings)
    result = labelling(session.request, None, None, 12)(no_progress)
    assert result.segmentation is None
    np.testing.assert_array_equal(result.model.centers, napari_kmeans.fit(volume[0], 3).centers)


@pytest.mark.parametrize("known", [False, True])
def test_progress_ascends_to_1(session_of, gray, known):
    session = session_of(gray)
    first = labelling(session.request, None, None, 12)(no_progress)
    given = (first.resolutions, first.measured) if known else (None, None)
    shares = []
    labelling(session.request, *given, 12)(shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
