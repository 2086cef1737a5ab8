from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_info

from napari_kmeans.kmeans.scikit_learn import _thread_pools, kmeans


def test_weights_count_like_repeated_points():
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(300, 2)), rng.integers(1, 5, 300)
    centers, inertia = kmeans(points, weights, 4, init=points[:4])
    repeated = np.repeat(points, weights, axis=0)
    expected = KMeans(4, init=points[:4], n_init=1, tol=0).fit(repeated)
    np.testing.assert_allclose(centers, expected.cluster_centers_, rtol=1e-9)
    assert inertia == pytest.approx(expected.inertia_, rel=1e-9)


def test_the_best_of_several_restarts_is_kept():
    points, weights = np.random.default_rng(1).normal(size=(500, 2)), np.ones(500)
    # The single run is the first of the ten restarts with the same seed.
    one = [kmeans(points, weights, 9, random_state=seed)[1] for seed in range(5)]
    best = [kmeans(points, weights, 9, n_init=10, random_state=seed)[1] for seed in range(5)]
    assert all(b <= a for a, b in zip(one, best, strict=True))
    assert sum(best) < 0.99 * sum(one)


def test_scikit_learn_runs_on_one_thread(monkeypatch):
    n_threads = set()
    fit = KMeans.fit
    # Other packages that tests import bring thread pools of their own.
    own = {pool["filepath"] for pool in _thread_pools().info()}

    def remember(self, *args, **kwargs):
        n_threads.update(pool["num_threads"] for pool in threadpool_info() if pool["filepath"] in own)
        return fit(self, *args, **kwargs)

    assert any("sklearn" in path or "scikit_learn" in path or "libgomp" in path for path in own)
    monkeypatch.setattr(KMeans, "fit", remember)
    kmeans(np.arange(6.0)[:, np.newaxis], np.ones(6), 2)
    assert n_threads == {1}
