"""Clusterings with a cost on borders, for every number of clusters."""

from __future__ import annotations

import time

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.kmeans.intervals import midpoints
from napari_kmeans.model.preparation import prepare
from napari_kmeans.model.recipe import Recipe


def image_of(sigma=15.0, size=128):
    from skimage.data import binary_blobs

    levels = sum(60.0 * binary_blobs(size, blob_size_fraction=0.2, rng=seed) for seed in range(3))
    return levels + np.random.default_rng(0).normal(60, sigma, levels.shape)


@pytest.fixture(scope="module")
def prepared():
    return prepare(Pixels.of(image_of()), Recipe.of(2, coherence=1))


@pytest.mark.parametrize("k", range(1, 9))
def test_a_clustering_is_a_fixed_point(prepared, k):
    """Thresholds lie halfway between the centres, and centres are means of the original values."""
    found = prepared.clusterings.clustering(k)
    coherent = prepared.clusterings.coherent
    centers = found.centers[:, 0]
    assert (np.diff(centers) >= 0).all()
    assert np.array_equal(coherent.between(midpoints(centers)).thresholds, found.thresholds)
    cluster = np.searchsorted(found.thresholds, prepared.pixels.image)
    image = image_of()
    # Clusters beyond the number of levels may have no pixels.
    for number in np.unique(cluster):
        assert centers[number] == pytest.approx(image[cluster == number].mean(), rel=1e-5)
    assert k > 4 or np.unique(cluster).size == k
    assert found.counts.tolist() == np.bincount(cluster.ravel(), minlength=k).tolist()


def test_four_levels_are_found_and_suggested(prepared):
    centers = prepared.clusterings.clustering(4).centers[:, 0]
    assert centers == pytest.approx(np.array([60, 120, 180, 240]), abs=6)
    assert napari_kmeans.suggest_n_clusters(image_of(), coherence=1).n_clusters == 4


def test_inertia_falls_with_the_number_of_clusters(prepared):
    inertia = prepared.clusterings.inertia(8)
    assert (np.diff(inertia) <= 1e-9 * inertia[0]).all()
    assert inertia[0] == pytest.approx(np.sum((image_of() - image_of().mean()) ** 2), rel=1e-6)


def test_every_number_of_clusters_is_computed_quickly(prepared):
    prepared.clusterings.clustering(2)
    begin = time.perf_counter()
    for k in range(2, 13):
        prepared.clusterings.clustering(k)
    assert (time.perf_counter() - begin) / 11 < 0.25  # ten times the time on a slow machine


def test_lloyd_is_close_to_the_exact_centres(prepared):
    exact, lloyd = (prepared.clusterings.clustering(4, solver) for solver in ("exact", "lloyd"))
    assert lloyd.centers == pytest.approx(exact.centers, abs=0.5)
    assert lloyd.solver == "lloyd"


def test_thresholds_set_by_hand_are_applied_to_the_coherent_image():
    image = image_of()
    labels, model = napari_kmeans.segment(image, 3, coherence=1)
    changed = model.with_thresholds(model.thresholds + 10)
    found = changed.predict(image)
    assert changed.counts.tolist() == np.bincount(found.ravel(), minlength=4)[1:].tolist()
    assert changed.centers[1, 0] == pytest.approx(image[found == 2].mean(), rel=1e-4)
    assert (found <= labels).all()


def test_counts_are_those_of_the_labels_even_if_clusters_are_empty():
    labels, model = napari_kmeans.segment(np.arange(9.0).reshape(3, 3), 3, coherence=1)
    assert (
        model.counts.tolist() == np.bincount(labels.ravel(), minlength=4)[1 : model.n_clusters + 1].tolist()
    )
