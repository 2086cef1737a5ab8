"""An image as the pipeline sees it: what its pixels are described by, read a block at a time.

The image may be in memory or not: NumPy arrays and memory maps are read in place, zarr arrays and dask arrays
chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features import Feature, Scalar, Vector
from ..features.extractor import Description
from .arrays import as_readable, check_image, in_memory

Box = tuple[slice, ...]
"""A part of an image, one slice a spatial axis."""


@dataclass(frozen=True, eq=False)
class Block:
    """A box of an image, in memory: what the work on one block is given.

    Attributes
    ----------
    image : array
        Pixels of the box, and around it as many as the feature looks at; channels, if there are any, last.
    mask : array or None
        Of the box; nonzero = use the pixel.
    feature : Description
    n_channels : int or None
    box : tuple of slice
        Where the block lies in the image.
    shape : tuple of int
        Of the whole image.
    crop : tuple of slice, or None
        Where the box lies in what was read around it, if anything was.
    """

    image: NDArray[Any]
    mask: NDArray[Any] | None
    feature: Description
    n_channels: int | None
    box: Box
    shape: tuple[int, ...]
    crop: Box | None

    def values(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Values of the block's pixels, and which of these to use (None: all)."""
        values, there = self.feature.transform(self.image, self.n_channels)
        if self.crop is not None:
            values, there = values[self.crop], None if there is None else there[self.crop]
        if self.mask is None:
            return values, there
        inside = self.mask if self.mask.dtype == bool else self.mask != 0
        return values, inside if there is None else inside & there


@dataclass(frozen=True)
class Frame:
    """What is known of an image without its pixels: enough to make blocks of those, wherever they were read.

    Attributes
    ----------
    feature : Description
    n_channels : int or None
    shape : tuple of int
        Spatial shape.
    halo : tuple of int
        Pixels around a box that the feature looks at, along each spatial axis.
    """

    feature: Description
    n_channels: int | None
    shape: tuple[int, ...]
    halo: tuple[int, ...]

    def block(self, box: Box, image: NDArray[Any], mask: NDArray[Any] | None = None) -> Block:
        """Make a block of what `around` a box was read, and of its mask."""
        _, crop = around(box, self.shape, self.halo)
        return Block(image, mask, self.feature, self.n_channels, box, self.shape, crop)


@dataclass(frozen=True, eq=False)
class Pixels:
    """An image and how its pixels are described: what the pipeline reads, block by block.

    Attributes
    ----------
    image : NumPy or dask array
        With its channel axis, if there is one, last.
    feature : Description
    n_channels : int or None
    mask : NumPy or dask array, or None
        Of the spatial shape; nonzero = use the pixel.
    """

    image: Any
    feature: Description
    n_channels: int | None
    mask: Any = None

    @classmethod
    def of(
        cls,
        image: Any,
        *,
        features: str | Feature | Description = "gray",
        channel_axis: int | None = None,
        mask: Any = None,
        **options: Any,
    ) -> Pixels:
        """Check the arguments that `fit` and `predict` share; `options` are those of `Description.of`.

        Raises
        ------
        TypeError, ValueError
            Naming the argument, what was given and what would do.
        """
        check_image(image)
        image = as_readable(image)
        feature = Description.of(features, **options)
        n_channels = None
        if channel_axis is not None:
            axis = check_axis("channel_axis", channel_axis, image.ndim)
            n_channels = image.shape[axis]
            image = np.moveaxis(image, axis, -1)
        pixels = cls(image, feature, n_channels)
        feature.check(pixels.shape, image.dtype, n_channels)
        if not pixels.size:
            raise ValueError(f"image has shape {image.shape}: it holds no pixel")
        if mask is None:
            return pixels
        mask = as_readable(mask)
        if mask.shape != pixels.shape:
            raise ValueError(
                f"mask has shape {mask.shape} and must have the image's spatial shape {pixels.shape}"
            )
        return replace(pixels, mask=mask)

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape: the image's without its channel axis."""
        return tuple(self.image.shape if self.n_channels is None else self.image.shape[:-1])

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...] | None:
        """Lengths of the chunks along each spatial axis; None for an image in memory."""
        if isinstance(self.image, np.ndarray):
            return None
        chunks: tuple[tuple[int, ...], ...] = self.image.chunks
        return chunks[: len(self.shape)]

    @property
    def stored(self) -> Scalar | Vector:
        """How `read` stores values."""
        return self.feature.stored(self.image.dtype, self.n_channels, len(self.shape))

    @property
    def halo(self) -> tuple[int, ...]:
        """Pixels around a box that the feature looks at, along each spatial axis."""
        return self.feature.halo(self.image.dtype, self.n_channels, len(self.shape))

    def at(self, axis: int, position: int) -> Pixels:
        """Return the pixels at one position along a spatial axis."""
        index = (slice(None),) * axis + (position,)
        mask = None if self.mask is None else self.mask[index]
        return replace(self, image=self.image[index], feature=self.feature.without_axis(axis), mask=mask)

    @property
    def frame(self) -> Frame:
        """What makes blocks of `parts`."""
        return Frame(self.feature, self.n_channels, self.shape, self.halo)

    def parts(self, box: Box) -> tuple[Any, Any]:
        """Image and mask of a box, not read yet where they are not in memory."""
        outer, _ = around(box, self.shape, self.halo)
        return self.image[outer], None if self.mask is None else self.mask[box]

    def load(self, box: Box) -> Block:
        """Read a box, and around it what the feature looks at."""
        return self.frame.block(box, *(in_memory(part) for part in self.parts(box)))

    def read(self, box: Box) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Values in a box, and which of its pixels to use (None: all)."""
        return self.load(box).values()


def as_lazy(pixels: Pixels) -> Pixels:
    """Return pixels as if they were not in memory, so that they can be labelled lazily."""
    if pixels.chunks is not None:
        return pixels
    import dask.array as da

    return replace(pixels, image=da.from_array(pixels.image))


def around(box: Box, shape: Sequence[int], halo: Sequence[int]) -> tuple[Box, Box | None]:
    """Return a box with its halo, as far as there is an image, and where it lies in that (None: as it is)."""
    if not any(halo):
        return box, None
    outer, crop = [], []
    for side, size, width in zip(box, shape, halo, strict=True):
        begin, end, step = side.indices(size)
        first, last = max(begin - width, 0), min(end + width, size)
        outer.append(slice(first, last))
        crop.append(slice(begin - first, end - first, step))
    return tuple(outer), tuple(crop)


def check_axis(name: str, axis: object, ndim: int) -> int:
    """Return `axis` as an index from 0, or say what is wrong with it."""
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(f"{name} must be an int or None, not {axis!r}")
    if not -ndim <= axis < ndim:
        raise ValueError(f"{name}={axis} is out of range for an image of {ndim} dimensions")
    return int(axis) % ndim
