"""Supported array types: NumPy arrays and memory maps, dask and zarr arrays.

dask and zarr are not imported until such an array is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MASK_RULE = "it must be bool or integers: True (or nonzero) = use the pixel"


def check_image(image: Any) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless `image` is a NumPy, dask or zarr array of real numbers."""
    if not (isinstance(image, np.ndarray) or is_dask(image) or is_zarr(image)):
        kind = f"{type(image).__module__}.{type(image).__name__}"
        raise TypeError(
            f"image must be a NumPy, dask or zarr array, not {kind}; use numpy.asarray(image) if it fits "
            "in memory"
        )
    check_unmasked("image", image)
    check_chunks("image", image)
    if image.dtype.kind not in "buif" or image.dtype.itemsize > 8:
        raise TypeError(
            f"image has dtype {image.dtype}; k-means needs bool, integers or floats of at most 64 bits"
            + (", such as the magnitude numpy.abs(image)" if image.dtype.kind == "c" else "")
        )


def check_unmasked(name: str, array: Any) -> None:
    """Raise ``TypeError`` for a masked array, whose mask would be ignored."""
    if not is_masked(array):
        return
    if is_dask(array):
        data, mask = f"dask.array.ma.getdata({name})", f"~dask.array.ma.getmaskarray({name})"
    else:
        data, mask = f"{name}.data", f"~{name}.mask"
    raise TypeError(f"{name} is a masked array; pass {data} and mask={mask}")


def check_chunks(name: str, array: Any) -> None:
    """Raise ``ValueError`` for a dask array whose chunks have unknown sizes."""
    if any(size != size for size in array.shape):  # NaN
        raise ValueError(
            f"{name} is a dask array with chunks of unknown size; call {name}.compute_chunk_sizes() first"
        )


def check_mask(mask: Any, shape: tuple[int, ...], whose: str) -> Any:
    """Check a mask: True (or nonzero) = use the pixel.

    Parameters
    ----------
    mask : NumPy, dask or zarr array, or nested sequence
    shape : tuple of int
        The shape it must have.
    whose : str
        Describes that shape in the error message, such as "the shape of labels".

    Returns
    -------
    NumPy or dask array of bool or integers

    Raises
    ------
    TypeError, ValueError
        If it has another shape, or contains NaN or something other than numbers.
    """
    mask = as_readable(mask)
    if is_masked(mask):
        raise TypeError("mask is a masked array; pass mask.filled(False)")
    if mask.dtype.kind not in "buif":
        raise TypeError(f"mask has dtype {mask.dtype}; {_MASK_RULE}")
    if mask.shape != shape:
        raise ValueError(f"mask has shape {mask.shape}; it must have {whose} {shape}")
    if mask.dtype.kind == "f":  # such as numpy.ones(shape)
        return mask.map_blocks(_nonzero, dtype=bool) if is_dask(mask) else _nonzero(mask)
    return mask


def _nonzero(mask: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Convert a mask of floats to bool."""
    if np.isnan(mask).any():
        raise TypeError(f"mask contains NaN; {_MASK_RULE}")
    return np.asarray(mask != 0)


def as_readable(array: Any) -> Any:
    """Return a NumPy or dask array; a zarr array becomes a dask array with its chunks."""
    if isinstance(array, np.ndarray) or is_dask(array):
        return array
    if is_zarr(array):
        import dask.array as da

        # A shard is read as a whole.
        return da.from_array(array, chunks=getattr(array, "shards", None) or array.chunks, inline_array=True)
    return np.asarray(array)


def as_dask(array: Any, chunks: Any) -> Any:
    """Return a NumPy or dask array as a dask array with these chunks."""
    import dask.array as da

    return array.rechunk(chunks) if is_dask(array) else da.from_array(array, chunks=chunks)


def in_memory(array: Any) -> Any:
    """Compute a dask array on the calling thread; other arrays are returned unchanged."""
    if not is_dask(array):
        return array
    # An empty list of callbacks disables napari's process-wide cache, which fails when threads share it.
    block = array.compute(scheduler="synchronous", callbacks=[])
    if isinstance(block, np.ma.MaskedArray):  # despite the metadata of the array
        raise TypeError(
            "a block of the dask array is a masked array; pass dask.array.ma.getdata(array) and "
            "mask=~dask.array.ma.getmaskarray(array)"
        )
    return np.asarray(block)


def is_masked(array: object) -> bool:
    """Return whether an object is a masked NumPy array, or a dask array of such blocks."""
    return isinstance(getattr(array, "_meta", array), np.ma.MaskedArray)


def is_dask(array: object) -> bool:
    """Return whether an object is a dask array."""
    return is_from_package("dask", array) and hasattr(array, "dask")


def is_zarr(array: object) -> bool:
    """Return whether an object is a zarr array."""
    return is_from_package("zarr", array) and hasattr(array, "chunks")


def is_from_package(package: str, thing: object) -> bool:
    """Return whether an object's class is defined in a package, without importing the package."""
    return any(parent.__module__.partition(".")[0] == package for parent in type(thing).__mro__)
