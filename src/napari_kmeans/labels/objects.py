"""Objects: the connected components of clusters, numbered and measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import as_readable, in_memory, is_dask, is_masked
from ..blocks.boxes import row_boxes
from ..blocks.pixels import check_axis
from ..blocks.progress import Progress, subprogress
from ..options import is_integer
from . import _object_kernels as kernels
from .checks import check_axes, check_labels, check_spacing, check_spatial

_BLOCK = 1 << 20  # pixels measured at a time

Table = dict[str, list[Any]]
"""Columns by name, with one row per object."""


def split_into_objects(
    labels: NDArray[np.uint8],
    clusters: int | Iterable[int] | None = None,
    *,
    connectivity: int = 1,
    intensity_image: NDArray[Any] | None = None,
    channel_axis: int | None = None,
    spacing: float | Sequence[float] | None = None,
    per_axis: int | Sequence[int] | None = None,
    properties: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[NDArray[np.int32], dict[str, list[Any]]]:
    """Number the connected components of clusters and measure each of them.

    Parameters
    ----------
    labels : uint8 array
        Labels from `segment` or `clean_labels`; NumPy, with 1 to 3 spatial axes.
    clusters : int or iterable of int, optional
        Labels to split; by default all except 0. Parts of two clusters are separate objects, even if they
        touch.
    connectivity : int, default 1
        1: pixels are connected by their faces; up to the number of spatial axes: also by edges and corners.
    intensity_image : array, optional
        Image to measure, with the shape of `labels`; with `channel_axis`, each channel is measured.
    channel_axis : int, optional
        Channel axis of `intensity_image`.
    spacing : float or sequence of float, optional
        Size of a pixel along each spatial axis; areas, diameters and centroids are in these units.
    per_axis : int or sequence of int, optional
        Axes that are not spatial, such as time; each position along them has its own objects.
    properties : sequence of str, optional
        Additional properties of `skimage.measure.regionprops_table`, such as "eccentricity" or "solidity".
        They are computed object by object, which is slow for many thousands of objects.
    progress : callable, optional
        Called with the completed share, 0 to 1. An exception that it raises stops the computation.

    Returns
    -------
    objects : int32 array
        Object numbers 1 … n, cluster by cluster in C order; 0 elsewhere.
    table : dict of lists
        One row per object. All names except the first three are those of `skimage.measure.regionprops_table`.

        - ``index`` (int): number of the object.
        - ``cluster`` (int): label of the object.
        - ``position`` (int): position along `per_axis`; only with `per_axis`. With several axes ``position-0``,
          ``position-1``, … in the order of the axes.
        - ``num_pixels`` (int): number of pixels.
        - ``area`` (float): area or volume; without `spacing` the number of pixels.
        - ``equivalent_diameter_area`` (float): diameter of a circle or ball with the same area or volume.
        - ``centroid-0``, ``centroid-1``, … (float): mean coordinate along each spatial axis; the centre of the
          first pixel is 0.
        - ``bbox-0``, ``bbox-1``, … (int): first pixel along each spatial axis, then one past the last pixel
          along each axis.
        - ``intensity_mean``, ``intensity_min``, ``intensity_max`` (float): only with `intensity_image`; with
          `channel_axis` followed by -0, -1, …

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid; the message names it and suggests what to pass instead.

    Examples
    --------
    >>> import numpy as np, napari_kmeans
    >>> labels = np.array([[2, 1, 2], [2, 1, 1]], dtype=np.uint8)
    >>> objects, table = napari_kmeans.split_into_objects(labels, 2)
    >>> objects
    array([[1, 0, 2],
           [1, 0, 0]], dtype=int32)
    >>> table["num_pixels"]
    [2, 1]
    """
    if is_masked(labels):
        raise TypeError("labels is a masked array; pass labels.filled(0), since label 0 is excluded")
    labels, _ = check_labels(labels)
    if is_dask(labels):
        raise TypeError(
            "labels is a lazy array, but objects can span all of it; pass labels.compute() or "
            "numpy.asarray(labels) if it fits in memory, with 5 more bytes per pixel"
        )
    separate_axes = check_axes(per_axis, labels.ndim)
    n_spatial = check_spatial(labels, separate_axes)
    sizes = check_spacing(spacing, n_spatial)
    wanted = _check_clusters(clusters)
    if not is_integer(connectivity):
        raise TypeError(f"connectivity must be an int, not {connectivity!r}")
    if not 1 <= connectivity <= n_spatial:
        raise ValueError(f"connectivity={connectivity} must be 1 to the number of spatial axes, {n_spatial}")
    if isinstance(properties, str):
        raise TypeError(f"properties must be a list of names, such as [{properties!r}], not {properties!r}")
    channels = _channels(intensity_image, channel_axis, labels.shape)
    present = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=256)).tolist()
    chosen = [label for label in present if label and (wanted is None or label in wanted)]
    objects = np.zeros(labels.shape, dtype=np.int32)
    cluster = np.zeros(0, dtype=np.int64)
    if labels.size:
        numbering = subprogress(progress, 0, 0.5)
        cluster = _number_objects(labels, chosen, connectivity, separate_axes, objects, numbering)
    table: Table = {"index": list(range(1, cluster.size + 1)), "cluster": cluster.tolist()}
    totals = _add_up(
        objects, cluster.size, [channel for _, channel in channels], subprogress(progress, 0.5, 1)
    )
    table |= _columns(totals, [suffix for suffix, _ in channels], separate_axes, sizes)
    if properties:
        table |= _measure_with_skimage(
            objects, cluster.size, intensity_image, channel_axis, separate_axes, sizes, properties
        )
    return objects, table


def _check_clusters(clusters: Any) -> set[int] | None:
    """Return the chosen labels; None means all."""
    if clusters is None:
        return None
    given = [clusters] if isinstance(clusters, int | np.integer) else list(clusters)
    for label in given:
        if not is_integer(label):
            raise TypeError(f"clusters must be labels, not {label!r}")
        if not 1 <= label <= 255:
            raise ValueError(f"clusters={clusters!r} must be labels from 1 to 255")
    return set(map(int, given))


def _channels(image: Any, channel_axis: int | None, shape: tuple[int, ...]) -> list[tuple[str, NDArray[Any]]]:
    """Return the suffix of the column names and the pixels of each channel of an intensity image."""
    if image is None:
        return []
    image = as_readable(image)
    if is_masked(image):
        raise TypeError(
            "intensity_image is a masked array; pass its data, and set labels to 0 where it is masked"
        )
    if image.dtype.kind not in "buif":
        raise TypeError(f"intensity_image has dtype {image.dtype} and must be bool, integer or float")
    if channel_axis is None:
        channels = [("", image)]
    else:
        stack = np.moveaxis(image, check_axis("channel_axis", channel_axis, image.ndim), 0)
        channels = [(f"-{number}", channel) for number, channel in enumerate(stack)]
    for _, channel in channels:
        if channel.shape != shape:
            reason = (
                "; set channel_axis if it has channels" if channel_axis is None else " without its channels"
            )
            raise ValueError(
                f"intensity_image has shape {channel.shape} and must have that of labels, {shape}{reason}"
            )
    return channels


def _number_objects(
    labels: NDArray[np.uint8],
    clusters: Sequence[int],
    connectivity: int,
    separate_axes: Sequence[int],
    objects: NDArray[np.int32],
    progress: Progress | None,
) -> NDArray[np.int64]:
    """Write the number of each pixel's object to `objects`; return the cluster of each object."""
    from scipy import ndimage

    structure = ndimage.generate_binary_structure(labels.ndim - len(separate_axes), connectivity)
    for axis in separate_axes:  # pixels are not connected along them
        structure = np.stack([np.zeros_like(structure), structure, np.zeros_like(structure)], axis)
    parts = np.empty(labels.shape, dtype=np.int32)
    cluster: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    n_objects = 0
    for done, label in enumerate(clusters, start=1):
        member = labels == label
        n_parts = ndimage.label(member, structure, output=parts)
        np.add(parts, n_objects, out=objects, where=member)
        cluster.append(np.full(n_parts, label))
        n_objects += n_parts
        if progress is not None:
            progress(done / len(clusters))
    return np.concatenate(cluster)


