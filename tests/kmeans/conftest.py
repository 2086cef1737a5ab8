"""Points for the tests of the compiled loops."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def points_of():
    def points_of(d=3, n=3000, k=5, seed=0):
        """Blobs that overlap: columns, weights and centres near the blobs."""
        rng = np.random.default_rng(seed)
        centers = rng.normal(0, 3, (k, d))
        points = centers[rng.integers(0, k, n)] + rng.normal(0, 1, (n, d))
        return np.ascontiguousarray(points.T), rng.integers(1, 9, n).astype(np.float64), centers

    return points_of


@pytest.fixture(scope="session")
def squared_distances():
    def squared_distances(columns, centers):
        """Return squared distances, summed one feature after another as in the kernel."""
        total = np.zeros((len(centers), columns.shape[1]))
        for axis, column in enumerate(columns):
            total += (column - centers[:, axis, np.newaxis]) ** 2
        return total

    return squared_distances
