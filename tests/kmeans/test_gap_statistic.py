"""The gap statistic, a second opinion on the number of clusters."""

from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans


def groups(n, noise=6, size=4000, seed=0):
    levels = 30 + 50 * np.arange(n)
    return np.repeat(levels, size) + np.random.default_rng(seed).normal(0, noise, n * size)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("dtype", [np.uint16, np.float64])
def test_the_number_of_separate_groups_is_suggested(n, dtype):
    found = napari_kmeans.suggest_n_clusters(groups(n).astype(dtype), 8, method="gap")
    assert found.n_clusters == n
    assert len(found.gap) == len(found.gap_error) == 8
    assert found.reason.startswith(f"{n} is the smallest")


@pytest.mark.parametrize("values", [np.linspace(0, 1, 5000), np.random.default_rng(0).normal(size=5000)])
def test_values_of_one_group_are_one_cluster(values):
    found = napari_kmeans.suggest_n_clusters(values, 6, method="gap")
    assert found.n_clusters == 1
    assert "one group" in found.reason


def test_the_gap_of_uniform_values_is_zero_within_its_error():
    found = napari_kmeans.suggest_n_clusters(np.random.default_rng(1).random(20_000), 6, method="gap")
    assert (np.abs(found.gap) < 3 * np.array(found.gap_error)).all()


def test_several_features_are_compared_along_their_axes():
    rng = np.random.default_rng(0)
    centers = np.array([[40, 40], [40, 200], [200, 120]])
    image = (centers[rng.integers(0, 3, (60, 60))] + rng.normal(0, 8, (60, 60, 2))).astype(np.float32)
    found = napari_kmeans.suggest_n_clusters(image, 6, method="gap", features="channels", channel_axis=-1)
    assert found.n_clusters == 3


def test_a_few_distinct_values_give_one_cluster_each():
    assert napari_kmeans.suggest_n_clusters(np.array([0, 0, 100, 255] * 9), method="gap").n_clusters == 3
    assert napari_kmeans.suggest_n_clusters(np.zeros(9), method="gap").n_clusters == 1


def test_gap_can_be_given_instead_of_a_number():
    image = groups(3).reshape(120, 100)
    assert napari_kmeans.fit(image, "gap").n_clusters == 3
    assert napari_kmeans.fit(image, "gap", coherence=1).n_clusters == 3


def test_an_unknown_method_is_rejected():
    with pytest.raises(ValueError, match=r"method='elbow' must be one of 'marriott', 'gap'"):
        napari_kmeans.suggest_n_clusters(groups(2), method="elbow")
