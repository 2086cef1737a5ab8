"""Checks of label images and of the arguments that describe their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..blocks.arrays import (
    as_dask,
    as_readable,
    check_chunks,
    check_mask,
    check_unmasked,
    in_memory,
    is_dask,
    is_zarr,
)
from ..blocks.pixels import check_axis
from ..options import Option, check_number

_POSITIVE = Option("", minimum=0)


def check_labels(labels: Any, mask: Any = None) -> tuple[Any, Any]:
    """Check a label image and its mask.

    Returns
    -------
    labels, mask : NumPy or dask arrays
        Both NumPy, or both dask with the same chunks; `mask` may be None.
    """
    if not (isinstance(labels, np.ndarray) or is_dask(labels) or is_zarr(labels)):
        kind = f"{type(labels).__module__}.{type(labels).__name__}"
        raise TypeError(f"labels must be a NumPy, dask or zarr array, not {kind}")
    check_unmasked("labels", labels)
    check_chunks("labels", labels)
    if labels.dtype != np.uint8:
        raise TypeError(
            f"labels has dtype {labels.dtype} and must be uint8, as returned by `predict`; convert it with "
            "labels.astype(numpy.uint8) if no label is above 255"
        )
    labels = as_readable(labels)
    if mask is not None:
        mask = check_mask(mask, labels.shape, "the shape of labels")
        mask = as_dask(mask, labels.chunks) if is_dask(labels) else in_memory(mask)
    return labels, mask


def check_axes(per_axis: object, ndim: int) -> list[int]:
    """Return the axes in `per_axis`, counted from 0, in ascending order."""
    if per_axis is None:
        return []
    given = list(per_axis) if isinstance(per_axis, Sequence) else [per_axis]
    axes = sorted({check_axis("per_axis", axis, ndim) for axis in given})
    if len(axes) < len(given):
        raise ValueError(f"per_axis={per_axis!r} contains an axis twice")
    return axes


def check_spatial(labels: Any, separate_axes: Sequence[int]) -> int:
    """Return the number of spatial axes: all except the separate ones."""
    n_spatial: int = labels.ndim - len(separate_axes)
    if not 1 <= n_spatial <= 3:
        raise ValueError(
            f"labels has {n_spatial} spatial axes and must have 1 to 3; list the other axes in per_axis"
        )
    return n_spatial


def check_spacing(spacing: object, n_spatial: int) -> tuple[float, ...]:
    """Return the size of a pixel along each spatial axis."""
    if spacing is None:
        return (1.0,) * n_spatial
    sizes: list[Any] = list(spacing) if isinstance(spacing, Sequence | np.ndarray) else [spacing] * n_spatial
    if len(sizes) != n_spatial:
        raise ValueError(
            f"spacing={spacing!r} has length {len(sizes)}, but labels has {n_spatial} spatial axes"
        )
    for size in sizes:
        check_number("spacing", size, _POSITIVE)
        if not size:
            raise ValueError(f"spacing={spacing!r} must be above 0 along each axis")
    return tuple(map(float, sizes))
