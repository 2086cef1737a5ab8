"""Channels that are not colours, such as those of fluorescence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..options import option
from ._channel_kernels import divide_by_norm
from .feature_space import (
    FeatureSpace,
    ScalarFormat,
    VectorFormat,
    as_native,
    float_dtype,
    native_dtype,
    stored_dtype,
)

_MAX_COUNTED = 3  # with more channels, almost every pixel would have its own cell
_NORMS = {"l1": 1, "l2": 2, "max": 0}
_PIECE_VALUES = 1 << 18  # values normalized at a time, so that they stay in the cache


@dataclass(frozen=True)
class Channels(FeatureSpace):
    """All channels of an image.

    Parameters
    ----------
    standardize : bool, default True
        Measure distances in standard deviations of each channel, so that channels with larger numbers do not
        outweigh the others. A channel that is constant up to rounding is ignored.
    normalize : {None, "l1", "l2", "max"}, default None
        Divide the channels of each pixel by their norm: the sum of their absolute values, their Euclidean
        length, or the largest absolute value. Spectra are then compared by their shape, regardless of their
        brightness. Pixels whose channels are all 0 or not all finite are excluded. Requires at least 2
        channels.
    """

    name: ClassVar[str] = "channels"
    title: ClassVar[str] = "Channels"
    takes_alpha: ClassVar[bool] = False
    is_per_channel: ClassVar[bool] = True

    standardize: bool = option(
        True, "Scale each channel to unit variance.", label="Equal weight for all channels"
    )
    normalize: str | None = option(
        None,
        f"Divide each pixel by the norm of its channels: {', '.join(_NORMS)}.",
        label="Normalize",
        metavar="NORM",
    )

    def __post_init__(self) -> None:
        if not isinstance(self.standardize, bool | np.bool_):
            raise TypeError(f"standardize must be True or False, not {self.standardize!r:.80}")
        object.__setattr__(self, "standardize", bool(self.standardize))
        if self.normalize is not None and self.normalize not in _NORMS:
            raise ValueError(
                f"normalize={self.normalize!r:.80} must be one of None, {', '.join(map(repr, _NORMS))}"
            )

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why an image without channels is not supported."""
        if n_channels is None:
            return f"image has no channels, but features={self.name!r} clusters by them; in Python, pass channel_axis"
        if n_channels == 1 and self.normalize:
            return f"channel_axis has 1 channel, but normalize={self.normalize!r} needs at least 2"
        return "" if n_channels else "channel_axis has length 0, so there are no channels"

    def value_format(
        self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2
    ) -> ScalarFormat | VectorFormat:
        """Return the format: one value per channel; a single channel is treated like gray."""
        dtype = native_dtype(dtype)
        if n_channels is None or n_channels == 1:
            return ScalarFormat(dtype)
        return VectorFormat(
            self._stored_dtype(dtype),
            tuple(f"channel {number}" for number in range(1, n_channels + 1)),
            brightness_weights=(1 / n_channels,) * n_channels,
            sampled=n_channels > _MAX_COUNTED,
            standardize=self.standardize,
        )

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the channels in the image's own units, or relative to the norm of the pixel."""
        values = as_native(block)
        if n_channels == 1:
            return values[..., 0], None
        dtype = self._stored_dtype(values.dtype)
        if self.normalize is None:
            return values.astype(dtype, copy=False), None
        normalized = np.empty(values.shape, dtype=dtype)
        norms = np.empty(values.shape[:-1])
        _normalize(values, _NORMS[self.normalize], normalized, norms)
        return normalized, norms != 0

    def _stored_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        return stored_dtype(dtype) if self.normalize is None else float_dtype(dtype)


def _normalize(
    values: NDArray[Any], power: int, normalized: NDArray[Any], norms: NDArray[np.float64]
) -> None:
    """Divide (..., d) values by the norm of each pixel; write the results and the norms."""
    d = values.shape[-1]
    rows, out, flat = values.reshape(-1, d), normalized.reshape(-1, d), norms.reshape(-1)
    length = max(256, _PIECE_VALUES // d)
    for begin in range(0, flat.size, length):
        piece = slice(begin, begin + length)
        columns = rows[piece].T.astype(np.float64, order="C")
        with np.errstate(invalid="ignore"):  # infinite values; compiled code does not warn
            divide_by_norm(columns, power, flat[piece])
        out[piece] = columns.T
