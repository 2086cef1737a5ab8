"""The summary of an image whose pixels are described by several numbers: weighted points in a space.

What `summary.Summary` is for one feature, a `Cloud` is for several. It is made by `cells` (every pixel is in
one of its points) or by `sample` (its points are some of the pixels).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .scalar import group_values

LEVELS = {2: (768, 512, 256), 3: (96, 64, 32)}
"""Levels along each axis of the cells that clusters are looked for on, fine to coarse, by number of axes."""

_BINS = 1 << 12  # of an axis, to find its levels by


@dataclass(frozen=True, eq=False)
class Cloud:
    """Weighted points that stand for the pixels of an image.

    Attributes
    ----------
    positions : (n, d) float64 array
        In the features' own units: a colour, or the mean of a cell of similar ones.
    counts : (n,) int64 array
        Pixels at each point.
    scatter : (d, d) float64 array
        Σ of the outer products of what sets pixels apart from the point that stands for them; zeros where a
        point is a single colour.
    scales : (d,) float64 array
        What counts as a distance of 1 along each axis.
    light : (d,) float64 array
        Weights of the features in the brightness that labels are ordered by.
    n_pixels : int
        Pixels that the points stand for; more than the sum of `counts` if they are a sample.
    names : tuple of str
        Of the features.
    brightness : (n,) float64 array or None
        That of each point, where it does not follow from the features by `light`.
    """

    positions: NDArray[np.float64]
    counts: NDArray[np.int64]
    scatter: NDArray[np.float64]
    scales: NDArray[np.float64]
    light: NDArray[np.float64]
    n_pixels: int
    names: tuple[str, ...] = ()
    brightness: NDArray[np.float64] | None = None

    @property
    def n_features(self) -> int:
        """Number of axes."""
        return int(self.positions.shape[1])

    @property
    def is_of_cells(self) -> bool:
        """Whether all pixels were counted, and no two points are the same; else this is a sample."""
        return self.n_features in LEVELS

    @property
    def sample_size(self) -> int:
        """Number of pixels looked at if these were a sample; 0 if they were all."""
        looked_at = int(self.counts.sum())
        return looked_at if looked_at < self.n_pixels else 0

    @property
    def enlargement(self) -> float:
        """Pixels that one in `counts` stands for: 1 unless these are a sample."""
        return self.n_pixels / int(self.counts.sum())

    def mean(self) -> NDArray[np.float64]:
        """Mean of the pixels: (d,) float64."""
        shares = self.counts / self.counts.sum()
        return np.array([np.sum(axis * shares) for axis in self.positions.T])

    def inside(self) -> float:
        """Sum of squared distances, in scales, of the pixels looked at to the point that stands for each."""
        return float(np.sum(np.diagonal(self.scatter) / self.scales**2))


def deviations(cloud: Cloud) -> NDArray[np.float64]:
    """Standard deviation of the pixels along each axis; 1 where they do not differ: (d,) float64."""
    distance = cloud.positions - cloud.mean()
    squares = np.sum(cloud.counts[:, np.newaxis] * distance * distance, axis=0)
    variance = (squares + np.diagonal(cloud.scatter)) / cloud.counts.sum()
    return np.where(variance > 0, np.sqrt(variance), 1.0)


def stages(cloud: Cloud) -> list[Cloud]:
    """Make ever finer clouds of the same pixels, the last one fine enough for the result.

    Colours are put into cells, finer where there are more of them along an axis: the density of an optimal
    quantiser is the cube root of that of the values [1]_. Of a sample the first points serve, which are as
    random as all of them.

    References
    ----------
    .. [1] P. F. Panter and W. Dite, "Quantization distortion in pulse-count modulation with nonuniform
           spacing of levels", Proceedings of the IRE 39(1), 44-48, 1951.
    """
    n = cloud.counts.size
    if not cloud.is_of_cells:
        sizes = [size for size in _SAMPLE_STAGES if size < n]
        return [_first(cloud, size) for size in sizes] + [cloud]
    fine, middle, coarse = LEVELS[cloud.n_features]
    finest, levels = cloud, _levels(cloud, fine)
    if n > _FEW_POINTS:
        finest, levels = _in_cells(cloud, levels, fine)
    between = (_in_cells(finest, _fewer(finest, levels, few), few)[0] for few in (coarse, middle))
    return [*between, finest]


def _fewer(cloud: Cloud, levels: NDArray[np.int64], n_levels: int) -> NDArray[np.int64]:
    """Put neighbouring levels together along each axis."""
    together = []
    for axis, level in zip(cloud.positions.T, levels, strict=True):
        pixels = np.bincount(level, weights=cloud.counts)
        filled = np.flatnonzero(pixels)
        means = np.bincount(level, weights=cloud.counts * axis)[filled] / pixels[filled]
        group = np.zeros(pixels.size, dtype=np.int64)
        group[filled] = group_values(means, pixels[filled], n_levels)
        together.append(group[level])
    return np.stack(together)


_SAMPLE_STAGES = (1 << 13, 1 << 15)
_FEW_POINTS = 1 << 15  # so many are clustered as they are


def _first(cloud: Cloud, n: int) -> Cloud:
    """The first points of a sample, as a smaller one."""
    brightness = None if cloud.brightness is None else cloud.brightness[:n]
    return replace(cloud, positions=cloud.positions[:n], counts=cloud.counts[:n], brightness=brightness)


def _levels(cloud: Cloud, n_levels: int) -> NDArray[np.int64]:
    """Number of each point's level along each axis: (d, n) int64."""
    return np.stack([_axis_levels(axis, cloud.counts, n_levels) for axis in cloud.positions.T])


