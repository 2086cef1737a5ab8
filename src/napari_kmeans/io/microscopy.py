"""CZI, ND2 and LIF microscope files, read by the bioio readers, which are optional dependencies."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .image_file import ImageFile, Unsupported

LAZY_BYTES = 1 << 29
"""Larger images are read block by block."""

READERS = {".czi": "bioio_czi", ".nd2": "bioio_nd2", ".lif": "bioio_lif"}
"""Packages that read the files, by extension."""

SUFFIXES = tuple(READERS)
"""Extensions of files that are read."""

_SIGNATURES = {b"ZISRAWFILE": ".czi", b"\xda\xce\xbe\x0a": ".nd2"}


def kind_of(path: Path, head: bytes) -> str:
    """Return the extension of the format of a file, or an empty string if it is of another format.

    Parameters
    ----------
    path : Path
    head : bytes
        Its first bytes.
    """
    for signature, suffix in _SIGNATURES.items():
        if head.startswith(signature):
            return suffix
    return ".lif" if path.suffix.lower() == ".lif" else ""


def read(path: Path, kind: str, series: int | None = None) -> ImageFile:
    """Read a scene of a file; a large one is read block by block on demand.

    Parameters
    ----------
    path : Path
    kind : {".czi", ".nd2", ".lif"}
    series : int, optional
        Number of the scene, from 0.

    Warns
    -----
    UserWarning
        If the file contains several scenes and none is chosen; the first is used.
    """
    reader = importlib.import_module(READERS[kind]).Reader(path)
    n_scenes = len(reader.scenes)
    if series is not None:
        if not 0 <= series < n_scenes:
            raise Unsupported(f"has no series {series}: choose 0 to {n_scenes - 1}")
        reader.set_scene(series)
    elif n_scenes > 1:
        warnings.warn(
            f"{path} contains {n_scenes} scenes; only the first is used: {reader.scenes[0]}",
            UserWarning,
            stacklevel=3,
        )
    found = reader.xarray_dask_data
    # Every file has all axes; those of length 1 carry no information.
    kept = [
        name for name, size in zip(found.dims, found.shape, strict=True) if size > 1 or name in ("Y", "X")
    ]
    found = found.isel({name: 0 for name in found.dims if name not in kept}, drop=True)
    axes = "".join(map(str, kept))
    if not set(axes) <= set("TCZYXS"):
        raise Unsupported(f"has axes {axes}; only time, depth, channels, rows and columns are supported")
    order = sorted(axes, key="TZCYXS".index)
    data = found.transpose(*order).data
    if data.nbytes <= LAZY_BYTES:
        data = np.asarray(data.compute(scheduler="synchronous"))
    sizes = reader.physical_pixel_sizes
    size = {axis: float(length) for axis in "ZYX" if (length := getattr(sizes, axis)) and axis in order}
    step = _seconds(reader) if "T" in order else None
    if step:
        size["T"] = step
    return ImageFile(
        path,
        data,
        "".join(order),
        size,
        "um" if size.keys() & set("ZYX") else "",
        "s" if step else "",
        channel_names=tuple(map(str, reader.channel_names or ())) if "C" in order else (),
    )


def _seconds(reader: Any) -> float | None:
    """Return the time between two steps, if the file contains it."""
    interval: Any = getattr(reader, "time_interval", None)
    seconds: Any = interval.total_seconds() if hasattr(interval, "total_seconds") else interval
    return float(seconds) if seconds and np.isfinite(seconds) else None
