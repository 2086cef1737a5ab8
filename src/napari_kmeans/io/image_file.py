"""An image that lies in a file or a store: its pixels, and what is known of its axes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

MICROMETERS = {"m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "nm": 1e-3, "pm": 1e-6, "inch": 25_400.0}
"""Lengths in the spelling of this package, in µm."""

TIMES = ("s", "ms", "us", "ns", "min", "h", "day")
"""Times in the spelling of this package."""


class Unsupported(ValueError):
    """What is wrong with a file, to be read after its name."""


class Url(str):
    """Where an image lies that is in no folder, such as ``s3://bucket/cells.ome.zarr``."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Last part of its path."""
        return urlsplit(self).path.rstrip("/").rpartition("/")[2] or str(self)


Location = Path | Url


def location(text: str) -> Location:
    """Return a path, or a URL for what has a scheme; a drive letter is none."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) or ("://" not in text and "::" not in text):
        return Path(text)
    return Path(text.removeprefix("file://")) if text.startswith("file:///") else Url(text)


def stem(of: Location) -> str:
    """Name without folder and extension: "cells" of cells.tif, cells.ome.tif and cells.ome.zarr."""
    return re.sub(r"(?<=.)\.ome$", "", Path(of.name).stem, flags=re.IGNORECASE)


@dataclass(frozen=True)
class Level:
    """One resolution of a stored pyramid, along each axis of `Store.axes`."""

    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True)
class Store:
    """How an OME-Zarr image describes itself.

    Attributes
    ----------
    path : Path or Url
        Of the group that describes itself so; where there are several images in one store, inside of it.
    version : str
        Of the format: "0.4" for zarr of version 2, "0.5" for version 3.
    axes : tuple of mappings
        As they stand in the store, with name, type and unit.
    levels : tuple of Level
        From the full resolution down.
    """

    path: Location
    version: str
    axes: tuple[Mapping[str, str], ...]
    levels: tuple[Level, ...]

    def without(self, axis: int) -> Store:
        """Leave out an axis."""

        def rest(of: Sequence[Any]) -> tuple[Any, ...]:
            return (*of[:axis], *of[axis + 1 :])

        levels = (Level(*map(rest, (at.shape, at.scale, at.translation))) for at in self.levels)
        return replace(self, axes=rest(self.axes), levels=tuple(levels))


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image that was read from a file, or from a store of many.

    Attributes
    ----------
    path : Path or Url
    data : NumPy or dask array
        Its axes are in the order of `axes`; a dask array reads its blocks when they are asked for.
    axes : str
        One letter an axis: T time, Z depth, C channel, Y row, X column, S sample of a colour (RGB, RGBA).
    pixel_size : mapping of str to float
        Along T, Z, Y and X, as far as the file tells.
    unit : str
        Of `pixel_size` along Z, Y and X, such as "um"; empty if not known.
    time_unit : str
        Of `pixel_size` along T, such as "s".
    origin : mapping of str to float
        Where the first pixel lies, in the same units; 0 where nothing is said.
    coarser : sequence of dask arrays
        The same image at lower resolutions.
    channel_names : tuple of str
        As far as there are any.
    store : Store or None
        Of an OME-Zarr image: what labels of it need to lie on it level by level.
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

    @property
    def stem(self) -> str:
        """Name without folder and extension; see `stem`."""
        return stem(self.path)

    @property
    def is_lazy(self) -> bool:
        """Whether pixels are read when they are asked for."""
        return not isinstance(self.data, np.ndarray)

    @property
    def is_color(self) -> bool:
        """Whether the last axis holds red, green, blue and perhaps alpha."""
        return self.axes.endswith("S")

    @property
    def channel_axis(self) -> int | None:
        """The axis of colours or else of channels, as `fit` takes it."""
        axis = max(self.axes.find("S"), self.axes.find("C"))
        return None if axis < 0 else axis

    @property
    def spatial_axes(self) -> str:
        """Axes that a label image has."""
        return self.axes.replace("S", "").replace("C", "")

    def channel(self, chosen: str) -> ImageFile:
        """Return one channel by itself.

        Parameters
        ----------
        chosen : str
            Its name, or its index from 0.

        Raises
        ------
        ValueError
            If there is none of that name or index, or more than one of that name.
        """
        axis = self.channel_axis
        if axis is None:
            raise ValueError(f"it has no channels, so there is no channel {chosen!r}")
        n_channels = self.data.shape[axis]
        indices = [i for i, name in enumerate(self.channel_names) if name == chosen]
        if not indices and chosen.isdecimal() and int(chosen) < n_channels:
            indices = [int(chosen)]
        if len(indices) != 1:
            known = ", ".join(self.channel_names) or "they have no names"
            number = "several channels" if indices else "no channel"
            raise ValueError(f"it has {number} {chosen!r}: choose 0 to {n_channels - 1} ({known})")
        return self.at_channel(indices[0])

    def at_channel(self, index: int) -> ImageFile:
        """Return the channel of an index by itself."""
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

    def layer_keywords(self) -> dict[str, Any]:
        """Keywords of the napari image layer that shows `data`, or all levels."""
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
            keywords["units"] = tuple(self._unit(axis) or "pixel" for axis in axes)
        if self.coarser:
            keywords["multiscale"] = True
        return keywords

    def _unit(self, axis: str) -> str:
        if axis not in self.pixel_size:
            return ""
        if axis == "T":
            return self.time_unit if self.time_unit in TIMES else ""
        return self.unit if self.unit in MICROMETERS else ""
