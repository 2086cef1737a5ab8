"""Histogram of an image for display, computed from its summary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model.fitted_model import FittedModel
from ..summary.scalar import ScalarSummary

N_BINS = 256
"""Maximum number of bins."""


def bin_summary(summary: ScalarSummary) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the histogram of a summary in at most `N_BINS` equal bins, without outliers.

    Returns
    -------
    edges : (n + 1,) float64 array
    counts : (n,) float64 array
    """
    values = summary.values + summary.origin
    # A few outliers would compress all other values into one bar.
    cumulated = np.cumsum(summary.counts) / summary.n_pixels
    low, high = values[np.searchsorted(cumulated, [0.0005, 0.9995]).clip(max=values.size - 1)]
    reach = 0.25 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    low, high = float(inside[0]), float(inside[-1])
    finest = float(np.spacing(max(-low, high)))  # edges at a smaller distance would be equal
    step = 1.0 if bool(np.all(values == np.round(values))) else _common_step(inside)
    if step:
        # Each bar spans the same number of steps; otherwise a uniform distribution would look like a comb.
        width = max(step * float(np.ceil(((high - low) / step + 1) / N_BINS)), finest)
        edges = low - step / 2 + width * np.arange(int((high - low) // width) + 2)
    elif high > low:
        edges = np.linspace(low, high, int(np.clip((high - low) / finest, 1, N_BINS)) + 1)
    else:
        edges = np.array([low - 0.5, low + 0.5])
    counts, _ = np.histogram(values, bins=edges, weights=summary.counts)
    return np.asarray(edges, dtype=np.float64), counts.astype(np.float64)


def labels_of_bins(edges: NDArray[np.float64], model: FittedModel) -> NDArray[np.uint8]:
    """Return the label at the middle of each bin; background is 0."""
    clusters = np.searchsorted(model.thresholds, (edges[1:] + edges[:-1]) / 2)
    return model.label_of_cluster[1:][clusters]


def _common_step(values: NDArray[np.float64]) -> float:
    """Return the common step of ascending values, such as 1/255; 0 if there is none."""
    if values.size < 2:
        return 0.0
    gap = float(np.diff(values).min())
    steps = (values - values[0]) / gap
    # With more steps, the rounding errors of the values are as large as a step.
    if steps[-1] > 1 << 16:
        return 0.0
    return gap if bool(np.all(np.abs(steps - np.round(steps)) < 0.1)) else 0.0
