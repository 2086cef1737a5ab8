"""An image in a file or a store: its pixels, its axes and their metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

MICROMETERS = {"m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "nm": 1e-3, "pm": 1e-6, "inch": 25_400.0}
"""Units of length as spelled in this package, in µm."""

TIMES = ("s", "ms", "us", "ns", "min", "h", "day")
"""Units of time as spelled in this package."""


AXES = "TZCYXS"
"""Letters of axes, in the order of an `ImageFile`: time, depth, channel, row, column, colour sample."""


class Unsupported(ValueError):
    """A file cannot be used; the message continues a sentence that begins with the name of the file."""


def check_axes(axes: str, shape: Sequence[int], stated: str) -> str:
    """Return the axes that the user gave for a file, in capital letters.

    Parameters
    ----------
    axes : str
        A letter of `AXES` for each axis.
    shape : sequence of int
    stated : str
        Axes in the metadata of the file.

    Raises
    ------
    Unsupported
        If they do not fit the pixels.
    """
    letters = axes.upper()
    if len(letters) != len(shape):
        sizes = " × ".join(map(str, shape))
        raise Unsupported(f"has {len(shape)} axes ({stated}, {sizes}), but {axes!r} names {len(letters)}")
    if not set("YX") <= set(letters) <= set(AXES) or len(set(letters)) < len(letters):
        raise Unsupported(
            f"cannot have axes {axes!r}: Y and X are required, and T, Z, C and S are allowed once each"
        )
    if "S" in letters and (shape[letters.index("S")] not in (3, 4) or "C" in letters):
        raise Unsupported(f"cannot have axes {axes!r}: S is for the 3 or 4 values of a colour")
    return letters


class Url(str):
    """Location of an image that is not in a folder, such as ``s3://bucket/cells.ome.zarr``."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Last part of the path."""
        return urlsplit(self).path.rstrip("/").rpartition("/")[2] or str(self)


Location = Path | Url


