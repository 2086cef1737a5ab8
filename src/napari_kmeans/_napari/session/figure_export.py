"""Figure of the displayed plane, its clusters and the histogram; drawn in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from ...blocks.arrays import in_memory
from ...blocks.containers import levels_of
from ...blocks.pixel_size import size_of_layer
from ...io.image_file import ImageFile
from ...model.model import KMeansModel
from .provenance import record_for_file
from .request import Request


@dataclass(frozen=True, eq=False)
class DisplayedPlane:
    """The displayed plane of an image at the time of the request.

    Attributes
    ----------
    request : Request
    model : KMeansModel
    image, labels : ImageFile
        The displayed plane at each of its resolutions.
    counts : (k + 1,) int64 array or None
        Number of pixels of each label.
    colors : (k, 4) array
    """

    request: Request
    model: KMeansModel
    image: ImageFile
    labels: ImageFile
    counts: NDArray[np.int64] | None
    colors: NDArray[np.float64]


def write_shown(shown: DisplayedPlane, path: Path, *, overwrite: bool = False) -> None:
    """Draw the figure.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    try:
        from ...report.figure import write_figure
    except ImportError:
        raise ImportError("a figure needs Matplotlib: pip install 'napari-kmeans[cli]'") from None
    write_figure(
        path,
        shown.image,
        shown.labels,
        shown.model,
        shown.counts,
        colors=shown.colors,
        record=record_for_file(shown.request, shown.model),
        overwrite=overwrite,
    )


def plane_in_view(layer: Image | Labels, point: Sequence[float], name: str = "") -> ImageFile:
    """Return the last two axes of a layer, at the position of the viewer along the others.

    Parameters
    ----------
    layer : Image or Labels layer
    point : sequence of float
        Position of the viewer, in world coordinates.
    name : str
        Title; by default the name of the layer.
    """
    is_color = bool(getattr(layer, "rgb", False))
    levels = levels_of(layer)
    full = levels[0].shape[: layer.ndim]
    inside = np.rint(layer.world_to_data(list(point)[-layer.ndim :])).astype(int)[:-2]
    at = [int(np.clip(i, 0, n - 1)) for i, n in zip(inside, full, strict=False)]
    planes = [
        _Plane(level, tuple(i * n // of for i, n, of in zip(at, level.shape, full, strict=False)))
        for level in levels
    ]
    sizes, unit = size_of_layer(layer)
    size = dict(zip("YX", sizes[-2:], strict=False))
    title = (name or str(layer.name)) + "".join(f", {i}" for i in at)
    axes = "YXS" if is_color else "YX"
    return ImageFile(
        Path(f"{title.replace('/', '∕')}.layer"), planes[0], axes, size, unit, coarser=planes[1:]
    )


class _Plane:
    """Part of an array, read on indexing."""

    def __init__(self, array: Any, at: tuple[int, ...]) -> None:
        self._array, self._at = array, at
        self.shape: tuple[int, ...] = tuple(array.shape[len(at) :])
        self.dtype = array.dtype

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[Any]:
        return np.asarray(in_memory(self._array[(*self._at, *index)]))
