"""Optimal one-dimensional k-means of weighted values, for every number of clusters at once.

On a line an optimal cluster is an interval of the sorted values, so the problem is a shortest path: row
*k* of the dynamic programme holds, for every prefix of the values, the least inertia of *k* clusters, and
follows from row *k* - 1. The cost of an interval satisfies the quadrangle inequality, hence the best last
split never moves left as the prefix grows, and divide and conquer finds a row in O(n log n).

References
----------
.. [1] H. Wang and M. Song, "Ckmeans.1d.dp: optimal k-means clustering in one dimension by dynamic
       programming", The R Journal 3(2), 2011.
.. [2] A. Grønlund, K. G. Larsen, A. Mathiasen, J. S. Nielsen, S. Schneider and M. Song, "Fast exact k-means,
       k-medians and Bregman divergence clustering in 1D", arXiv:1701.07204, 2017.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_FEW = 256  # values whose splits are all tried
_MAX_GROUPS = 32  # distant groups looked for at a time
_TIGHT = 1000.0  # how much wider than any group the gaps between them are


@dataclass(eq=False)
class OptimalPartitions:
    """All optimal partitions of weighted, sorted values into intervals.

    Rows of the dynamic programme are computed when a larger number of clusters is first asked for, and
    kept: asking for k = 1, 2, 3, … costs as much as asking for the last alone.

    Parameters
    ----------
    values : (n,) float64 array
        Strictly ascending, finite.
    weights : (n,) integer array
        Positive: how many pixels have each value.
    """

    values: NDArray[np.float64]
    weights: NDArray[np.int64]
    _rows: list[NDArray[np.float64]] = field(default_factory=list, init=False, repr=False)
    _splits: list[NDArray[np.int32]] = field(default_factory=list, init=False, repr=False)
    _costs: NDArray[np.float64] | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        weights = np.asarray(self.weights, dtype=np.int64)
        if values.ndim != 1 or values.shape != weights.shape or not values.size:
            raise ValueError("values and weights must be one-dimensional, of one length, and not empty")
        if not np.isfinite(values).all() or (values[1:] <= values[:-1]).any() or (weights <= 0).any():
            raise ValueError("values must be finite and strictly ascending, weights positive")
        self.values, self.weights = values, weights

        # A power of two keeps every bit and keeps the squares of huge and of denormal values in range.
        with np.errstate(over="ignore"):
            span = values[-1] - values[0]
        exponent = int(np.frexp(span if np.isfinite(span) else np.finfo(np.float64).max)[1])
        self._scale_exponent = exponent
        total = np.cumsum(weights)
        self._w = np.concatenate([[0.0], total.astype(np.float64)])
        scaled = np.ldexp(values, -exponent)
        self._groups = [
            _Group.anchored(scaled, weights, total, start, stop) for start, stop in _distant_groups(values)
        ]

    @property
    def n_values(self) -> int:
        """Number of distinct values, the largest number of clusters there can be."""
        return int(self.values.size)

    @property
    def n_rows(self) -> int:
        """Rows of the dynamic programme computed so far: k clusters need k - 1."""
        return len(self._rows)

    def inertia(self, n_clusters: int) -> float:
        """Least inertia of `n_clusters` clusters: the weighted sum of squared distances to the means."""
        splits = self.splits(n_clusters)
        return float(self.cluster_statistics(splits)[2].sum())

    def splits(self, n_clusters: int) -> NDArray[np.int64]:
        """Borders of the optimal clusters.

        Returns
        -------
        (n_clusters + 1,) int64 array
            From 0 to n: cluster *c* is ``values[splits[c]:splits[c + 1]]``.
        """
        n = self.n_values
        if not 1 <= n_clusters <= n:
            raise ValueError(f"n_clusters={n_clusters} must be 1 to {n}, the number of distinct values")
        splits = np.zeros(n_clusters + 1, dtype=np.int64)
        splits[n_clusters] = n
        if n_clusters == n:
            return np.arange(n + 1, dtype=np.int64)
        if n_clusters > 1:
            self._extend(n_clusters - 1)
            # Of the last row only its last entry is wanted: all pixels in n_clusters clusters.
            row, w = self._rows[n_clusters - 2], self._w
            s, q = self._groups[-1].s, self._groups[-1].q
            i = slice(n_clusters - 1, n)
            ds, dw = s[n] - s[i], w[n] - w[i]
            splits[n_clusters - 1] = i.start + np.argmin((row[i] - q[i]) - ds * ds / dw)
            for c in range(n_clusters - 1, 1, -1):
                splits[c - 1] = self._splits[c - 1][splits[c]]
        return splits

    def cluster_statistics(
        self, splits: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Means, weights and inertias of the clusters between `splits`, none of them empty.

        Returns
        -------
        centers : (k,) float64 array
            In the units of `values`.
        counts : (k,) int64 array
        inertia : (k,) float64 array
            In squared units of `values`.
        """
        starts = splits[:-1]
        counts = np.add.reduceat(self.weights, starts)
        sizes = np.diff(splits)
        # Means relative to a value inside each cluster: exact to the last digit whatever the offset.
        origin = self.values[starts + sizes // 2]
        scaled = np.ldexp(self.values, -self._scale_exponent)
        delta = scaled - np.repeat(np.ldexp(origin, -self._scale_exponent), sizes)
        mean = np.add.reduceat(self.weights * delta, starts) / counts
        residual = delta - np.repeat(mean, sizes)
        inertia = np.add.reduceat(self.weights * residual * residual, starts)
        # A cluster of one value has its mean there, to the bit.
        mean[sizes == 1] = 0.0
        with np.errstate(over="ignore"):
            return (
                origin + np.ldexp(mean, self._scale_exponent),
                counts,
                np.ldexp(inertia, 2 * self._scale_exponent),
            )

    def _extend(self, n_rows: int) -> None:
        """Compute rows until there are `n_rows` of them."""
        while len(self._rows) < n_rows:
            # A row at a time: whoever waits for a few clusters need not wait for another thread's many.
            with self._lock:
                if len(self._rows) < n_rows:
                    row, split = self._next_row()
                    self._splits.append(split)
                    self._rows.append(row)

    def _next_row(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Least inertia of every prefix, and its last split, with one more cluster than there are rows."""
        if self._rows and self.n_values <= _FEW:
            return self._next_row_of_few()
        if self._rows:
            return _next_row(self._rows[-1], len(self._rows) + 1, self._w, self._groups)
        first = np.zeros(self.n_values + 1)
        for group in self._groups:
            m = slice(max(group.start, 1) + 1, group.stop + 1)
            ds = group.s[m] - group.s[0]
            first[m] = (group.q[m] - group.q[0]) - ds * ds / self._w[m]
        return np.maximum(first, 0.0, out=first), np.zeros(self.n_values + 1, dtype=np.int32)

    def _next_row_of_few(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """The same for few values, where trying all splits takes less time than finding out which to try."""
        if self._costs is None:
            n = self.n_values
            costs = np.full((n + 1, n + 1), np.inf)
            for group in self._groups:
                m = slice(group.start + 1, group.stop + 1)
                with np.errstate(divide="ignore", invalid="ignore"):
                    ds, dw = group.s[m, np.newaxis] - group.s, self._w[m, np.newaxis] - self._w
                    costs[m] = np.where(dw > 0, group.q[m, np.newaxis] - group.q - ds * ds / dw, np.inf)
            self._costs = costs
        k = len(self._rows) + 1
        candidates = self._costs + self._rows[-1]
        candidates[:, : k - 1] = np.inf  # fewer values than clusters
        split = np.argmin(candidates, axis=1).astype(np.int32)
        row = candidates[np.arange(split.size), split]
        # A prefix of at most k values costs nothing: each value is a cluster.
        split[: k + 1] = np.maximum(np.arange(min(k, self.n_values) + 1) - 1, 0)
        row[: k + 1] = 0.0
        return np.maximum(row, 0.0, out=row), split


@dataclass(frozen=True, eq=False)
class _Group:
    """Prefix sums for the prefixes that end in ``values[start:stop]``, accurate there.

    They are anchored at the weighted median of the group and accumulated outwards, so that neither a far
    tail nor another group contaminates the sums where they matter.

    Attributes
    ----------
    start, stop : int
        The group: ``values[start:stop]``.
    s, q : (n + 1,) float64 arrays
        Sums of weight · x and of weight · x², with x the distance to the anchor; 0 at the anchor.
    """

    start: int
    stop: int
    s: NDArray[np.float64]
    q: NDArray[np.float64]

    @classmethod
    def anchored(
        cls,
        values: NDArray[np.float64],
        weights: NDArray[np.int64],
        total: NDArray[np.int64],
        start: int,
        stop: int,
    ) -> _Group:
        before = int(total[start - 1]) if start else 0
        anchor = int(np.searchsorted(total, before + (int(total[stop - 1]) - before + 1) // 2))
        x = values - values[anchor]
        return cls(start, stop, _outward_sums(weights * x, anchor), _outward_sums(weights * x * x, anchor))


def _outward_sums(terms: NDArray[np.float64], anchor: int) -> NDArray[np.float64]:
    """Prefix sums that are 0 at `anchor`: ``out[j] - out[i] == terms[i:j].sum()``."""
    sums = np.zeros(terms.size + 1)
    np.cumsum(terms[anchor:], out=sums[anchor + 1 :])
    sums[:anchor] = -np.cumsum(terms[:anchor][::-1])[::-1]
    return sums


def _distant_groups(values: NDArray[np.float64], offset: int = 0) -> list[tuple[int, int]]:
    """Cut values where tight groups lie far apart.

    The cost of an interval is a difference of sums of squares, so at a distance d from the anchor it is
    wrong by about 1e-16 d². That matters once groups are tighter than d / 1000, all of them. Then each gets
    sums of its own.
    """
    if values.size > 3:
        gaps = np.diff(values)
        if gaps.max() <= _TIGHT * gaps.min():
            return [(offset, offset + values.size)]
        n_gaps = min(_MAX_GROUPS - 1, gaps.size - 1)
        widest = np.argpartition(gaps, gaps.size - n_gaps)[gaps.size - n_gaps :]
        widest = widest[np.argsort(-gaps[widest], kind="stable")]
        for t in range(1, n_gaps + 1):
            cuts = np.concatenate([[0], np.sort(widest[:t]) + 1, [values.size]])
            span = np.max(values[cuts[1:] - 1] - values[cuts[:-1]])
            if 0.0 < span * _TIGHT < gaps[widest[t - 1]]:
                return [
                    group
                    for start, stop in itertools.pairwise(cuts.tolist())
                    for group in _distant_groups(values[start:stop], offset + start)
                ]
    return [(offset, offset + values.size)]


def _next_row(
    previous: NDArray[np.float64], k: int, w: NDArray[np.float64], groups: list[_Group]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Least inertia of every prefix in `k` clusters, from the same in `k` - 1.

    ``row[m] = q[m] + min over i of a[i] - (s[m] - s[i])² / (w[m] - w[i])`` with ``a = previous - q``. The
    prefixes are visited by strides P/2, P/4, … 1. The best splits of the prefixes one stride away bound
    those in between, so the windows of one level tile the values and share only their ends: all candidates
    of a level are one contiguous slice, and no gather is needed.
    """
    n = previous.size - 1
    row = np.zeros(n + 1)
    split = np.zeros(n + 1, dtype=np.int32)
    # A prefix of at most k values costs nothing: each value is a cluster.
    split[: k + 1] = np.maximum(np.arange(min(k, n) + 1) - 1, 0)
    # The prefixes left are those of k + 1 … n values; number them 1 … count, with a sentinel at each end.
    count = n - k
    best = np.empty(count + 2, dtype=np.int64)
    best[0], best[-1] = k - 1, n - 1
    stride = 1 << (count.bit_length() - 1) if count > 0 else 0
    parts = [(group, previous - group.q) for group in groups]
    while stride:
        inner = np.arange(stride, count + 1, 2 * stride)
        bounds = np.append(best[inner - stride], best[min(int(inner[-1]) + stride, count + 1)])
        for group, a in parts:
            t = slice(*np.searchsorted(inner + k, [group.start + 1, group.stop + 1]))
            m = inner[t] + k
            if m.size:
                least, place = _minimise_windows(a, w, group.s, m, bounds[t.start : t.stop + 1])
                best[inner[t]] = split[m] = place
                row[m] = group.q[m] + least
        stride >>= 1
    return np.maximum(row, 0.0, out=row), split


def _minimise_windows(
    a: NDArray[np.float64],
    w: NDArray[np.float64],
    s: NDArray[np.float64],
    m: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Least ``a[i] - (s[m] - s[i])² / (w[m] - w[i])``, and its i, over each window of i.

    Window *t* runs from ``bounds[t]`` to ``bounds[t + 1]``, both included, as far as i < ``m[t]``.
    """
    # The right ends belong to two windows each, so they are looked at apart …
    place = np.minimum(bounds[1:], m - 1)
    ds, dw = s[m] - s[place], w[m] - w[place]
    least = a[place] - ds * ds / dw
    # … and the rest is one slice, cut into windows of which the empty ones are left out.
    lengths = np.diff(bounds)
    filled = np.flatnonzero(lengths)
    if not filled.size:
        return least, place
    first, last = int(bounds[0]), int(bounds[-1])
    lengths, ends = lengths[filled], m[filled]
    starts = bounds[filled] - first
    value = np.repeat(s[ends], lengths)
    value -= s[first:last]
    value *= value
    weight = np.repeat(w[ends], lengths)
    weight -= w[first:last]
    if (bounds[filled + 1] > ends).any():
        weight[weight <= 0.0] = np.nan
        value /= weight
        np.subtract(a[first:last], value, out=value)
        value[np.isnan(value)] = np.inf
    else:
        value /= weight
        np.subtract(a[first:last], value, out=value)
    inside = np.minimum.reduceat(value, starts)
    # On a tie the leftmost split, so that equal problems have equal answers and splits stay monotone.
    hits = np.flatnonzero(value == np.repeat(inside, lengths))
    where = hits[np.searchsorted(hits, starts)] + first
    better = inside <= least[filled]
    least[filled[better]] = inside[better]
    place[filled[better]] = where[better]
    return least, place
