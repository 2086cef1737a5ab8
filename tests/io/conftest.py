"""OME-Zarr images to read, as ome-zarr-py writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

MakeImage = Callable[..., np.ndarray]

SHAPES = {"t": 2, "z": 4, "y": 70, "x": 90}
SCALE = {"t": 0.5, "c": 1.0, "z": 2.0, "y": 0.25, "x": 0.2}
UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


@pytest.fixture
def make_image() -> MakeImage:
    """Write an OME-Zarr image of three levels in small chunks with ome-zarr-py, and return its pixels."""
    pytest.importorskip("ome_zarr")
    from ome_zarr import writer
    from ome_zarr.format import format_from_version

    def make(path: Path, axes: str, version: str = "0.5", n_channels: int = 3, **metadata: Any) -> np.ndarray:
        shape = [n_channels if axis == "c" else SHAPES[axis] for axis in axes]
        data = np.random.default_rng(len(axes)).integers(0, 4000, shape)
        data, fmt = data.astype(np.uint16), format_from_version(version)
        path.parent.mkdir(parents=True, exist_ok=True)
        group = zarr.open_group(path, mode="w", zarr_format=fmt.zarr_format)
        writer.write_image(
            data,
            group,
            axes=list(axes),
            scale={axis: SCALE[axis] for axis in axes},
            axes_units={axis: UNITS[axis] for axis in axes if axis in UNITS},
            scaler=None,
            scale_factors=[2, 4],
            fmt=fmt,
            storage_options={"chunks": tuple({"y": 32, "x": 40, "z": 3}.get(axis, 1) for axis in axes)},
        )
        if "ome" in group.attrs:
            metadata = {"ome": {**group.attrs["ome"], **metadata}}
        group.attrs.update(metadata)
        return data

    return make
