"""Fit a smooth field together with clusters: k-means of an unevenly lit image.

Minimize Σ (v(x) - c_l(x) - b(x))² over the labels l, the centres c and the coefficients of the field b, by
alternating between labels, centres and a linear least-squares fit of b [1]_ [2]_. v is the value for an
additive field, its logarithm for a multiplicative one.

References
----------
.. [1] D. L. Pham and J. L. Prince, "Adaptive fuzzy segmentation of magnetic resonance images", IEEE
       Transactions on Medical Imaging 18(9), 737-752, 1999.
.. [2] C. Li, J. C. Gore and C. Davatzikos, "Multiplicative intrinsic component optimization (MICO) for MRI
       bias field estimation and tissue segmentation", Magnetic Resonance Imaging 32(7), 913-923, 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..blocks.boxes import sampled_windows
from ..blocks.loop import map_blocks
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.base import ScalarFormat, VectorFormat
from ..preprocess.illumination import (
    Illumination,
    IlluminationField,
    field_axes,
    legendre,
    pixel_coordinates,
    terms,
)
from ..summary.field_sample import FIELD_SAMPLE_SIZE, FieldSample, FieldSamplePlan
from ..summary.scalar import group_values
from .exact import OptimalPartitions
from .intervals import midpoints

N_CLUSTERS = 4
"""Clusters that the field is fitted with, however many are shown, so that the field does not depend on k."""

_RIDGE = 1e-4  # per pixel and degree⁴: keeps the field from explaining the structure of the image
_MAX_ROUNDS, _EXACT_EVERY = 40, 4
_TOLERANCE = 1e-6  # of the standard deviation: a change of the coefficients that ends the alternation
_POINTS = 1024  # that the optimal centres are found on


def with_illumination(
    pixels: Pixels,
    illumination: Illumination | None,
    progress: Progress | None = None,
    *,
    estimate: bool = False,
) -> Pixels:
    """Return the pixels without their uneven illumination, which is fitted first.

    Parameters
    ----------
    pixels : Pixels
    illumination : Illumination or None
    progress : callable, optional
    estimate : bool
        Fit the field to sampled windows instead of the whole image.

    Raises
    ------
    ValueError
        If the feature space has no field of this kind, or no pixel can be used.
    """
    if illumination is None:
        return pixels
    check_space(illumination, pixels)
    plan = FieldSamplePlan()
    sample: FieldSample | None = None
    boxes = sampled_windows(pixels.shape) if estimate else None
    for part in map_blocks(plan.chunk, pixels, boxes, progress):
        sample = part if sample is None else plan.combine(sample, part)
    assert sample is not None
    field = fit_field(sample, pixels.shape, pixels.value_format, illumination)
    return replace(pixels, extractor=replace(pixels.extractor, field=field))


def with_shared_illumination(
    images: Sequence[Pixels], illumination: Illumination | None, progress: Progress | None = None
) -> list[Pixels]:
    """Return images of one shape without the illumination field that they share.

    Each image contributes as many sampled pixels.

    Raises
    ------
    ValueError
        If the images differ in shape, or as for `with_illumination`.
    """
    if illumination is None:
        return list(images)
    shapes = sorted({pixels.shape for pixels in images})
    if len(shapes) > 1:
        raise ValueError(
            f"images have the shapes {', '.join(map(str, shapes))}, and images that share an illumination "
            "field need one shape"
        )
    plan = FieldSamplePlan()
    samples = []
    for number, pixels in enumerate(images):
        check_space(illumination, pixels)
        share = subprogress(progress, number / len(images), (number + 1) / len(images))
        sample: FieldSample | None = None
        for part in map_blocks(plan.chunk, pixels, progress=share):
            sample = part if sample is None else plan.combine(sample, part)
        assert sample is not None
        samples.append(sample.first(max(FIELD_SAMPLE_SIZE // len(images), 1)))
    pooled = FieldSample(
        *(np.concatenate([getattr(s, name) for s in samples]) for name in ("hashes", "positions", "values"))
    )
    field = fit_field(pooled, images[0].shape, images[0].value_format, illumination)
    return [replace(pixels, extractor=replace(pixels.extractor, field=field)) for pixels in images]


def check_space(illumination: Illumination, pixels: Pixels) -> None:
    """Raise ``ValueError`` if the feature space has no field of this kind."""
    value_format, name = pixels.value_format, pixels.extractor.name
    if any(pixels.extractor.space.halo(pixels.image.dtype, pixels.n_channels) for _ in (0,)):
        raise ValueError(
            f"illumination is not removed for features={name!r}; cluster by intensity, colour or channels"
        )
    is_color = isinstance(value_format, VectorFormat) and pixels.extractor.space.takes_alpha
    if is_color and illumination.kind == "additive":
        raise ValueError(
            f"an additive illumination field is not fitted for features={name!r}; use 'multiplicative'"
        )


def fit_field(
    sample: FieldSample,
    shape: Sequence[int],
    value_format: ScalarFormat | VectorFormat,
    illumination: Illumination,
) -> IlluminationField:
    """Fit a field to sampled pixels.

    Raises
    ------
    ValueError
        If no pixel can be used.
    """
    basis, degrees = _basis(sample.positions, shape, illumination.degree)
    if isinstance(value_format, VectorFormat):
        columns = sample.values[:, : value_format.n_features].astype(np.float64).T
        if value_format.white is not None or (
            len(value_format.names) == 3 and value_format.names[0] == "red"
        ):
            columns = (columns * np.array([[0.2125], [0.7154], [0.0721]])).sum(axis=0, keepdims=True)
    else:
        columns = sample.values.astype(np.float64).T * value_format.unit
    rows, explained = [], []
    for column in columns:
        usable = np.isfinite(column)
        values = column
        if illumination.kind == "multiplicative":
            usable = column > 0
            values = np.log(np.where(usable, column, 1.0))
        if not usable.any():
            raise ValueError(
                "image has no pixels to fit an illumination field to; a multiplicative field needs values "
                "above 0"
            )
        coefficients = _alternate(values[usable], basis[usable], degrees)
        rows.append(tuple(coefficients.tolist()))
        field = np.einsum("ij,j->i", basis[usable], coefficients)
        variance = float(np.var(values[usable]))
        explained.append(min(float(np.var(field)) / variance, 1.0) if variance > 0 else 0.0)
    return IlluminationField(
        illumination.kind, illumination.degree, tuple(shape), tuple(rows), float(np.mean(explained))
    )


def _basis(
    positions: NDArray[np.uint64], shape: Sequence[int], degree: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the terms of the field at pixels, (n, n_terms), and the degree of each term."""
    places = np.unravel_index(positions.astype(np.int64), tuple(shape))
    lines = [
        legendre(pixel_coordinates(places[axis], shape[axis]), degree) for axis in field_axes(len(shape))
    ]
    columns, degrees = [], []
    for exponents in terms(degree, len(lines)):
        column = lines[0][exponents[0]]
        for line, exponent in zip(lines[1:], exponents[1:], strict=True):
            column = column * line[exponent]
        columns.append(column)
        degrees.append(sum(exponents))
    return np.stack(columns, axis=1), np.array(degrees, dtype=np.float64)


