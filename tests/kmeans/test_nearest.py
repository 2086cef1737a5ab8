from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.kmeans.nearest import nearest


@settings(max_examples=50, deadline=None)  # the first example compiles the kernel
@given(st.integers(1, 5), st.integers(1, 255), st.integers(0, 2**32 - 1))
def test_the_nearest_centre_is_found(d, k, seed):
    rng = np.random.default_rng(seed)
    points, centers = rng.normal(0, 9, (300, d)), rng.normal(0, 9, (k, d))
    found = nearest(list(points.T), centers)
    assert np.array_equal(found, np.argmin(((points[:, np.newaxis] - centers) ** 2).sum(axis=-1), axis=1))


def test_ties_go_to_the_first_centre():
    centers = np.array([[0.0, 0], [4, 0], [2, 2]])
    assert nearest([np.array([2.0]), np.array([0.0])], centers) == 0


def test_distances_are_divided_by_the_scales_of_the_features():
    points, centers = [np.array([4.0]), np.array([4.0])], np.array([[0.0, 4.0], [4.0, 0.0]])
    assert nearest(points, centers, np.array([10.0, 1.0])) == 0
    assert nearest(points, centers, np.array([1.0, 10.0])) == 1


def test_points_are_compared_in_several_chunks():
    points = np.random.default_rng(0).normal(size=(2, 40_000))
    centers = np.array([[-1.0, 0], [1, 0], [0, 2]])
    expected = np.argmin(((points.T[:, np.newaxis] - centers) ** 2).sum(axis=-1), axis=1)
    assert np.array_equal(nearest(list(points), centers), expected)