def location(text: str) -> Location:
    """Return a URL if the text has a scheme, otherwise a path; a Windows drive letter is not a scheme."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) or ("://" not in text and "::" not in text):
        return Path(text)
    return Path(text.removeprefix("file://")) if text.startswith("file:///") else Url(text)


def stem(of: Location) -> str:
    """Return the name without folder and extension, such as "cells" for cells.tif and cells.ome.zarr."""
    name = re.sub(r"(?<=.)\.gz$", "", of.name, flags=re.IGNORECASE) if is_nifti(of) else of.name
    return re.sub(r"(?<=.)\.ome$", "", Path(name).stem, flags=re.IGNORECASE)


def is_nifti(at: Location) -> bool:
    """Return whether a location has the double extension of a compressed NIfTI file."""
    return at.name.lower().endswith(".nii.gz")


@dataclass(frozen=True)
class MedicalGrid:
    """Position of the pixels of a medical image in space; each value begins with the X axis.

    Attributes
    ----------
    spacing, origin : tuple of float
        In mm.
    direction : tuple of float
        Direction cosines of the axes, row by row.
    """

    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]


@dataclass(frozen=True)
class GeoTag:
    """A tag of a GeoTIFF, as stored.

    Attributes
    ----------
    code, dtype, count : int
    value : number, str or tuple
    """

    code: int
    dtype: int
    count: int
    value: Any


@dataclass(frozen=True)
class Level:
    """One resolution level of a stored pyramid, with a value for each axis of `Store.axes`."""

    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True)
class Store:
    """Metadata of an OME-Zarr image.

    Attributes
    ----------
    path : Path or Url
        The group with the metadata, which is inside the store if that contains several images.
    version : str
        Version of OME-Zarr to write for this image: "0.4" for zarr version 2, "0.5" for version 3.
    axes : tuple of mappings
        Axes as described in the store, with name, type and unit.
    levels : tuple of Level
        Resolution levels, beginning with the full resolution.
    """

    path: Location
    version: str
    axes: tuple[Mapping[str, str], ...]
    levels: tuple[Level, ...]

    def without(self, axis: int) -> Store:
        """Return the metadata without one axis."""

        def rest(values: Sequence[Any]) -> tuple[Any, ...]:
            return (*values[:axis], *values[axis + 1 :])

        levels = (Level(*map(rest, (level.shape, level.scale, level.translation))) for level in self.levels)
        return replace(self, axes=rest(self.axes), levels=tuple(levels))


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image that was read from a file or a store, as `napari_kmeans.read_image` returns it.

    `napari_kmeans.fit`, `segment` and `KMeansModel.predict` accept it like an array.

    Attributes
    ----------
    path : Path or Url
    data : NumPy or dask array
        Its axes are in the order of `axes`; a dask array reads its blocks on demand.
    axes : str
        One letter per axis: T time, Z depth, C channel, Y row, X column, S colour sample (RGB, RGBA).
    pixel_size : mapping of str to float
        Along T, Z, Y and X, if the file contains it.
    unit : str
        Unit of `pixel_size` along Z, Y and X, such as "um"; empty if unknown.
    time_unit : str
        Unit of `pixel_size` along T, such as "s".
    origin : mapping of str to float
        Position of the first pixel, in the same units; 0 if the file does not contain it.
    coarser : sequence of dask arrays
        Further resolution levels of the image.
    channel_names : tuple of str
        Empty if the channels have no names.
    store : Store or None
        Metadata of an OME-Zarr image, from which its labels get the same resolution levels.
    nodata : float or None
        Value of missing pixels, from the metadata of a GeoTIFF.
    time_names : tuple of str
        Names of the time steps; empty if they have none.
    geo_tags : tuple of GeoTag
        Transform and coordinate reference system of a GeoTIFF, which are copied to its labels.
    grid : MedicalGrid or None
        Position and direction of a NRRD, MetaImage, NIfTI or DICOM image, which are copied to its labels.
    """

    path: Location
    data: Any
    axes: str
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    time_unit: str = ""
    origin: Mapping[str, float] = field(default_factory=dict)
    coarser: Sequence[Any] = ()
    channel_names: tuple[str, ...] = ()
    store: Store | None = None
    nodata: float | None = None
    time_names: tuple[str, ...] = ()
    geo_tags: tuple[GeoTag, ...] = ()
    grid: MedicalGrid | None = None

    def __repr__(self) -> str:
        """Return a one-line description of the image."""
        shape = " × ".join(map(str, self.data.shape))
        parts = [str(self.path), self.axes, f"{shape} {self.data.dtype}"]
        sizes = [f"{self.pixel_size[axis]:.4g}" for axis in self.spatial_axes if axis in self.pixel_size]
        if sizes:
            parts.append(f"{' × '.join(sizes)} {self.unit}".rstrip())
        return f"ImageFile({', '.join(parts)}{', read on demand' * self.is_lazy})"

    @property
    def stem(self) -> str:
        """Name without folder and extension; see `stem`."""
        return stem(self.path)

    @property
    def is_lazy(self) -> bool:
        """Whether pixels are read on demand."""
        return not isinstance(self.data, np.ndarray)

    @property
    def is_color(self) -> bool:
        """Whether the last axis contains red, green, blue and possibly alpha."""
        return self.axes.endswith("S")

    @property
    def channel_axis(self) -> int | None:
        """Axis of the colour samples or of the channels, for the `channel_axis` of `fit`."""
        axis = max(self.axes.find("S"), self.axes.find("C"))
        return None if axis < 0 else axis

    @property
    def spatial_axes(self) -> str:
        """Axes of the labels of this image."""
        return self.axes.replace("S", "").replace("C", "")

    def channel(self, chosen: str) -> ImageFile:
        """Return one channel.

        Parameters
        ----------
        chosen : str
            Its name, or its index from 0.

        Returns
        -------
        ImageFile
            Without the channel axis.

        Raises
        ------
        ValueError
            If there is not exactly one channel with that name or index.
        """
        axis = self.channel_axis
        if axis is None:
            raise ValueError(f"it has no channels, so channel {chosen!r} cannot be chosen")
        n_channels = self.data.shape[axis]
        indices = [i for i, name in enumerate(self.channel_names) if name == chosen]
        if not indices and chosen.isdecimal() and int(chosen) < n_channels:
            indices = [int(chosen)]
        if len(indices) != 1:
            names = ", ".join(self.channel_names) or "the channels have no names"
            number = "several channels" if indices else "no channel"
            raise ValueError(f"it has {number} {chosen!r}: choose 0 to {n_channels - 1} ({names})")
        return self.at_channel(indices[0])

    def at_channel(self, index: int) -> ImageFile:
        """Return the channel with this index.

        Parameters
        ----------
        index : int
            From 0.

        Returns
        -------
        ImageFile
            Without the channel axis.
        """
        axis = self.channel_axis
        assert axis is not None
        at = (slice(None),) * axis + (index,)
        return replace(
            self,
            data=self.data[at],
            axes=self.axes[:axis] + self.axes[axis + 1 :],
            coarser=[level[at] for level in self.coarser],
            channel_names=(),
            store=None if self.store is None else self.store.without(axis),
        )

    def with_axes(self, axes: str) -> ImageFile:
        """Return the same pixels with other axes, for files with wrong axes in their metadata.

        Parameters
        ----------
        axes : str
            A letter for each axis of `data`, which is transposed to the order of `AXES` if needed.

        Returns
        -------
        ImageFile

        Raises
        ------
        Unsupported
            If the axes do not fit, or the image is OME-Zarr, which names its axes itself.
        """
        if self.store is not None:
            raise Unsupported("is OME-Zarr, whose metadata already name its axes; omit the axes")
        letters = check_axes(axes, self.data.shape, self.axes)
        order = sorted(range(len(letters)), key=lambda i: AXES.index(letters[i]))
        found = "".join(letters[i] for i in order)
        kept = {axis: size for axis, size in self.pixel_size.items() if axis in found}
        names = self.channel_names
        n_channels = self.data.shape[letters.index("C")] if "C" in letters else 0
        return replace(
            self,
            data=self.data.transpose(order),
            axes=found,
            pixel_size=kept,
            coarser=[level.transpose(order) for level in self.coarser],
            channel_names=names if len(names) == n_channels else (),
        )

    def layer_keywords(self) -> dict[str, Any]:
        """Return the keywords of a napari image layer that shows `data` or all resolution levels."""
        axes = self.axes.removesuffix("S")
        keywords: dict[str, Any] = {
            "name": self.stem,
            "rgb": self.is_color,
            "scale": tuple(self.pixel_size.get(axis, 1.0) for axis in axes),
            "axis_labels": tuple(axes.lower()),
        }
        if any(self.origin.values()):
            keywords["translate"] = tuple(self.origin.get(axis, 0.0) for axis in axes)
        if self.unit in MICROMETERS or self.time_unit in TIMES:
            keywords["units"] = tuple(self._unit_along(axis) or "pixel" for axis in axes)
        if self.coarser:
            keywords["multiscale"] = True
        return keywords

    def _unit_along(self, axis: str) -> str:
        """Return the unit of an axis, or an empty string if it has none."""
        if axis not in self.pixel_size:
            return ""
        if axis == "T":
            return self.time_unit if self.time_unit in TIMES else ""
        return self.unit if self.unit in MICROMETERS else ""