def _axis_levels(axis: NDArray[np.float64], counts: NDArray[np.int64], n_levels: int) -> NDArray[np.int64]:
    """Number of the level of each point along one axis, finer where the pixels are."""
    low, high = axis.min(), axis.max()
    if low == high:
        return np.zeros(axis.size, dtype=np.int64)
    bins = ((axis - low) * (_BINS * (1 - 1e-9) / (high - low))).astype(np.int64)
    some = bins[:: max(axis.size >> 16, 1)]  # tell enough
    if np.bincount(some, minlength=_BINS).max() > some.size // 2 and axis.size > n_levels:
        # Values far out have left most points in one bin.
        order = np.argsort(axis, kind="stable")
        levels = np.empty(axis.size, dtype=np.int64)
        levels[order] = group_values(axis[order], counts[order], n_levels)
        return levels
    pixels = np.bincount(bins, weights=counts)
    filled = np.flatnonzero(pixels)
    means = np.bincount(bins, weights=counts * axis)[filled] / pixels[filled]
    level = np.zeros(pixels.size, dtype=np.int64)
    level[filled] = group_values(means, pixels[filled], n_levels)
    return np.asarray(level.take(bins))


def _in_cells(cloud: Cloud, levels: NDArray[np.int64], n_levels: int) -> tuple[Cloud, NDArray[np.int64]]:
    """Merge points of the same levels; return the levels of what they become, too."""
    cell = levels[0]
    for axis in levels[1:]:
        cell = cell * n_levels + axis
    weights = cloud.counts.astype(np.float64)
    pixels = np.bincount(cell, weights=weights, minlength=n_levels ** len(levels))
    filled = np.flatnonzero(pixels)
    rank = np.zeros(pixels.size, dtype=np.int64)
    rank[filled] = np.arange(filled.size)
    cell, pixels = rank[cell], pixels[filled]
    means = np.stack([np.bincount(cell, weights * axis) / pixels for axis in cloud.positions.T], axis=1)
    merged = replace(
        cloud,
        positions=means,
        counts=pixels.astype(np.int64),
        scatter=cloud.scatter + outer_products(cloud.positions - means.take(cell, axis=0), weights),
    )
    of_cell = np.empty((len(levels), filled.size), dtype=np.int64)
    of_cell[:, cell] = levels
    return merged, of_cell


def outer_products(points: NDArray[np.float64], counts: NDArray[Any]) -> NDArray[np.float64]:
    """Weighted sum of the points' outer products with themselves: (d, d) float64.

    One product at a time: a matrix product would round as its library's number of threads suggests.
    """
    d = points.shape[1]
    total = np.empty((d, d))
    columns = np.ascontiguousarray(points.T)
    for i, column in enumerate(columns):
        weighted = counts * column
        for j in range(i, d):
            total[i, j] = total[j, i] = np.sum(weighted * columns[j])
    return total
