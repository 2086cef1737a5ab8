"""The summary of several features: weighted points in feature space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDING_ERRORS = 8  # a standard deviation up to this many rounding errors of the largest value is no signal
_SMALLEST, _LARGEST = 1e-150, 1e150  # distances whose squares float64 can represent, with room for sums
_TINY = 1e-300  # scales that values can be divided by


@dataclass(frozen=True, eq=False)
class VectorSummary:
    """Weighted points that represent the pixels of an image, made by `color_cells` or by `sample`.

    Attributes
    ----------
    positions : (n, d) float64 array
        Points in the features' own units: a colour, the mean of a cell, or a sampled pixel.
    counts : (n,) int64 array
        Number of pixels at each point.
    scatter : (d, d) float64 array
        Sum of the outer products of the differences between the pixels and their point; zeros where each
        point is a single colour.
    scales : (d,) float64 array
        Unit of distance along each axis.
    brightness_weights : (d,) float64 array
        Weights of the features in the brightness that orders the labels.
    n_pixels : int
        Number of pixels that the points represent; more than the sum of `counts` for a sample.
    names : tuple of str
        Names of the features.
    brightness : (n,) float64 array or None
        Brightness of each point, if it does not follow from the features.
    keys : (n,) uint64 array or None
        If all pixels were counted, the Morton keys of the points, strictly ascending; None for a sample.
    """

    positions: NDArray[np.float64]
    counts: NDArray[np.int64]
    scatter: NDArray[np.float64]
    scales: NDArray[np.float64]
    brightness_weights: NDArray[np.float64]
    n_pixels: int
    names: tuple[str, ...] = ()
    brightness: NDArray[np.float64] | None = None
    keys: NDArray[np.uint64] | None = None

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.positions.shape[1])

    @property
    def is_of_cells(self) -> bool:
        """Whether all pixels were counted, so that no two points are the same; else this is a sample."""
        return self.keys is not None

    @property
    def sample_size(self) -> int:
        """Number of sampled pixels; 0 if all pixels were counted."""
        n_counted = int(self.counts.sum())
        return n_counted if n_counted < self.n_pixels else 0

    @property
    def pixels_per_count(self) -> float:
        """Number of pixels that each count represents: 1 unless this is a sample."""
        return self.n_pixels / int(self.counts.sum())

    def mean(self) -> NDArray[np.float64]:
        """Return the mean of the pixels: (d,) float64 array."""
        shares = self.counts / self.counts.sum()
        return np.array([_mean(axis, shares) for axis in self.positions.T])

    def standard_deviations(self, rounding: float = 0.0) -> NDArray[np.float64]:
        """Return the standard deviation along each axis: (d,) float64 array.

        Parameters
        ----------
        rounding : float
            Relative rounding error of the stored values. If pixels differ along an axis by no more than such
            errors, its scale is 1 or the largest value, so that the errors are negligible.
        """
        n = self.counts.sum()
        deviations = np.ones(self.n_features)
        for axis, column in enumerate(self.positions.T):
            squares = self.scatter[axis, axis]
            largest = float(np.abs(column).max())
            distance = column - _mean(column, self.counts / n)
            reach = max(float(np.abs(distance).max()), float(np.sqrt(squares)))
            if reach == 0.0:
                continue
            # Relative to the largest distance, whose square might overflow.
            distance /= reach
            with np.errstate(under="ignore"):
                variance = (np.sum(self.counts * distance * distance) + squares / reach / reach) / n
            deviation = float(np.sqrt(variance)) * reach
            is_signal = deviation > _ROUNDING_ERRORS * max(rounding, np.finfo(np.float64).eps) * largest
            deviations[axis] = deviation if is_signal else max(largest, 1.0)
        return deviations

    def spread(self) -> float:
        """Return the sum of squared distances, in scales, between the counted pixels and their points."""
        return float(np.sum(np.diagonal(self.scatter) / self.scales / self.scales))

    def checked(self) -> VectorSummary:
        """Return the summary itself after checking it.

        Raises
        ------
        ValueError
            If squared distances overflow or underflow.
        """
        with np.errstate(over="ignore"):
            span = np.array([np.ptp(axis) if axis.size else 0.0 for axis in self.positions.T])
            widest = float(np.max(span / self.scales))
        if (
            not (widest <= 0 or _SMALLEST <= widest <= _LARGEST)
            or not np.isfinite(self.scatter).all()
            or self.scales.min() < _TINY
        ):
            raise unrepresentable(float(np.max(span)))
        for axis in self.positions[:: max(self.counts.size >> 12, 1)].T:
            distinct = np.unique(axis)
            with np.errstate(over="ignore"):
                typical = np.median(np.abs(distinct - np.median(distinct)))
                if 0 < typical < _SMALLEST * np.ptp(axis):
                    raise ValueError(
                        f"image has features from {axis.min():.3g} to {axis.max():.3g}, and float64 cannot "
                        f"represent squared distances between values about {typical:.1g} apart then; exclude "
                        "the most distant ones"
                    )
        return self


def unrepresentable(span: float) -> ValueError:
    """Return the error for features whose squared differences underflow or overflow."""
    return ValueError(
        f"image has features that differ by up to {span:.3g}, and float64 cannot represent squared "
        f"distances then; multiply the image by a constant first"
    )


def _mean(column: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    """Return a weighted mean; that of equal values is exact."""
    return float(column[0] + np.sum((column - column[0]) * shares))


def standardized(summary: VectorSummary, dtype: np.dtype[Any]) -> VectorSummary:
    """Return the summary with distances in standard deviations; `dtype` is the type of the features."""
    if not summary.counts.size:
        return summary
    rounding = float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    return replace(summary, scales=summary.standard_deviations(rounding))


def check_integers(low: int, high: int, *, are_rounded: bool = False) -> None:
    """Raise ``ValueError`` if float64 cannot distinguish the integers of a feature, from `low` to `high`.

    With `are_rounded`, they have already been rounded to float64, so equal ones may have been different.
    """
    rounding = np.spacing(np.float64(max(abs(low), abs(high))))
    if rounding > 1 and high - low < 1e6 * rounding and (high > low or are_rounded):
        span = f"from {low} to {high}" if high > low else f"near {low}"
        raise ValueError(
            f"image has a feature with integers {span}, which float64 cannot distinguish; "
            "subtract a constant from the image first"
        )


def outer_products(points: NDArray[np.float64], counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the weighted sum of the outer products of points with themselves: (d, d) float64 array.

    Computed one product at a time: the rounding of a matrix product depends on the number of threads.
    """
    d = points.shape[1]
    total = np.empty((d, d))
    columns = np.ascontiguousarray(points.T)
    for i, column in enumerate(columns):
        weighted = counts * column
        for j in range(i, d):
            total[i, j] = total[j, i] = np.sum(weighted * columns[j])
    return total
