"""Texture: intensity, edges and curvature around a pixel, at several scales."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..options import option
from ..preprocess.smoothing import gaussian, gaussian_radius
from . import _texture_kernels as kernels
from .feature_space import FeatureSpace, VectorFormat, float_dtype, native_dtype
from .gray import Gray

_MAX_PIXELS = 1000  # largest scale and window
_SMALLEST = {"f4": 1e-16, "f8": 1e-150}  # for smaller values, the squares of edges underflow
_WINDOW_TRUNCATE = 2.0  # standard deviations; farther pixels hardly contribute, but take as much time


@dataclass(frozen=True)
class Texture(FeatureSpace):
    """Intensity, edges and texture of the gray image at several scales, averaged around each pixel.

    The features are those of `skimage.feature.multiscale_basic_features`: at each scale the Gaussian average,
    the edge strength (Sobel) and the eigenvalues of the Hessian matrix. Within one texture, these change from
    pixel to pixel, but textures differ in their averages [1]_, so the features are averaged over a window.

    Parameters
    ----------
    sigma : (float, float), default (0.5, 4)
        Smallest and largest scale: standard deviation of the Gaussian in pixels. Scales double in between.
    window : float, default 16
        Standard deviation in pixels of the averaging window; 0 keeps the features as scikit-image computes
        them. Texture boundaries are no sharper than this window.

    References
    ----------
    .. [1] K. I. Laws, "Rapid texture identification", Proceedings of SPIE 238, 376-381, 1980.
    """

    name: ClassVar[str] = "texture"
    title: ClassVar[str] = "Texture"

    sigma: tuple[float, float] = option(
        (0.5, 4.0),
        "Smallest and largest scale of the texture, in pixels.",
        label="Scales",
        metavar="LOW,HIGH",
        minimum=0.1,
        maximum=_MAX_PIXELS,
    )
    window: float = option(
        16.0,
        "Size of the averaging window, in pixels.",
        label="Window",
        metavar="W",
        minimum=0,
        maximum=_MAX_PIXELS,
    )

    def __post_init__(self) -> None:
        sigma: object = self.sigma  # not validated yet
        numbers = [*sigma, self.window] if isinstance(sigma, list | tuple) else []
        if len(numbers) != 3 or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
            raise TypeError(
                f"sigma={self.sigma!r:.80} must be two numbers of pixels, such as (0.5, 4), and "
                f"window={self.window!r:.80} one"
            )
        low, high = (float(n) for n in self.sigma)
        if not 0.1 <= low <= high <= _MAX_PIXELS:
            raise ValueError(f"sigma={self.sigma} must be ascending, from 0.1 to {_MAX_PIXELS} pixels")
        if not 0 <= self.window <= _MAX_PIXELS:
            raise ValueError(f"window={self.window} must be 0 to {_MAX_PIXELS} pixels")
        object.__setattr__(self, "sigma", (low, high))
        object.__setattr__(self, "window", float(self.window))

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why an image is not supported: a single spatial axis, or no luminance."""
        if n_axes < 2:
            return f"features={self.name!r} needs at least 2 spatial axes, but image has {n_axes}"
        reason = Gray().unsupported_reason(dtype, n_channels, n_axes)
        return reason.replace(repr(Gray.name), repr(self.name))

    def value_format(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> VectorFormat:
        """Return the format: the features, followed by the intensity."""
        precision = float_dtype(dtype)
        return VectorFormat(
            precision,
            self._names(n_axes),
            sampled=True,
            standardize=True,
            smallest=_SMALLEST[precision.str[1:]],
            of_integers=native_dtype(dtype).kind != "f" and native_dtype(dtype).itemsize == 8,
        )

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the features; the intensity is NaN where the image is."""
        values, include = Gray().transform(block, n_channels)
        unit = Gray().value_format(block.dtype, n_channels).unit
        precision = float_dtype(block.dtype)
        gray = np.multiply(values, unit, dtype=np.float64).astype(precision)
        known = np.isfinite(gray)
        missing = np.isnan(gray)
        if missing.any():
            include = ~missing if include is None else include & ~missing
        if include is not None:
            known &= include
        # Missing pixels are filled from their surroundings; otherwise they would spread as far as the largest scale.
        filled = gray
        if not known.all():
            filled = np.where(known, gray, gaussian(gray, (self.sigma[1],) * gray.ndim, known))
        averaging = _WindowAverage(self.window, known)
        features = np.empty((*gray.shape, len(self._names(gray.ndim)) + 1), dtype=precision)
        features[..., -1] = gray
        with np.errstate(over="ignore", invalid="ignore"):  # checked below
            for number, feature in enumerate(_scale_features(filled.astype(precision), self._scales)):
                features[..., number] = averaging.average(feature)
        if not np.isfinite(features[known]).all():
            raise ValueError(
                f"image has values up to {float(np.abs(gray[known]).max()):.3g}, whose squared differences "
                f"overflow {precision}; divide the image by a constant first"
            )
        return features, include

    @property
    def _scales(self) -> NDArray[np.float64]:
        """Scales that double from the smallest, as in scikit-image."""
        low, high = np.log2(self.sigma)
        return np.logspace(low, high, num=int(high - low + 1), base=2)

    def _names(self, n_axes: int) -> tuple[str, ...]:
        """Return the names of the features with their scales, in scikit-image's order."""
        kinds = ["intensity", "edges", *(f"texture {n}" for n in range(1, n_axes + 1))]
        return tuple(f"{kind} σ {scale:.3g}" for scale in self._scales for kind in kinds)

    def halo(self, dtype: DTypeLike, n_channels: int | None) -> int:
        """Return the sum of the radii of the largest Gaussian and the window, and two pixels for differences.

        The Gaussian counts twice if there may be missing pixels to fill: NaN, or pixels without alpha.
        """
        may_have_missing = np.dtype(dtype).kind == "f" or n_channels == 4
        reach = gaussian_radius(self.sigma[1]) * (1 + may_have_missing) + 2
        return reach + gaussian_radius(self.window, _WINDOW_TRUNCATE)


class _WindowAverage:
    """Gaussian average around each pixel over known pixels; as `gaussian`, but with the loops of this module."""

    def __init__(self, sigma: float, known: NDArray[np.bool_]) -> None:
        self._sigma = sigma
        self._known = None if known.all() else known
        if sigma and self._known is not None:
            # One minus the weight of the missing pixels is exactly 1 where no pixels are missing nearby.
            self._weight = 1 - self._smooth((~known).astype(np.float64))

    def average(self, feature: NDArray[Any]) -> NDArray[Any]:
        """Return the average of one feature as a float64 array; 0 where no pixel is known."""
        if not self._sigma:
            return feature
        if self._known is None:
            return self._smooth(feature)
        total = self._smooth(np.where(self._known, feature, feature.dtype.type(0)))
        return np.divide(total, self._weight, out=np.zeros_like(total), where=self._weight > 1e-9)

    def _smooth(self, values: NDArray[Any]) -> NDArray[np.float64]:
        return _smooth(values, self._sigma, np.dtype(np.float64), _WINDOW_TRUNCATE, "symmetric")


def _scale_features(image: NDArray[Any], scales: NDArray[np.float64]) -> Iterator[NDArray[Any]]:
    """Yield intensity, edges and texture at each scale, like `skimage.feature.multiscale_basic_features`."""
    for scale in scales:
        blurred = _smooth(image, scale, image.dtype, 4.0, "edge")
        yield blurred
        yield from _edges_and_texture(blurred)


def _edges_and_texture(image: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the edge strength and the eigenvalues of the Hessian matrix in descending order."""
    if image.ndim > 2:
        from skimage.feature import hessian_matrix_eigvals
        from skimage.filters import sobel

        yield sobel(image)
        gradients = np.gradient(image)
        axes = combinations_with_replacement(range(image.ndim), 2)
        hessian = [np.gradient(gradients[first], axis=second) for first, second in axes]
        yield from hessian_matrix_eigvals(hessian)
        return
    edges, gradient, xx, xy, yy, larger, smaller = np.empty((7, *image.shape), dtype=image.dtype)
    kernels.sobel_magnitude(np.pad(image, 1, mode="edge"), edges)
    kernels.gradient_columns(image, gradient)
    kernels.gradient_columns(gradient, xx)
    kernels.gradient_rows(image, gradient)
    kernels.gradient_columns(gradient, xy)
    kernels.gradient_rows(gradient, yy)
    kernels.hessian_eigenvalues(yy, xy, xx, larger, smaller)
    yield from (edges, larger, smaller)


def _smooth(
    values: NDArray[Any], sigma: float, dtype: np.dtype[Any], truncate: float, mode: str
) -> NDArray[Any]:
    """Smooth along all axes like `scipy.ndimage.gaussian_filter`, adding in the same order.

    Parameters
    ----------
    values : float array
    sigma : float
        Standard deviation in pixels.
    dtype : dtype
        Type of the result, and of the intermediate results between axes.
    truncate : float
        Radius of the kernel in standard deviations.
    mode : {"edge", "symmetric"}
        Padding at the border, as in `numpy.pad`.
    """
    radius = gaussian_radius(sigma, truncate)
    kernel = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    weights = (kernel / kernel.sum())[radius:].copy()
    shape = values.shape
    for axis, size in enumerate(shape):
        index = np.pad(np.arange(size), radius, mode=mode)  # type: ignore[call-overload]  # names of modes
        source = np.ascontiguousarray(values)
        out = np.empty(shape, dtype=dtype)
        if axis < len(shape) - 1:
            split = (math.prod(shape[:axis]), size, math.prod(shape[axis + 1 :]))
            kernels.smooth_across(source.reshape(split), index, weights, out.reshape(split))
        else:
            kernels.smooth_along(source.reshape(-1, size), index, weights, out.reshape(-1, size))
        values = out
    return values
