"""Compiled loops of k-means, compared with a few lines of NumPy and scikit-learn."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.cluster import KMeans

from napari_kmeans.kmeans import _nearest_kernels as kernels


@pytest.mark.parametrize("n", [1, 255, 256, 257, 3000])
@pytest.mark.parametrize(("d", "k"), [(2, 1), (3, 6), (40, 255)])
def test_assign_finds_the_nearest_centre_with_the_bits_of_numpy(points_of, squared_distances, n, d, k):
    columns, _, centers = points_of(d, n, k)
    labels, distances = np.empty(n, dtype=np.uint8), np.empty(n)
    kernels.assign(columns, centers, labels, distances)
    expected = squared_distances(columns, centers)
    assert np.array_equal(labels, expected.argmin(axis=0))
    assert np.array_equal(distances, expected.min(axis=0))


def test_the_first_of_equally_near_centres_is_chosen():
    labels, distances = np.empty(1, dtype=np.uint8), np.empty(1)
    kernels.assign(np.array([[2.0], [0.0]]), np.array([[0.0, 0], [4, 0], [2, 2]]), labels, distances)
    assert (labels[0], distances[0]) == (0, 4)


def test_a_point_that_is_not_finite_is_at_an_infinite_distance():
    labels, distances = np.empty(3, dtype=np.uint8), np.empty(3)
    kernels.assign(np.array([[np.nan, np.inf, 1.0]] * 2), np.zeros((2, 2)), labels, distances)
    assert distances.tolist() == [np.inf, np.inf, 2.0]


@pytest.mark.parametrize(("d", "k"), [(1, 3), (3, 8), (16, 12), (300, 4)])
def test_lloyd_converges_to_the_result_of_scikit_learn(points_of, d, k):
    columns, weights, _ = points_of(d, 2000, k)
    start = columns[:, :k].T.copy()
    centers, labels = start.copy(), np.empty(2000, dtype=np.uint8)
    n_iter = kernels.lloyd(columns, weights, centers, 300, labels)
    model = KMeans(k, init=start, n_init=1, tol=0).fit(columns.T, sample_weight=weights)
    assert 1 < n_iter < 300
    np.testing.assert_allclose(centers, model.cluster_centers_, atol=1e-9)
    assert np.array_equal(labels, model.labels_)


def test_centres_are_the_means_of_their_nearest_points(points_of, squared_distances):
    columns, weights, _ = points_of(3, 5000, 6)
    centers, labels = columns[:, :6].T.copy(), np.empty(5000, dtype=np.uint8)
    kernels.lloyd(columns, weights, centers, 300, labels)
    assert np.array_equal(labels, squared_distances(columns, centers).argmin(axis=0))
    for number, center in enumerate(centers):
        inside = labels == number
        np.testing.assert_allclose(center, np.average(columns[:, inside], axis=1, weights=weights[inside]))


def test_an_empty_cluster_restarts_at_the_point_that_adds_most():
    columns = np.array([[0.0, 1, 10, 11, 50]])
    centers, labels = np.array([[0.0], [10], [1000]]), np.empty(5, dtype=np.uint8)
    kernels.lloyd(columns, np.ones(5), centers, 100, labels)
    assert sorted(centers.ravel()) == [0.5, 10.5, 50]


def test_fewer_points_than_clusters_leave_clusters_empty():
    centers, labels = np.array([[0.0], [10], [1000]]), np.empty(4, dtype=np.uint8)
    kernels.lloyd(np.array([[0.0, 0, 10, 10]]), np.ones(4), centers, 100, labels)
    assert labels.tolist() == [0, 0, 1, 1]


def test_extreme_points_do_not_affect_the_other_means(points_of):
    columns, weights, _ = points_of(3, 3000, 3)
    columns[:, :2] = 1e30
    centers, labels = columns[:, 1:5].T.copy(), np.empty(3000, dtype=np.uint8)
    kernels.lloyd(columns, weights, centers, 300, labels)
    for number in np.unique(labels[2:]):
        inside = labels == number
        np.testing.assert_allclose(
            centers[number], np.average(columns[:, inside], axis=1, weights=weights[inside])
        )


_SMALL = """
import hashlib
import numpy as np
import napari_kmeans
from napari_kmeans.features import Channels

rng = np.random.default_rng(0)
image = rng.integers(0, 60, (14, 15, 3), dtype=np.uint8)
wide = rng.random((14, 15, 5)).astype(np.float32)
norm = Channels(normalize="l2")
for image, features in ((image, "rgb"), (image, "lab"), (wide, norm), (wide[..., 0], "texture")):
    axis = None if image.ndim == 2 else -1
    labels, model = napari_kmeans.segment(image, 3, features=features, channel_axis=axis)
    print(hashlib.sha256(labels.tobytes()).hexdigest(), [round(x, 6) for x in model.centers.ravel()])
"""


@pytest.mark.thorough
def test_results_do_not_depend_on_compilation():
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _SMALL],
            env={**os.environ, "NUMBA_DISABLE_JIT": disable},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for disable in ("0", "1")
    }
    assert len(outputs) == 1
