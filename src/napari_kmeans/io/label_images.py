"""Label images in files: OME-Zarr, TIFF, and the formats of medical images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.progress import Progress
from . import medical, ome_zarr, ome_zarr_labels, tiff_labels
from .image_file import ImageFile, Location, Store
from .ome_zarr_labels import LabelMetadata
from .record import one_line

_ORDER = "TCZYX"
_LETTERS = {letter.lower(): letter for letter in _ORDER} | {"time": "T", "channel": "C"}

Metadata = Callable[[NDArray[np.int64] | None], LabelMetadata]
"""Returns the metadata of labels from the counts of labels 1 to 255, or from None if there may be more."""


def is_ome_zarr_path(path: Path) -> bool:
    """Return whether the extension or the folder of a path means that labels are written as OME-Zarr."""
    if path.suffix.lower() in tiff_labels.SUFFIXES or medical.label_suffix(path):
        return False
    return path.suffix.lower() == ".zarr" or ome_zarr_labels.host_of(path) is not None


def is_label_file(path: Path) -> bool:
    """Return whether labels can be written to a file with this extension."""
    return path.suffix.lower() in tiff_labels.SUFFIXES or bool(medical.label_suffix(path))


def write_labels(
    path: Path,
    labels: Any,
    image: ImageFile,
    *,
    metadata: Metadata | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write the labels of an image as OME-Zarr, TIFF, NRRD, MetaImage or NIfTI.

    See `ome_zarr_labels.write`, `tiff_labels.write` and `medical.write`.

    Parameters
    ----------
    path : Path
        In an existing folder. OME-Zarr for ``….zarr`` and for ``labels/NAME`` in an OME-Zarr image;
        otherwise the extension decides, and TIFF is the default.
    labels : integer array
        NumPy or dask; its axes are the image's `spatial_axes`.
    image : ImageFile
        Provides axes, pixel size and unit.
    metadata : callable, optional
        Returns colours, properties and the model of the labels, which OME-Zarr stores.
    overwrite : bool
        Replace existing labels.
    progress : callable, optional
        Called with the completed share, 0 to 1. An exception that it raises stops the computation.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if `path` exists.
    OSError
        If the labels cannot be written; no partial file remains.
    ValueError
        If the format does not support the type or the number of the labels.
    """
    if is_ome_zarr_path(path):
        ome_zarr_labels.write(path, labels, image, metadata=metadata, overwrite=overwrite, progress=progress)
    elif medical.label_suffix(path):
        medical.write(path, labels, image, overwrite=overwrite)
    else:
        record = one_line(metadata(None).model) if metadata else ""
        tiff_labels.write(path, labels, image, record=record, overwrite=overwrite, progress=progress)


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
    """Write labels that do not come from an image file, such as those of a napari layer.

    Parameters
    ----------
    path : Path
        ``….ome.zarr``, ``….tif``, or ``labels/NAME`` in the OME-Zarr image of the labels.
    labels : integer array
        NumPy, dask or a similar array that can be sliced.
    axis_labels : sequence of str, optional
        Names of the axes. Unless all are among t, c, z, y and x, the last of these letters are assumed.
    scale, translate : sequences of float, optional
        Distance between pixels along each axis, and position of the first pixel.
    units : sequence, optional
        Units of both for each axis, by name or as in napari, such as "micrometer"; "pixel" or "" if unknown.
    source : Path or Url, optional
        OME-Zarr image of the labels. They get the same resolution levels, unless the layer has been scaled or
        moved.
    metadata, overwrite, progress
        As for `write_labels`.

    Raises
    ------
    FileExistsError, OSError
        As for `write_labels`.
    ValueError
        If the format does not support such labels.
    """
    if labels.ndim > len(_ORDER):
        raise ValueError(
            f"labels have {labels.ndim} dimensions; only time, channel, z, y and x can be written"
        )
    letters = _letters(axis_labels, labels.ndim)
    size = dict(zip(letters, map(float, scale if len(scale) else [1.0] * labels.ndim), strict=True))
    origin = dict(zip(letters, map(float, translate if len(translate) else [0.0] * labels.ndim), strict=True))
    unit_along = {
        letter: ome_zarr.UNITS.get(str(unit), str(unit)) for letter, unit in zip(letters, units, strict=False)
    }
    order = sorted(range(labels.ndim), key=lambda axis: _ORDER.index(letters[axis]))
    if order != list(range(labels.ndim)):
        labels = np.transpose(labels, order)
        letters = "".join(letters[axis] for axis in order)
    spatial = {unit_along.get(letter, "pixel") for letter in letters if letter in "ZYX"} - {"pixel", ""}
    store = _matching_store(
        path,
        source,
        labels.shape,
        [size[letter] for letter in letters],
        [origin[letter] for letter in letters],
    )
    image = ImageFile(
        path,
        labels,
        letters,
        pixel_size=size if units or any(length != 1 for length in size.values()) else {},
        unit=spatial.pop() if len(spatial) == 1 else "",
        time_unit=unit_along.get("T", "").replace("pixel", ""),
        origin=origin,
        store=store,
    )
    write_labels(path, labels, image, metadata=metadata, overwrite=overwrite, progress=progress)


def _letters(names: Sequence[str], ndim: int) -> str:
    """Return one letter per axis: from the names if all are known, otherwise from the number of axes."""
    letters = "".join(_LETTERS.get(str(name).lower(), "?") for name in names)
    if len(letters) == ndim == len(set(letters) - {"?"}) and {"Y", "X"} <= set(letters):
        return letters
    return {1: "X", 2: "YX", 3: "ZYX", 4: "TZYX"}.get(ndim, _ORDER[-ndim:])


def _matching_store(
    path: Path,
    source: Location | None,
    shape: tuple[int, ...],
    scale: Sequence[float],
    translation: Sequence[float],
) -> Store | None:
    """Return the metadata of the OME-Zarr image of the labels, if their pixels are at the same positions."""
    host = ome_zarr_labels.host_of(path)
    image_path = host or source
    try:
        image = None if image_path is None else ome_zarr.read(image_path)
    except (OSError, ValueError):
        return None
    if image is None:
        return None
    store = image.store
    assert store is not None
    if "C" in image.axes:
        store = store.without(image.axes.index("C"))
    full = store.levels[0]
    # If the user has moved or scaled the layer, the labels keep that position.
    is_in_place = np.allclose(full.scale, scale) and np.allclose(full.translation, translation)
    return store if full.shape == shape and (is_in_place or host is not None) else None
