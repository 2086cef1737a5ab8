"""Clusters of a cloud, for any number of clusters: an estimate at once, and the result of a thorough search.

With several features no method finds the optimum for certain. So there are many starts, and it is told how
far apart they ended.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..summary.vector import Cloud, outer_products, stages
from .clustering import Clustering
from .lloyd import kmeans
from .nearest import nearest

N_INIT = 10
"""Starts of k-means++ on coarse cells."""

_N_POLISHED = 3  # of which so many are followed up on finer ones
_POINTS_PER_CLUSTER = 32  # that a stage must have to look for clusters on it
_MAX_ITER = 30  # of an estimate


class Search:
    """The clusterings of one cloud, for any number of clusters.

    It stands in for `clustering.Optimum` where a pixel is described by several numbers, and is used alike.
    What is computed for one number is kept for the others.

    Parameters
    ----------
    cloud : Cloud
    random_state : int
        Seed of the starts.
    """

    uncertainty = 0.1  # estimates miss some per cent of the inertia, and a determinant multiplies them

    def __init__(self, cloud: Cloud, random_state: int = 0) -> None:
        self.cloud = cloud
        self.random_state = random_state
        self._found: dict[int, Clustering] = {}
        self._estimates: dict[int, Clustering] = {}

    @cached_property
    def n_values(self) -> int:
        """Largest number of clusters there can be: distinct points, or 256 where there are more of these."""
        return min(self._all.n_distinct(256), 256)

    @cached_property
    def one_cluster(self) -> Clustering:
        """All pixels as one cluster."""
        mean = (self.cloud.mean() - self._all.origin) / self.cloud.scales
        return self._all.clustering(mean[np.newaxis])

    def clustering(self, n_clusters: int) -> Clustering:
        """Return the best of many searches, of at most as many clusters as there are distinct points.

        Ten starts of k-means++ on coarse cells, and one that splits clusters in two; the best three polished
        on finer cells; and the best of these on the finest, until nothing moves. Where values lie so far out
        that scikit-learn's arithmetic would fail, the one that splits clusters alone.
        """
        n_clusters = min(n_clusters, self.n_values)
        if n_clusters not in self._found:
            self._found[n_clusters] = self._search(n_clusters)
        return self._found[n_clusters]

    def estimate(self, n_clusters: int) -> Clustering:
        """Return a clustering of coarse cells, within milliseconds; `clustering` is hardly different."""
        n_clusters = min(n_clusters, self.n_values)
        if n_clusters in self._found:
            return self._found[n_clusters]
        if n_clusters not in self._estimates:
            stage = self._stages_for(n_clusters)[0]
            self._estimates[n_clusters] = stage.clustering(self._quick_centers(n_clusters))
        return self._estimates[n_clusters]

    def is_quick(self, n_clusters: int) -> bool:
        """Whether `clustering` has been found already."""
        return min(n_clusters, self.n_values) in self._found

    def inertia(self, k_max: int) -> tuple[float, ...]:
        """Estimated inertia of 1 … `k_max` clusters, as far as there are distinct points."""
        return tuple(self.estimate(k).inertia for k in range(1, min(k_max, self.n_values) + 1))

    def marriott(self, k_max: int) -> tuple[float, ...]:
        """k² times the determinant of the scatter within 1 … `k_max` clusters, as a share of that of all.

        Along axes on which the pixels do not differ there is nothing to determine; they are left out.
        """
        shares = []
        for k in range(1, min(k_max, self.n_values) + 1):
            clusters = self.estimate(k)
            # Of the points they were found on, or chance would be taken for scatter.
            stage = self._all if k in self._found else self._stages_for(k)[0]
            within = 1 - np.linalg.eigvalsh(stage.between(clusters))
            shares.append(k * k * float(np.prod(np.clip(within, 0, None))))
        return tuple(shares)

    def _search(self, n_clusters: int) -> Clustering:
        if n_clusters == 1:
            return self.one_cluster
        quick = self.estimate(n_clusters)
        if not self._all.is_comparable(quick.inertia / self.cloud.n_pixels):
            centers = self._all.moved(self._quick_centers(n_clusters), _MAX_ITER)
            return self._all.clustering(centers)
        coarse, *finer = self._stages_for(n_clusters)
        random = np.random.RandomState(self.random_state)
        starts = [
            kmeans(coarse.points, coarse.weights, n_clusters, random_state=random) for _ in range(N_INIT)
        ]
        starts.append(coarse.kmeans(self._quick_centers(n_clusters)))
        starts.sort(key=lambda start: start[1])
        # Some of the scatter lies within cells and is the same for all.
        ends = [inertia + coarse.inside for _, inertia in starts]
        spread = ends[-1] / ends[0] - 1 if ends[0] > 0 else 0.0
        if len(finer) > 1:
            starts = [finer[0].kmeans(centers) for centers, _ in starts[:_N_POLISHED]]
        centers, _ = min(starts, key=lambda start: start[1])
        if finer:
            centers, _ = finer[-1].kmeans(centers)
        # Of all points, not cells: a pixel beside a border may be nearer to another centre than its cell is.
        return replace(self._all.clustering(centers), n_init=N_INIT, start_spread=spread)

    @cached_property
    def _all(self) -> _Stage:
        # From about the middle of most points: values very far out would move the mean, and all others would
        # be the same beside it. Some of the points tell: cells are sorted, and pixels of a sample at random.
        some = self.cloud.positions[:: max(self.cloud.counts.size >> 16, 1)]
        return _Stage(self.cloud, np.median(some, axis=0))

    @cached_property
    def _stages(self) -> list[_Stage]:
        return [_Stage(cloud, self._all.origin) for cloud in stages(self.cloud)]

    def _stages_for(self, n_clusters: int) -> list[_Stage]:
        """Stages with points enough for so many clusters, coarse to fine; the last in any case."""
        least = _POINTS_PER_CLUSTER * n_clusters
        enough = [stage for stage in self._stages[:-1] if stage.n_distinct(least) >= least]
        return [*enough, self._stages[-1]]

    def _quick_centers(self, n_clusters: int) -> NDArray[np.float64]:
        """Centres found without chance: clusters split in two, and then moved to the means."""
        stage = self._stages_for(n_clusters)[0]
        return stage.moved(stage.split(n_clusters), _MAX_ITER)


class _Stage:
    """A cloud made ready: from an origin, and in scales."""

    def __init__(self, cloud: Cloud, origin: NDArray[np.float64]) -> None:
        self.cloud, self.origin = cloud, origin
        self.points = (cloud.positions - origin) / cloud.scales
        self.columns = list(np.ascontiguousarray(self.points.T))
        self.weights = cloud.counts.astype(np.float64)
        self.inside = cloud.inside()

    def n_distinct(self, enough: int) -> int:
        """Number of distinct points, or of so many that there are `enough`."""
        n = self.weights.size
        if self.cloud.is_of_cells or n < enough:
            return n
        # Of a sample, several may have the same values.
        for part in (16 * enough, n):
            distinct = int(np.unique(self.points[:part], axis=0).shape[0])
            if distinct >= enough:
                break
        return distinct

    def is_comparable(self, inertia: float) -> bool:
        """Whether scikit-learn could tell clusters of so much inertia a pixel apart.

        It compares squares of distances from the mean; their rounding must not drown what matters.
        """
        reach = max(max(-float(column.min()), float(column.max())) for column in self.columns) ** 2
        return bool(np.spacing(reach) <= 1e-6 * inertia)

    def kmeans(self, centers: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Centres as scikit-learn moves them, in scales from the origin, and their inertia."""
        return kmeans(self.points, self.weights, len(centers), init=centers)

    def clustering(self, centers: NDArray[np.float64]) -> Clustering:
        """Describe clusters in the image's own units, from dark to bright."""
        found = nearest(self.columns, centers)
        k = len(centers)
        counts = np.bincount(found, self.weights, minlength=k)
        squares = np.zeros(self.weights.size)
        for column, center in zip(self.columns, centers.T, strict=True):
            distance = column - center.take(found)
            distance *= distance
            squares += distance
        squares *= self.weights
        inertia = float(np.sum(squares)) + self.inside
        own = centers * self.cloud.scales + self.origin
        if self.cloud.brightness is None:
            light = np.sum(own * self.cloud.light, axis=1)
        else:
            light = np.bincount(found, self.weights * self.cloud.brightness, minlength=k)
            light = np.divide(light, counts, out=np.zeros(k), where=counts > 0)
        order = np.lexsort((*own.T[::-1], light))
        enlargement = self.cloud.enlargement
        pixels = np.rint(counts[order] * enlargement).astype(np.int64)
        pixels[np.argmax(pixels)] += self.cloud.n_pixels - pixels.sum()
        return Clustering(own[order], np.empty(0), pixels, inertia * enlargement)

    @cached_property
    def _to_sphere(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean of the pixels, and the matrix that makes a unit sphere of their scatter."""
        scales = self.cloud.scales
        mean = (self.cloud.mean() - self.origin) / scales
        total = outer_products(self.points - mean, self.weights) + self.cloud.scatter / np.outer(
            scales, scales
        )
        variances, axes = np.linalg.eigh(total / self.weights.sum())
        kept = variances > 1e-9 * variances[-1]
        return mean, axes[:, kept] / np.sqrt(variances[kept])

    def between(self, clusters: Clustering) -> NDArray[np.float64]:
        """Scatter between clusters where that of all pixels is a unit sphere."""
        mean, to_sphere = self._to_sphere
        offsets = ((clusters.centers - self.origin) / self.cloud.scales - mean) @ to_sphere
        return outer_products(offsets, clusters.counts / clusters.counts.sum())

    def split(self, n_clusters: int) -> NDArray[np.float64]:
        """Split the cluster of most scatter along its main axis until there are enough: their means.

        References
        ----------
        .. [1] T. Su and J. G. Dy, "In search of deterministic methods for initializing K-means and Gaussian
               mixture clustering", Intelligent Data Analysis 11(4), 319-338, 2007.
        """
        found = np.zeros(self.weights.size, dtype=np.intp)
        means: list[NDArray[np.float64]] = []
        scatters: list[NDArray[np.float64]] = []
        looked_at = [0]
        while True:
            for number in looked_at:
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
                break  # all are alike
            found[beyond] = len(means)
            looked_at = [largest, len(means)]
        return np.stack(means)

    def moved(self, centers: NDArray[np.float64], max_iter: int) -> NDArray[np.float64]:
        """Move centres to the means of what is nearest, some times: Lloyd's iteration."""
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
