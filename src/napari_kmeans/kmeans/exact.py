"""Optimal one-dimensional k-means of weighted values, for every number of clusters at once.

In one dimension, an optimal cluster is an interval of the sorted values. Row *k* of a dynamic program holds,
for every prefix of the values, the least inertia of *k* clusters; it follows from row *k* - 1. The cost of an
interval satisfies the quadrangle inequality, so the best last split never moves left as the prefix grows,
and divide and conquer computes a row in O(n log n) [1]_ [2]_.

Prefix sums would give the cost of an interval as a difference of large numbers. Here it is a sum of positive
terms instead, so it stays accurate for any offset and any range of the values.

References
----------
.. [1] H. Wang and M. Song, "Ckmeans.1d.dp: optimal k-means clustering in one dimension by dynamic
       programming", The R Journal 3(2), 29-33, 2011.
.. [2] A. Grønlund, K. G. Larsen, A. Mathiasen, J. S. Nielsen, S. Schneider and M. Song, "Fast exact k-means,
       k-medians and Bregman divergence clustering in 1D", arXiv:1701.07204, 2017.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from ..blocks import loop
from ._exact_kernels import accumulate_runs, fill_row, find_split, scatter_of_prefixes

_MIN_PARTS = 16  # per row; more than there are threads, since some parts take longer than others
_MIN_VALUES = 1 << 13  # with fewer, starting threads takes longer than the row
_EXPONENT = 450  # values are scaled so that half their span is below 2^450, and squares do not overflow


@dataclass(eq=False)
class OptimalPartitions:
    """All optimal partitions of weighted, sorted values into intervals.

    Rows of the dynamic program are computed on demand and kept, so all partitions up to k clusters together
    take as long as that for k alone. ``_rows[k - 1][m]`` is the least inertia of the first m values in k clusters,
    and ``_split_rows[k - 1][m]`` the index at which the last of these clusters begins.

    Parameters
    ----------
    values : (n,) float64 array
        Strictly ascending, finite.
    weights : (n,) integer array
        Positive: the number of pixels with each value.
    """

    values: NDArray[np.float64]
    weights: NDArray[np.int64]
    _rows: list[NDArray[np.float64]] = field(default_factory=list, init=False, repr=False)
    _split_rows: list[NDArray[np.int32]] = field(default_factory=list, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        weights = np.asarray(self.weights, dtype=np.int64)
        if values.ndim != 1 or values.shape != weights.shape or not values.size:
            raise ValueError("values and weights must be one-dimensional, of the same length, and not empty")
        if not np.isfinite(values).all() or (values[1:] <= values[:-1]).any() or (weights <= 0).any():
            raise ValueError("values must be finite and strictly ascending, weights positive")
        self.values, self.weights = values, weights

        # Scaling by a power of two is exact. The span may overflow, but half of it does not.
        half_span = float(values[-1] / 2 - values[0] / 2)
        self._exponent = _EXPONENT - int(np.frexp(half_span)[1]) if half_span else 0
        self._scaled = np.ldexp(values, self._exponent)
        self._weight_before = np.append(0.0, np.cumsum(weights))
        n_levels = (values.size - 1).bit_length()
        self._mean_distance, self._scatter = np.zeros((2, n_levels, values.size))
        row = np.zeros(values.size + 1)
        runs = [
            partial(
                accumulate_runs,
                self._scaled,
                weights,
                level,
                self._mean_distance[level],
                self._scatter[level],
            )
            for level in range(n_levels)
        ]
        _run([partial(scatter_of_prefixes, self._scaled, weights, row), *runs], values.size >= _MIN_VALUES)
        self._rows.append(row)
        self._split_rows.append(np.zeros(values.size + 1, dtype=np.int32))

    @property
    def n_values(self) -> int:
        """Number of distinct values, the largest possible number of clusters."""
        return int(self.values.size)

    @property
    def n_rows(self) -> int:
        """Number of rows of the dynamic program computed so far: k clusters need k - 1."""
        return len(self._rows)

    def inertia(self, n_clusters: int) -> float:
        """Return the least inertia of `n_clusters` clusters, the weighted sum of squared distances."""
        return float(self.cluster_statistics(self.borders(n_clusters))[2].sum())

    def borders(self, n_clusters: int) -> NDArray[np.int64]:
        """Return the indices at which the optimal clusters begin, and the end of the last one.

        Returns
        -------
        (n_clusters + 1,) int64 array
            From 0 to n: cluster *c* is ``values[borders[c]:borders[c + 1]]``.
        """
        n = self.n_values
        if not 1 <= n_clusters <= n:
            raise ValueError(f"n_clusters={n_clusters} must be 1 to {n}, the number of distinct values")
        if n_clusters == n:
            return np.arange(n + 1, dtype=np.int64)
        borders = np.zeros(n_clusters + 1, dtype=np.int64)
        borders[n_clusters] = n
        if n_clusters == 1:
            return borders
        self._extend(n_clusters - 1)
        borders[n_clusters - 1] = self._last_split(n_clusters)
        for c in range(n_clusters - 1, 1, -1):  # values[:borders[c]] are the first c clusters
            borders[c - 1] = self._split_rows[c - 1][borders[c]]
        return borders

    def cluster_statistics(
        self, borders: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Return means, weights and inertias of the clusters between `borders`, which must not be empty.

        Returns
        -------
        centers : (k,) float64 array
            In the units of `values`.
        counts : (k,) int64 array
        inertia : (k,) float64 array
            In squared units of `values`.
        """
        starts = borders[:-1]
        sizes = np.diff(borders)
        counts = np.add.reduceat(self.weights, starts)
        # Relative to a value inside each cluster, means are accurate for any offset.
        origin = self.values[starts + sizes // 2]
        delta = self._scaled - np.repeat(np.ldexp(origin, self._exponent), sizes)
        mean = np.add.reduceat(self.weights * delta, starts) / counts
        residual = delta - np.repeat(mean, sizes)
        inertia = np.add.reduceat(self.weights * residual * residual, starts)
        with np.errstate(over="ignore"):
            centers = origin + np.ldexp(mean, -self._exponent)
            return centers, counts, np.ldexp(inertia, -2 * self._exponent)

    def _extend(self, n_rows: int) -> None:
        """Compute rows until there are `n_rows` of them."""
        while self.n_rows < n_rows:
            # The lock is released after each row: threads that need few clusters do not wait for many rows.
            with self._lock:
                if self.n_rows < n_rows:
                    row, split = self._next_row()
                    self._split_rows.append(split)
                    self._rows.append(row)

    def _next_row(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Compute the row of one more cluster: the least inertia of every prefix, and its last split."""
        n = self.n_values
        row, split = np.zeros(n + 1), np.zeros(n + 1, dtype=np.int32)
        fill = partial(
            fill_row,
            self.n_rows + 1,
            self._rows[-1],
            self._weight_before,
            self._mean_distance,
            self._scatter,
            row,
            split,
        )
        first_stride = 1 << (n.bit_length() - 1)
        part = first_stride // _MIN_PARTS if n >= _MIN_VALUES else 1
        fill(0, n + 1, first_stride, part)
        if part > 1:  # the prefixes inside a part depend only on the two at its ends
            _run(partial(fill, begin, begin + part, part // 2, 1) for begin in range(0, n + 1, part))
        return row, split

    def _last_split(self, n_clusters: int) -> int:
        """Return the index at which the last of `n_clusters` optimal clusters of all values begins."""
        if n_clusters <= self.n_rows:
            return int(self._split_rows[n_clusters - 1][-1])
        n, previous = self.n_values, self._rows[n_clusters - 2]
        return int(
            find_split(
                previous, self._weight_before, self._mean_distance, self._scatter, n_clusters - 1, n - 1, n
            )[1]
        )


def _run(tasks: Iterable[Callable[[], None]], threaded: bool = True) -> None:
    """Run independent tasks, also on other threads."""
    todo = deque(tasks)

    def work() -> None:
        while todo:
            try:
                task = todo.popleft()
            except IndexError:  # another thread took the last one
                return
            task()

    n_helpers = loop.N_THREADS - 1 if threaded else 0
    helpers = [_pool(n_helpers).submit(work) for _ in range(n_helpers)]
    work()
    for helper in helpers:
        if not helper.cancel():  # a helper that has not started is no longer needed
            helper.result()


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Return a separate thread pool for the solver, so that the slider never waits for image blocks."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="napari-kmeans-solver")
