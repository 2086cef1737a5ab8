"""How the pixels of an image are described: a feature space, and what is done to the image before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..features import Feature, Scalar, Vector, get_feature
from ..preprocess.smoothing import blur, reach
from .base import as_native, native, opaque

SATURATED = "saturated"
"""In `exclude`: the largest value of the image's integers."""

_LARGEST_SIGMA = 1000.0


@dataclass(frozen=True)
class Description:
    """A feature space, the smoothing before it, and values that are no data.

    Attributes
    ----------
    feature : Feature
    smooth : tuple of float
        Standard deviation of the Gaussian average, in pixels: empty for none, one number for all spatial
        axes, or one for each.
    exclude : tuple of float or "saturated"
        Pixels of these values are left out; of several channels, if all have the value.
    """

    feature: Feature
    smooth: tuple[float, ...] = ()
    exclude: tuple[float | str, ...] = ()

    @classmethod
    def of(
        cls,
        features: str | Feature | Description = "gray",
        *,
        smooth: Any = 0,
        exclude: Any = (),
        **options: Any,
    ) -> Description:
        """Check what `fit` was given.

        Raises
        ------
        TypeError, ValueError
            Naming the argument, what was given and what would do.
        """
        if isinstance(features, Description):
            return features
        feature = features if isinstance(features, Feature) else get_feature(features, **options)
        return cls(feature, _check_smooth(smooth), _check_exclude(exclude))

    @property
    def name(self) -> str:
        """Name of the feature space."""
        return self.feature.name

    def check(self, shape: Sequence[int], dtype: DTypeLike, n_channels: int | None) -> None:
        """Raise ``ValueError`` for an image, of this spatial shape, that cannot be described like this."""
        refusal = self.feature.refusal(dtype, n_channels, len(shape))
        if refusal:
            raise ValueError(refusal)
        if len(self.smooth) > 1 and len(self.smooth) != len(shape):
            raise ValueError(
                f"smooth={self.smooth} holds {len(self.smooth)} numbers, and the image has "
                f"{len(shape)} spatial axes"
            )
        if self.feature.halo(dtype, n_channels) and min(shape, default=2) < 2:
            raise ValueError(
                f"image has the spatial shape {tuple(shape)}, and features={self.name!r} needs at least 2 "
                "pixels along each axis; leave that axis out by indexing"
            )
        if SATURATED in self.exclude and np.dtype(dtype).kind not in "iu":
            raise ValueError(f"exclude={SATURATED!r} needs integers, and image has dtype {np.dtype(dtype)}")

    def stored(self, dtype: DTypeLike, n_channels: int | None, n_axes: int) -> Scalar | Vector:
        """Tell how `transform` stores the values of an image of `dtype`."""
        described = self.feature.describe(self._prepared(dtype), n_channels, n_axes)
        if isinstance(described, Vector) and described.white is not None:
            # Averages are floats, but full light is what it was.
            original = self.feature.describe(dtype, n_channels, n_axes)
            assert isinstance(original, Vector)
            described = replace(described, white=original.white)
        return described

    def halo(self, dtype: DTypeLike, n_channels: int | None, n_axes: int) -> tuple[int, ...]:
        """Pixels around a block that `transform` has to see, along each spatial axis."""
        of_feature = self.feature.halo(self._prepared(dtype), n_channels)
        return tuple(of_feature + reach(sigma) for sigma in self._sigma(n_axes))

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Values of a block, and which of its pixels to use; see `Feature.transform`."""
        if not self.smooth and not self.exclude:
            return self.feature.transform(block, n_channels)
        block = as_native(block)
        if n_channels is None:
            return self._transform(block[..., np.newaxis], 1)
        return self._transform(block, n_channels)

    def _transform(
        self, block: NDArray[Any], n_channels: int
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Values of a block whose channels, of whatever kind, are the last axis."""
        n_plain = 3 if n_channels == 4 and self.feature.takes_alpha else n_channels
        kept = self._kept(block[..., :n_plain]) if self.exclude else None
        dtype = self._prepared(block.dtype)
        # A copy where anything is changed: the block may be a part of the image itself.
        prepared = block.astype(dtype, copy=bool(self.smooth) or self._makes_holes)
        if self.smooth:
            known = opaque(block, 4) if n_plain < n_channels else None
            if kept is not None:
                known = kept if known is None else known & kept
            for channel in range(n_plain):
                prepared[..., channel] = self._average(block[..., channel], known)
        if kept is not None and self._makes_holes:
            prepared[~kept, :n_plain] = np.nan
        values, there = self.feature.transform(prepared, n_channels)
        if kept is None or there is None:
            return values, there if kept is None else kept
        return values, there & kept

    def without_axis(self, axis: int) -> Description:
        """Describe one position along a spatial axis."""
        if len(self.smooth) < 2:
            return self
        return replace(self, smooth=self.smooth[:axis] + self.smooth[axis + 1 :])

    def with_axis(self, axis: int) -> Description:
        """Describe all positions along one more axis, each by itself."""
        if len(self.smooth) < 2:
            return self
        return replace(self, smooth=(*self.smooth[:axis], 0.0, *self.smooth[axis:]))

    def _sigma(self, n_axes: int) -> tuple[float, ...]:
        return self.smooth if len(self.smooth) > 1 else (self.smooth or (0.0,)) * n_axes

    @property
    def _makes_holes(self) -> bool:
        """Whether excluded values become NaN, for a feature that would spread them otherwise."""
        return bool(self.exclude) and bool(self.feature.halo(np.float32, None))

    def _prepared(self, dtype: DTypeLike) -> np.dtype[Any]:
        """Type of the image once it is prepared."""
        dtype = np.dtype(dtype)
        if not self.smooth and not self._makes_holes:
            return dtype
        return np.dtype(np.float32 if dtype.itemsize <= 2 or native(dtype) == np.float32 else np.float64)

    def _kept(self, channels: NDArray[Any]) -> NDArray[np.bool_]:
        """Where a pixel has none of the excluded values, or not in all of its channels."""
        kept = np.ones(channels.shape[:-1], dtype=bool)
        for value in self.exclude:
            if isinstance(value, str):
                value = int(np.iinfo(channels.dtype).max)
            elif channels.dtype.kind != "f" and value == int(value):
                value = int(value)  # as a float it would equal several large integers
            kept &= (channels != value).any(axis=-1)
        return kept

    def _average(self, channel: NDArray[Any], known: NDArray[np.bool_] | None) -> NDArray[Any]:
        """Average one channel over the pixels that have a value; what is not finite stays as it is."""
        sigma = self._sigma(channel.ndim)
        if channel.dtype.kind != "f":
            return blur(channel, sigma, known)
        finite = np.isfinite(channel)
        known = finite if known is None else known & finite
        return np.where(finite, blur(channel, sigma, known), channel)


