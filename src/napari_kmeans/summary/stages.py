"""Ever finer versions of a summary of several features, so that a search can begin on few points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .scalar import group_values
from .vector import VectorSummary, outer_products

_BINS_PER_AXIS = {2: (768, 512, 256), 3: (96, 64, 32)}  # fine to coarse, by the number of features
_SAMPLE_SIZES = (1 << 13, 1 << 15)
_HISTOGRAM_BINS = 1 << 12
_FEW_POINTS = 1 << 15  # this many are clustered as they are


def coarser_stages(summary: VectorSummary) -> list[VectorSummary]:
    """Return summaries of the same pixels from coarse to fine; the last is fine enough for the result.

    Points are merged in cells that are narrower where there are more pixels along an axis: the density of an
    optimal quantizer is the cube root of the density of the values [1]_. A sample is in random order, so its
    first points are a smaller sample.

    References
    ----------
    .. [1] P. F. Panter and W. Dite, "Quantization distortion in pulse-count modulation with nonuniform
           spacing of levels", Proceedings of the IRE 39(1), 44-48, 1951.
    """
    n = summary.counts.size
    if not summary.is_of_cells:
        return [_first_points(summary, size) for size in _SAMPLE_SIZES if size < n] + [summary]
    fine, middle, coarse = _BINS_PER_AXIS[summary.n_features]
    finest = summary
    bins = np.stack([_axis_bins(axis, summary.counts, fine) for axis in summary.positions.T])
    if n > _FEW_POINTS:
        finest, bins = _merge_bins(summary, bins, fine)
    between = (
        _merge_bins(finest, _fewer_bins(finest, bins, n_bins), n_bins)[0] for n_bins in (coarse, middle)
    )
    return [*between, finest]


def _first_points(summary: VectorSummary, n: int) -> VectorSummary:
    """Return the first points of a sample as a smaller sample."""
    brightness = None if summary.brightness is None else summary.brightness[:n]
    return replace(summary, positions=summary.positions[:n], counts=summary.counts[:n], brightness=brightness)


def _axis_bins(axis: NDArray[np.float64], counts: NDArray[np.int64], n_bins: int) -> NDArray[np.int64]:
    """Return the bin of each point along one axis; bins are narrower where there are more pixels."""
    low, high = axis.min(), axis.max()
    if low == high:
        return np.zeros(axis.size, dtype=np.int64)
    places = ((axis - low) * (_HISTOGRAM_BINS * (1 - 1e-9) / (high - low))).astype(np.int64)
    some = places[:: max(axis.size >> 16, 1)]
    if np.bincount(some, minlength=_HISTOGRAM_BINS).max() > some.size // 2 and axis.size > n_bins:
        # Extreme values have left most points in one bin of the histogram.
        order = np.argsort(axis, kind="stable")
        bins = np.empty(axis.size, dtype=np.int64)
        bins[order] = group_values(axis[order], counts[order], n_bins)
        return bins
    pixels = np.bincount(places, weights=counts)
    filled = np.flatnonzero(pixels)
    means = np.bincount(places, weights=counts * axis)[filled] / pixels[filled]
    bin_of_place = np.zeros(pixels.size, dtype=np.int64)
    bin_of_place[filled] = group_values(means, pixels[filled], n_bins)
    return np.asarray(bin_of_place.take(places))


def _fewer_bins(summary: VectorSummary, bins: NDArray[np.int64], n_bins: int) -> NDArray[np.int64]:
    """Merge neighbouring bins along each axis."""
    merged = []
    for axis, bin_of_point in zip(summary.positions.T, bins, strict=True):
        pixels = np.bincount(bin_of_point, weights=summary.counts)
        filled = np.flatnonzero(pixels)
        means = np.bincount(bin_of_point, weights=summary.counts * axis)[filled] / pixels[filled]
        group = np.zeros(pixels.size, dtype=np.int64)
        group[filled] = group_values(means, pixels[filled], n_bins)
        merged.append(group[bin_of_point])
    return np.stack(merged)


def _merge_bins(
    summary: VectorSummary, bins: NDArray[np.int64], n_bins: int
) -> tuple[VectorSummary, NDArray[np.int64]]:
    """Merge the points that share their bins; return the bins of the merged points, too."""
    cell = bins[0]
    for axis in bins[1:]:
        cell = cell * n_bins + axis
    weights = summary.counts.astype(np.float64)
    pixels = np.bincount(cell, weights=weights, minlength=n_bins ** len(bins))
    filled = np.flatnonzero(pixels)
    rank = np.zeros(pixels.size, dtype=np.int64)
    rank[filled] = np.arange(filled.size)
    cell, pixels = rank[cell], pixels[filled]
    means = np.stack([np.bincount(cell, weights * axis) / pixels for axis in summary.positions.T], axis=1)
    merged = replace(
        summary,
        positions=means,
        counts=pixels.astype(np.int64),
        scatter=summary.scatter + outer_products(summary.positions - means.take(cell, axis=0), weights),
    )
    bins_of_merged = np.empty((len(bins), filled.size), dtype=np.int64)
    bins_of_merged[:, cell] = bins
    return merged, bins_of_merged
