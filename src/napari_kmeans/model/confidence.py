"""Confidence: how clearly a pixel belongs to its cluster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.feature_space import ScalarFormat, VectorFormat

_PIECE = 1 << 15  # pixels per step, so that temporaries stay in the cache


@dataclass(frozen=True, eq=False)
class ConfidenceOfBlock:
    """Computes 1 - d₁/d₂ for each pixel of a block, from its distances to the nearest two clusters.

    Attributes
    ----------
    centers : (k, d) float64 array
    scales : (d,) float64 array
    label_of_cluster : (k + 1,) uint8 array
        Clusters with the same label count as one.
    value_format : ScalarFormat or VectorFormat
    thresholds : (k - 1,) float64 array, optional
        Only for one feature, if they are not halfway between the centres.
    """

    centers: NDArray[np.float64]
    scales: NDArray[np.float64]
    label_of_cluster: NDArray[np.uint8]
    value_format: ScalarFormat | VectorFormat
    thresholds: NDArray[np.float64] | None = None

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.float32]
    ) -> None:
        """Write the confidence of a block's values, with NaN for excluded pixels."""
        d = self.value_format.n_features
        flat = values.reshape(-1, values.shape[-1]) if d > 1 else values.reshape(-1, 1)
        found = np.empty(len(flat), dtype=np.float32)
        for begin in range(0, len(flat), _PIECE):
            found[begin : begin + _PIECE] = self._confidence(flat[begin : begin + _PIECE])
        if include is not None:
            found[~np.ascontiguousarray(include).reshape(-1)] = np.nan
        out[...] = found.reshape(out.shape)

    def _confidence(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the confidence of (n, m) stored values: 0 if one is infinite, NaN if one is NaN."""
        stored = self.value_format
        columns = list(values.T[: stored.n_features])
        if isinstance(stored, ScalarFormat):
            features = [self._with_borders_halfway(columns[0].astype(np.float64) * stored.unit)]
        else:
            features = stored.features(columns)
        if np.unique(self.label_of_cluster[1:]).size == 1:
            confidence = np.ones(len(values))
        else:
            nearest, second = self._squared_distances(features)
            with np.errstate(invalid="ignore", divide="ignore"):
                confidence = 1 - np.sqrt(nearest / second)
            confidence[second == 0] = 0.0  # two centres coincide here
        for column in (*features, *columns):  # CIELAB of an infinite value is NaN
            confidence[np.isinf(column)] = 0.0
        for column in columns:
            confidence[np.isnan(column)] = np.nan
        return confidence

    def _squared_distances(
        self, features: list[NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the squared distances to the nearest two clusters; merged ones count as one."""
        labels = self.label_of_cluster[1:]
        scales = self.scales * self._unit
        nearest = np.full(features[0].size, np.inf)
        second = nearest.copy()
        with np.errstate(over="ignore", invalid="ignore"):
            for label in np.unique(labels):
                distance = np.full(nearest.size, np.inf)
                for center in self.centers[labels == label]:
                    squares = np.zeros(nearest.size)
                    for feature, c, scale in zip(features, center, scales, strict=True):
                        squares += ((feature - c) / scale) ** 2
                    distance = np.fmin(distance, squares)
                second = np.minimum(second, np.maximum(nearest, distance))
                nearest = np.minimum(nearest, distance)
        return nearest, second

    @property
    def _unit(self) -> float:
        """Power of two near the largest distance between centres, whose square may underflow or overflow."""
        spread = float(np.ptp(self.centers / self.scales, axis=0).max())
        return math.ldexp(1.0, math.frexp(spread)[1])

    def _with_borders_halfway(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scale values between centres so that thresholds set by hand are halfway between them."""
        if self.thresholds is None or not self.thresholds.size:
            return values
        centers = self.centers[:, 0]
        knots, halfway = np.empty(2 * centers.size - 1), np.empty(2 * centers.size - 1)
        knots[::2] = halfway[::2] = centers
        knots[1::2], halfway[1::2] = self.thresholds, (centers[:-1] + centers[1:]) / 2
        # The centre of a cluster without pixels may be beyond a border.
        ascending = np.maximum.accumulate(knots)
        inside = (values >= centers[0]) & (values <= centers[-1])
        return np.where(inside, np.interp(values, ascending, halfway), values)
