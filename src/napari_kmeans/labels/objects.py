"""Objects: the connected parts of clusters, numbered and measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import as_readable, in_memory, is_dask
from ..blocks.boxes import row_boxes
from ..blocks.pixels import check_axis
from ..blocks.progress import Progress, subprogress
from .clean_up import check_axes, check_labels, check_spacing, check_spatial

_BLOCK = 1 << 20  # pixels measured at a time

Table = dict[str, list[Any]]


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
    """Number the connected parts of clusters, and measure each.

    Parameters
    ----------
    labels : uint8 array
        As `segment` and `clean_labels` make it; NumPy, with 1 to 3 spatial axes.
    clusters : int or iterable of int, optional
        Labels whose parts are wanted; all but 0 if not given. Parts of two clusters are two objects, even if
        they touch.
    connectivity : int, default 1
        1: pixels are connected by their faces, … up to the number of spatial axes: by their corners, too.
    intensity_image : array, optional
        Of the shape of `labels`, to be measured; with `channel_axis` each channel.
    channel_axis : int, optional
        Channel axis of `intensity_image`.
    spacing : float or sequence of float, optional
        Size of a pixel along each spatial axis: areas, diameters and centroids are in its units.
    per_axis : int or sequence of int, optional
        Axes that are not spatial, such as time: objects end at each position along them.
    properties : sequence of str, optional
        Further ones of `skimage.measure.regionprops_table`, such as "eccentricity" or "solidity". They are
        computed one object after the other, which takes long for many thousands.
    progress : callable, optional
        Called with the share done, 0 to 1; what it raises ends the work.

    Returns
    -------
    objects : int32 array
        1 … n, cluster by cluster in C order; 0 elsewhere.
    table : dict of lists
        One row an object. The names but for the first three are those of `skimage.measure.regionprops_table`.

        index : int
            Number of the object.
        cluster : int
            Its label.
        position : int
            Along `per_axis`; only with it. Along several axes position-0, position-1, … in the axes' order.
        num_pixels : int
        area : float
            Area or volume; without `spacing` the number of pixels.
        equivalent_diameter_area : float
            Of the circle or ball of the same area or volume.
        centroid-0, centroid-1, … : float
            One a spatial axis, from the centre of the first pixel on.
        bbox-0, bbox-1, … : int
            First pixel along each spatial axis, and then that after the last along each.
        intensity_mean, intensity_min, intensity_max : float
            Only with `intensity_image`; with `channel_axis` followed by -0, -1, …

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was given and what would do.

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
    labels, _ = check_labels(labels, None)
    if is_dask(labels):
        raise TypeError(
            "labels is a lazy array, and an object may extend over all of it; labels.compute() or "
            "numpy.asarray(labels) makes a NumPy array if it fits in memory, with 5 bytes a pixel more"
        )
    apart = check_axes(per_axis, labels.ndim)
    n_spatial = check_spatial(labels, apart)
    sizes = check_spacing(spacing, n_spatial)
    wanted = _check_clusters(clusters)
    if isinstance(connectivity, bool) or not isinstance(connectivity, int | np.integer):
        raise TypeError(f"connectivity must be an int, not {connectivity!r}")
    if not 1 <= connectivity <= n_spatial:
        raise ValueError(f"connectivity={connectivity} must be 1 to the number of spatial axes, {n_spatial}")
    channels = _channels(intensity_image, channel_axis, labels.shape)
    present = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=256))
    found = [label for label in present.tolist() if label and (wanted is None or label in wanted)]
    objects = np.zeros(labels.shape, dtype=np.int32)
    if labels.size:
        steps = 2 * len(found) or 1
        cluster = _number(labels, found, connectivity, apart, objects, progress, steps)
    else:
        cluster = np.zeros(0, dtype=np.int64)
    table: Table = {"index": list(range(1, cluster.size + 1)), "cluster": cluster.tolist()}
    rest = subprogress(progress, 0.5, 1)
    table |= _measured(objects, cluster.size, channels, apart, sizes, rest)
    if properties:
        table |= _further(objects, cluster.size, intensity_image, channel_axis, apart, sizes, properties)
    return objects, table


def _check_clusters(clusters: Any) -> set[int] | None:
    if clusters is None:
        return None
    given = [clusters] if isinstance(clusters, int | np.integer) else list(clusters)
    for label in given:
        if isinstance(label, bool) or not isinstance(label, int | np.integer):
            raise TypeError(f"clusters must be labels, not {label!r}")
        if not 1 <= label <= 255:
            raise ValueError(f"clusters={clusters!r} must be labels from 1 to 255")
    return set(map(int, given))


def _channels(image: Any, channel_axis: int | None, shape: tuple[int, ...]) -> list[tuple[str, NDArray[Any]]]:
    """Arrays to be measured, with what their columns' names end in."""
    if image is None:
        return []
    image = as_readable(image)
    if image.dtype.kind not in "buif":
        raise TypeError(f"intensity_image has dtype {image.dtype} and must be of real numbers")
    if channel_axis is None:
        channels = [("", image)]
    else:
        first = np.moveaxis(image, check_axis("channel_axis", channel_axis, image.ndim), 0)
        channels = [(f"-{number}", channel) for number, channel in enumerate(first)]
    for _, channel in channels:
        if channel.shape != shape:
            raise ValueError(
                f"intensity_image has shape {channel.shape} and must have that of labels, {shape}"
                + (
                    "; channel_axis names its channel axis"
                    if channel_axis is None
                    else " without its channels"
                )
            )
    return channels


