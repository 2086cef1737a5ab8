"""Source of the values to cluster: an image that is read block by block.

NumPy arrays and memory maps are read in place, zarr and dask arrays chunk by chunk. Code above this module
does not depend on where an image is stored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.extractor import FeatureExtractor
from ..features.feature_space import FeatureSpace, ScalarFormat, VectorFormat
from ..options import is_integer
from .arrays import as_readable, check_image, check_mask, in_memory
from .boxes import Box, add_halo


@dataclass(frozen=True, eq=False)
class Block:
    """One box of an image, in memory.

    Attributes
    ----------
    image : array
        Pixels of the box and of the halo around it; channels, if any, are the last axis.
    mask : array or None
        Mask of the box; nonzero = use the pixel.
    extractor : FeatureExtractor
    n_channels : int or None
    box : tuple of slice
        Position of the block in the image.
    shape : tuple of int
        Spatial shape of the whole image.
    crop : tuple of slice, or None
        Position of the box in `image`, if there is a halo.
    """

    image: NDArray[Any]
    mask: NDArray[Any] | None
    extractor: FeatureExtractor
    n_channels: int | None
    box: Box
    shape: tuple[int, ...]
    crop: Box | None

    def values(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the values of the pixels, and which pixels to use (None: all)."""
        values, include = self.extractor.transform(self.image, self.n_channels)
        if self.crop is not None:
            values, include = values[self.crop], None if include is None else include[self.crop]
        values = self.extractor.correct(values, self.box, self.shape, self.image.dtype, self.n_channels)
        if self.mask is None:
            return values, include
        inside = self.mask if self.mask.dtype == bool else self.mask != 0
        return values, inside if include is None else inside & include

    def positions(self) -> NDArray[np.uint64]:
        """Return the C-order index in the whole image of each pixel of the box: flat uint64 array."""
        positions: NDArray[np.uint64] = np.zeros((), dtype=np.uint64)
        for side, size in zip(self.box, self.shape, strict=True):
            begin, end, _ = side.indices(size)
            along = np.arange(begin, end, dtype=np.uint64)
            positions = np.add.outer(positions * np.uint64(size), along)
        return positions.reshape(-1)


@dataclass(frozen=True)
class BlockReader:
    """Builder of blocks from pixels that were read elsewhere.

    Attributes
    ----------
    extractor : FeatureExtractor
    n_channels : int or None
    shape : tuple of int
        Spatial shape.
    halo : tuple of int
        Number of pixels around a box that the extractor needs, along each spatial axis.
    """

    extractor: FeatureExtractor
    n_channels: int | None
    shape: tuple[int, ...]
    halo: tuple[int, ...]

    def block(self, box: Box, image: NDArray[Any], mask: NDArray[Any] | None = None) -> Block:
        """Return the block of a box.

        Parameters
        ----------
        box : tuple of slice
        image : array
            Pixels of the box and of its halo.
        mask : array, optional
            Mask of the box.
        """
        _, crop = add_halo(box, self.shape, self.halo)
        return Block(image, mask, self.extractor, self.n_channels, box, self.shape, crop)


