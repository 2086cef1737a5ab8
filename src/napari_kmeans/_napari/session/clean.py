"""Labels as a person wants them cleaned, and the objects in them; a worker runs it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from ...blocks.arrays import is_dask
from ...blocks.loop import Progress
from ...blocks.pixels import Pixels
from ...labels.clean_up import CleanUp, clean_labels
from ...labels.objects import split_into_objects
from ...model.model import KMeansModel
from ..layers.image_layer import spacing_of, time_axes


def cleaned(
    labels: Any,
    clean_up: CleanUp,
    model: KMeansModel,
    image: Image,
    per_axis: int | None,
    progress: Progress | None = None,
) -> Any:
    """Clean labels in which no cluster is background yet, and take the background out of them.

    Background takes part as any cluster does: a speck in it becomes background.

    Parameters
    ----------
    labels : uint8 array, NumPy or dask
        Of `model` without its background.
    clean_up : CleanUp
        In the layer's units.
    model : KMeansModel
    image : Image layer
    per_axis : int or None
        Axis whose positions have clusters of their own.
    progress : callable, optional
    """
    axes = apart(image, per_axis)
    labels = clean_labels(
        labels, **asdict(clean_up), spacing=spacing(image, axes), per_axis=axes or None, progress=progress
    )
    if model.background:
        shown = np.arange(256, dtype=np.uint8)
        shown[list(model.background)] = 0
        labels = labels.map_blocks(shown.__getitem__, dtype=np.uint8) if is_dask(labels) else shown[labels]
    return labels


def objects_of(
    labels: NDArray[np.uint8],
    clusters: list[int],
    pixels: Pixels,
    image: Image,
    per_axis: int | None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.int32], dict[str, list[Any]]]:
    """Number the connected parts of clusters, and measure them in the layer's units.

    Returns
    -------
    objects : int32 array
    table : dict of lists
        With an `index` column, as napari's feature tables have.
    """
    axes = apart(image, per_axis)
    return split_into_objects(
        labels,
        clusters or None,
        intensity_image=pixels.image,
        channel_axis=None if pixels.n_channels is None else -1,
        spacing=spacing(image, axes),
        per_axis=axes or None,
        progress=progress,
    )


def apart(image: Image, per_axis: int | None) -> list[int]:
    """Axes whose positions have nothing to do with each other."""
    return sorted({*time_axes(image), *(() if per_axis is None else (per_axis,))})


def spacing(image: Image, axes: list[int]) -> list[float]:
    """Distance of pixels in the layer's units, along all axes but these."""
    return [step for axis, step in enumerate(spacing_of(image)) if axis not in axes]
