"""What a pixel is described by.

A feature space is one class here and one entry in `FEATURES`; the dock, the command line and the model file
find it there. Its functions work on one block, pixel by pixel, so that cutting an image into blocks can never
change a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True)
class Scalar:
    """How a feature space stores its one value a pixel.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the stored values, in native byte order.
    unit : float
        One stored step in the image's own units: value = stored · unit.
    upper : int or None
        For integers that are never negative and never above `upper`.
    """

    dtype: np.dtype[Any]
    unit: float = 1.0
    upper: int | None = None


@dataclass(frozen=True)
class Gray:
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

    name: str
    title: str
    weights: tuple[int, int, int]
    rounded: bool = False

    halo: ClassVar[int] = 0
    """Pixels around a block that `transform` has to see."""

    def check_channels(self, n_channels: int | None) -> None:
        """Raise ``ValueError`` for a channel count that has no luminance."""
        if n_channels not in (None, 1, 3, 4):
            raise ValueError(
                f"channel_axis holds {n_channels} channels, and features={self.name!r} needs 3 (RGB) or 4 "
                "(RGBA); pass one channel of the image, without channel_axis"
            )

    def describe(self, dtype: DTypeLike, n_channels: int | None) -> Scalar:
        """Tell how `transform` stores the values of an image of `dtype`."""
        dtype = np.dtype(dtype).newbyteorder("=")
        if dtype.kind == "b":
            dtype = np.dtype(np.uint8)
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
        """Values of a block, and which of its pixels are there at all.

        Parameters
        ----------
        block : array
            Of any shape; channels, if there are any, along the last axis.
        n_channels : int or None

        Returns
        -------
        values : array
            Of the block's spatial shape, as `describe` tells.
        opaque : bool array or None
            False where alpha is 0; None if all pixels are there.
        """
        if block.dtype == bool:
            block = block.view(np.uint8)
        if n_channels is None:
            return block.astype(block.dtype.newbyteorder("="), copy=False), None
        if n_channels == 1:
            return self.transform(block[..., 0], None)
        opaque = block[..., 3] != 0 if n_channels == 4 else None
        scalar = self.describe(block.dtype, n_channels)
        red, green, blue = (block[..., c] for c in range(3))
        if self.rounded and block.dtype == np.uint8:
            # Pillow's own fixed-point arithmetic (ImagingConvert, "L"), to the bit.
            r, g, b = (channel.astype(np.uint32) for channel in (red, green, blue))
            return ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16).astype(np.uint8), opaque
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
        return values, opaque


FEATURES: dict[str, Gray] = {
    feature.name: feature
    for feature in (
        Gray("gray", "Grayscale", (2125, 7154, 721)),
        Gray("gray601", "Grayscale (Rec. 601)", (2990, 5870, 1140), rounded=True),
    )
}


def get_feature(name: object) -> Gray:
    """Look a feature space up by its name, or say which there are."""
    if not isinstance(name, str) or name not in FEATURES:
        raise ValueError(f"features={name!r} is not known; use one of {', '.join(map(repr, FEATURES))}")
    return FEATURES[name]
