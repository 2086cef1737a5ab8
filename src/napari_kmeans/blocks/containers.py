"""Image containers with named axes: xarray arrays, napari image layers and image files.

Neither xarray nor napari is imported before a user passes one of their objects.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeGuard

import numpy as np

from ..user_warning import warn_user
from .arrays import is_from_package
from .pixel_size import UNKNOWN, PixelSizes, size_of_data_array, size_of_file, size_of_layer
from .pixels import check_axis

_CHANNEL_NAMES = {
    *("c", "ch", "channel", "channels", "band", "bands", "wavelength"),
    *("s", "sample", "samples", "rgb", "rgba", "color", "colour"),
}
"""Names of a channel dimension, in lower case."""

_COLOR_SIZES = (3, 4)
"""Sizes of a last axis that may hold RGB or RGBA."""


class NamedAxes(Protocol):
    """An image with one letter per axis, such as `napari_kmeans.ImageFile`."""

    data: Any
    axes: str
    nodata: float | None

    @property
    def channel_axis(self) -> int | None:
        """Channel axis, if there is one."""


def _unchanged(array: Any, name: str = "labels") -> Any:
    return array


def _unknown(without: Collection[int]) -> PixelSizes:
    return UNKNOWN


@dataclass(frozen=True)
class Contents:
    """Contents of a container.

    Attributes
    ----------
    data : array
    channel_axis : int or None
    nodata : float or None
        Value of missing pixels.
    wrap : callable
        Takes an array of the spatial shape and its name; returns the array in a container of the same kind.
    names_axes : bool
        Whether the container names its channel axis.
    measure : callable
        Takes axes of `data`; returns the pixel size along all other axes except time, and its unit.
    """

    data: Any
    channel_axis: int | None = None
    nodata: float | None = None
    wrap: Callable[..., Any] = field(default=_unchanged)
    names_axes: bool = True
    measure: Callable[[Collection[int]], PixelSizes] = field(default=_unknown)

    def size(self, without: int | None = None) -> PixelSizes:
        """Return the pixel size along the spatial axes except time and `without`, and its unit."""
        axes = (self.channel_axis, without)
        return self.measure({axis % self.data.ndim for axis in axes if axis is not None})

    @property
    def is_ambiguous(self) -> bool:
        """Whether the last axis may hold colours, without being declared as the channel axis."""
        if self.names_axes or self.channel_axis is not None:
            return False
        shape: tuple[int, ...] = getattr(self.data, "shape", ())
        return len(shape) == 3 and shape[2] in _COLOR_SIZES

    def without_container(self) -> Contents:
        """Return the contents with plain arrays as labels and with unambiguous axes."""
        return replace(self, wrap=_unchanged, names_axes=True)


def open_container(image: Any, channel_axis: int | str | None = None, default: int | None = None) -> Contents:
    """Return the contents of an image: its array, its channel axis, and the container of its labels.

    Parameters
    ----------
    image : array, xarray.DataArray, napari Image layer, ImageFile or Contents
        Contents are returned unchanged.
    channel_axis : int or str, optional
        As the user gave it; the name of a dimension for a DataArray.
    default : int, optional
        Channel axis to use if the image does not name its axes and `channel_axis` is not given.

    Raises
    ------
    TypeError
        If it is a path, a Pillow image, or another object that contains no array.
    ValueError
        If a dimension has no such name.
    """
    if isinstance(image, Contents):
        return image
    if isinstance(image, str | os.PathLike):
        raise TypeError(f"image is a path; read it first: napari_kmeans.read_image({os.fspath(image)!r})")
    if is_from_package("PIL", image):
        raise TypeError(
            "image is a Pillow image; pass numpy.asarray(image), with channel_axis=-1 if it has colours"
        )
    if is_data_array(image):
        return _open_data_array(image, channel_axis, default)
    if isinstance(channel_axis, str):
        raise TypeError(
            f"channel_axis={channel_axis!r} must be an int, because image is not an xarray.DataArray"
        )
    if has_named_axes(image):  # every axis is named, so a missing channel axis needs no default
        return Contents(
            image.data,
            image.channel_axis if channel_axis is None else channel_axis,
            image.nodata,
            measure=partial(size_of_file, image),
        )
    if is_from_package("napari", image):
        contents = _open_layer(image, channel_axis)
    else:
        contents = Contents(image, channel_axis, names_axes=False)
    return contents if contents.channel_axis is not None else replace(contents, channel_axis=default)


def warn_if_ambiguous(opened: Iterable[Contents]) -> None:
    """Issue one ``UserWarning`` if an image may hold colours, but neither it nor the user declares them."""
    for contents in opened:
        if contents.is_ambiguous:
            warn_user(
                f"image has shape {contents.data.shape} and is treated as a volume; pass channel_axis=-1 if its "
                "last axis holds colours, or image[..., None] and channel_axis=-1 if it does not"
            )
            return


def is_data_array(image: object) -> bool:
    """Return whether an object is an ``xarray.DataArray``."""
    return is_from_package("xarray", image) and hasattr(image, "dims") and hasattr(image, "isel")


def has_named_axes(image: Any) -> TypeGuard[NamedAxes]:
    """Return whether the axes of an image have letters; the data of arrays is not accessed."""
    return isinstance(getattr(image, "axes", None), str) and hasattr(image, "nodata")


def open_mask(mask: Any) -> Any:
    """Return the array of a mask, which may be a DataArray, a Labels layer or an image file."""
    is_layer = is_from_package("napari", mask) and hasattr(mask, "data")
    return mask.data if is_layer or is_data_array(mask) or has_named_axes(mask) else mask


def axis_number(image: Any, axis: Any) -> Any:
    """Return the number of an axis, which may be given by its name in a DataArray or an ImageFile."""
    if not isinstance(axis, str) or not (is_data_array(image) or has_named_axes(image)):
        return axis
    names = list(image.dims if is_data_array(image) else image.axes)
    if axis not in names:
        raise ValueError(f"image has no dimension {axis!r}; its dimensions are {', '.join(map(str, names))}")
    return names.index(axis)


def _open_data_array(image: Any, channel_axis: int | str | None, default: int | None) -> Contents:
    """Find the channel dimension by its name, and keep the coordinates for the labels."""
    if not hasattr(image, "name"):  # a Dataset has several variables
        raise TypeError("image is an xarray.Dataset; pass one of its variables, such as dataset['image']")
    axis = axis_number(image, channel_axis)
    if axis is None:
        named = [i for i, name in enumerate(image.dims) if str(name).lower() in _CHANNEL_NAMES]
        axis = named[0] if len(named) == 1 else default
    if axis is not None:
        axis = check_axis("channel_axis", axis, image.ndim)

    def wrap(array: Any, name: str = "labels") -> Any:
        import xarray

        spatial = image if axis is None else image.isel({image.dims[axis]: 0}, drop=True)
        return xarray.DataArray(array, coords=spatial.coords, dims=spatial.dims, name=name)

    return Contents(
        image.data, axis, nodata=_fill_value(image), wrap=wrap, measure=partial(size_of_data_array, image)
    )


def _fill_value(image: Any) -> float | None:
    """Return the value of missing pixels in the attributes of a DataArray, if it is a finite number."""
    value = np.asarray(image.attrs.get("_FillValue"))  # some readers store an array of one element
    if value.size != 1 or value.dtype.kind not in "iuf" or not np.isfinite(value).all():
        return None
    number: float = value.item()
    return number


def _open_layer(layer: Any, channel_axis: int | None) -> Contents:
    """Return the pixels of a napari image layer at its full resolution."""
    if not hasattr(layer, "rgb"):
        kind = type(getattr(layer, "__wrapped__", layer)).__name__
        raise TypeError(f"image is a napari {kind}; pass an Image layer, such as viewer.layers['cells']")
    if channel_axis is None and layer.rgb:
        channel_axis = -1
    return Contents(levels_of(layer)[0], channel_axis, measure=partial(size_of_layer, layer))


def levels_of(layer: Any) -> list[Any]:
    """Return the arrays of a napari layer, one per resolution level, beginning with the finest."""
    return list(layer.data) if layer.multiscale else [layer.data]
