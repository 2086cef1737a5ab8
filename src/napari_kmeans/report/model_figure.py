"""Figure of an image that a model labels, for notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..blocks.arrays import in_memory
from ..blocks.containers import open_container
from ..io.image_file import ImageFile
from ..model.fitted_model import FittedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SPATIAL = "TZYX"


def plot_model(model: FittedModel, image: Any, channel_axis: int | str | None, labels: Any) -> Figure:
    """Return the figure of an image, its clusters and their histogram; see `KMeansModel.plot`."""
    try:
        from .figure import segmentation_figure
    except ImportError:
        raise ImportError("plot needs Matplotlib: pip install 'napari-kmeans[cli]'") from None
    file = _image_file(image, channel_axis, model.channel_axis)
    found = open_container(labels).data
    shape = tuple(n for axis, n in zip(file.axes, file.data.shape, strict=True) if axis not in "CS")
    if found.dtype.kind not in "iu":
        raise TypeError(f"labels has dtype {found.dtype}; it must contain integers, as returned by `predict`")
    if tuple(found.shape) != shape:
        raise ValueError(f"labels has shape {tuple(found.shape)}, but the image has {shape}")
    counts = np.bincount(in_memory(found).ravel(), minlength=model.n_clusters + 1).astype(np.int64)
    of_labels = ImageFile(file.path, found, file.spatial_axes)
    return segmentation_figure(file, of_labels, model, counts)


def _image_file(image: Any, channel_axis: int | str | None, default: int | None) -> ImageFile:
    """Return the pixels of a user's image with a letter for each axis; the last ones are rows and columns."""
    if isinstance(image, ImageFile):
        return image
    contents = open_container(image, channel_axis, default=default)
    data, axis = contents.data, contents.channel_axis
    n_spatial = data.ndim - (axis is not None)
    if not 2 <= n_spatial <= len(_SPATIAL):
        raise ValueError(f"image must have 2 to {len(_SPATIAL)} axes besides channels, not {n_spatial}")
    letters = list(_SPATIAL[-n_spatial:])
    if axis is not None:
        axis %= data.ndim
        is_color = axis == data.ndim - 1 and data.shape[axis] in (3, 4)
        letters.insert(axis, "S" if is_color else "C")
    name = str(getattr(image, "name", None) or "image")
    sizes, unit = contents.size()
    pixel_size = dict(zip("YX", sizes[-2:], strict=False))
    return ImageFile(Path(name), data, "".join(letters), pixel_size, unit)
