from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.kmeans.exact_clusterings import ExactClusterings
from napari_kmeans.kmeans.suggestion import suggest
from napari_kmeans.summary.scalar import ScalarSummary


def summary_of(values, **kwargs) -> ScalarSummary:
    return ScalarSummary(*np.unique(np.asarray(values, dtype=np.float64), return_counts=True), **kwargs)


@pytest.mark.parametrize("n_phases", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("noise", [2, 6])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_number_of_phases_is_suggested(n_phases, noise, seed):
    rng = np.random.default_rng(seed)
    levels = 30 + 40 * np.arange(n_phases)
    sizes = rng.integers(5000, 20_000, n_phases)
    pixels = np.repeat(levels, sizes) + rng.normal(0, noise, sizes.sum())
    suggestion = suggest(ExactClusterings(summary_of(pixels.astype(np.uint8))), 12)
    assert suggestion.n_clusters == n_phases
    assert "largest improvement" in suggestion.reason


@pytest.mark.parametrize(
    ("values", "n_clusters", "n_inertias"),
    [([0, 0, 1, 1, 1], 2, 2), ([5] * 9, 1, 1), ([0, 100, 255], 3, 3)],
)
def test_suggestions_for_few_values(values, n_clusters, n_inertias):
    suggestion = suggest(ExactClusterings(summary_of(values)), 12)
    assert suggestion.n_clusters == n_clusters
    assert len(suggestion.inertia) == n_inertias
    assert suggestion.explained_variance[-1] == 1
    assert suggestion.reason.endswith(".")


@pytest.mark.parametrize("values", [range(256), np.random.default_rng(3).normal(100, 20, 9999).round()])
def test_the_reason_states_that_a_single_group_has_no_best_number(values):
    suggestion = suggest(ExactClusterings(summary_of(values)), 12)
    assert "single group" in suggestion.reason


def test_inertia_decreases_with_the_number_of_clusters(picture):
    suggestion = suggest(ExactClusterings(summary_of(picture("moon"))), 20)
    assert len(suggestion.inertia) == 20
    assert (np.diff(suggestion.inertia) < 0).all()
    assert (np.diff(suggestion.explained_variance) > 0).all()


def blobs(n_clusters, n_features, n_pixels=20_000, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.permutation(n_clusters * 3)[:n_clusters, np.newaxis] + rng.random((n_clusters, n_features))
    return (centers[rng.integers(0, n_clusters, n_pixels)] * 4 + rng.normal(0, 1, (n_pixels, n_features)))[
        None
    ]


@pytest.mark.parametrize(("n_clusters", "n_features"), [(2, 3), (4, 3), (3, 2), (5, 2), (4, 6)])
def test_the_number_of_well_separated_clusters_is_suggested(n_clusters, n_features):
    image = blobs(n_clusters, n_features, seed=n_clusters)
    found = napari_kmeans.suggest_n_clusters(image, features="channels", channel_axis=-1)
    assert found.n_clusters == n_clusters
    assert len(found.inertia) == 12
    assert "largest improvement" in found.reason


def test_the_reason_for_a_single_group_of_colours():
    image = np.random.default_rng(0).normal(0, 1, (1, 30_000, 3))
    assert "single group" in napari_kmeans.suggest_n_clusters(image, features="rgb", channel_axis=-1).reason


def test_colours_along_a_line_need_few_clusters():
    rng = np.random.default_rng(0)
    image = rng.random((1, 50_000, 1)) * [1, 0.8, 0.5] + rng.normal(0, 0.01, (1, 50_000, 3))
    assert napari_kmeans.suggest_n_clusters(image, features="rgb", channel_axis=-1).n_clusters <= 3


def test_a_maximum_of_one_cluster_suggests_one_cluster():
    found = suggest(ExactClusterings(summary_of([0, 1, 9])), 1)
    assert (found.n_clusters, found.reason) == (1, "Only 1 cluster was considered.")


def test_the_smallest_number_with_a_similar_criterion_is_suggested():
    class Fake:
        n_values = 9
        uncertainty = 0.1

        def inertia(self, k_max):
            return (10.0, 5.0, 3.0, 1.0)

        def marriott(self, k_max):
            return (1.0, 0.54, 0.51, 0.5)

        def estimate(self, n_clusters):
            return SimpleNamespace(explained_variance=1 - self.inertia(4)[n_clusters - 1] / 10)

    found = suggest(Fake(), 4)
    assert found.n_clusters == 2
    Fake.uncertainty = 0.0
    assert suggest(Fake(), 4).n_clusters == 4


def test_values_whose_squares_underflow_get_the_same_suggestion():
    image = np.random.default_rng(0).normal([10, 40, 90], 1, (50, 3))
    expected = napari_kmeans.suggest_n_clusters(image)
    found = napari_kmeans.suggest_n_clusters(image * 2.0**-600)
    assert found.n_clusters == expected.n_clusters == 3
    assert found.explained_variance == pytest.approx(expected.explained_variance)
    model = napari_kmeans.fit(image * 2.0**-600, 3)
    assert model.explained_variance == pytest.approx(napari_kmeans.fit(image, 3).explained_variance)
