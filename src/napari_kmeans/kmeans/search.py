"""Clusterings of several features: an estimate at once, and the result of a thorough search.

For several features no method is certain to find the optimum, so the search restarts many times and reports
how far apart the restarts ended.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..summary.stages import coarser_stages
from ..summary.vector import VectorSummary, outer_products
from .clustering import Clustering
from .lloyd import kmeans
from .nearest import nearest

N_INIT = 10
"""Restarts of k-means++ on coarse cells."""

_N_POLISHED = 3  # restarts that are continued on finer cells
_POINTS_PER_CLUSTER = 32  # points that a stage needs for clusters to be searched on it
_MAX_ITER = 30  # Lloyd's iterations of an estimate


class SearchedClusterings:
    """The clusterings of several features; see `Clusterings` for the methods.

    Parameters
    ----------
    summary : VectorSummary
    random_state : int
        Seed of the restarts.
    """

    uncertainty = 0.1  # estimates miss a few per cent of the inertia, and a determinant multiplies them
    has_estimates = True

    def __init__(self, summary: VectorSummary, random_state: int = 0) -> None:
        self.summary = summary
        self.random_state = random_state
        self._found: dict[int, Clustering] = {}
        self._estimates: dict[int, Clustering] = {}

    @cached_property
    def n_values(self) -> int:
        """Largest possible number of clusters: the number of distinct points, or 256 if there are more."""
        return min(self._all.n_distinct(256), 256)

    @cached_property
    def _one_cluster(self) -> Clustering:
        """All pixels as one cluster."""
        mean = (self.summary.mean() - self._all.origin) / self.summary.scales
        return self._all.clustering(mean[np.newaxis])

    def clustering(self, n_clusters: int, solver: str = "auto") -> Clustering:
        """Return the best result of a search.

        The search restarts k-means++ ten times on coarse cells and also starts from clusters that are split
        in two; it polishes the best three on finer cells, and the best of these on the finest until nothing
        moves. Where values are so extreme that scikit-learn's arithmetic would fail, only the start by
        splitting is used.
        """
        n_clusters = min(n_clusters, self.n_values)
        if n_clusters not in self._found:
            self._found[n_clusters] = self._search(n_clusters)
        return self._with_variance(self._found[n_clusters])

    def estimate(self, n_clusters: int) -> Clustering:
        """Return a clustering of coarse cells, which takes milliseconds."""
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

        Axes along which the pixels do not differ are ignored.
        """
        shares = []
        for k in range(1, min(k_max, self.n_values) + 1):
            clusters = self._estimate(k)
            # Relative to the points that the clusters were found on, or chance would count as scatter.
            stage = self._all if k in self._found else self._stages_for(k)[0]
            within = 1 - np.linalg.eigvalsh(stage.between(clusters))
            shares.append(k * k * float(np.prod(np.clip(within, 0, None))))
        return tuple(shares)

    def _with_variance(self, clustering: Clustering) -> Clustering:
        total = self._one_cluster.inertia
        explained = 1 - clustering.inertia / total if total > 0 else 1.0
        return replace(clustering, explained_variance=explained)

    def _estimate(self, n_clusters: int) -> Clustering:
        if n_clusters in self._found:
            return self._found[n_clusters]
        if n_clusters not in self._estimates:
            stage = self._stages_for(n_clusters)[0]
            self._estimates[n_clusters] = stage.clustering(self._quick_centers(n_clusters))
        return self._estimates[n_clusters]

    def _search(self, n_clusters: int) -> Clustering:
        if n_clusters == 1:
            return self._one_cluster
        quick = self._estimate(n_clusters)
        if not self._all.is_comparable(quick.inertia / self.summary.n_pixels):
            centers = self._all.lloyd(self._quick_centers(n_clusters), _MAX_ITER)
            return self._all.clustering(centers)
        coarse, *finer = self._stages_for(n_clusters)
        random = np.random.RandomState(self.random_state)
        starts = [
            kmeans(coarse.points, coarse.weights, n_clusters, random_state=random) for _ in range(N_INIT)
        ]
        starts.append(coarse.kmeans(self._quick_centers(n_clusters)))
        starts.sort(key=lambda start: start[1])
        # The spread within cells is the same for all restarts.
        ends = [inertia + coarse.spread for _, inertia in starts]
        spread = ends[-1] / ends[0] - 1 if ends[0] > 0 else 0.0
        if len(finer) > 1:
            starts = [finer[0].kmeans(centers) for centers, _ in starts[:_N_POLISHED]]
        centers, _ = min(starts, key=lambda start: start[1])
        if finer:
            centers, _ = finer[-1].kmeans(centers)
        # Counted over all points: a pixel near a border may belong to another cluster than its cell.
        return replace(self._all.clustering(centers), n_init=N_INIT, start_spread=spread)

    @cached_property
    def _all(self) -> _Stage:
        # Relative to about the median: extreme values move the mean, and all others would coincide next to
        # it. A subset is enough, since cells are sorted and sampled pixels are in random order.
        some = self.summary.positions[:: max(self.summary.counts.size >> 16, 1)]
        return _Stage(self.summary, np.median(some, axis=0))

    @cached_property
    def _stages(self) -> list[_Stage]:
        return [_Stage(summary, self._all.origin) for summary in coarser_stages(self.summary)]

    def _stages_for(self, n_clusters: int) -> list[_Stage]:
        """Return the stages with enough points for this many clusters, from coarse to fine."""
        least = _POINTS_PER_CLUSTER * n_clusters
        enough = [stage for stage in self._stages[:-1] if stage.n_distinct(least) >= least]
        return [*enough, self._stages[-1]]

    def _quick_centers(self, n_clusters: int) -> NDArray[np.float64]:
        """Return centres without randomness: clusters split in two, then moved by Lloyd's iteration."""
        stage = self._stages_for(n_clusters)[0]
        return stage.lloyd(stage.split(n_clusters), _MAX_ITER)


