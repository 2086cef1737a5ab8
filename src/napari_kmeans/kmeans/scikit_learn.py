"""scikit-learn's KMeans on weighted points, on one thread and one fit at a time."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

# One at a time: its thread pools have hung programs that called it from several threads.
_one_at_a_time = threading.Lock()


def kmeans(
    points: NDArray[np.float64],
    weights: NDArray[Any],
    n_clusters: int,
    *,
    init: str | NDArray[np.float64] = "k-means++",
    n_init: int = 1,
    random_state: int | np.random.RandomState = 0,
) -> tuple[NDArray[np.float64], float]:
    """Fit scikit-learn's KMeans to weighted points.

    Parameters
    ----------
    points : (n, d) float64 array
        With a mean near zero.
    weights : (n,) array
    n_clusters : int
        At most the number of distinct points.
    init : str or (n_clusters, d) array
        "k-means++", or the centres to start from.
    n_init : int
        Number of restarts; the best result is kept.
    random_state : int or RandomState

    Returns
    -------
    centers : (n_clusters, d) float64 array
    inertia : float
    """
    # Imported here, because it takes a second and is seldom needed.
    import sklearn
    from sklearn.cluster import KMeans

    # tol=0: the tolerance would be scaled by a variance that ignores the weights. One thread: the last bits
    # of the sums, and so of the centres, depend on the number of threads.
    model = KMeans(n_clusters, init=init, n_init=n_init, tol=0, random_state=random_state)
    # The arguments are valid, so scikit-learn's checks are skipped.
    unchecked = sklearn.config_context(assume_finite=True, skip_parameter_validation=True)
    with _one_at_a_time, unchecked, _thread_pools().limit(limits=1):
        model.fit(points, sample_weight=weights.astype(np.float64))
    return model.cluster_centers_, float(model.inertia_)


@cache
def _thread_pools() -> ThreadpoolController:
    """Return the thread pools of the loaded libraries; finding them takes longer than a fit."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
