"""Colours: red, green and blue, or CIE L*a*b*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .feature_space import (
    FeatureSpace,
    VectorFormat,
    alpha_mask,
    as_native,
    missing_color_reason,
    native_dtype,
    stored_dtype,
    unknown_white_reason,
)

REC709 = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue in the luminance (Rec. 709)."""


@dataclass(frozen=True)
class RGB(FeatureSpace):
    """Red, green and blue."""

    name: ClassVar[str] = "rgb"
    title: ClassVar[str] = "Colour (RGB)"

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why an image without colours is not supported."""
        return missing_color_reason(self, n_channels)

    def value_format(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> VectorFormat:
        """Return the format: three values per pixel."""
        return VectorFormat(stored_dtype(dtype), ("red", "green", "blue"), brightness_weights=REC709)

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return red, green and blue in the image's own units."""
        values = as_native(block)[..., :3]
        return values.astype(stored_dtype(block.dtype), copy=False), alpha_mask(block, n_channels)


@dataclass(frozen=True)
class Lab(RGB):
    """CIE L*a*b*: lightness, green to red, blue to yellow. Distances approximate perceived differences.

    Red, green and blue are stored, and converted where distances are computed. They are assumed to be sRGB:
    integers from 0 to the largest value of their type, or floats from 0 to 1.
    """

    name: ClassVar[str] = "lab"
    title: ClassVar[str] = "Colour (Lab)"

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why an image is not supported: no colours, or no known value of white."""
        return unknown_white_reason(self, dtype) or missing_color_reason(self, n_channels)

    def value_format(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> VectorFormat:
        """Return the format: three values per pixel, with the value of white."""
        stored = native_dtype(dtype)
        white = 1.0 if np.dtype(dtype).kind in "fb" else float(np.iinfo(stored).max)
        return VectorFormat(
            stored_dtype(dtype), ("L*", "a*", "b*"), brightness_weights=(1.0, 0.0, 0.0), white=white
        )
