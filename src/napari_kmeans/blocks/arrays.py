"""The kinds of arrays an image may be: NumPy arrays in memory or mapped to it, dask and zarr arrays.

Neither dask nor zarr is imported before somebody hands in an array of theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def check_image(image: Any) -> None:
    """Raise ``TypeError`` for what is no NumPy, dask or zarr array of real numbers."""
    if not (isinstance(image, np.ndarray) or is_dask(image) or is_zarr(image)):
        kind = f"{type(image).__module__}.{type(image).__name__}"
        raise TypeError(
            f"image must be a NumPy, dask or zarr array, not {kind}; numpy.asarray(image) makes one if it "
            "fits in memory"
        )
    if isinstance(getattr(image, "_meta", image), np.ma.MaskedArray):
        raise TypeError("image is a masked array; pass image.data and mask=~image.mask")
    if image.dtype.kind not in "buif" or image.dtype.itemsize > 8:
        raise TypeError(
            f"image has dtype {image.dtype}; k-means needs bool, integers or floats of at most 64 bits"
            + (", such as the magnitude numpy.abs(image)" if image.dtype.kind == "c" else "")
        )


def as_readable(array: Any) -> Any:
    """Return a NumPy or dask array: dask for zarr, whose chunks it takes, NumPy for all that is neither."""
    if isinstance(array, np.ndarray) or is_dask(array):
        return array
    if is_zarr(array):
        import dask.array as da

        # Shards are what is read as a whole.
        return da.from_array(array, chunks=getattr(array, "shards", None) or array.chunks, inline_array=True)
    return np.asarray(array)


def in_memory(array: Any) -> Any:
    """Read an array, on the thread that asks; what is no dask array is returned as it is."""
    if not is_dask(array):
        return array
    # Callbacks of one's own keep napari's process-wide cache out, which fails when threads share it.
    return np.asarray(array.compute(scheduler="synchronous", callbacks=[]))


def is_dask(array: object) -> bool:
    """Whether something is a dask array."""
    return _is_of("dask", array) and hasattr(array, "dask")


def is_zarr(array: object) -> bool:
    """Whether something is a zarr array."""
    return _is_of("zarr", array) and hasattr(array, "chunks")


def _is_of(package: str, thing: object) -> bool:
    """Whether an object is of a package's class, which is not imported to find out."""
    return any(parent.__module__.partition(".")[0] == package for parent in type(thing).__mro__)
