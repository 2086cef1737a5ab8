"""One value per pixel: intensity, luminance, or a single property of a colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .feature_space import (
    FeatureSpace,
    ScalarFormat,
    alpha_mask,
    as_native,
    float_dtype,
    missing_color_reason,
    native_dtype,
)


@dataclass(frozen=True)
class Gray(FeatureSpace):
    """Intensity, or the Rec. 709 luminance of colours as `skimage.color.rgb2gray` weights it."""

    name: ClassVar[str] = "gray"
    title: ClassVar[str] = "Grayscale"
    is_exact: ClassVar[bool] = True

    weights: ClassVar[tuple[int, int, int]] = (2125, 7154, 721)
    """Weights of red, green and blue, in ten-thousandths."""

    rounds: ClassVar[bool] = False
    """Whether the luminance of 8-bit colours is rounded to 8 bits."""

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why images with this number of channels have no luminance."""
        if n_channels in (None, 1, 3, 4):
            return ""
        return (
            f"{missing_color_reason(self, n_channels)}; pass one channel of the image, without channel_axis, "
            "or cluster by features='channels'"
        )

    def value_format(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> ScalarFormat:
        """Return the format; luminance of integers is stored in ten-thousandths."""
        dtype = native_dtype(dtype)
        if n_channels in (None, 1):
            return ScalarFormat(dtype)
        if dtype == np.uint8:
            if self.rounds:
                return ScalarFormat(np.dtype(np.uint8))
            return ScalarFormat(np.dtype(np.int32), 1e-4, upper=2_550_000)
        if dtype == np.uint16:
            return ScalarFormat(np.dtype(np.uint32), 1e-4)
        return ScalarFormat(float_dtype(dtype))

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return intensity or luminance in the image's own units."""
        block = as_native(block)
        if n_channels is None:
            return block, None
        if n_channels == 1:
            return block[..., 0], None
        include = alpha_mask(block, n_channels)
        dtype = self.value_format(block.dtype, n_channels).dtype
        red, green, blue = (block[..., channel] for channel in range(3))
        if self.rounds and block.dtype == np.uint8:
            # Pillow's fixed-point arithmetic (ImagingConvert, "L"), bit for bit.
            r, g, b = (channel.astype(np.uint32) for channel in (red, green, blue))
            return ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16).astype(np.uint8), include
        # Elementwise, because the rounding of a matrix product depends on the shape of the block.
        is_float = dtype.kind == "f"
        r, g, b = (dtype.type(weight / 10_000 if is_float else weight) for weight in self.weights)
        with np.errstate(invalid="ignore", over="ignore"):  # ∞ - ∞ is NaN, which is excluded
            values = np.multiply(red, r, dtype=dtype)
            values += np.multiply(green, g, dtype=dtype)
            values += np.multiply(blue, b, dtype=dtype)
        return values, include


@dataclass(frozen=True)
class Gray601(Gray):
    """Intensity, or the Rec. 601 luminance of colours; 8-bit colours like Pillow's ``convert("L")``."""

    name: ClassVar[str] = "gray601"
    title: ClassVar[str] = "Grayscale (Rec. 601)"
    weights: ClassVar[tuple[int, int, int]] = (2990, 5870, 1140)
    rounds: ClassVar[bool] = True


@dataclass(frozen=True)
class Red(FeatureSpace):
    """Red channel of colours."""

    name: ClassVar[str] = "red"
    title: ClassVar[str] = "Red"
    is_exact: ClassVar[bool] = True
    channel: ClassVar[int] = 0

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why an image without colours is not supported."""
        return missing_color_reason(self, n_channels)

    def value_format(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> ScalarFormat:
        """Return the format: the image's own type."""
        return ScalarFormat(native_dtype(dtype))

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return one channel."""
        return as_native(block)[..., self.channel], alpha_mask(block, n_channels)


@dataclass(frozen=True)
class Green(Red):
    """Green channel of colours."""

    name: ClassVar[str] = "green"
    title: ClassVar[str] = "Green"
    channel: ClassVar[int] = 1


@dataclass(frozen=True)
class Blue(Red):
    """Blue channel of colours."""

    name: ClassVar[str] = "blue"
    title: ClassVar[str] = "Blue"
    channel: ClassVar[int] = 2


@dataclass(frozen=True)
class Value(Red):
    """Value of a colour in HSV: its largest channel."""

    name: ClassVar[str] = "value"
    title: ClassVar[str] = "Value"

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the largest channel."""
        block = as_native(block)
        red, green, blue = (block[..., channel] for channel in range(3))
        return np.maximum(np.maximum(red, green), blue), alpha_mask(block, n_channels)


@dataclass(frozen=True)
class Saturation(Red):
    """Saturation of a colour in HSV, 0 to 1.

    Hue is not supported: it is circular, so any threshold would split one of the colours.
    """

    name: ClassVar[str] = "saturation"
    title: ClassVar[str] = "Saturation"

    def value_format(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> ScalarFormat:
        """Return the format: a float type that is wide enough for the image's values."""
        return ScalarFormat(float_dtype(dtype))

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return (largest - smallest) / largest channel; 0 for black."""
        block = as_native(block)
        red, green, blue = (block[..., channel] for channel in range(3))
        largest = np.maximum(np.maximum(red, green), blue)
        smallest = np.minimum(np.minimum(red, green), blue)
        dtype = self.value_format(block.dtype, n_channels).dtype
        with np.errstate(invalid="ignore", over="ignore"):
            chroma = np.subtract(largest, smallest, dtype=dtype)
            saturation = np.divide(
                chroma, largest, out=np.zeros_like(chroma), where=largest != 0, dtype=dtype
            )
        return saturation, alpha_mask(block, n_channels)
