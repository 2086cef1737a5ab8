"""Real pictures and reference implementations."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

Picture = Callable[[str], NDArray[np.uint8]]
LeastInertia = Callable[[NDArray, NDArray, int], float]


@pytest.fixture(scope="session")
def picture() -> Picture:
    """Pictures by name: those packaged with scikit-image and scikit-learn."""

    @cache
    def load(name: str) -> NDArray[np.uint8]:
        if name in ("china", "flower"):
            from sklearn.datasets import load_sample_image

            image = np.array(load_sample_image(f"{name}.jpg"))
        else:
            import skimage.data

            image = getattr(skimage.data, name)()
        image.flags.writeable = False
        return image

    return load


@pytest.fixture(scope="session")
def least_inertia() -> LeastInertia:
    """Least inertia of k clusters of weighted ascending values, by another implementation."""
    try:
        import ckwrap
    except ImportError:  # has no wheel for the newest Python
        ckwrap = None
        import kmeans1d

    def solve(values: NDArray, counts: NDArray, n_clusters: int) -> float:
        values = values.astype(np.float64)
        if n_clusters >= values.size:
            return 0.0
        if ckwrap is not None:
            cluster = np.asarray(ckwrap.ckmeans(values, n_clusters, weights=counts.astype(np.float64)).labels)
        else:
            each = kmeans1d.cluster(np.repeat(values, counts), n_clusters).clusters
            cluster = np.asarray(each)[np.cumsum(counts) - 1]
        offset = values - values[0]
        mean = np.bincount(cluster, counts * offset) / np.bincount(cluster, counts)
        return float(np.sum(counts * (offset - mean[cluster]) ** 2))

    return solve