def _alternate(
    values: NDArray[np.float64], basis: NDArray[np.float64], degrees: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the coefficients of least energy, from two starts: no field, and the field of the values alone."""
    n = values.size
    values = values - values.mean()
    scale = float(values.std())
    if scale == 0:
        return np.zeros(degrees.size)
    centered = basis - basis.mean(axis=0)
    ridge = _RIDGE * n * degrees**4
    # einsum, since the rounding of a matrix product depends on the number of threads.
    gram = np.einsum("ni,nj->ij", centered, centered) + np.diag(ridge)
    inverse = np.linalg.inv(gram)

    def least_squares(residual: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.einsum("ij,j->i", inverse, np.einsum("ni,n->i", centered, residual)))

    best, least = np.zeros(degrees.size), np.inf
    for coefficients in (np.zeros(degrees.size), least_squares(values)):
        for round_ in range(_MAX_ROUNDS):
            corrected = values - np.einsum("ni,i->n", centered, coefficients)
            if round_ % _EXACT_EVERY == 0:
                centers = _optimal_centers(corrected)
            cluster, centers = _lloyd_step(corrected, centers)
            moved = least_squares(values - centers[cluster])
            change = float(np.abs(moved - coefficients).max())
            coefficients = moved
            if change < _TOLERANCE * scale and round_ % _EXACT_EVERY:
                break
        corrected = values - np.einsum("ni,i->n", centered, coefficients)
        centers = _optimal_centers(corrected)
        cluster = np.searchsorted(midpoints(centers), corrected)
        energy = float(np.sum((corrected - centers[cluster]) ** 2) + np.sum(ridge * coefficients**2))
        if energy < least:
            best, least = coefficients, energy
    return best


def _lloyd_step(
    values: NDArray[np.float64], centers: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Assign values to the nearest centres, and move these to the means."""
    cluster = np.searchsorted(midpoints(centers), values)
    counts = np.bincount(cluster, minlength=centers.size)
    sums = np.bincount(cluster, values, minlength=centers.size)
    return cluster, np.where(counts > 0, sums / np.maximum(counts, 1), centers)


def _optimal_centers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the optimal centres of `N_CLUSTERS` clusters of values, merged to few points."""
    ordered = np.sort(values)
    group = group_values(ordered, np.ones(ordered.size), _POINTS)
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    counts = np.diff(starts, append=ordered.size)
    means = np.add.reduceat(ordered, starts) / counts
    points, first = np.unique(means, return_index=True)
    weights = np.add.reduceat(counts, first)
    partitions = OptimalPartitions(points, weights)
    splits = partitions.splits(min(N_CLUSTERS, points.size))
    return np.asarray(partitions.cluster_statistics(splits)[0])