@dataclass(frozen=True, eq=False)
class Pixels:
    """An image, its mask, and the extractor that computes values from its pixels.

    Attributes
    ----------
    image : NumPy or dask array
        The channel axis, if any, is last.
    extractor : FeatureExtractor
    n_channels : int or None
    mask : NumPy or dask array, or None
        Has the spatial shape; nonzero = use the pixel.
    channel_names : tuple of str
        Names of the channels, if they have any.
    """

    image: Any
    extractor: FeatureExtractor
    n_channels: int | None
    mask: Any = None
    channel_names: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        image: Any,
        *,
        features: str | FeatureSpace | FeatureExtractor = "gray",
        channel_axis: int | None = None,
        mask: Any = None,
        **options: Any,
    ) -> Pixels:
        """Validate an image and its mask.

        Parameters
        ----------
        image, channel_axis, mask
            As for `napari_kmeans.fit`.
        features : str, FeatureSpace or FeatureExtractor
        **options
            Keywords of `FeatureExtractor.of`.

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid; the message names it.
        """
        check_image(image)
        image = as_readable(image)
        extractor = FeatureExtractor.of(features, **options)
        n_channels = None
        if channel_axis is not None:
            axis = check_axis("channel_axis", channel_axis, image.ndim)
            n_channels = image.shape[axis]
            image = np.moveaxis(image, axis, -1)
        pixels = cls(image, extractor, n_channels)
        extractor.check(pixels.shape, image.dtype, n_channels)
        if not pixels.size:
            raise ValueError(f"image has shape {image.shape}: it contains no pixels")
        if mask is None:
            return pixels
        return replace(pixels, mask=check_mask(mask, pixels.shape, "the image's spatial shape"))

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape: the image's without its channel axis."""
        return tuple(self.image.shape if self.n_channels is None else self.image.shape[:-1])

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...] | None:
        """Chunk lengths along each spatial axis; None for an image in memory."""
        if isinstance(self.image, np.ndarray):
            return None
        chunks: tuple[tuple[int, ...], ...] = self.image.chunks
        return chunks[: len(self.shape)]

    @property
    def value_format(self) -> ScalarFormat | VectorFormat:
        """Format of the values that `read` returns."""
        value_format = self.extractor.value_format(self.image.dtype, self.n_channels, len(self.shape))
        if isinstance(value_format, ScalarFormat) or not self.extractor.space.is_per_channel:
            return value_format
        if len(self.channel_names) != value_format.n_features:
            return value_format
        return replace(value_format, names=self.channel_names)

    @property
    def halo(self) -> tuple[int, ...]:
        """Number of pixels around a box that the extractor needs, along each spatial axis."""
        return self.extractor.halo(self.image.dtype, self.n_channels, len(self.shape))

    @property
    def reader(self) -> BlockReader:
        """Builder of the blocks of this image."""
        return BlockReader(self.extractor, self.n_channels, self.shape, self.halo)

    def at(self, axis: int, position: int) -> Pixels:
        """Return the pixels at one position along a spatial axis.

        Raises
        ------
        ValueError
            If the feature space needs more axes than are left.
        """
        index = (slice(None),) * axis + (position,)
        mask = None if self.mask is None else self.mask[index]
        extractor = self.extractor.without_axis(axis)
        shape = self.shape[:axis] + self.shape[axis + 1 :]
        replace(extractor, field=None).check(shape, self.image.dtype, self.n_channels)
        return replace(self, image=self.image[index], extractor=extractor, mask=mask)

    def crop(self, box: Box) -> tuple[Any, Any]:
        """Return the image in a box with its halo, and the mask in the box; lazy arrays stay lazy."""
        outer, _ = add_halo(box, self.shape, self.halo)
        return self.image[outer], None if self.mask is None else self.mask[box]

    def load(self, box: Box) -> Block:
        """Read the block of a box."""
        return self.reader.block(box, *(in_memory(part) for part in self.crop(box)))

    def read(self, box: Box) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the values in a box, and which pixels to use (None: all)."""
        return self.load(box).values()

    def as_lazy(self) -> Pixels:
        """Return the same pixels with a dask array as their image."""
        if self.chunks is not None:
            return self
        import dask.array as da

        return replace(self, image=da.from_array(self.image))


def check_axis(name: str, axis: object, ndim: int) -> int:
    """Return an axis counted from 0.

    Raises
    ------
    TypeError, ValueError
        If `axis` is not an axis of an array of `ndim` dimensions.
    """
    if not is_integer(axis):
        raise TypeError(f"{name} must be an int or None, not {axis!r}")
    if not -ndim <= axis < ndim:
        raise ValueError(f"{name}={axis} is out of range for an image of {ndim} dimensions")
    return int(axis) % ndim
