"""The histogram of an image, of its summary, as it is drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..summary.scalar import ScalarSummary

N_BINS = 256


def bin_summary(summary: ScalarSummary) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Histogram of a summary in at most `N_BINS` equal bins, leaving out what lies far off.

    Returns
    -------
    edges : (n + 1,) float64 array
    counts : (n,) float64 array
    """
    values = summary.values + summary.origin
    # A handful of outliers must not press everything else into one bar.
    cumulated = np.cumsum(summary.counts) / summary.n_pixels
    low, high = values[np.searchsorted(cumulated, [0.0005, 0.9995]).clip(max=values.size - 1)]
    reach = 0.25 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    low, high = float(inside[0]), float(inside[-1])
    finest = float(np.spacing(max(-low, high)))  # nearer edges would fall together
    step = 1.0 if bool(np.all(values == np.round(values))) else _step(inside)
    if step:
        # Equally many steps to a bar, or an even spread would look like a comb.
        width = max(step * float(np.ceil(((high - low) / step + 1) / N_BINS)), finest)
        edges = low - step / 2 + width * np.arange(int((high - low) // width) + 2)
    elif high > low:
        edges = np.linspace(low, high, int(np.clip((high - low) / finest, 1, N_BINS)) + 1)
    else:
        edges = np.array([low - 0.5, low + 0.5])
    counts, _ = np.histogram(values, bins=edges, weights=summary.counts)
    return np.asarray(edges, dtype=np.float64), counts.astype(np.float64)


def _step(values: NDArray[np.float64]) -> float:
    """Distance that all gaps between ascending values are multiples of, as in n/255; 0 if there is none."""
    if values.size < 2:
        return 0.0
    gap = float(np.diff(values).min())
    places = (values - values[0]) / gap
    # Beyond, rounding errors of the values could make steps of anything.
    if places[-1] > 1 << 16:
        return 0.0
    return gap if bool(np.all(np.abs(places - np.round(places)) < 0.1)) else 0.0
