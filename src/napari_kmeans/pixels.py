"""An image as the pipeline sees it: one value a pixel, read a box at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .features import Gray, Scalar, check_image, get_feature

Box = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Pixels:
    """An image seen as one value a pixel: what the pipeline reads, block by block.

    Attributes
    ----------
    image : array
        With its channel axis, if there is one, last.
    feature : Gray
    n_channels : int or None
    mask : bool array or None
        Of the spatial shape; True = use the pixel.
    """

    image: NDArray[Any]
    feature: Gray
    n_channels: int | None
    mask: NDArray[np.bool_] | None

    @classmethod
    def of(
        cls,
        image: NDArray[Any],
        *,
        features: str = "gray",
        channel_axis: int | None = None,
        mask: NDArray[Any] | None = None,
    ) -> Pixels:
        """Check the arguments that `fit` and `predict` share.

        Raises
        ------
        TypeError, ValueError
            Naming the argument, what was given and what would do.
        """
        check_image(image)
        feature = get_feature(features)
        n_channels = None
        if channel_axis is not None:
            axis = check_axis("channel_axis", channel_axis, image.ndim)
            n_channels = image.shape[axis]
            image = np.moveaxis(image, axis, -1)
        feature.check_channels(n_channels)
        pixels = cls(image, feature, n_channels, None)
        if not pixels.size:
            raise ValueError(f"image has shape {image.shape}: it holds no pixel")
        if mask is None:
            return pixels
        if not isinstance(mask, np.ndarray):
            mask = np.asarray(mask)
        if mask.shape != pixels.shape:
            raise ValueError(
                f"mask has shape {mask.shape} and must have the image's spatial shape {pixels.shape}"
            )
        return cls(image, feature, n_channels, mask if mask.dtype == bool else mask != 0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape: the image's without its channel axis."""
        return self.image.shape if self.n_channels is None else self.image.shape[:-1]

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def scalar(self) -> Scalar:
        """How `read` stores values."""
        return self.feature.describe(self.image.dtype, self.n_channels)

    def at(self, axis: int, position: int) -> Pixels:
        """Return the pixels at one position along a spatial axis."""
        index = (slice(None),) * axis + (position,)
        mask = None if self.mask is None else self.mask[index]
        return Pixels(self.image[index], self.feature, self.n_channels, mask)

    def read(self, box: Box) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Values in a box, and which of its pixels to use (None: all)."""
        values, opaque = self.feature.transform(np.asarray(self.image[box]), self.n_channels)
        if self.mask is None:
            return values, opaque
        inside = self.mask[box]
        return values, inside if opaque is None else inside & opaque


def check_axis(name: str, axis: object, ndim: int) -> int:
    """Return `axis` as an index from 0, or say what is wrong with it."""
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(f"{name} must be an int or None, not {axis!r}")
    if not -ndim <= axis < ndim:
        raise ValueError(f"{name}={axis} is out of range for an image of {ndim} dimensions")
    return int(axis) % ndim
