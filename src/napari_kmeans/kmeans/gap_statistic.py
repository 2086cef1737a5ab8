"""The gap statistic, an alternative criterion for the number of clusters.

References
----------
.. [1] R. Tibshirani, G. Walther and T. Hastie, "Estimating the number of clusters in a data set via the gap
       statistic", Journal of the Royal Statistical Society B 63(2), 411-423, 2001.
.. [2] S. Dudoit and J. Fridlyand, "A prediction-based resampling method for estimating the number of clusters
       in a dataset", Genome Biology 3(7), research0036, 2002.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..summary.scalar import ScalarSummary
from ..summary.vector import VectorSummary
from .clustering import Clusterings
from .coherent_clusterings import CoherentClusterings
from .exact_clusterings import ExactClusterings
from .search import SearchedClusterings

_N_REFERENCES = 20  # simulated images
_REFERENCE_SIZE = 1 << 12  # points of a reference; fewer if the image has fewer pixels


@dataclass(frozen=True)
class Gap:
    """The gap statistic of 1, 2, … clusters.

    Attributes
    ----------
    n_clusters : int
        The smallest number whose gap is within one standard error of the largest. The original rule compares
        only with the next number, so it stops at 1 if groups are symmetric [2]_.
    gap : tuple of float
        Expected log inertia of evenly distributed values minus that of the image.
    error : tuple of float
        Standard error of each gap.
    """

    n_clusters: int
    gap: tuple[float, ...]
    error: tuple[float, ...]


def gap_statistic(clusterings: Clusterings, k_max: int, random_state: int = 0) -> Gap:
    """Compare the inertia with that of points distributed evenly over the range of the values [1]_.

    For several features, the points are distributed evenly along the principal axes, and inertias are
    estimated.

    Parameters
    ----------
    clusterings : Clusterings
    k_max : int
        Largest number of clusters to consider.
    random_state : int
    """
    if isinstance(clusterings, CoherentClusterings):  # noise dominates the inertia of the original values
        clusterings = ExactClusterings(clusterings.coherent.coherent)
    k_max = min(k_max, clusterings.n_values)
    if k_max < 2:
        return Gap(1, (0.0,), (0.0,))
    if isinstance(clusterings.summary, ScalarSummary):
        clusterings = ExactClusterings(_scaled(clusterings.summary))
    summary = clusterings.summary
    size = int(min(summary.n_pixels, _REFERENCE_SIZE))
    rng = np.random.default_rng(random_state)
    references = []
    for _ in range(_N_REFERENCES):
        reference = (
            _scalar_reference(summary, size, rng)
            if isinstance(summary, ScalarSummary)
            else _vector_reference(summary, size, rng)
        )
        references.append(_log_inertia(reference, k_max, size))
    image = _log_inertia(clusterings, k_max, summary.n_pixels)
    gap = np.mean(references, axis=0) - image
    error = np.std(references, axis=0) * np.sqrt(1 + 1 / _N_REFERENCES)
    largest = int(np.argmax(gap))
    within = gap >= gap[largest] - np.nan_to_num(error[largest])
    return Gap(1 + int(np.argmax(within)), tuple(gap.tolist()), tuple(error.tolist()))


def _scaled(summary: ScalarSummary) -> ScalarSummary:
    """Return a summary divided by a power of two, so that the logarithm of its inertia can be represented."""
    exponent = int(np.frexp(np.ptp(summary.values))[1])
    spread = math.ldexp(math.ldexp(summary.spread, -exponent), -exponent)  # in squared units
    return replace(summary, values=np.ldexp(summary.values, -exponent), spread=spread)


def _log_inertia(clusterings: Clusterings, k_max: int, n_pixels: int) -> NDArray[np.float64]:
    """Return the logarithm of the inertia per pixel of 1 … `k_max` clusters; -inf if it is 0."""
    inertia = np.zeros(k_max)  # a reference may have fewer distinct points
    for k in range(1, min(k_max, clusterings.n_values) + 1):
        inertia[k - 1] = clusterings.estimate(k).inertia
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(inertia / n_pixels))


def _scalar_reference(summary: ScalarSummary, size: int, rng: np.random.Generator) -> ExactClusterings:
    """Distribute values evenly over the range of the pixels."""
    low, high = summary.values[[0, -1]]
    values = np.unique(low + (high - low) * rng.random(size))
    return ExactClusterings(ScalarSummary(values, np.ones(values.size, dtype=np.int64)))


def _vector_reference(summary: VectorSummary, size: int, rng: np.random.Generator) -> SearchedClusterings:
    """Distribute points evenly over the bounding box of the pixels along their principal axes."""
    points = summary.positions / summary.scales
    mean = np.average(points, axis=0, weights=summary.counts)
    centered = points - mean
    scatter = np.einsum("ni,nj->ij", centered * summary.counts[:, np.newaxis], centered)
    axes = np.linalg.eigh(scatter)[1]
    along = np.einsum("ni,ij->nj", centered, axes)
    low, high = along.min(axis=0), along.max(axis=0)
    spread = low + (high - low) * rng.random((size, low.size))
    return SearchedClusterings(
        VectorSummary(
            positions=(np.einsum("nj,ij->ni", spread, axes) + mean) * summary.scales,
            counts=np.ones(size, dtype=np.int64),
            scatter=np.zeros_like(summary.scatter),
            scales=summary.scales,
            brightness_weights=np.ones(low.size),
            n_pixels=size,
            names=summary.names,
        )
    )
