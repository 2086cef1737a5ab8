"""Label images in files, with the names, colours and centres of their clusters."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..blocks.arrays import as_readable
from ..blocks.containers import is_data_array
from ..blocks.progress import Progress
from ..io import label_images
from ..io.image_file import ImageFile
from ..model.model import KMeansModel
from ..model.stack import KMeansStack
from .label_metadata import model_metadata


def write_labels(
    path: str | os.PathLike[str],
    labels: Any,
    image: ImageFile | None = None,
    *,
    model: KMeansModel | KMeansStack | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write a label image as OME-Zarr or TIFF.

    Parameters
    ----------
    path : str or path
        In an existing folder. ``NAME.ome.zarr``, ``NAME.tif``, or ``labels/NAME`` in an OME-Zarr image.
    labels : integer array
        NumPy, dask or zarr array, or xarray.DataArray, whose dimensions and evenly spaced coordinates provide
        axes, pixel size and position.
    image : ImageFile, optional
        The image of the labels, which provides axes, pixel size and unit. Without it the last axes are x, y,
        z and time, and the pixel size is unknown.
    model : KMeansModel or KMeansStack, optional
        The model of the labels. OME-Zarr stores colours, names, centres and sizes of its clusters.
    overwrite : bool
        Replace an existing file.
    progress : callable, optional
        Called with the completed share, 0 to 1. An exception that it raises stops the computation.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if the file exists.
    OSError
        If the labels cannot be written; no partial file remains.
    ValueError
        If the labels do not fit the image, or the format does not support them.
    """
    path, metadata = Path(path), model_metadata(model)
    data = as_readable(labels.data if is_data_array(labels) else labels)
    if data.dtype.kind not in "bui":
        raise TypeError(f"labels has dtype {data.dtype} and must be bool or integer")
    if image is None:
        axes = _axes_of(labels) if is_data_array(labels) else {}
        label_images.export(path, data, **axes, metadata=metadata, overwrite=overwrite, progress=progress)
        return
    letters = image.spatial_axes
    shape = tuple(n for axis, n in zip(image.axes, image.data.shape, strict=True) if axis in letters)
    if data.shape != shape:
        raise ValueError(f"labels has shape {data.shape}, but the image has the spatial shape {shape}")
    label_images.write_labels(path, data, image, metadata=metadata, overwrite=overwrite, progress=progress)


def _axes_of(labels: Any) -> Mapping[str, Any]:
    """Return the name, the spacing and the first coordinate of each dimension of a DataArray."""
    steps = [_spacing(labels, name) for name in labels.dims]
    return {
        "axis_labels": [str(name) for name in labels.dims],
        "scale": [abs(step) if step else 1.0 for step in steps],
        "translate": [
            float(labels[name][0]) if step and step > 0 else 0.0
            for name, step in zip(labels.dims, steps, strict=True)
        ],
        "units": [
            str(labels[name].attrs.get("units", "")) if name in labels.coords else "" for name in labels.dims
        ],
    }


def _spacing(labels: Any, name: Hashable) -> float | None:
    """Return the distance between coordinates; None without evenly spaced coordinates."""
    if name not in labels.coords:
        return None
    values = np.asarray(labels[name])
    if values.ndim != 1 or values.size < 2 or values.dtype.kind not in "iuf":
        return None
    steps = np.diff(values.astype(np.float64))
    mean = float(steps.mean())
    return mean if mean and np.allclose(steps, mean, rtol=1e-3, atol=0) else None
