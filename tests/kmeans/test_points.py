from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.kmeans.points import N_AXES, Splits, WeightedPoints


def blobs(d, n, k=4, seed=0):
    """Well separated clusters along a few axes, in random order."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 6, (k, d))
    truth = rng.integers(0, k, n)
    columns = np.ascontiguousarray((centers[truth] + rng.normal(0, 1, (n, d))).T)
    return WeightedPoints(columns, np.ones(n)), truth


@pytest.mark.parametrize("n", [60, 1024, 5000])
def test_principal_axes_keep_the_clusters_and_leave_the_points_alone(n):
    points, truth = blobs(100, n)
    before = points.columns.copy()
    projected = points.projected
    assert np.array_equal(points.columns, before)
    assert projected.columns.shape == (N_AXES, n)
    axes = points.axes
    np.testing.assert_allclose(axes.T @ axes, np.eye(N_AXES), atol=1e-9)
    means = np.stack([projected.columns[:, truth == number].mean(axis=1) for number in range(4)])
    assert np.array_equal(projected.assign(means)[0], truth)


def test_few_features_are_not_projected():
    points, _ = blobs(N_AXES, 300)
    assert points.axes is None
    assert points.projected is points.searched is points


def test_many_features_of_few_points_are_searched_as_they_are():
    points, _ = blobs(200, 300)
    assert points.searched is points is not points.projected
    large, _ = blobs(200, 4000)
    assert large.searched is large.projected


@pytest.mark.parametrize("d", [3, 100])
def test_clusters_are_split_one_after_another(d):
    points, _ = blobs(d, 2000)
    splits = Splits(points.projected)
    assert [len(splits.centers(k)) for k in (1, 4, 2)] == [1, 4, 2]
    inertias = [points.projected.inertia(splits.centers(k)) for k in (1, 2, 3, 4)]
    assert inertias == sorted(inertias, reverse=True)
    assert inertias[3] < 0.6 * inertias[0]
    np.testing.assert_allclose(splits.centers(1)[0], points.projected.columns.mean(axis=1))


def test_points_that_are_the_same_are_not_split():
    points = WeightedPoints(np.zeros((3, 50)), np.ones(50))
    assert len(Splits(points).centers(3)) == 1


@pytest.mark.parametrize("value", [1.3, 1e-17, -0.1])
def test_equal_points_have_no_scatter(value):
    rng = np.random.default_rng(0)
    columns = np.append(np.full((4, 3001), value), rng.normal(0, 1e-12, (4, 9)) + 1e17, axis=1)
    splits = Splits(WeightedPoints(columns, rng.integers(1, 9, 3010).astype(np.float64)))
    found = splits.centers(6)
    assert np.isfinite(found).all()
    assert np.sum(found[:, 0] == value) == 1


@pytest.mark.parametrize("n", [40, 20_000])
def test_distinct_points_are_counted(n):
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 2, (5, n)).astype(np.float64)
    expected = len(np.unique(columns, axis=1).T)
    assert WeightedPoints(columns, np.ones(n)).n_distinct == expected
    assert WeightedPoints(rng.random((5, n)), np.ones(n)).n_distinct == min(n, 1 << 14)


def test_whitened_scatter_is_a_unit_sphere():
    points, _ = blobs(4, 3000)
    columns = np.vstack([points.columns, np.zeros(3000)])  # append an axis without scatter
    mean, whitening = WeightedPoints(columns, points.weights).whitening
    assert whitening.shape == (5, 4)
    np.testing.assert_allclose(np.cov((columns.T - mean) @ whitening, rowvar=False), np.eye(4), atol=1e-3)
