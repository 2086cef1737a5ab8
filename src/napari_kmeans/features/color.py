"""Colours: red, green and blue, or CIE L*a*b*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .base import Feature, Vector, as_native, color_refusal, native, opaque

_REC709 = (0.2125, 0.7154, 0.0721)


@dataclass(frozen=True)
class Color(Feature):
    """Red, green and blue as they are."""

    def refusal(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Colours are needed."""
        return color_refusal(self, n_channels)

    def describe(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> Vector:
        """Store three values a pixel."""
        return Vector(_stored(dtype), ("red", "green", "blue"), light=_REC709)

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Red, green and blue, in the image's own units."""
        values = as_native(block)[..., :3]
        return values.astype(_stored(block.dtype), copy=False), opaque(block, n_channels)


@dataclass(frozen=True)
class Lab(Color):
    """Lightness, green to red, blue to yellow: distances are about those that people see.

    Red, green and blue are stored, and converted where distances are measured. sRGB is assumed: integers from
    0 to the largest of their type, floats from 0 to 1.
    """

    def refusal(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """It must be known what full light is."""
        dtype = np.dtype(dtype)
        if dtype.kind in "iu" and dtype.newbyteorder("=") not in (np.uint8, np.uint16):
            return (
                f"image has dtype {dtype}, and features={self.name!r} needs colours of 8 or 16 bits (uint8, "
                "uint16), or floats from 0 to 1"
            )
        return color_refusal(self, n_channels)

    def describe(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> Vector:
        """Store three values a pixel."""
        stored = native(dtype)
        white = 1.0 if np.dtype(dtype).kind in "fb" else float(np.iinfo(stored).max)
        return Vector(_stored(dtype), ("L*", "a*", "b*"), light=(1.0, 0.0, 0.0), white=white)


def _stored(dtype: DTypeLike) -> np.dtype[Any]:
    """Half precision is widened: it is counted like any float."""
    return np.dtype(np.float32) if np.dtype(dtype) == np.float16 else native(dtype)
