"""Label all pixels in memory or lazily, or only count them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import as_dask
from ..blocks.boxes import Box
from ..blocks.loop import block_boxes, map_blocks, run
from ..blocks.pixels import Block, BlockReader, Pixels
from ..blocks.progress import Progress
from ..labels.counts import count_block_labels
from .labellers import Labeller


def label_in_memory(
    pixels: Pixels, labeller: Labeller, progress: Progress | None = None, *, n_counted: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Label every pixel.

    Parameters
    ----------
    pixels : Pixels
    labeller : callable
    progress : callable, optional
    n_counted : int
        Also count the pixels of labels 1 to `n_counted`, including infinite ones.

    Returns
    -------
    labels : uint8 array
        Has the spatial shape.
    counts : (n_counted,) int64 array
    """
    labels = np.empty(pixels.shape, dtype=np.uint8)

    def write(box: Box) -> NDArray[np.int64]:
        # With the ellipsis, indexing a 0-dimensional image returns a view.
        index: tuple[Any, ...] = (*box, ...)
        out = labels[index]
        labeller(*pixels.read(box), out)
        return count_block_labels(out, n_counted)

    total = np.zeros(n_counted, dtype=np.int64)
    for counts in run(write, block_boxes(pixels), progress):
        total += counts
    return labels, total


def count_pixels(
    pixels: Pixels,
    labeller: Labeller,
    n_counted: int,
    progress: Progress | None = None,
    *,
    infinite: bool = False,
) -> NDArray[np.int64]:
    """Count the pixels of labels 1 to `n_counted` without keeping the labels: (n_counted,) int64 array.

    Infinite pixels are included; with `infinite`, only these are counted.
    """
    total = np.zeros(n_counted, dtype=np.int64)
    count = partial(_count_block, labeller, n_counted, infinite)
    for counts in map_blocks(count, pixels, progress=progress):
        total += counts
    return total


def _count_block(labeller: Labeller, n_counted: int, infinite: bool, block: Block) -> NDArray[np.int64]:
    """Count the labels of one block; see `count_pixels`."""
    if not infinite:
        return count_block_labels(label_block(block, labeller), n_counted)
    values, _ = block.values()
    finite = np.isfinite(values)
    if finite.all():
        return np.zeros(n_counted, dtype=np.int64)
    if values.ndim > len(block.shape):
        finite = finite.all(axis=-1)
    return count_block_labels(np.where(finite, np.uint8(0), label_block(block, labeller)), n_counted)


def label_block(block: Block, labeller: Labeller) -> NDArray[np.uint8]:
    """Return the labels of one block: uint8 array of its spatial shape."""
    labels: NDArray[np.uint8] = compute_block(block, labeller, np.dtype(np.uint8))
    return labels


def label_lazily(pixels: Pixels, labeller: Labeller) -> Any:
    """Return the labels of a lazy image as a lazy dask array of uint8 with the same chunks."""
    return compute_lazily(pixels, labeller, np.dtype(np.uint8))


Compute = Callable[[NDArray[Any], "NDArray[np.bool_] | None", NDArray[Any]], None]
"""Function that writes one number per pixel of a block, given its values and which pixels to use."""


def compute_in_memory(
    pixels: Pixels, compute: Compute, dtype: np.dtype[Any], progress: Progress | None = None
) -> NDArray[Any]:
    """Return one number per pixel, in memory."""
    result = np.empty(pixels.shape, dtype=dtype)

    def write(box: Box) -> None:
        index: tuple[Any, ...] = (*box, ...)
        compute(*pixels.read(box), result[index])

    for _ in run(write, block_boxes(pixels), progress):
        pass
    return result


def compute_block(block: Block, compute: Compute, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return one number per pixel of a block."""
    values, include = block.values()
    result = np.empty(values.shape[: len(block.shape)], dtype=dtype)
    compute(values, include, result)
    return result


def compute_lazily(pixels: Pixels, compute: Compute, dtype: np.dtype[Any]) -> Any:
    """Return one number per pixel of a lazy image, as a lazy dask array with the same chunks."""
    import dask.array as da

    chunks = pixels.chunks
    assert chunks is not None
    image, mask = pixels.image, pixels.mask
    if pixels.n_channels is not None:
        image = image.rechunk({image.ndim - 1: -1})
    if mask is not None:
        mask = as_dask(mask, chunks)
    # overlap needs a halo no wider than the image, and merges chunks that are narrower than the halo; the
    # labels are rechunked at the end.
    halo = tuple(min(width, size) for width, size in zip(pixels.halo, pixels.shape, strict=True))
    if any(halo):
        image = da.overlap.overlap(image, depth=dict(enumerate(halo)), boundary="none")
        chunks = tuple(
            tuple(n - width * ((i > 0) + (i < len(side) - 1)) for i, n in enumerate(side))
            for side, width in zip(image.chunks[: len(halo)], halo, strict=True)
        )
        mask = None if mask is None else mask.rechunk(chunks)
    has_channels = pixels.n_channels is not None
    result = da.map_blocks(
        partial(_compute_chunk, compute=compute, dtype=dtype, reader=pixels.reader),
        image,
        *(() if mask is None else (mask[(..., *([np.newaxis] * has_channels))],)),
        dtype=dtype,
        chunks=chunks,
        drop_axis=[image.ndim - 1] if has_channels else [],
        meta=np.empty((0,) * len(pixels.shape), dtype=dtype),
    )
    return result if result.chunks == pixels.chunks else result.rechunk(pixels.chunks)


def _compute_chunk(
    image: NDArray[Any],
    mask: NDArray[Any] | None = None,
    *,
    compute: Compute,
    dtype: np.dtype[Any],
    reader: BlockReader,
    block_info: Any = None,
) -> NDArray[Any]:
    """Compute one chunk, which includes its halo."""
    box = tuple(slice(begin, end) for begin, end in block_info[None]["array-location"])
    if mask is not None and reader.n_channels is not None:
        mask = mask[..., 0]
    return compute_block(reader.block(box, image, mask), compute, dtype)
