"""Illumination fields: fit them to sampled pixels and remove them from images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.color import REC709
from ..features.feature_space import ScalarFormat, VectorFormat
from ..preprocess.illumination import (
    Illumination,
    IlluminationField,
    field_axes,
    legendre,
    pixel_coordinates,
    terms,
)
from ..summary.field_sample import FIELD_SAMPLE_SIZE, FieldSample, sample_field
from .illumination_fit import Samples, fit_coefficients, fit_coefficients_coarsely

_N_COARSE = 1 << 13  # pixels of a coarse fit
_TAIL = 0.01  # share of the values at each end that may be distant
_REACH = 2.0  # values are distant if they are this many times the range of the others away from it
_BRIGHT = 0.99  # quantile of the values; brighter pixels have the same weight
_DARK = 1e-4  # share of that quantile; darker pixels have the same weight


def with_illumination(
    pixels: Pixels,
    illumination: Illumination | None,
    progress: Progress | None = None,
    *,
    estimate: bool = False,
) -> Pixels:
    """Fit the uneven illumination of an image, and return its pixels without it.

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
        If the feature space does not support this kind of field, or no pixel can be used.
    """
    if illumination is None:
        return pixels
    check_space(illumination, pixels)
    sample = sample_field(pixels, progress, estimate=estimate)
    field = fit_field(sample, pixels.shape, pixels.value_format, illumination)
    return replace(pixels, extractor=replace(pixels.extractor, field=field))


def with_shared_illumination(
    images: Sequence[Pixels], illumination: Illumination | None, progress: Progress | None = None
) -> list[Pixels]:
    """Return images of one shape without the illumination field that they share.

    Each image contributes the same number of sampled pixels.

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
            f"images have the shapes {', '.join(map(str, shapes))}, but images that share an "
            "illumination field must have the same shape"
        )
    samples = []
    for number, pixels in enumerate(images):
        check_space(illumination, pixels)
        share = subprogress(progress, number / len(images), (number + 1) / len(images))
        samples.append(sample_field(pixels, share).first(max(FIELD_SAMPLE_SIZE // len(images), 1)))
    pooled = FieldSample(
        *(np.concatenate([getattr(s, name) for s in samples]) for name in ("hashes", "positions", "values"))
    )
    pooled = pooled.first(len(pooled.hashes))  # any part of it then represents all images
    field = fit_field(pooled, images[0].shape, images[0].value_format, illumination)
    return [replace(pixels, extractor=replace(pixels.extractor, field=field)) for pixels in images]


def check_space(illumination: Illumination, pixels: Pixels) -> None:
    """Raise ``ValueError`` if the feature space does not support this kind of field."""
    name = pixels.extractor.name
    if pixels.extractor.space.halo(pixels.image.dtype, pixels.n_channels):
        raise ValueError(
            f"illumination cannot be removed for features={name!r}; cluster by intensity, colour or channels"
        )
    if _is_color(pixels.value_format) and illumination.kind == "additive":
        raise ValueError(
            f"an additive illumination field cannot be fitted for features={name!r}; use 'multiplicative'"
        )


def _is_color(value_format: ScalarFormat | VectorFormat) -> bool:
    """Return whether the stored values are red, green and blue."""
    if isinstance(value_format, ScalarFormat):
        return False
    is_rgb = value_format.names == ("red", "green", "blue") and len(set(value_format.brightness_weights)) > 1
    return value_format.white is not None or is_rgb  # channels may have these names, too


def fit_field(
    sample: FieldSample,
    shape: Sequence[int],
    value_format: ScalarFormat | VectorFormat,
    illumination: Illumination,
) -> IlluminationField:
    """Fit a field to sampled pixels.

    Each channel has its own field. Red, green and blue share the field of their luminance.

    Parameters
    ----------
    sample : FieldSample
    shape : sequence of int
        Spatial shape of the image.
    value_format : ScalarFormat or VectorFormat
        Format of the sampled values.
    illumination : Illumination

    Raises
    ------
    ValueError
        If no pixel can be used.
    """
    basis, degrees = _basis(sample.positions, shape, illumination.degree)
    rows, explained = [], []
    for column in _columns(sample, value_format):
        scaled, exponent = _scaled(column)
        samples, _ = _samples_of(scaled, basis, degrees, illumination.kind)
        coefficients = fit_coefficients(samples)
        in_units = np.ldexp(coefficients, exponent) if illumination.kind == "additive" else coefficients
        rows.append(tuple(in_units.tolist()))
        explained.append(samples.explained_variance(coefficients))
    return IlluminationField(
        illumination.kind, illumination.degree, tuple(shape), tuple(rows), float(np.mean(explained))
    )


def fit_coarse(
    sample: FieldSample,
    shape: Sequence[int],
    value_format: ScalarFormat | VectorFormat,
    illumination: Illumination,
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Fit coarse fields to a few of the sampled pixels, in milliseconds; parameters as for `fit_field`.

    Yields
    ------
    values, corrected : (n,) float64 arrays
        Values with and without the field, both divided by the same number; one pair per field.
    """
    few = sample.first(_N_COARSE)
    basis, degrees = _basis(few.positions, shape, illumination.degree)
    for column, _ in map(_scaled, _columns(few, value_format)):
        samples, usable = _samples_of(column, basis, degrees, illumination.kind)
        if samples.has_no_field:
            continue
        coefficients = fit_coefficients_coarsely(samples)
        field = np.einsum("ni,i->n", samples.basis, coefficients)
        values = column[usable]
        yield values, values - field if illumination.kind == "additive" else values * np.exp(-field)


def _columns(sample: FieldSample, value_format: ScalarFormat | VectorFormat) -> NDArray[np.float64]:
    """Return the values that each field is fitted to: (n_fields, n) array."""
    if isinstance(value_format, ScalarFormat):
        return np.asarray(sample.values.astype(np.float64).T * value_format.unit)
    columns = sample.values[:, : value_format.n_features].astype(np.float64).T
    if _is_color(value_format):
        columns = np.sum(columns * np.array(REC709)[:, np.newaxis], axis=0, keepdims=True)
    return columns


def _scaled(column: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return values divided by a power of two, so that their squares can be represented, and its exponent."""
    finite = column[np.isfinite(column)]
    exponent = int(np.frexp(np.abs(finite).max())[1]) if finite.size else 0
    return np.ldexp(column, -exponent), exponent


def _samples_of(
    column: NDArray[np.float64], basis: NDArray[np.float64], degrees: NDArray[np.float64], kind: str
) -> tuple[Samples, NDArray[np.bool_]]:
    """Return the least-squares problem of one field, and which pixels it uses."""
    usable, values = _is_not_distant(column), column
    if kind == "multiplicative":
        usable &= column > 0
        values = np.log(np.where(usable, column, 1.0))
    if not usable.any():
        raise ValueError(
            "image has no pixels to fit an illumination field to; a multiplicative field needs values above 0"
        )
    return Samples.of(values[usable], basis[usable], _weights(column[usable], kind), degrees), usable


def _is_not_distant(column: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where values are finite, and not as distant as hot pixels or a special value for missing data.

    A few distant values would take most clusters, and the field would follow them.
    """
    near = np.isfinite(column)
    if near.any():
        low, high = np.quantile(column[near], (_TAIL, 1 - _TAIL))
        reach = _REACH * (high - low)
        if reach > 0:
            near &= (column >= low - reach) & (column <= high + reach)
    return near


def _weights(values: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Return the weight of each pixel.

    Logarithms of dark pixels are uncertain: noise of σ becomes σ / value.
    """
    if kind == "additive":
        return np.ones(values.size)
    relative = values / np.quantile(values, _BRIGHT)
    return np.asarray(np.clip(relative, _DARK, 1.0) ** 2)


def _basis(
    positions: NDArray[np.uint64], shape: Sequence[int], degree: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the terms of the field at pixels, (n, n_terms), and the degree of each term."""
    places = np.unravel_index(positions.astype(np.int64), tuple(shape)) if shape else ()
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
    if not columns:  # an image without dimensions
        return np.empty((positions.size, 0)), np.empty(0)
    return np.stack(columns, axis=1), np.array(degrees, dtype=np.float64)