class _Stage:
    """A summary relative to an origin, in units of its scales."""

    def __init__(self, summary: VectorSummary, origin: NDArray[np.float64]) -> None:
        self.summary, self.origin = summary, origin
        self.points = (summary.positions - origin) / summary.scales
        self.columns = list(np.ascontiguousarray(self.points.T))
        self.weights = summary.counts.astype(np.float64)
        self.spread = summary.spread()

    def n_distinct(self, enough: int) -> int:
        """Return the number of distinct points, or a number that is at least `enough`."""
        n = self.weights.size
        if self.summary.is_of_cells or n < enough:
            return n
        # Several pixels of a sample may have the same values.
        for part in (16 * enough, n):
            distinct = int(np.unique(self.points[:part], axis=0).shape[0])
            if distinct >= enough:
                break
        return distinct

    def is_comparable(self, inertia: float) -> bool:
        """Return whether scikit-learn can tell clusters with this inertia per pixel apart.

        It compares squared distances from the mean, and their rounding must not exceed the differences.
        """
        reach = max(max(-float(column.min()), float(column.max())) for column in self.columns) ** 2
        return bool(np.spacing(reach) <= 1e-6 * inertia)

    def kmeans(self, centers: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return the centres that scikit-learn moves `centers` to, and their inertia."""
        return kmeans(self.points, self.weights, len(centers), init=centers)

    def clustering(self, centers: NDArray[np.float64]) -> Clustering:
        """Return the clusters around centres, in the image's own units and in ascending brightness."""
        found = nearest(self.columns, centers)
        k = len(centers)
        counts = np.bincount(found, self.weights, minlength=k)
        squares = np.zeros(self.weights.size)
        for column, center in zip(self.columns, centers.T, strict=True):
            distance = column - center.take(found)
            distance *= distance
            squares += distance
        squares *= self.weights
        inertia = float(np.sum(squares)) + self.spread
        summary = self.summary
        own = centers * summary.scales + self.origin
        if summary.brightness is None:
            brightness = np.sum(own * summary.brightness_weights, axis=1)
        else:
            brightness = np.bincount(found, self.weights * summary.brightness, minlength=k)
            brightness = np.divide(brightness, counts, out=np.zeros(k), where=counts > 0)
        order = np.lexsort((*own.T[::-1], brightness))
        pixels = np.rint(counts[order] * summary.pixels_per_count).astype(np.int64)
        pixels[np.argmax(pixels)] += summary.n_pixels - pixels.sum()
        return Clustering(
            centers=own[order],
            thresholds=np.empty(0),
            counts=pixels,
            inertia=inertia * summary.pixels_per_count,
            explained_variance=1.0,
            feature_names=summary.names,
            scales=summary.scales,
            solver="lloyd",
            sample_size=summary.sample_size,
        )

    @cached_property
    def _whitening(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean of the pixels, and the matrix that turns their scatter into a unit sphere."""
        scales = self.summary.scales
        mean = (self.summary.mean() - self.origin) / scales
        total = outer_products(self.points - mean, self.weights)
        total += self.summary.scatter / np.outer(scales, scales)
        variances, axes = np.linalg.eigh(total / self.weights.sum())
        kept = variances > 1e-9 * variances[-1]
        return mean, axes[:, kept] / np.sqrt(variances[kept])

    def between(self, clusters: Clustering) -> NDArray[np.float64]:
        """Return the scatter between clusters, in coordinates where that of all pixels is a unit sphere."""
        mean, whitening = self._whitening
        offsets = ((clusters.centers - self.origin) / self.summary.scales - mean) @ whitening
        return outer_products(offsets, clusters.counts / clusters.counts.sum())

    def split(self, n_clusters: int) -> NDArray[np.float64]:
        """Split the cluster of largest scatter along its main axis until there are enough; return the means.

        References
        ----------
        .. [1] T. Su and J. G. Dy, "In search of deterministic methods for initializing K-means and Gaussian
               mixture clustering", Intelligent Data Analysis 11(4), 319-338, 2007.
        """
        found = np.zeros(self.weights.size, dtype=np.intp)
        means: list[NDArray[np.float64]] = []
        scatters: list[NDArray[np.float64]] = []
        changed = [0]
        while True:
            for number in changed:
                inside = found == number
                points, weights = self.points[inside], self.weights[inside]
                mean = np.sum(points * (weights / weights.sum())[:, np.newaxis], axis=0)
                means[number:] = [mean, *means[number + 1 :]]
                scatters[number:] = [outer_products(points - mean, weights), *scatters[number + 1 :]]
            if len(means) == n_clusters:
                break
            largest = int(np.argmax([np.trace(scatter) for scatter in scatters]))
            inside = np.flatnonzero(found == largest)
            _, axes = np.linalg.eigh(scatters[largest])
            place = np.sum((self.points[inside] - means[largest]) * axes[:, -1], axis=1)
            beyond = inside[place > 0]
            if beyond.size in (0, inside.size):
                break  # all points are the same
            found[beyond] = len(means)
            changed = [largest, len(means)]
        return np.stack(means)

    def lloyd(self, centers: NDArray[np.float64], max_iter: int) -> NDArray[np.float64]:
        """Move each centre to the mean of its nearest points, `max_iter` times or until nothing changes."""
        weighted = [column * self.weights for column in self.columns]
        before = None
        for _ in range(max_iter):
            found = nearest(self.columns, centers)
            if before is not None and np.array_equal(found, before):
                break
            before = found
            counts = np.bincount(found, self.weights, minlength=len(centers))
            sums = np.stack([np.bincount(found, axis, minlength=len(centers)) for axis in weighted], axis=1)
            filled = counts[:, np.newaxis] > 0
            centers = np.where(filled, sums / np.maximum(counts, 1)[:, np.newaxis], centers)
        return centers