@dataclass(frozen=True, eq=False)
class _Totals:
    """Sums, minima and maxima over the pixels of each object.

    Attributes
    ----------
    n_pixels : (n_objects,) int64 array
    coordinates, first, last : (ndim, n_objects) int64 arrays
        Sum, minimum and maximum of the coordinates.
    intensities, lowest, highest : (n_channels, n_objects) float64 arrays
        Sum, minimum and maximum of the intensities.
    """

    n_pixels: NDArray[np.int64]
    coordinates: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    intensities: NDArray[np.float64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]


def _add_up(
    objects: NDArray[np.int32],
    n_objects: int,
    channels: Sequence[NDArray[Any]],
    progress: Progress | None,
) -> _Totals:
    """Measure all objects at once, block by block."""
    n_pixels = np.zeros(n_objects, dtype=np.int64)
    coordinates, first, last = (np.zeros((objects.ndim, n_objects), dtype=np.int64) for _ in range(3))
    first[:] = np.iinfo(np.int64).max
    intensities, lowest = np.zeros((len(channels), n_objects)), np.full((len(channels), n_objects), np.inf)
    highest = -lowest
    boxes = row_boxes(objects.shape, _BLOCK)
    for done, box in enumerate(boxes, start=1):
        block = np.ascontiguousarray(objects[box])
        begin = np.array([side.start for side in box], dtype=np.int64)
        shape = np.array(block.shape, dtype=np.int64)
        kernels.measure_objects(block.reshape(-1), shape, begin, n_pixels, coordinates, first, last)
        for row, channel in enumerate(channels):
            values = np.ascontiguousarray(in_memory(channel[box]), dtype=np.float64)
            kernels.measure_intensities(
                block.reshape(-1), values.reshape(-1), intensities[row], lowest[row], highest[row]
            )
        if progress is not None:
            progress(done / len(boxes))
    return _Totals(n_pixels, coordinates, first, last, intensities, lowest, highest)