def _number(
    labels: NDArray[np.uint8],
    clusters: Sequence[int],
    connectivity: int,
    apart: Sequence[int],
    objects: NDArray[np.int32],
    progress: Progress | None,
    steps: int,
) -> NDArray[np.int64]:
    """Write the number of each pixel's object; return the objects' clusters."""
    from scipy import ndimage

    structure = ndimage.generate_binary_structure(labels.ndim - len(apart), connectivity)
    for axis in apart:  # nothing is connected along them
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
            progress(done / steps)
    return np.concatenate(cluster)


def _measured(
    objects: NDArray[np.int32],
    n_objects: int,
    channels: Sequence[tuple[str, NDArray[Any]]],
    apart: Sequence[int],
    spacing: tuple[float, ...],
    progress: Progress | None,
) -> Table:
    """Measure all objects at once, block by block: additions and comparisons pixel by pixel, in C order."""
    spatial = [axis for axis in range(objects.ndim) if axis not in apart]
    position = np.zeros((len(apart), n_objects), dtype=np.int64)
    count = np.zeros(n_objects, dtype=np.int64)
    total, first, last = (np.zeros((len(spatial), n_objects), dtype=np.int64) for _ in range(3))
    first[:] = np.iinfo(np.int64).max
    sums, least = np.zeros((len(channels), n_objects)), np.full((len(channels), n_objects), np.inf)
    most = -least
    todo = row_boxes(objects.shape, _BLOCK)
    for done, box in enumerate(todo, start=1):
        block = objects[box]
        where = np.nonzero(block)
        ids = block[where].astype(np.intp) - 1
        np.add.at(count, ids, 1)
        for row, axis in enumerate(apart):
            position[row, ids] = where[axis] + box[axis].start
        for row, axis in enumerate(spatial):
            place = where[axis] + box[axis].start
            np.add.at(total[row], ids, place)
            np.minimum.at(first[row], ids, place)
            np.maximum.at(last[row], ids, place)
        for row, (_, channel) in enumerate(channels):
            values = in_memory(channel[box])[where].astype(np.float64)
            with np.errstate(invalid="ignore"):  # NaN, which an object with one of them gets
                np.add.at(sums[row], ids, values)
                np.minimum.at(least[row], ids, values)
                np.maximum.at(most[row], ids, values)
        if progress is not None:
            progress(done / len(todo))
    area = count * math.prod(spacing)
    ndim = len(spatial)
    columns: dict[str, NDArray[Any]] = {
        f"position-{row}" if len(apart) > 1 else "position": numbers for row, numbers in enumerate(position)
    }
    columns |= {
        "num_pixels": count,
        "area": area,
        "equivalent_diameter_area": (2 * ndim * area / math.pi) ** (1 / ndim) if ndim > 1 else area,
    }
    columns |= {f"centroid-{row}": total[row] / count * spacing[row] for row in range(ndim)}
    columns |= {f"bbox-{row}": first[row] for row in range(ndim)}
    columns |= {f"bbox-{ndim + row}": last[row] + 1 for row in range(ndim)}
    for row, (suffix, _) in enumerate(channels):
        columns[f"intensity_mean{suffix}"] = sums[row] / count
        columns[f"intensity_min{suffix}"] = least[row]
        columns[f"intensity_max{suffix}"] = most[row]
    return {name: column.tolist() for name, column in columns.items()}


def _further(
    objects: NDArray[np.int32],
    n_objects: int,
    intensity_image: Any,
    channel_axis: int | None,
    apart: Sequence[int],
    spacing: tuple[float, ...],
    properties: Sequence[str],
) -> Table:
    """Measure what scikit-image computes object by object."""
    from skimage.measure import regionprops_table

    intensity = None if intensity_image is None else in_memory(as_readable(intensity_image))
    if intensity is not None and channel_axis is not None:
        intensity = np.moveaxis(intensity, channel_axis, -1)
    table: dict[str, NDArray[Any]] = {}
    for at in product(
        *(range(n) if axis in apart else [slice(None)] for axis, n in enumerate(objects.shape))
    ):
        index: Any = at
        try:
            columns = regionprops_table(
                objects[index],
                None if intensity is None else intensity[index],
                properties=("label", *properties),
                spacing=spacing,
            )
        except (AttributeError, NotImplementedError) as error:
            raise ValueError(
                f"properties={properties!r} cannot all be had here ({error}); "
                "see skimage.measure.regionprops for what there is"
            ) from None
        rows = columns.pop("label") - 1
        for name, values in columns.items():
            table.setdefault(name, np.full(n_objects, np.nan, dtype=np.result_type(values, np.float64)))
            table[name][rows] = values
    return {name: column.tolist() for name, column in table.items()}
