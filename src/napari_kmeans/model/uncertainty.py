"""How much thresholds and shares would vary between images of the same kind: a block bootstrap.

Pixels of an image are not independent, so whole blocks are resampled, twice as wide as the range of the
correlation [1]_, and the clusters of every resample are found exactly.

References
----------
.. [1] S. N. Lahiri, "Resampling methods for dependent data", Springer, 2003.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..blocks.boxes import Box, hashed_boxes
from ..blocks.loop import map_blocks
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.feature_space import ScalarFormat
from ..kmeans.exact import OptimalPartitions
from ..kmeans.intervals import midpoints
from ..options import check_random_state, is_integer
from ..summary.block_counts import block_counting
from ..summary.scalar import ScalarSummary
from ..summary.summarize import summarize

if TYPE_CHECKING:
    from .fitted_model import FittedModel

_UNCORRELATED = 0.1  # correlation of labels below which pixels count as independent
_MIN_BLOCKS = 24  # to resample, so blocks may have to be smaller than the correlation requires
_WINDOW_PIXELS, _N_WINDOWS = 1 << 18, 4  # parts of an image used to estimate the correlation
_SAME = 0.05  # of the distance between neighbouring centres: how much thresholds of the same image may differ


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Intervals of thresholds and shares, by a block bootstrap over the image.

    An interval covers the average over many images of the same kind, if this image is typical of them. It
    describes the variation between parts of the image, not whether clusters are meaningful.

    Attributes
    ----------
    level : float
        Confidence level, such as 0.95.
    n_resamples : int
    block : tuple of int
        Size of a block in pixels along each spatial axis.
    is_limited : bool
        Whether pixels are correlated over such a large part of the image that blocks had to be smaller than
        required. The intervals are then too narrow.
    estimated : (k - 1,) float64 array
        Thresholds of the model.
    resampled_thresholds : (n_resamples, k - 1) float64 array
        Around the thresholds of the model.
    resampled_shares : (n_resamples, k) float64 array
        Around the shares of the clusters, 0 to 1.
    """

    level: float
    n_resamples: int
    block: tuple[int, ...]
    is_limited: bool
    estimated: NDArray[np.float64] = field(repr=False)
    resampled_thresholds: NDArray[np.float64] = field(repr=False)
    resampled_shares: NDArray[np.float64] = field(repr=False)

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """Interval of each threshold: (k - 1, 2) array. A threshold set by hand has no width."""
        return self._interval(self.resampled_thresholds)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Interval of the share of each cluster, 0 to 1: (k, 2) array."""
        return self._interval(self.resampled_shares).clip(0, 1)

    def share_of(self, clusters: Sequence[int]) -> tuple[float, float]:
        """Return the interval of the share of merged clusters.

        Parameters
        ----------
        clusters : sequence of int
            From 1.

        Returns
        -------
        (float, float)
            0 to 1.
        """
        total = self.resampled_shares[:, np.asarray(clusters) - 1].sum(axis=1, keepdims=True)
        low, high = self._interval(total)[0].clip(0, 1)
        return float(low), float(high)

    def is_of(self, model: FittedModel) -> bool:
        """Return whether these are the intervals of a model, which then has the same thresholds.

        Parameters
        ----------
        model : FittedModel

        Returns
        -------
        bool
        """
        return np.array_equal(self.estimated, model.thresholds)

    def _interval(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the interval of each column of (n_resamples, m) values: (m, 2) array."""
        tail = (1 - self.level) / 2
        return np.asarray(np.quantile(values, [tail, 1 - tail], axis=0).T)


def uncertainty_of(
    model: FittedModel,
    pixels: Pixels,
    *,
    level: float = 0.95,
    n_resamples: int = 400,
    random_state: int = 0,
    progress: Progress | None = None,
) -> Uncertainty:
    """Resample the blocks of an image; see `KMeansModel.uncertainty`."""
    _check(model, pixels, level, n_resamples)
    check_random_state(random_state)
    summary = summarize(pixels, subprogress(progress, 0, 0.3))
    assert isinstance(summary, ScalarSummary)
    block, widening, is_limited = _blocks(model, pixels)
    assert isinstance(pixels.value_format, ScalarFormat)
    counting, values = block_counting(summary, pixels.value_format, block)
    groups = reduce(
        counting.combine, map_blocks(counting.chunk, pixels, progress=subprogress(progress, 0.3, 0.7))
    )
    solve = _Solver(model, values + 0.0, summary.origin)
    thresholds, shares = solve(groups.sum(axis=0))
    distance = np.diff(model.centers[:, 0])
    if (np.abs(thresholds - model.thresholds) > _SAME * distance).any():
        raise ValueError(
            "image does not have the clusters of the model; pass the image that the model was fitted to"
        )
    rng = np.random.default_rng(random_state)
    filled = groups[groups.any(axis=1)]
    weights = rng.multinomial(len(filled), np.full(len(filled), 1 / len(filled)), size=n_resamples)
    found = []
    for number, resampled in enumerate(weights):
        found.append(solve(resampled @ filled))
        if progress is not None:
            progress(0.7 + 0.3 * (number + 1) / n_resamples)
    resampled_thresholds, resampled_shares = (np.stack(each) for each in zip(*found, strict=True))
    return Uncertainty(
        level,
        n_resamples,
        block,
        is_limited,
        model.thresholds,
        model.thresholds + widening * (resampled_thresholds - thresholds),
        shares + widening * (resampled_shares - shares),
    )