def _columns(
    totals: _Totals, suffixes: Sequence[str], separate_axes: Sequence[int], spacing: tuple[float, ...]
) -> Table:
    """Return the columns of the table; `suffixes` are those of the channels."""
    n_pixels, first = totals.n_pixels, totals.first
    spatial = [axis for axis in range(len(first)) if axis not in separate_axes]
    ndim = len(spatial)
    area = n_pixels * math.prod(spacing)
    columns: dict[str, NDArray[Any]] = {
        f"position-{row}" if len(separate_axes) > 1 else "position": first[axis]
        for row, axis in enumerate(separate_axes)
    }
    columns |= {
        "num_pixels": n_pixels,
        "area": area,
        "equivalent_diameter_area": (2 * ndim * area / math.pi) ** (1 / ndim) if ndim > 1 else area,
    }
    columns |= {
        f"centroid-{row}": totals.coordinates[axis] / n_pixels * spacing[row]
        for row, axis in enumerate(spatial)
    }
    columns |= {f"bbox-{row}": first[axis] for row, axis in enumerate(spatial)}
    columns |= {f"bbox-{ndim + row}": totals.last[axis] + 1 for row, axis in enumerate(spatial)}
    for row, suffix in enumerate(suffixes):
        columns[f"intensity_mean{suffix}"] = totals.intensities[row] / n_pixels
        columns[f"intensity_min{suffix}"] = totals.lowest[row]
        columns[f"intensity_max{suffix}"] = totals.highest[row]
    return {name: column.tolist() for name, column in columns.items()}


def _measure_with_skimage(
    objects: NDArray[np.int32],
    n_objects: int,
    intensity_image: Any,
    channel_axis: int | None,
    separate_axes: Sequence[int],
    spacing: tuple[float, ...],
    properties: Sequence[str],
) -> Table:
    """Measure properties that scikit-image computes object by object."""
    from skimage.measure import regionprops_table

    intensity = None if intensity_image is None else in_memory(as_readable(intensity_image))
    if intensity is not None and channel_axis is not None:
        intensity = np.moveaxis(intensity, channel_axis, -1)
    table: dict[str, NDArray[Any]] = {}
    for position in product(
        *(range(n) if axis in separate_axes else [slice(None)] for axis, n in enumerate(objects.shape))
    ):
        index: Any = position
        try:
            columns = regionprops_table(
                objects[index],
                None if intensity is None else intensity[index],
                properties=("label", *properties),
                spacing=spacing,
            )
        except (AttributeError, NotImplementedError) as error:
            raise ValueError(
                f"properties={properties!r} cannot all be computed ({error}); see "
                "skimage.measure.regionprops for the available ones"
            ) from None
        rows = columns.pop("label") - 1
        for name, values in columns.items():
            table.setdefault(name, np.full(n_objects, np.nan, dtype=np.result_type(values, np.float64)))
            table[name][rows] = values
    return {name: column.tolist() for name, column in table.items()}
