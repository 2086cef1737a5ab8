"""One value a pixel: its intensity, or one of a colour's channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .base import Feature, Scalar, as_native, color_refusal, native, opaque


@dataclass(frozen=True)
class Gray(Feature):
    """One intensity a pixel; of colours, the luminance.

    Parameters
    ----------
    name, title : str
        In the API and in the dock.
    weights : tuple of int
        Of red, green and blue, in ten-thousandths.
    rounded : bool
        Round the luminance of 8-bit colours as Pillow does, instead of keeping its fraction.
    """

    weights: tuple[int, int, int]
    rounded: bool = False

    is_exact: ClassVar[bool] = True

    def refusal(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Say why a channel count has no luminance."""
        if n_channels in (None, 1, 3, 4):
            return ""
        return (
            f"{color_refusal(self, n_channels)}; pass one channel of the image, without channel_axis, or "
            "cluster by features='channels'"
        )

    def describe(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> Scalar:
        """Tell how `transform` stores the values of an image of `dtype`."""
        dtype = native(dtype)
        if n_channels in (None, 1):
            return Scalar(dtype)
        if dtype == np.uint8:
            return Scalar(np.dtype(np.uint8)) if self.rounded else Scalar(np.dtype(np.int32), 1e-4, 2_550_000)
        if dtype == np.uint16:
            return Scalar(np.dtype(np.uint32), 1e-4)
        if dtype.kind == "f" and dtype.itemsize >= 4:
            return Scalar(dtype)
        return Scalar(np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64))

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Intensity or luminance, in the image's own units."""
        block = as_native(block)
        if n_channels is None:
            return block, None
        if n_channels == 1:
            return self.transform(block[..., 0], None)
        there = opaque(block, n_channels)
        scalar = self.describe(block.dtype, n_channels)
        red, green, blue = (block[..., c] for c in range(3))
        if self.rounded and block.dtype == np.uint8:
            # Pillow's own fixed-point arithmetic (ImagingConvert, "L"), to the bit.
            r, g, b = (channel.astype(np.uint32) for channel in (red, green, blue))
            return ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16).astype(np.uint8), there
        # One multiplication and one addition at a time: a matrix product rounds differently from one block
        # shape to the next.
        if scalar.dtype.kind == "f":
            r, g, b = (scalar.dtype.type(w / 10_000) for w in self.weights)
        else:
            r, g, b = (scalar.dtype.type(w) for w in self.weights)
        with np.errstate(invalid="ignore", over="ignore"):  # ∞ - ∞ is NaN, and left out like any other
            values = np.multiply(red, r, dtype=scalar.dtype)
            values += np.multiply(green, g, dtype=scalar.dtype)
            values += np.multiply(blue, b, dtype=scalar.dtype)
        return values, there


@dataclass(frozen=True)
class Single(Feature):
    """One value that a colour has: of a channel, of the largest one, or its saturation.

    Not its hue: that is circular, and cutting it anywhere cuts one of the colours in two.
    """

    is_exact: ClassVar[bool] = True

    def refusal(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Colours are needed."""
        return color_refusal(self, n_channels)

    def describe(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> Scalar:
        """Tell how `transform` stores the values of an image of `dtype`."""
        dtype = native(dtype)
        if self.name == "saturation" and not (dtype.kind == "f" and dtype.itemsize >= 4):
            dtype = np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)
        return Scalar(dtype)

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Values in the image's own units; saturation from 0 to 1."""
        block = as_native(block)
        there = opaque(block, n_channels)
        if self.name in _CHANNELS:
            return block[..., _CHANNELS.index(self.name)], there
        red, green, blue = (block[..., c] for c in range(3))
        value = np.maximum(np.maximum(red, green), blue)
        if self.name == "value":
            return value, there
        dtype = self.describe(block.dtype, n_channels).dtype
        least = np.minimum(np.minimum(red, green), blue)
        with np.errstate(invalid="ignore", over="ignore"):
            range_ = np.subtract(value, least, dtype=dtype)
            saturation = np.divide(range_, value, out=np.zeros_like(range_), where=value != 0, dtype=dtype)
        return saturation, there


_CHANNELS = ("red", "green", "blue")
