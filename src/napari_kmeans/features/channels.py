"""Channels that are no colours, such as those of fluorescence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .base import Feature, Scalar, Vector, as_native, native

_MOST_IN_CELLS = 3  # more channels have too many cells to count, and are sampled


@dataclass(frozen=True)
class Channels(Feature):
    """All channels of an image, each as it is.

    Attributes
    ----------
    standardize : bool
        Measure distances in standard deviations of each channel, so that none outweighs the others because
        its numbers are larger.
    """

    takes_alpha: ClassVar[bool] = False

    standardize: bool = field(default=True, metadata={"option": True})

    def __post_init__(self) -> None:
        if not isinstance(self.standardize, bool | np.bool_):
            raise TypeError(f"standardize must be True or False, not {self.standardize!r:.80}")
        object.__setattr__(self, "standardize", bool(self.standardize))

    def refusal(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Channels are needed."""
        if n_channels is None:
            return f"there is no channel_axis, and features={self.name!r} clusters by its channels"
        return "" if n_channels else "channel_axis holds no channel"

    def describe(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> Scalar | Vector:
        """Store a value a channel; a single channel is as good as gray."""
        dtype = native(dtype)
        if n_channels is None or n_channels == 1:
            return Scalar(dtype)
        return Vector(
            np.dtype(np.float32) if dtype == np.float16 else dtype,
            tuple(f"channel {number}" for number in range(1, n_channels + 1)),
            light=(1 / n_channels,) * n_channels,
            sampled=n_channels > _MOST_IN_CELLS,
            standardize=self.standardize,
        )

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Channels, in the image's own units."""
        values = as_native(block)
        if n_channels == 1:
            return values[..., 0], None
        return values.astype(self.describe(block.dtype, n_channels).dtype, copy=False), None
