from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.kmeans.clustering import Clustering, Clusterings
from napari_kmeans.kmeans.exact_clusterings import ExactClusterings
from napari_kmeans.kmeans.search import SearchedClusterings
from napari_kmeans.model.preparation import clusterings_of
from napari_kmeans.summary.summarize import summarize


def clustering(**fields) -> Clustering:
    defaults = {
        "centers": np.array([[1.0], [5.0]]),
        "thresholds": np.array([3.0]),
        "counts": np.array([10, 20]),
        "inertia": 4.0,
        "explained_variance": 0.9,
        "feature_names": ("gray",),
        "scales": np.ones(1),
    }
    return Clustering(**{**defaults, **fields})


def test_a_clustering_cannot_be_changed():
    found = clustering()
    with pytest.raises(FrozenInstanceError):
        found.inertia = 0.0
    for array in (found.centers, found.thresholds, found.counts, found.scales):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_numbers_of_clusters_and_features_are_those_of_the_centres():
    found = clustering(centers=np.zeros((4, 3)))
    assert (found.n_clusters, found.n_features) == (4, 3)


def test_only_the_exact_solver_is_exact():
    assert clustering().is_exact
    assert not clustering(solver="lloyd").is_exact


@pytest.mark.parametrize("kind", [ExactClusterings, SearchedClusterings])
def test_both_kinds_of_clusterings_have_every_member_of_the_protocol(kind):
    members = {name for name in vars(Clusterings) if not name.startswith("_")}
    assert members == {
        *("summary", "n_values", "uncertainty", "has_estimates", "clustering", "estimate", "is_quick"),
        *("confirm", "inertia", "marriott"),
    }
    rng = np.random.default_rng(0)
    image = rng.integers(0, 99, (20, 30, 3), dtype=np.uint8)
    features = "gray" if kind is ExactClusterings else "rgb"
    found = clusterings_of(summarize(Pixels.of(image, features=features, channel_axis=-1)), 3)
    assert type(found) is kind
    assert found.random_state == 3
    assert all(hasattr(found, name) for name in members)
