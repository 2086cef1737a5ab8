"""Compiled loops of k-means, against a few lines of NumPy and scikit-learn."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.cluster import KMeans

from napari_kmeans.kmeans import _nearest_kernels as kernels


def points_of(d=3, n=3000, k=5, seed=0):
    """Blobs that overlap: columns, weights and centres near the blobs."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 3, (k, d))
    points = centers[rng.integers(0, k, n)] + rng.normal(0, 1, (n, d))
    return np.ascontiguousarray(points.T), rng.integers(1, 9, n).astype(np.float64), centers


def squared_distances(columns, centers):
    """Summed one feature after another, as the kernel promises."""
    total = np.zeros((len(centers), columns.shape[1]))
    for axis, column in enumerate(columns):
        total += (column - centers[:, axis, np.newaxis]) ** 2
    return total


@pytest.mark.parametrize("n", [1, 255, 256, 257, 3000])
@pytest.mark.parametrize(("d", "k"), [(2, 1), (3, 6), (40, 255)])
def test_assign_finds_the_nearest_centre_with_the_bits_of_numpy(n, d, k):
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
def test_lloyd_ends_where_scikit_learn_does(d, k):
    columns, weights, _ = points_of(d, 2000, k)
    start = columns[:, :k].T.copy()
    centers, labels = start.copy(), np.empty(2000, dtype=np.uint8)
    n_iter = kernels.lloyd(columns, weights, centers, 300, labels)
    model = KMeans(k, init=start, n_init=1, tol=0).fit(columns.T, sample_weight=weights)
    assert 1 < n_iter < 300
    np.testing.assert_allclose(centers, model.cluster_centers_, atol=1e-9)
    assert np.array_equal(labels, model.labels_)


def test_centres_are_the_means_of_their_nearest_points():
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


def test_extreme_points_do_not_spoil_the_other_means():
    columns, weights, _ = points_of(3, 3000, 3)
    columns[:, :2] = 1e30
    centers, labels = columns[:, 1:5].T.copy(), np.empty(3000, dtype=np.uint8)
    kernels.lloyd(columns, weights, centers, 300, labels)
    for number in np.unique(labels[2:]):
        inside = labels == number
        np.testing.assert_allclose(
            centers[number], np.average(columns[:, inside], axis=1, weights=weights[inside])
        )


def test_plus_plus_chooses_points_that_are_spread_out():
    columns, weights, _ = points_of(3, 3000, 5)
    randoms = np.random.default_rng(1).random((5, 3))
    centers = kernels.plus_plus(columns, weights, randoms)
    assert np.array_equal(centers, kernels.plus_plus(columns, weights, randoms))
    assert {tuple(center) for center in centers} <= {tuple(point) for point in columns.T}
    assert len({tuple(center) for center in centers}) == 5
    some = columns[:, :5].T.copy()
    spread = (np.sum(squared_distances(columns, c).min(axis=0) * weights) for c in (centers, some))
    assert next(spread) < next(spread)


def test_plus_plus_repeats_points_where_there_are_too_few():
    centers = kernels.plus_plus(np.zeros((2, 7)), np.ones(7), np.random.default_rng(0).random((3, 2)))
    assert np.array_equal(centers, np.zeros((3, 2)))


def test_scatter_and_mean_of_a_cluster():
    columns, weights, _ = points_of(4, 500)
    labels = (np.arange(500) % 3).astype(np.uint8)
    center, scatter = np.empty(4), np.empty((4, 4))
    kernels.scatter_of_cluster(columns, weights, labels, 1, center, scatter)
    inside = columns[:, 1::3]
    np.testing.assert_allclose(center, np.average(inside, axis=1, weights=weights[1::3]))
    expected = np.cov(inside, aweights=weights[1::3], bias=True) * weights[1::3].sum()
    np.testing.assert_allclose(scatter, expected)


def test_a_cluster_is_split_across_its_main_axis():
    columns = np.random.default_rng(0).normal(0, 1, (2, 400)) * [[1.0], [9.0]]
    labels, center, scatter = np.zeros(400, dtype=np.uint8), np.empty(2), np.empty((2, 2))
    kernels.scatter_of_cluster(columns, np.ones(400), labels, 0, center, scatter)
    assert kernels.split_cluster(columns, labels, scatter, center, 0, 1) == labels.sum() > 100
    axis = np.linalg.eigh(scatter)[1][:, -1]
    side = (columns.T - center) @ axis > 0
    assert np.array_equal(labels, side) or np.array_equal(labels, ~side)


def test_a_cluster_is_not_split_beside_all_its_points():
    columns, labels = np.full((2, 9), 3.0), np.zeros(9, dtype=np.uint8)
    scatter, center = np.eye(2), np.array([3.0 - 1e-15, 3.0])
    assert kernels.split_cluster(columns, labels, scatter, center, 0, 1) == 0
    assert not labels.any()


def test_projection_and_orthonormal_vectors():
    rng = np.random.default_rng(0)
    columns, vectors = rng.normal(0, 1, (40, 300)), rng.normal(0, 1, (5, 40))
    vectors[3] = vectors[1] - vectors[0]
    kernels.orthonormalize(vectors)
    np.testing.assert_allclose(vectors @ vectors.T, np.diag([1, 1, 1, 0, 1]), atol=1e-12)
    axes = np.ascontiguousarray(vectors.T)
    np.testing.assert_allclose(kernels.project(columns, axes), vectors @ columns, atol=1e-12)


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
