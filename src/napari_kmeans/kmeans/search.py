"""Clusterings of several features: a fast estimate, and the result of a thorough search.

For several features no method guarantees the optimum, so the search restarts many times and reports the
spread of the inertias. It does not use scikit-learn: its loops are compiled, and their results are identical
for any number of threads.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from ..blocks.loop import run
from ..summary.stages import search_stages
from ..summary.vector import VectorSummary, outer_products
from .clustering import Clustering
from .points import Floats, Labels, Splits, WeightedPoints

N_INIT, N_INIT_OF_SAMPLE = 40, 20
"""Restarts of k-means++ on the coarsest stage: of counted cells, and of a sample, which has more features."""

_RESTARTS_PER_POLISHED = 4  # one in four restarts is continued on finer stages
_DIFFERENT = 1e-5  # relative difference of their inertias above which two restarts are different clusterings
_SAME = 1e-9  # the same after convergence, when only rounding differs
_UNDECIDED = 1e-4  # relative difference of their inertias below which a finer stage decides
_POINTS_PER_CLUSTER = 32  # points per cluster that a stage needs


class SearchedClusterings:
    """The clusterings of several features; see `Clusterings` for the methods.

    Parameters
    ----------
    summary : VectorSummary
    random_state : int
        Seed of the restarts.
    """

    uncertainty = 0.1  # estimates are off by a few per cent, and a determinant multiplies their errors
    has_estimates = True

    def __init__(self, summary: VectorSummary, random_state: int = 0) -> None:
        self.summary = summary
        self.random_state = random_state
        self._found: dict[int, Clustering] = {}
        self._estimates: dict[int, Clustering] = {}
        self._splits: dict[int, Splits] = {}

    @cached_property
    def n_values(self) -> int:
        """Largest possible number of clusters: the number of distinct points, or 256 if there are more."""
        return min(self._n_distinct(self._all), 256)

    def clustering(self, n_clusters: int, solver: str = "auto") -> Clustering:
        """Return the best result of a search.

        The search restarts k-means++ 40 times on the coarsest stage, or 20 times if this is a sample, and also
        starts from clusters that are split in two. It continues the best quarter on finer stages, as long as
        their inertias are nearly equal, until no point changes its cluster.
        """
        n_clusters = min(n_clusters, self.n_values)
        if n_clusters not in self._found:
            self._found[n_clusters] = self._search(n_clusters)
        return self._with_variance(self._found[n_clusters])

    def estimate(self, n_clusters: int) -> Clustering:
        """Return a clustering of the coarsest stage, which takes milliseconds."""
        return self._with_variance(self._estimate(min(n_clusters, self.n_values)))

    def is_quick(self, n_clusters: int) -> bool:
        """Return whether `clustering` has been found already."""
        return min(n_clusters, self.n_values) in self._found

    def confirm(self, n_clusters: int) -> str:
        """Return an empty string: there is no exact optimum to confirm."""
        return ""

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Return the estimated inertia of 1 … `k_max` clusters, up to the number of distinct points."""
        return tuple(self._estimate(k).inertia for k in range(1, min(k_max, self.n_values) + 1))

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """Return k² times the determinant of the scatter within 1 … `k_max` clusters, relative to the total.

        Axes along which the pixels do not differ are ignored. More than 32 features are represented by their
        principal axes.
        """
        shares = []
        for k in range(1, min(k_max, self.n_values) + 1):
            clusters = self._estimate(k)
            points = self._all
            if k not in self._found and not self.summary.is_of_cells:
                # Relative to the points that the clusters were found on; others would add random scatter.
                points = self._stages_for(k)[0]
            mean, whitening = points.projected.whitening
            offsets = (points.project(self._scaled(clusters.centers).T).T - mean) @ whitening
            between = outer_products(offsets, clusters.counts / clusters.counts.sum())
            within = 1 - np.linalg.eigvalsh(between)
            shares.append(k * k * float(np.prod(np.clip(within, 0, None))))
        return tuple(shares)

    # Searches

    def _estimate(self, n_clusters: int) -> Clustering:
        """Return the result of a search if there is one, or a clustering of the coarsest stage."""
        if n_clusters in self._found:
            return self._found[n_clusters]
        if n_clusters not in self._estimates:
            points = self._stages_for(n_clusters)[0]
            centers, labels = self._quick_start(points, n_clusters)
            self._estimates[n_clusters] = self._clustering(points, points.means(labels, len(centers)))
        return self._estimates[n_clusters]

    def _search(self, n_clusters: int) -> Clustering:
        """Return the best of many restarts; see `clustering`."""
        if n_clusters == 1:
            return self._one_cluster
        coarse, *finer = self._stages_for(n_clusters)
        searched = coarse.searched
        n_init = N_INIT if self.summary.is_of_cells else N_INIT_OF_SAMPLE
        n_polished = n_init // _RESTARTS_PER_POLISHED
        shape = (n_init, n_clusters, 2 + int(np.log(n_clusters)))
        randoms = np.random.RandomState(self.random_state).random_sample(shape)
        quick, _ = self._quick_start(coarse, n_clusters)
        restarts = [*run(searched.restart, list(randoms)), (quick, searched.inertia(quick))]
        # The spread within cells is the same for all restarts.
        inertias = [inertia for _, inertia in restarts]
        spread = max(inertias) / min(inertias) - 1 if min(inertias) > 0 else 0.0
        best = [
            coarse.means(searched.assign(centers)[0], n_clusters)
            for centers, _ in _distinct(restarts, _DIFFERENT, n_polished)
        ]
        for points in finer or [coarse]:
            results = [(centers, points.inertia(centers)) for centers, _ in run(points.lloyd, best)]
            limit = min(inertia for _, inertia in results) * (1 + _UNDECIDED)
            best = [centers for centers, inertia in _distinct(results, _SAME, n_polished) if inertia <= limit]
        return replace(self._clustering(self._all, best[0]), n_init=n_init, start_spread=spread)

    def _quick_start(self, points: WeightedPoints, n_clusters: int) -> tuple[Floats, Labels]:
        """Split clusters in two and move the centres; return those of `points.searched`, and the labels."""
        if points.size not in self._splits:
            self._splits[points.size] = Splits(points.projected)
        centers = self._splits[points.size].centers(n_clusters)
        if points.searched is not points.projected:
            centers = points.means(points.projected.assign(centers)[0], len(centers))
        return points.searched.lloyd(centers)

    # Points

    @cached_property
    def _origin(self) -> Floats:
        """Approximate median of the distinct values along each axis.

        The mean, or the value of most pixels, could be so far away that all other values become equal.
        """
        # A subset is enough, since cells are sorted and sampled pixels are in random order.
        subset = self.summary.positions[:: max(self.summary.counts.size >> 12, 1)]
        return np.array([np.median(np.unique(axis)) for axis in subset.T])

    def _scaled(self, positions: Floats) -> Floats:
        """Return positions in units of their scales, relative to `_origin`."""
        return (positions - self._origin) / self.summary.scales

    @cached_property
    def _all(self) -> WeightedPoints:
        """All points of the summary, in units of their scales and relative to `_origin`."""
        summary = self.summary
        columns = np.empty(summary.positions.shape[::-1])
        for column, axis, origin, scale in zip(
            columns, summary.positions.T, self._origin, summary.scales, strict=True
        ):
            np.subtract(axis, origin, out=column)
            column /= scale
        scatter = None
        if summary.is_of_cells:
            scatter = summary.scatter / summary.scales / summary.scales[:, np.newaxis]
        return WeightedPoints(columns, summary.counts.astype(np.float64), summary.spread(), scatter)

    @cached_property
    def _stages(self) -> list[WeightedPoints]:
        """The points from coarse to fine; see `search_stages`."""
        points = self._all
        return [
            points if columns is points.columns else WeightedPoints(columns, weights, points.spread + spread)
            for columns, weights, spread in search_stages(self.summary, points.columns)
        ]

    def _stages_for(self, n_clusters: int) -> list[WeightedPoints]:
        """Return the stages with enough points for this many clusters, from coarse to fine."""
        least = _POINTS_PER_CLUSTER * n_clusters
        return [stage for stage in self._stages[:-1] if self._n_distinct(stage) >= least] + self._stages[-1:]

    def _n_distinct(self, points: WeightedPoints) -> int:
        """Return the number of distinct points."""
        return points.size if self.summary.is_of_cells else points.n_distinct

    # Results

    @cached_property
    def _one_cluster(self) -> Clustering:
        """All pixels as one cluster."""
        return self._clustering(self._all, self._scaled(self.summary.mean())[np.newaxis])

    def _with_variance(self, clustering: Clustering) -> Clustering:
        """Return the clustering with its explained variance."""
        total = self._one_cluster.inertia
        explained = 1 - clustering.inertia / total if total > 0 else 1.0
        return replace(clustering, explained_variance=explained)

    def _clustering(self, points: WeightedPoints, centers: Floats) -> Clustering:
        """Return the clusters around centres, in the image's own units and in ascending brightness."""
        summary, k = self.summary, len(centers)
        labels, distances = points.assign(centers)
        counts = np.bincount(labels, points.weights, minlength=k)
        inertia = float(np.sum(distances * points.weights)) + points.spread
        positions = centers * summary.scales + self._origin
        if summary.brightness is None:
            brightness = np.sum(positions * summary.brightness_weights, axis=1)
        else:
            brightness = np.bincount(labels, points.weights * summary.brightness[: points.size], minlength=k)
            brightness = np.divide(brightness, counts, out=np.zeros(k), where=counts > 0)
        order = np.lexsort((*positions.T[::-1], brightness))
        n_counted = int(points.weights.sum())
        pixels_per_count = summary.n_pixels / n_counted
        pixels = np.rint(counts[order] * pixels_per_count).astype(np.int64)
        pixels[np.argmax(pixels)] += summary.n_pixels - pixels.sum()  # so that they add up
        return Clustering(
            centers=positions[order],
            thresholds=np.empty(0),
            counts=pixels,
            inertia=inertia * pixels_per_count,
            explained_variance=1.0,
            feature_names=summary.names,
            scales=summary.scales,
            solver="lloyd",
            sample_size=n_counted if n_counted < summary.n_pixels else 0,
        )


def _distinct(results: list[tuple[Floats, float]], same: float, limit: int) -> list[tuple[Floats, float]]:
    """Return at most `limit` of the best distinct results, in ascending inertia.

    Parameters
    ----------
    results : list of (centers, inertia)
    same : float
        Relative difference of inertias up to which two results are the same clustering.
    """
    kept: list[tuple[Floats, float]] = []
    for centers, inertia in sorted(results, key=lambda result: result[1]):
        if not kept or inertia > kept[-1][1] * (1 + same):
            kept.append((centers, inertia))
    return kept[:limit]
