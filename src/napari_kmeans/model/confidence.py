"""How clearly a pixel belongs to its cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.base import ScalarFormat, VectorFormat

_PIECE = 1 << 15  # pixels per step, so that temporaries stay in the cache


@dataclass(frozen=True, eq=False)
class ConfidenceOfBlock:
    """Computes 1 - d₁/d₂ of each pixel of a block: its distances to the nearest two clusters.

    Attributes
    ----------
    centers : (k, d) float64 array
    scales : (d,) float64 array
    label_of_cluster : (k + 1,) uint8 array
        Clusters with the same label count as one.
    value_format : ScalarFormat or VectorFormat
    """

    centers: NDArray[np.float64]
    scales: NDArray[np.float64]
    label_of_cluster: NDArray[np.uint8]
    value_format: ScalarFormat | VectorFormat

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.float32]
    ) -> None:
        """Write the confidence of a block's values: NaN where a pixel is excluded."""
        d = self.value_format.n_features
        flat = values.reshape(-1, values.shape[-1]) if d > 1 else values.reshape(-1, 1)
        found = np.empty(len(flat), dtype=np.float32)
        for begin in range(0, len(flat), _PIECE):
            found[begin : begin + _PIECE] = self._confidence(flat[begin : begin + _PIECE])
        if include is not None:
            found[~np.ascontiguousarray(include).reshape(-1)] = np.nan
        out[...] = found.reshape(out.shape)

    def _confidence(self, values: NDArray[Any]) -> NDArray[np.float64]:
        stored = self.value_format
        if isinstance(stored, ScalarFormat):
            features = [values[:, 0].astype(np.float64) * stored.unit]
        else:
            features = stored.features([values[:, axis] for axis in range(stored.n_features)])
        labels = np.unique(self.label_of_cluster[1:])
        nearest = np.full(len(values), np.inf)
        second = nearest.copy()
        for label in labels:
            distance = np.full(len(values), np.inf)
            for center in self.centers[self.label_of_cluster[1:] == label]:
                squares = sum(
                    ((feature - c) / scale) ** 2
                    for feature, c, scale in zip(features, center, self.scales, strict=True)
                )
                distance = np.fmin(distance, squares)
            second = np.minimum(second, np.maximum(nearest, distance))
            nearest = np.minimum(nearest, distance)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.sqrt(nearest / second) if labels.size > 1 else np.zeros(len(values))
        ratio[(nearest == 0) & (second == 0)] = 1.0
        for feature in features:
            ratio[~np.isfinite(feature)] = np.where(np.isnan(feature[~np.isfinite(feature)]), np.nan, 0.0)
        return 1 - ratio