def _check(model: FittedModel, pixels: Pixels, level: float, n_resamples: int) -> None:
    """Raise ``TypeError`` or ``ValueError`` if an argument is invalid, or the model has no intervals."""
    if model.n_features > 1:
        raise ValueError(
            f"intervals are computed for one feature, but features={model.features!r} has {model.n_features}"
        )
    if model.coherence is not None:
        raise ValueError(
            "intervals are not computed with coherence, whose labels depend on all pixels together; fit with "
            "coherence=0"
        )
    if model.n_clusters < 2:
        raise ValueError("intervals need at least 2 clusters, but the model has 1")
    if not 0 < level < 1:
        raise ValueError(f"level={level!r} must be between 0 and 1, such as 0.95")
    if not is_integer(n_resamples):
        raise TypeError(f"n_resamples must be an int, not {n_resamples!r}")
    if not 20 <= n_resamples <= 100_000:
        raise ValueError(f"n_resamples={n_resamples} must be 20 to 100000")
    model.extractor.check(pixels.shape, pixels.image.dtype, pixels.n_channels)


@dataclass(frozen=True, eq=False)
class _Solver:
    """Finds the optimal thresholds and shares of a resample, or only its shares between edited thresholds."""

    model: FittedModel
    values: NDArray[np.float64]
    origin: int

    def __call__(self, counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        model = self.model
        if model.adjusted:
            thresholds = model.thresholds - self.origin
        else:
            # Values missing in a resample keep a tiny weight, so that it has the same number of clusters.
            weights = np.maximum(counts << 10, 1)
            partitions = OptimalPartitions(self.values, weights)
            thresholds = midpoints(partitions.cluster_statistics(partitions.borders(model.n_clusters))[0])
        cumulated = np.append(0, np.cumsum(counts)) / max(int(counts.sum()), 1)
        splits = np.searchsorted(self.values, thresholds, side="right")
        return thresholds + self.origin, np.diff(cumulated[splits], prepend=0.0, append=1.0)


def _blocks(model: FittedModel, pixels: Pixels) -> tuple[tuple[int, ...], float, bool]:
    """Return the size of blocks, how much to widen intervals, and whether blocks had to be smaller.

    A block is twice as wide as the distance at which labels are no longer correlated. Resampling destroys the
    correlation between pixels on both sides of a block border, so the variance is too small by a factor that
    follows from the correlation. Intervals are widened by its square root.
    """
    labelled = [_labels(model, pixels, window) for window in _windows(pixels.shape)]
    n_long = sum(size > 1 for size in pixels.shape)
    parts = math.ceil(_MIN_BLOCKS ** (1 / max(n_long, 1)))
    sides, kept, is_limited = [], 1.0, False
    for axis, size in enumerate(pixels.shape):
        longest = max(size // parts, 1)
        correlation = _correlation(labelled, axis, longest + 1)
        below = np.flatnonzero(correlation < _UNCORRELATED)
        wanted = 2 * int(below[0]) if below.size else 2 * longest + 1
        is_limited |= wanted > longest and size > 1
        side = min(wanted, longest)
        sides.append(side)
        tail = np.flatnonzero(correlation <= 0)
        lags = np.arange(1, tail[0] if tail.size else correlation.size)
        inside = 1 + 2 * float(np.sum(np.clip(1 - lags / side, 0, None) * correlation[lags]))
        kept *= inside / (1 + 2 * float(np.sum(correlation[lags])))
    return tuple(sides), 1 / math.sqrt(kept), is_limited


def _windows(shape: tuple[int, ...]) -> list[Box]:
    """Return a few boxes at hashed positions, or the whole image if it is small."""
    side = round(_WINDOW_PIXELS ** (1 / max(len(shape), 1)))
    sides = [min(side, size) for size in shape]
    if math.prod(shape) <= _N_WINDOWS * _WINDOW_PIXELS:
        return [tuple(slice(0, size) for size in shape)]
    return hashed_boxes(shape, sides, _N_WINDOWS)


def _labels(model: FittedModel, pixels: Pixels, window: Box) -> NDArray[np.float32]:
    """Return the clusters of a part of the image as numbers, with NaN for excluded pixels."""
    labels = np.empty([side.stop - side.start for side in window], dtype=np.uint8)
    plain = model.merged([]).with_background([])
    plain.labeller(pixels.value_format)(*pixels.read(window), labels)
    return np.where(labels == 0, np.float32(np.nan), labels.astype(np.float32))


def _correlation(windows: list[NDArray[np.float32]], axis: int, n_lags: int) -> NDArray[np.float64]:
    """Return the correlation of labels at distances 0, 1, … along an axis, until it is negligible."""
    known = [np.isfinite(window) for window in windows]
    n = sum(int(each.sum()) for each in known)
    mean = sum(float(np.nansum(window, dtype=np.float64)) for window in windows) / max(n, 1)
    centered = [
        np.moveaxis(np.where(k, w - np.float32(mean), np.float32(0)), axis, 0)
        for w, k in zip(windows, known, strict=True)
    ]
    counted = [np.moveaxis(each, axis, 0) for each in known]
    correlation: list[float] = []
    variance = 0.0
    for lag in range(min(n_lags, max(len(each) for each in centered))):
        products, pairs = 0.0, 0
        for values, usable in zip(centered, counted, strict=True):
            a, b = slice(None, len(values) - lag), slice(lag, None)
            products += float(np.sum(values[a] * values[b], dtype=np.float64))
            pairs += int(np.count_nonzero(usable[a] & usable[b]))
        covariance = products / max(pairs, 1)
        variance = variance if lag else covariance
        correlation.append(covariance / variance if variance > 0 else 0.0)
        if correlation[-1] <= 0 and lag:
            break
    return np.array(correlation)