def _check_smooth(smooth: Any) -> tuple[float, ...]:
    """One number, or one for each axis; empty if all are 0."""
    numbers = list(smooth) if isinstance(smooth, Iterable) and not isinstance(smooth, str) else [smooth]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float | np.integer | np.floating):
            raise TypeError(
                f"smooth must be a number of pixels or one for each spatial axis, not {smooth!r:.80}"
            )
        if not 0 <= number <= _LARGEST_SIGMA:
            raise ValueError(f"smooth={smooth!r:.80} must be 0 to {_LARGEST_SIGMA:.0f} pixels")
    return tuple(float(number) for number in numbers) if any(number > 0 for number in numbers) else ()


def _check_exclude(exclude: Any) -> tuple[float | str, ...]:
    """Values, each once."""
    if exclude is None:
        return ()
    values = [exclude] if isinstance(exclude, str) or not isinstance(exclude, Iterable) else list(exclude)
    checked: list[float | str] = []
    for value in values:
        if isinstance(value, str):
            if value != SATURATED:
                raise ValueError(f"exclude={value!r:.80} is not known; use numbers or {SATURATED!r}")
            checked.append(value)
        elif isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise TypeError(f"exclude must hold numbers or {SATURATED!r}, not {value!r:.80}")
        elif not math.isfinite(value):
            raise ValueError(f"exclude={value} is not needed: it is no finite number, and left out anyway")
        else:
            checked.append(value.item() if isinstance(value, np.generic) else value)
    return tuple(dict.fromkeys(checked))
