"""Uneven illumination: a smooth field that is removed from an image before it is clustered."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..options import is_integer
from . import _field_kernels as kernels

KINDS = ("additive", "multiplicative")
"""Kinds of uneven illumination, which is added to the values or multiplies them."""

MAX_DEGREE = 8
"""Largest total degree of the polynomial."""


@dataclass(frozen=True)
class Illumination:
    """Remove uneven illumination.

    Parameters
    ----------
    kind : {"additive", "multiplicative"}
        "additive" for stray light and uneven background, "multiplicative" for shading, vignetting and coil
        sensitivity.
    degree : int, default 6
        Total degree of the polynomial that describes the field, 1 to 8.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid; the message names it.
    """

    kind: str
    degree: int = 6

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"illumination={self.kind!r:.80} must be one of {', '.join(map(repr, KINDS))}")
        if not is_integer(self.degree):
            raise TypeError(f"degree must be an int, not {self.degree!r:.80}")
        if not 1 <= self.degree <= MAX_DEGREE:
            raise ValueError(f"degree={self.degree} must be 1 to {MAX_DEGREE}")
        object.__setattr__(self, "degree", int(self.degree))


def check_illumination(illumination: Any) -> Illumination | None:
    """Return the `Illumination` for a user's argument: None, a kind, or an `Illumination`."""
    if illumination is None or isinstance(illumination, Illumination):
        return illumination
    if not isinstance(illumination, str):
        raise TypeError(
            f"illumination must be None, {' or '.join(map(repr, KINDS))} or an Illumination, "
            f"not {illumination!r:.80}"
        )
    return Illumination(illumination)


