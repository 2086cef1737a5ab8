"""Channels that are not colours, such as those of fluorescence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..options import option
from .base import FeatureSpace, ScalarFormat, VectorFormat, as_native, native_dtype

_MAX_COUNTED = 3  # with more channels, almost every pixel is in a cell of its own


@dataclass(frozen=True)
class Channels(FeatureSpace):
    """All channels of an image.

    Parameters
    ----------
    standardize : bool, default True
        Measure distances in standard deviations of each channel, so that no channel outweighs the others
        because its numbers are larger.
    """

    name: ClassVar[str] = "channels"
    title: ClassVar[str] = "Channels"
    takes_alpha: ClassVar[bool] = False

    standardize: bool = option(
        True, "Measure each channel in its own standard deviations.", label="Equal weight for all channels"
    )

    def __post_init__(self) -> None:
        if not isinstance(self.standardize, bool | np.bool_):
            raise TypeError(f"standardize must be True or False, not {self.standardize!r:.80}")
        object.__setattr__(self, "standardize", bool(self.standardize))

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why an image without channels is not supported."""
        if n_channels is None:
            return f"there is no channel_axis, and features={self.name!r} clusters by its channels"
        return "" if n_channels else "channel_axis holds no channels"

    def value_format(
        self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2
    ) -> ScalarFormat | VectorFormat:
        """Return the format: one value per channel; a single channel is treated like gray."""
        dtype = native_dtype(dtype)
        if n_channels is None or n_channels == 1:
            return ScalarFormat(dtype)
        return VectorFormat(
            np.dtype(np.float32) if dtype == np.float16 else dtype,
            tuple(f"channel {number}" for number in range(1, n_channels + 1)),
            brightness_weights=(1 / n_channels,) * n_channels,
            sampled=n_channels > _MAX_COUNTED,
            standardize=self.standardize,
        )

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the channels in the image's own units."""
        values = as_native(block)
        if n_channels == 1:
            return values[..., 0], None
        return values.astype(self.value_format(block.dtype, n_channels).dtype, copy=False), None
