from __future__ import annotations

import numpy as np

from napari_kmeans.kmeans import _start_kernels as kernels


def test_plus_plus_chooses_points_that_are_spread_out(points_of, squared_distances):
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


def test_scatter_and_mean_of_a_cluster(points_of):
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