@dataclass(frozen=True)
class IlluminationField:
    """A smooth field over an image, fitted together with its clusters.

    The field is a polynomial in the last two spatial axes (the only one of a 1-D image), so all planes of a
    stack share it. It is a sum of products of Legendre polynomials without a constant term.

    Attributes
    ----------
    kind : {"additive", "multiplicative"}
    degree : int
    shape : tuple of int
        Spatial shape of the fitted image.
    coefficients : tuple of tuple of float
        One row per channel with its own field, one column per term. In the image's own units for an additive
        field, in natural logarithms for a multiplicative one.
    explained_variance : float
        Share of the variance of the pixel values that the field explains, 0 to 1.
    """

    kind: str
    degree: int
    shape: tuple[int, ...]
    coefficients: tuple[tuple[float, ...], ...]
    explained_variance: float

    def check_shape(self, shape: Sequence[int]) -> None:
        """Raise ``ValueError`` unless an image has the shape that the field was fitted to."""
        if tuple(shape) != self.shape:
            raise ValueError(
                f"image has the spatial shape {tuple(shape)}, but the illumination field of the model was "
                f"fitted to {self.shape}; fit the image itself, or crop it to that shape"
            )

    def evaluate_image(self, shape: Sequence[int]) -> NDArray[np.float64]:
        """Return the field over a whole image.

        Parameters
        ----------
        shape : sequence of int
            Spatial shape of the image, or of a coarser resolution of it.

        Returns
        -------
        float64 array
            Has `shape`, and one more axis if each channel has its own field. In the image's own units for an
            additive field; a factor around 1 for a multiplicative one.

        Raises
        ------
        ValueError
            If `shape` does not have as many axes as the fitted image.
        """
        shape = tuple(shape)
        if len(shape) != len(self.shape) or min(shape, default=1) < 1:
            raise ValueError(
                f"shape={shape} must have {len(self.shape)} positive lengths, because the illumination field "
                f"was fitted to {self.shape}"
            )
        box = tuple(slice(0, size) for size in shape)
        fields = [
            np.broadcast_to(self.evaluate(box, shape, channel), shape)
            for channel in range(len(self.coefficients))
        ]
        field = np.stack(fields, axis=-1) if len(fields) > 1 else np.array(fields[0])
        return np.exp(field) if self.kind == "multiplicative" else field

    def evaluate(self, box: Sequence[slice], shape: Sequence[int], channel: int = 0) -> NDArray[np.float64]:
        """Return the field in a box of an image.

        Parameters
        ----------
        box : sequence of slice
            One per spatial axis.
        shape : sequence of int
            Spatial shape of the image, or of a coarser resolution of it.
        channel : int
            Row of `coefficients`.

        Returns
        -------
        float64 array
            Has the size of the box along the field's axes; broadcasts over the others.
        """
        axes = field_axes(len(shape))
        lines = [
            legendre(pixel_coordinates(np.arange(*box[axis].indices(shape[axis])), shape[axis]), self.degree)
            for axis in axes
        ]
        # Terms with the same last factor are added along the other axis first. Every operation is
        # elementwise, so a pixel has the same field to the last bit in any box.
        along_first: dict[int, Any] = {}
        for coefficient, exponents in zip(
            self.coefficients[channel], terms(self.degree, len(axes)), strict=True
        ):
            factor = lines[0][exponents[0]] if len(axes) > 1 else np.ones(1)
            last = exponents[-1]
            along_first[last] = along_first.get(last, 0.0) + coefficient * factor
        field = np.zeros([line.shape[1] for line in lines])
        if along_first and field.size:
            rows, columns = np.stack(list(along_first.values())), lines[-1][list(along_first)]
            kernels.add_products(rows, columns, field.reshape(rows.shape[1], -1))
        return field

    def correct(
        self,
        values: NDArray[Any],
        box: Sequence[slice],
        shape: Sequence[int],
        dtype: np.dtype[Any],
        unit: float,
    ) -> NDArray[Any]:
        """Remove the field from the values of a box.

        Parameters
        ----------
        values : array
            Values of the box; several features are along one more axis.
        box, shape
            As for `evaluate`.
        dtype : float dtype
            Type of the result.
        unit : float
            Size of one stored step of `values`.
        """
        if values.ndim == len(shape):
            return self._correct_planes(values, self._correction(box, shape, 0), dtype, unit)
        out = np.empty(values.shape, dtype=dtype)
        for feature in range(values.shape[-1]):
            if feature < len(self.coefficients):  # the following features share the last field
                field = self._correction(box, shape, feature)
            out[..., feature] = self._correct_planes(values[..., feature], field, dtype, unit)
        return out

    def _correction(self, box: Sequence[slice], shape: Sequence[int], channel: int) -> NDArray[np.float64]:
        """Return the field to subtract from the values of a box, or the factor to multiply them by."""
        field = self.evaluate(box, shape, channel)
        with np.errstate(over="ignore"):
            return field if self.kind == "additive" else np.asarray(np.exp(-field))

    def _correct_planes(
        self, values: NDArray[Any], field: NDArray[np.float64], dtype: np.dtype[Any], unit: float
    ) -> NDArray[Any]:
        """Remove a field, as `_correction` returns it, from the values of all planes of a box.

        Infinite pixels stay infinite or become NaN.
        """
        if values.dtype == np.float16 or not values.dtype.isnative:  # numba does not support these
            values = values.astype(np.float64)
        values, out = np.ascontiguousarray(values), np.empty(values.shape, dtype=dtype)
        plane = (1,) * (2 - field.ndim) + field.shape
        planes = (out.size // max(field.size, 1), *plane)
        remove = kernels.subtract_field if self.kind == "additive" else kernels.multiply_field
        remove(values.reshape(planes), unit, field.reshape(plane), out.reshape(planes))
        return out


def field_axes(ndim: int) -> list[int]:
    """Return the spatial axes along which a field varies: the last two, or the only one."""
    return list(range(max(ndim - 2, 0), ndim))


def pixel_coordinates(positions: NDArray[Any], size: int) -> NDArray[np.float64]:
    """Return the coordinates of pixel centres, -1 to 1 from border to border of the image."""
    return np.asarray((2 * positions + 1) / size - 1, dtype=np.float64)


def legendre(x: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """Return the Legendre polynomials of degree 0 to `degree` at `x`: (degree + 1, n) array."""
    polynomials = np.ones((degree + 1, x.size))
    polynomials[1] = x
    for n in range(1, degree):
        polynomials[n + 1] = ((2 * n + 1) * x * polynomials[n] - n * polynomials[n - 1]) / (n + 1)
    return polynomials


def terms(degree: int, n_axes: int) -> Iterator[tuple[int, ...]]:
    """Yield the exponents of the terms of a field: total degree 1 to `degree`."""
    for exponents in product(range(degree + 1), repeat=n_axes):
        if 0 < sum(exponents) <= degree:
            yield exponents


def n_terms(degree: int, n_axes: int) -> int:
    """Return the number of terms of a field."""
    return math.comb(degree + n_axes, n_axes) - 1
