"""Base class of the feature spaces, and the formats of their values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True)
class ScalarFormat:
    """Format of one value per pixel.

    Attributes
    ----------
    dtype : numpy.dtype
        Stored type, in native byte order.
    unit : float
        Size of one stored step in the image's own units: value = stored · unit.
    upper : int or None
        Largest stored value, for integers that are known to be between 0 and `upper`.
    """

    dtype: np.dtype[Any]
    unit: float = 1.0
    upper: int | None = None

    n_features: ClassVar[int] = 1


@dataclass(frozen=True)
class VectorFormat:
    """Format of several values per pixel, stored along the last axis.

    Attributes
    ----------
    dtype : numpy.dtype
        Stored type, in native byte order.
    names : tuple of str
        Names of the features.
    brightness_weights : tuple of float
        Weights of the features in the brightness that orders the labels; empty if the brightness itself is
        stored behind the features.
    white : float or None
        Stored value of white, if red, green and blue are stored and converted to CIE L*a*b* where distances
        are computed.
    sampled : bool
        Whether clusters are found on a sample of the pixels.
    standardize : bool
        Whether distances are measured in standard deviations of each feature.
    smallest : float
        Images whose largest magnitude is below this are rejected, because their features would underflow;
        0 accepts all.
    of_integers : bool
        Whether the last value is a 64-bit integer that was rounded to a float.
    """

    dtype: np.dtype[Any]
    names: tuple[str, ...]
    brightness_weights: tuple[float, ...] = ()
    white: float | None = None
    sampled: bool = False
    standardize: bool = False
    smallest: float = 0.0
    of_integers: bool = False

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.names)

    def features(self, columns: Sequence[NDArray[Any]]) -> list[NDArray[np.float64]]:
        """Return the features of stored values, in the features' own units: one float64 array each."""
        wide = [column.astype(np.float64) for column in columns]
        if self.white is None:
            return wide
        from .lab import lab_from_rgb

        return lab_from_rgb(*(column / self.white for column in wide))


class FeatureSpace(ABC):
    """Features of a pixel to cluster by: one class in this package and one entry in `FEATURES` for each.

    Every method works on a single block, so blocks never affect a result. Subclasses are frozen dataclasses
    whose fields are the options of the feature space.
    """

    name: ClassVar[str]
    """Name in the API, such as ``"gray"``."""

    title: ClassVar[str]
    """Name in the dock."""

    is_exact: ClassVar[bool] = False
    """Whether the global optimum is found."""

    takes_alpha: ClassVar[bool] = True
    """Whether a fourth channel is alpha."""

    is_per_channel: ClassVar[bool] = False
    """Whether each channel is a feature, named after the channel if its name is known."""

    @abstractmethod
    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why images of this kind are not supported, in a sentence; empty if they are.

        Parameters
        ----------
        dtype : dtype
        n_channels : int or None
            Length of the channel axis, if there is one.
        n_axes : int
            Number of spatial axes.

        Returns
        -------
        str
        """

    @abstractmethod
    def value_format(
        self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2
    ) -> ScalarFormat | VectorFormat:
        """Return the format of the values of an image of `dtype`; parameters as for `unsupported_reason`."""

    @abstractmethod
    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Compute the values of a block.

        Parameters
        ----------
        block : array
            Any shape; channels, if any, are the last axis.
        n_channels : int or None

        Returns
        -------
        values : array
            The values in the format of `value_format`, with the block's spatial shape; several values per
            pixel are along one more axis.
        include : bool array or None
            False where alpha is 0; None if there is no alpha.
        """

    def halo(self, dtype: DTypeLike, n_channels: int | None) -> int:
        """Return how many pixels around a block `transform` needs.

        Parameters
        ----------
        dtype : dtype
        n_channels : int or None

        Returns
        -------
        int
            Along each spatial axis.
        """
        return 0

    @property
    def options(self) -> dict[str, Any]:
        """Options by name, as JSON stores them."""
        return {
            field.name: list(value) if isinstance(value := getattr(self, field.name), tuple) else value
            for field in fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
        }


def native_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return the type in which values of `dtype` are stored: native byte order, and uint8 for bool."""
    dtype = np.dtype(dtype).newbyteorder("=")
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype


def as_native(block: NDArray[Any]) -> NDArray[Any]:
    """Return a block in its `native_dtype`; copies only where the bytes differ."""
    if block.dtype == bool:
        return block.view(np.uint8)
    return block.astype(block.dtype.newbyteorder("="), copy=False)


def stored_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return the type in which several features are stored: float16 is widened to float32."""
    dtype = native_dtype(dtype)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def float_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return the float type for computing with values of `dtype`: float32 if exact, otherwise float64."""
    dtype = native_dtype(dtype)
    return np.dtype(np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64)


def alpha_mask(block: NDArray[Any], n_channels: int | None) -> NDArray[np.bool_] | None:
    """Return where the alpha of an RGBA block is not 0; None for other blocks."""
    return np.asarray(block[..., 3] != 0) if n_channels == 4 else None


def missing_color_reason(space: FeatureSpace, n_channels: int | None) -> str:
    """Return why an image without colours is not supported; empty if it has 3 or 4 channels."""
    if n_channels in (3, 4):
        return ""
    needed = f"features={space.name!r} needs 3 (RGB) or 4 (RGBA)"
    if n_channels is None:
        return f"image has no colours, but {needed} channels; in Python, pass channel_axis"
    return f"channel_axis has {n_channels} channel{'s' * (n_channels != 1)}, but {needed}"


def unknown_white_reason(space: FeatureSpace, dtype: DTypeLike) -> str:
    """Return why the value of white, on which colours depend, is unknown; empty if it is known."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iu" and dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        return (
            f"image has dtype {dtype}, but features={space.name!r} needs colours of 8 or 16 bits (uint8, "
            "uint16), or floats from 0 to 1"
        )
    return ""
