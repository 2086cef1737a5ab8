"""TIFF files: plain, ImageJ and OME-TIFF, read completely or block by block."""

from __future__ import annotations

import contextlib
import logging
import warnings
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .image_file import AXES, ImageFile, Unsupported, check_axes
from .stored_array import StoredArray
from .tiff_metadata import read_metadata

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF file; the last two entries are those of a BigTIFF."""

LAZY_BYTES = 1 << 29
"""Larger images are read, and larger lazy labels written, block by block."""

_SIDE, _BLOCK = 1 << 10, 1 << 22  # maximum side and pixels of a block of several strips or tiles


def read(path: Path, series: int | None = None, axes: str = "") -> ImageFile:
    """Read a series of a TIFF file; a large one is read block by block on demand.

    Parameters
    ----------
    path : Path
    series : int, optional
        By default the first, with a warning if there are others.
    axes : str
        Letters of the stored axes, if those in the metadata are wrong.
    """
    import tifffile

    with _logged_warnings("tifffile") as messages, tifffile.TiffFile(path) as tiff:
        if not tiff.series:
            raise Unsupported("is a TIFF without an image")
        n_series, number = len(tiff.series), series or 0
        if not 0 <= number < n_series:
            raise Unsupported(f"has no series {number}: choose 0 to {n_series - 1}")
        chosen = tiff.series[number]
        page = chosen.keyframe
        stated = check_axes(axes, chosen.shape, chosen.axes) if axes else chosen.axes
        levels = [_read_series(path, number, chosen)]
        if not isinstance(levels[0], np.ndarray):
            levels += [_lazy_level(path, number, level) for level in range(1, len(chosen.levels))]
        (data, axes), *coarser = (
            _convert_colors(*_normalize_axes(level, stated), page, tiff.is_imagej) for level in levels
        )
        found = read_metadata(tiff, page, dict(zip(axes, data.shape, strict=True)), number)
    if n_series > 1 and series is None:
        messages.append(f"it contains {n_series} images; only the first is used: {data.shape}")
    if axes.endswith("S") and page.samplesperpixel > data.shape[-1]:
        messages.append(
            f"it has {page.samplesperpixel} samples per pixel, of which only the colours are used; axes with C "
            "instead of S, such as YXC, read all samples as channels"
        )
    for message in messages:
        if "GDAL_NODATA" not in message:  # tifffile's own check is stricter than ours
            warnings.warn(f"{path}: {message}", UserWarning, stacklevel=3)
    return ImageFile(path, data, axes, coarser=[level for level, _ in coarser], **vars(found))


def _read_series(path: Path, number: int, series: Any) -> Any:
    """Return the full resolution of a series: a NumPy array, or a dask array if it is large."""
    page = series.keyframe
    try:
        if series.nbytes > LAZY_BYTES:
            page.decode  # noqa: B018 - raises if the codec is not installed
            return _lazy_level(path, number, 0)
        return series.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        raise Unsupported(
            f"is compressed with {page.compression.name}, which needs another package: pip install imagecodecs"
        ) from None


def _lazy_level(path: Path, series: int, level: int) -> Any:
    """Return one resolution level of a series as a dask array."""
    array = StoredArray(partial(_open_level, path, series, level), str(path))
    blocks = list(array.chunks)
    for axis in sorted(range(array.ndim), key=blocks.__getitem__, reverse=True)[:2]:
        n_chunks = _BLOCK // int(np.prod(blocks))
        blocks[axis] *= max(1, min(_SIDE // blocks[axis], n_chunks))
    return array.as_dask(blocks)


def _open_level(path: Path, series: int, level: int) -> Any:
    """Open one resolution level of a series as a zarr array."""
    import tifffile
    import zarr

    with _logged_warnings("tifffile"):
        file = tifffile.TiffFile(path)
        array = zarr.open_array(file.series[series].aszarr(level=level), mode="r")
    weakref.finalize(array, file.close)  # the file stays open as long as its pixels can be read
    return array


@contextlib.contextmanager
def _logged_warnings(name: str) -> Iterator[list[str]]:
    """Collect the warnings that a library logs; otherwise they would be printed on several lines."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(" ".join(record.getMessage().split()))

    logger, collector = logging.getLogger(name), Collector(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield messages
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagate


def _normalize_axes(data: Any, axes: str) -> tuple[Any, str]:
    """Return the pixels with the axes in the order of ImageJ, and their letters."""
    letters = ""
    for axis in reversed(axes):
        if axis not in AXES or axis in letters:
            # Axes of unknown meaning are depth, as in ImageJ, and then time.
            axis = next((free for free in "ZT" if free not in axes + letters), "")
            if not axis:
                raise Unsupported(
                    f"has axes {axes}; only time, depth, channels, rows and columns are supported"
                )
        letters = axis + letters
    if not {"Y", "X"} <= set(letters):
        raise Unsupported(f"has axes {axes}; rows (Y) and columns (X) are needed")
    order = sorted(range(len(letters)), key=lambda i: AXES.index(letters[i]))
    return np.transpose(data, order), "".join(letters[i] for i in order)


def _convert_colors(data: Any, axes: str, page: Any, is_imagej: bool) -> tuple[Any, str]:
    """Convert the stored pixels to gray values, RGB or RGBA."""
    photometric = page.photometric.name
    if is_imagej and photometric in ("PALETTE", "MINISWHITE"):
        return data, axes  # ImageJ only displays the values in this way
    if photometric == "PALETTE":
        colors = np.asarray(page.colormap)
        # The standard requires 16 bits, but some programs write 8.
        colors = (colors if colors.max() < 256 else colors >> 8).astype(np.uint8)
        if isinstance(data, np.ndarray):
            return colors.T[data], axes + "S"
        options = {"chunks": (*data.chunks, 3), "new_axis": data.ndim, "dtype": np.uint8}
        return data.map_blocks(colors.T.__getitem__, **options), axes + "S"
    if photometric == "MINISWHITE" and data.dtype.kind in "bu":
        data = np.invert(data)
    is_rgb = photometric == "RGB" or (photometric == "YCBCR" and page.compression.name == "JPEG")
    if not axes.endswith("S"):
        is_gray = photometric in ("MINISBLACK", "MINISWHITE")
        if not is_gray and not (is_rgb and "C" in axes):  # the user may have chosen channels
            raise Unsupported(
                f"has photometric interpretation {photometric}; only gray, RGB and palettes are supported"
            )
        return data, axes
    if "C" in axes:
        raise Unsupported("has both colours and channels")
    n_samples = data.shape[-1]
    is_alpha = [extra.name in ("ASSOCALPHA", "UNASSALPHA") for extra in page.extrasamples]
    if photometric in ("MINISBLACK", "MINISWHITE"):
        if n_samples == 2 and is_alpha == [True]:
            return data[..., [0, 0, 0, 1]], axes
        return np.moveaxis(data, -1, axes.index("Y")), axes[:-3] + "CYX"  # samples that are not colours
    if is_rgb and n_samples >= 3:
        alpha = [3 + number for number, is_one in enumerate(is_alpha) if is_one][:1]
        used = [0, 1, 2, *alpha]
        return data if len(used) == n_samples else data[..., used], axes
    raise Unsupported(
        f"has {n_samples} samples per pixel with photometric interpretation {photometric}; only gray, RGB "
        "and palettes are supported"
    )
