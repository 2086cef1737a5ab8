"""What all feature spaces have in common, and how they say what they store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
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
class Vector:
    """How a feature space stores its several values a pixel, along the last axis.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the stored values, in native byte order.
    names : tuple of str
        Of the features.
    light : tuple of float
        Weights of the features in the brightness that labels are ordered by; empty if that is stored as one
        more value behind the features.
    white : float or None
        If red, green and blue are stored and stand for CIE L*a*b*: the value of full light.
    sampled : bool
        Whether some of the pixels have to stand for all.
    standardize : bool
        Whether distances are measured in standard deviations of each feature.
    """

    dtype: np.dtype[Any]
    names: tuple[str, ...]
    light: tuple[float, ...] = ()
    white: float | None = None
    sampled: bool = False
    standardize: bool = False

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.names)

    def positions(self, columns: Sequence[NDArray[Any]]) -> list[NDArray[np.float64]]:
        """Features of pixels, in their own units, from what is stored: one float64 array a feature."""
        wide = [column.astype(np.float64) for column in columns]
        if self.white is None:
            return wide
        from .lab import lab_from_rgb

        return lab_from_rgb(*(column / self.white for column in wide))


@dataclass(frozen=True)
class Feature(ABC):
    """A feature space: one class in this package and one entry in its table.

    Its functions work on one block, so that cutting an image into blocks can never change a result.

    Attributes
    ----------
    name, title : str
        In the API and in the dock.
    """

    name: str
    title: str

    is_exact: ClassVar[bool] = False
    """Whether the global optimum of all pixels is found."""

    takes_alpha: ClassVar[bool] = True
    """Whether a fourth channel is alpha."""

    @abstractmethod
    def refusal(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Say in a sentence why images of this kind have no such features; empty if they have.

        Parameters
        ----------
        dtype : dtype
        n_channels : int or None
            Length of the channel axis, if there is one.
        n_axes : int
            Number of spatial axes.
        """

    @abstractmethod
    def describe(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> Scalar | Vector:
        """Tell how `transform` stores the values of an image of `dtype`."""

    @abstractmethod
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
            Of the block's spatial shape, as `describe` tells; several values a pixel along one more axis.
        opaque : bool array or None
            False where alpha is 0; None if all pixels are there.
        """

    def halo(self, dtype: DTypeLike, n_channels: int | None) -> int:
        """Pixels around a block that `transform` has to see."""
        return 0

    @property
    def options(self) -> dict[str, Any]:
        """What a person may choose, by name: the fields beyond `name` and `title`, as JSON holds them."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in fields(self)
            if field.metadata.get("option") and (value := getattr(self, field.name)) is not None
        }


def native(dtype: DTypeLike) -> np.dtype[Any]:
    """Type in which values of `dtype` are stored: in native byte order, bool as uint8."""
    dtype = np.dtype(dtype).newbyteorder("=")
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype


def as_native(block: NDArray[Any]) -> NDArray[Any]:
    """Return a block as `native` tells, a copy only where the bytes differ."""
    if block.dtype == bool:
        return block.view(np.uint8)
    return block.astype(block.dtype.newbyteorder("="), copy=False)


def opaque(block: NDArray[Any], n_channels: int | None) -> NDArray[np.bool_] | None:
    """Where the alpha of an RGBA block is not 0; None for other blocks."""
    return np.asarray(block[..., 3] != 0) if n_channels == 4 else None


def color_refusal(feature: Feature, n_channels: int | None) -> str:
    """Say why an image without colours has no such features."""
    if n_channels in (3, 4):
        return ""
    if n_channels is None:
        given = "there is no channel_axis"
    else:
        given = f"channel_axis holds {n_channels} channel{'s' * (n_channels != 1)}"
    return f"{given}, and features={feature.name!r} needs 3 (RGB) or 4 (RGBA)"
