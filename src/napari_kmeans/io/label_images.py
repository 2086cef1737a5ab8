"""Label images of any kind: OME-Zarr and TIFF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.progress import Progress
from . import ome_zarr, ome_zarr_labels, tiff
from .image_file import ImageFile, Location, Store
from .ome_zarr_labels import LabelMetadata

_ORDER = "TCZYX"
_LETTERS = {letter.lower(): letter for letter in _ORDER} | {"time": "T", "channel": "C"}

Metadata = Callable[[NDArray[np.int64] | None], LabelMetadata]
"""Takes the pixels of labels 1 to 255, or None if there may be more labels, and returns their metadata."""


def is_ome_zarr_path(path: Path) -> bool:
    """Whether labels of this path are OME-Zarr: by its extension, or because it lies in an image."""
    if path.suffix.lower() in tiff.SUFFIXES:
        return False
    return path.suffix.lower() == ".zarr" or ome_zarr_labels.host_of(path) is not None


def write_labels(
    path: Path,
    labels: Any,
    image: ImageFile,
    *,
    metadata: Metadata | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write the labels of an image, as OME-Zarr or as TIFF; see `ome_zarr_labels.write` and `tiff.write`.

    Parameters
    ----------
    path : Path
        In a folder that exists. OME-Zarr for ``….zarr`` and for ``labels/NAME`` in an OME-Zarr image.
    labels : integer array
        NumPy or dask; its axes are the image's `spatial_axes`.
    image : ImageFile
        Where axes, pixel size and unit are taken from.
    metadata : callable, optional
        Returns colours, properties and the model of the labels, which OME-Zarr stores.
    overwrite : bool
        Replace what is there.
    progress : callable, optional
        Called with the share done, 0 to 1; what it raises ends the work.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if there is a file already.
    OSError
        If it cannot be written; nothing is left then.
    ValueError
        If the format cannot hold such labels, or so many.
    """
    if not is_ome_zarr_path(path):
        tiff.write(path, labels, image, overwrite=overwrite, progress=progress)
        return

    ome_zarr_labels.write(path, labels, image, metadata=metadata, overwrite=overwrite, progress=progress)


def export(
    path: Path,
    labels: Any,
    *,
    axis_labels: Sequence[str] = (),
    scale: Sequence[float] = (),
    translate: Sequence[float] = (),
    units: Sequence[Any] = (),
    source: Location | None = None,
    metadata: Metadata | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write labels that are in no file yet, such as those of a napari layer.

    Parameters
    ----------
    path : Path
        ``….ome.zarr``, ``….tif``, or ``labels/NAME`` in the OME-Zarr image that the labels belong to.
    labels : integer array
        NumPy, dask, or what can be cut like them.
    axis_labels : sequence of str, optional
        Names of axes; t, z, y and x are known, otherwise they are taken to be the last of these.
    scale, translate : sequences of float, optional
        Distance of pixels along each axis, and where the first lies.
    units : sequence, optional
        Of both, by name or as napari has them, such as "micrometer"; "pixel" and "" if not known.
    source : Path or Url, optional
        Of the image, if it lies in an OME-Zarr: its labels get the same levels, unless they have been scaled
        or moved since.
    metadata, overwrite, progress
        As for `write_labels`.

    Raises
    ------
    FileExistsError, OSError
        As for `write_labels`.
    ValueError
        If the format cannot hold such labels.
    """
    if labels.ndim > len(_ORDER):
        raise ValueError(
            f"labels have {labels.ndim} dimensions; at most time, channel, z, y and x can be written"
        )
    letters = _letters(axis_labels, labels.ndim)
    size = dict(zip(letters, map(float, scale if len(scale) else [1.0] * labels.ndim), strict=True))
    origin = dict(zip(letters, map(float, translate if len(translate) else [0.0] * labels.ndim), strict=True))
    named = {
        letter: ome_zarr.UNITS.get(str(unit), str(unit)) for letter, unit in zip(letters, units, strict=False)
    }
    order = sorted(range(labels.ndim), key=lambda axis: _ORDER.index(letters[axis]))
    if order != list(range(labels.ndim)):
        labels = np.transpose(labels, order)
        letters = "".join(letters[axis] for axis in order)
    spatial = {named.get(letter, "pixel") for letter in letters if letter in "ZYX"} - {"pixel", ""}
    image = ImageFile(
        path,
        labels,
        letters,
        pixel_size=size if units or any(length != 1 for length in size.values()) else {},
        unit=spatial.pop() if len(spatial) == 1 else "",
        time_unit=named.get("T", "").replace("pixel", ""),
        origin=origin,
        store=_store(
            path, source, labels.shape, *([along[letter] for letter in letters] for along in (size, origin))
        ),
    )
    write_labels(
        path,
        labels,
        image,
        metadata=metadata,
        overwrite=overwrite,
        progress=progress,
    )


def _letters(names: Sequence[str], ndim: int) -> str:
    """One letter an axis, by its name if all have one that is known."""
    letters = "".join(_LETTERS.get(str(name).lower(), "?") for name in names)
    if len(letters) == ndim == len(set(letters) - {"?"}) and {"Y", "X"} <= set(letters):
        return letters
    return {1: "X", 2: "YX", 3: "ZYX", 4: "TZYX"}.get(ndim, _ORDER[-ndim:])


def _store(
    path: Path,
    source: Location | None,
    shape: tuple[int, ...],
    scale: Sequence[float],
    translation: Sequence[float],
) -> Store | None:
    """How the image describes itself that labels belong to, if it lies in an OME-Zarr, and as they do."""
    host = ome_zarr_labels.host_of(path)
    place = host or source
    try:
        image = None if place is None else ome_zarr.read(place)
    except (OSError, ValueError):
        return None
    if image is None:
        return None
    store = image.store
    assert store is not None
    if "C" in image.axes:
        store = store.without(image.axes.index("C"))
    full = store.levels[0]
    # Whoever has moved or scaled the layer meant it.
    as_there = np.allclose(full.scale, scale) and np.allclose(full.translation, translation)
    return store if full.shape == shape and (as_there or host is not None) else None
