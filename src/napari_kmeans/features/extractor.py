"""Compute the values to cluster from a block of an image: preprocessing and a feature space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..options import is_number
from ..preprocess.exclusion import SATURATED, check_exclude, included_pixels
from ..preprocess.illumination import IlluminationField
from ..preprocess.smoothing import gaussian, gaussian_radius
from .feature_space import (
    FeatureSpace,
    ScalarFormat,
    VectorFormat,
    alpha_mask,
    as_native,
    float_dtype,
)
from .registry import get_feature_space

MAX_SIGMA = 1000.0
"""Largest standard deviation of the smoothing, in pixels."""


@dataclass(frozen=True)
class FeatureExtractor:
    """A feature space, and the preprocessing before it: smoothing, exclusion and illumination.

    Attributes
    ----------
    space : FeatureSpace
    smooth : tuple of float
        Standard deviation of the Gaussian smoothing in pixels: one for all spatial axes, one per axis, or
        empty for no smoothing.
    exclude : tuple of float or "saturated"
        Pixels with these values are excluded; with several channels, if all channels have the value.
    field : IlluminationField or None
        Uneven illumination to remove from the values.
    """

    space: FeatureSpace
    smooth: tuple[float, ...] = ()
    exclude: tuple[float | str, ...] = ()
    field: IlluminationField | None = None

    @classmethod
    def of(
        cls,
        features: str | FeatureSpace | FeatureExtractor = "gray",
        *,
        smooth: Any = 0,
        exclude: Any = (),
        **options: Any,
    ) -> FeatureExtractor:
        """Validate the arguments of `fit`.

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid; the message names it.
        """
        if isinstance(features, FeatureExtractor):
            return features
        return cls(get_feature_space(features, **options), check_smooth(smooth), check_exclude(exclude))

    @property
    def name(self) -> str:
        """Name of the feature space."""
        return self.space.name

    def check(self, shape: Sequence[int], dtype: DTypeLike, n_channels: int | None) -> None:
        """Raise ``ValueError`` if an image of this spatial shape and type is not supported."""
        reason = self.space.unsupported_reason(dtype, n_channels, len(shape))
        if reason:
            raise ValueError(reason)
        if len(self.smooth) > 1 and len(self.smooth) != len(shape):
            raise ValueError(
                f"smooth={self.smooth} has {len(self.smooth)} numbers, but the image has "
                f"{len(shape)} spatial axes"
            )
        if self.space.halo(dtype, n_channels) and min(shape, default=2) < 2:
            raise ValueError(
                f"image has the spatial shape {tuple(shape)}, but features={self.name!r} needs at least 2 "
                "pixels along each axis; remove that axis by indexing"
            )
        if SATURATED in self.exclude and np.dtype(dtype).kind not in "iu":
            raise ValueError(f"exclude={SATURATED!r} needs integers, but image has dtype {np.dtype(dtype)}")
        if self.field is not None:
            self.field.check_shape(shape)

    def value_format(
        self, dtype: DTypeLike, n_channels: int | None, n_axes: int
    ) -> ScalarFormat | VectorFormat:
        """Return the format of the values of an image of `dtype`."""
        value_format = self._stored_format(dtype, n_channels, n_axes)
        if self.field is None:
            return value_format
        corrected = float_dtype(value_format.dtype)
        if isinstance(value_format, VectorFormat):
            return replace(value_format, dtype=corrected)
        return ScalarFormat(corrected)

    def correct(
        self,
        values: NDArray[Any],
        box: Sequence[slice],
        shape: Sequence[int],
        dtype: DTypeLike,
        n_channels: int | None,
    ) -> NDArray[Any]:
        """Remove uneven illumination from the values of a box of an image of this spatial shape."""
        if self.field is None:
            return values
        stored = self._stored_format(dtype, n_channels, len(shape))
        unit = stored.unit if isinstance(stored, ScalarFormat) else 1.0
        return self.field.correct(values, box, shape, float_dtype(stored.dtype), unit)

    def _stored_format(
        self, dtype: DTypeLike, n_channels: int | None, n_axes: int
    ) -> ScalarFormat | VectorFormat:
        """Return the format of the values before the illumination is corrected."""
        value_format = self.space.value_format(self._smoothed_dtype(dtype), n_channels, n_axes)
        if isinstance(value_format, VectorFormat) and value_format.white is not None:
            # Smoothing converts integers to floats, but white keeps its value.
            original = self.space.value_format(dtype, n_channels, n_axes)
            assert isinstance(original, VectorFormat)
            value_format = replace(value_format, white=original.white)
        return value_format

    def halo(self, dtype: DTypeLike, n_channels: int | None, n_axes: int) -> tuple[int, ...]:
        """Return how many pixels around a block `transform` needs, along each spatial axis."""
        of_space = self.space.halo(self._smoothed_dtype(dtype), n_channels)
        return tuple(of_space + gaussian_radius(sigma) for sigma in self._sigma(n_axes))

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Compute the values of a block, and which of its pixels to use; see `FeatureSpace.transform`."""
        if not self.smooth and not self.exclude:
            return self.space.transform(block, n_channels)
        block = as_native(block)
        if n_channels is None:
            return self._preprocess_and_transform(block[..., np.newaxis], 1)
        return self._preprocess_and_transform(block, n_channels)

    def _preprocess_and_transform(
        self, block: NDArray[Any], n_channels: int
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Preprocess a block whose channels are the last axis, and compute its values."""
        n_plain = 3 if n_channels == 4 and self.space.takes_alpha else n_channels
        included = included_pixels(block[..., :n_plain], self.exclude) if self.exclude else None
        # The block may be a view of the user's image, so it is copied before it is changed.
        prepared = block.astype(
            self._smoothed_dtype(block.dtype), copy=bool(self.smooth) or self._excludes_as_nan
        )
        if self.smooth:
            known = alpha_mask(block, 4) if n_plain < n_channels else None
            if included is not None:
                known = included if known is None else known & included
            for channel in range(n_plain):
                prepared[..., channel] = self._smooth(block[..., channel], known)
        if included is not None and self._excludes_as_nan:
            prepared[~included, :n_plain] = np.nan
        values, opaque = self.space.transform(prepared, n_channels)
        if included is None or opaque is None:
            return values, opaque if included is None else included
        return values, opaque & included

    def without_axis(self, axis: int) -> FeatureExtractor:
        """Return the extractor for one position along a spatial axis."""
        if len(self.smooth) < 2:
            return self
        return replace(self, smooth=self.smooth[:axis] + self.smooth[axis + 1 :])

    def with_axis(self, axis: int) -> FeatureExtractor:
        """Return the extractor for an image with one more axis, which is not smoothed."""
        if len(self.smooth) < 2:
            return self
        return replace(self, smooth=(*self.smooth[:axis], 0.0, *self.smooth[axis:]))

    def _sigma(self, n_axes: int) -> tuple[float, ...]:
        """Return the standard deviation of the smoothing along each axis; 0 without smoothing."""
        return self.smooth if len(self.smooth) > 1 else (self.smooth or (0.0,)) * n_axes

    @property
    def _excludes_as_nan(self) -> bool:
        """Whether excluded values become NaN, because the feature space would otherwise spread them."""
        return bool(self.exclude) and bool(self.space.halo(np.float32, None))

    def _smoothed_dtype(self, dtype: DTypeLike) -> np.dtype[Any]:
        """Return the type of the image after preprocessing."""
        dtype = np.dtype(dtype)
        if not self.smooth and not self._excludes_as_nan:
            return dtype
        return float_dtype(dtype)

    def _smooth(self, channel: NDArray[Any], known: NDArray[np.bool_] | None) -> NDArray[Any]:
        """Smooth one channel over its known pixels; pixels that are not finite stay as they are."""
        sigma = self._sigma(channel.ndim)
        if channel.dtype.kind != "f":
            return gaussian(channel, sigma, known)
        finite = np.isfinite(channel)
        known = finite if known is None else known & finite
        return np.where(finite, gaussian(channel, sigma, known), channel)


def check_smooth(smooth: Any) -> tuple[float, ...]:
    """Return the standard deviations of the smoothing; empty if all are 0.

    Raises
    ------
    TypeError, ValueError
        If one is not a number of pixels in range.
    """
    numbers = list(smooth) if isinstance(smooth, Iterable) and not isinstance(smooth, str) else [smooth]
    for number in numbers:
        if not is_number(number):
            raise TypeError(
                f"smooth must be a number of pixels or one for each spatial axis, not {smooth!r:.80}"
            )
        if not 0 <= number <= MAX_SIGMA:
            raise ValueError(f"smooth={smooth!r:.80} must be 0 to {MAX_SIGMA:.0f} pixels")
    return tuple(float(number) for number in numbers) if any(number > 0 for number in numbers) else ()
