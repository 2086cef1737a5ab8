"""Unusual inputs, one per row, with the expected outcome: correct labels or a one-sentence error.

The rows go through Python (`test_python.py`), the command line (`test_command_line.py`) and the dock
(`tests/_napari/test_fault_table.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

K = 3
NO_PIXELS = "no pixels"


@dataclass(frozen=True)
class Row:
    """A case.

    Attributes
    ----------
    name : str
    make : callable
        Returns the image.
    error : str
        Part of the expected error message; empty if the labels must be correct.
    warns : str
        Part of a warning that accompanies correct labels.
    options : dict
        Keywords of `segment`.
    in_files, in_dock : bool
        Whether an image file, or an Image layer, can hold the image.
    """

    name: str
    make: Callable[[], Any]
    error: str = ""
    warns: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    in_files: bool = True
    in_dock: bool = True

    def __str__(self) -> str:
        return self.name


def _random() -> np.random.Generator:
    return np.random.default_rng(12)


def gray(dtype: Any = np.uint8, shape: tuple[int, ...] = (20, 30)) -> np.ndarray:
    """Noise around three levels that every type can hold."""
    levels = _random().choice([10, 50, 90], shape) + _random().integers(-8, 9, shape)
    return levels.astype(dtype)


def with_holes() -> np.ndarray:
    image = gray(np.float32)
    image[:3], image[3, 0], image[3, 1] = np.nan, np.inf, -np.inf
    return image


def channels(scale: float = 1.0, dtype: Any = np.float64) -> np.ndarray:
    """Two channels in front, with four separate groups."""
    one, two = _random().choice([1.0, 3.0], (2, 20, 30)) * scale
    return np.stack([one, two]).astype(dtype)


def with_rows_of(image: np.ndarray, missing: float) -> np.ndarray:
    """Four rows with a value for missing data."""
    image[..., :4, :] = missing
    return image


def constant_band() -> np.ndarray:
    bands = (_random().random((2, 20, 30)) * 3000).astype(np.float32)
    bands[1] = 0.1
    return bands


def colors(dtype: Any = np.uint8) -> np.ndarray:
    return np.stack([gray(), gray()[::-1], gray()[:, ::-1]], axis=-1).astype(dtype)


def transparent() -> np.ndarray:
    image = np.concatenate([colors(), np.full((20, 30, 1), 255, np.uint8)], axis=-1)
    image[:5, :, 3] = 0
    return image


def strided() -> np.ndarray:
    return np.repeat(np.repeat(gray(), 2, axis=0), 3, axis=1)[::2, ::3]


def read_only() -> np.ndarray:
    image = gray()
    image.flags.writeable = False
    return image


def dask_of(image: np.ndarray, chunks: Any = 7) -> Any:
    import dask.array as da

    return da.from_array(image, chunks=chunks)


def unknown_chunks() -> Any:
    image = dask_of(gray())
    return image[image[:, 0] > 20]


def zarr_of(image: np.ndarray) -> Any:
    import zarr

    return zarr.array(image, chunks=(7, 11), store=zarr.storage.MemoryStore())


DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")
ONE_VALUE = "only 1 distinct value"
LAYERS_HAVE_NO_AXIS = {"in_files": False, "in_dock": False}

ROWS = [
    # Sizes and values
    Row("no pixels", lambda: np.zeros((0, 5)), "no pixels", in_files=False, in_dock=False),
    Row("a number", lambda: np.float64(3), "image must be", in_files=False, in_dock=False),
    Row("one pixel", lambda: np.full((1, 1), 7, np.uint8), warns=ONE_VALUE),
    Row("constant", lambda: np.full((20, 30), 0.1), warns=ONE_VALUE),
    Row("constant zero", lambda: np.zeros((20, 30), np.uint16), warns=ONE_VALUE),
    Row("two values", lambda: gray() // 60, warns="only 2 distinct values"),
    Row("all NaN", lambda: np.full((20, 30), np.nan, np.float32), NO_PIXELS),
    Row("all infinite", lambda: np.full((20, 30), -np.inf), NO_PIXELS),
    Row("NaN and infinities", with_holes),
    Row("denormal", lambda: gray(np.float64) * 5e-324),
    Row("small", lambda: gray(np.float64) * 1e-200),
    Row("large", lambda: gray(np.float64) * 1e200, "divide the image"),
    Row("large integers", lambda: gray(np.int64) + 2**60),
    Row("integers beside a distant one", lambda: with_rows_of(gray(np.int64), -(2**58))),
    Row("far from zero", lambda: gray(np.float64) + 1e12),
    # Types
    *(Row(f"type {dtype}", lambda dtype=dtype: gray(dtype)) for dtype in DTYPES),
    Row("type bool", lambda: gray() > 40, warns="only 2 distinct values"),
    Row("type complex", lambda: gray(np.complex64), "complex64", in_files=False, in_dock=False),
    Row("type text", lambda: gray().astype(str), "<U", in_files=False, in_dock=False),
    Row("type object", lambda: gray(object), "object", in_files=False, in_dock=False),
    Row("type date", lambda: gray().astype("M8[s]"), "datetime64", in_files=False, in_dock=False),
    Row("a masked array", lambda: np.ma.masked_less(gray(), 30), "mask", in_files=False, in_dock=False),
    Row("a path", lambda: "image.tif", "read_image", in_files=False, in_dock=False),
    Row("None", lambda: None, "image", in_files=False, in_dock=False),
    # Layouts
    Row("big-endian", lambda: gray(">u2")),
    Row("Fortran order", lambda: np.asfortranarray(gray())),
    Row("strided", strided),
    Row("backwards", lambda: gray()[::-1, ::-1]),
    Row("transposed", lambda: gray().T),
    Row("broadcast", lambda: np.broadcast_to(gray()[:1], (20, 30))),
    Row("read-only", read_only),
    Row("dask", lambda: dask_of(gray())),
    Row("dask of one chunk", lambda: dask_of(gray(), -1)),
    Row("dask of unknown chunks", unknown_chunks, "compute_chunk_sizes", in_files=False, in_dock=False),
    Row("zarr", lambda: zarr_of(gray(np.uint16)), in_files=False),
    # Dimensions
    *(
        Row(
            f"{n}-D", lambda n=n: gray(shape=(2, 2, 2, 3, 20, 30)[6 - n :]), in_files=1 < n < 5, in_dock=n > 1
        )
        for n in range(1, 7)
    ),
    # Channels and colours
    Row("channels", channels, options={"features": "channels", "channel_axis": 0}, **LAYERS_HAVE_NO_AXIS),
    Row(
        "a constant channel",
        constant_band,
        options={"features": "channels", "channel_axis": 0},
        **LAYERS_HAVE_NO_AXIS,
    ),
    *(
        Row(
            f"channels times {scale}",
            lambda scale=scale: channels(scale),
            options={"features": "channels", "channel_axis": 0},
            **LAYERS_HAVE_NO_AXIS,
        )
        for scale in (1e200, 1e-200)
    ),
    *(
        Row(
            f"{n_channels} channels beside {missing}",
            lambda n=n_channels, missing=missing: with_rows_of(
                np.repeat(channels(), n // 2, axis=0), missing
            ),
            options={"features": "channels", "channel_axis": 0},
            **LAYERS_HAVE_NO_AXIS,
        )
        for n_channels, missing in ((2, 1e20), (4, 1.3e17), (4, -3.4e38))
    ),
    Row(
        "denormal channels",
        lambda: channels(1e-320),
        "multiply the image",
        options={"features": "channels", "channel_axis": 0},
        **LAYERS_HAVE_NO_AXIS,
    ),
    Row(
        "large integer channels",
        lambda: channels(dtype=np.int64) + 2**60,
        "subtract a constant",
        options={"features": "channels", "channel_axis": 0},
        **LAYERS_HAVE_NO_AXIS,
    ),
    Row(
        "channels of NaN",
        lambda: np.full((2, 20, 30), np.nan),
        NO_PIXELS,
        options={"features": "channels", "channel_axis": 0},
        **LAYERS_HAVE_NO_AXIS,
    ),
    Row("colours", colors, options={"features": "rgb", "channel_axis": -1}),
    Row("transparent colours", transparent, options={"features": "rgb", "channel_axis": -1}),
    Row("luminance", colors, options={"channel_axis": -1}),
    Row(
        "floats of 0 to 255 as colours",
        lambda: colors(np.float32),
        "divide",
        options={"features": "lab", "channel_axis": -1},
        in_dock=False,
    ),
    Row("a wrong axis", gray, "channel_axis", options={"channel_axis": 5}, in_files=False, in_dock=False),
    Row("channels without an axis", gray, "channel_axis", options={"features": "channels"}, in_dock=False),
    # Texture
    Row("texture", gray, options={"features": "texture"}),
    Row("texture with holes", with_holes, options={"features": "texture"}),
    Row(
        "texture of a constant",
        lambda: np.full((20, 30), 7.0),
        warns="1 distinct",
        options={"features": "texture"},
    ),
    Row("texture far from zero", lambda: gray(np.float64) + 1e9, options={"features": "texture"}),
    Row(
        "texture of large integers",
        lambda: gray(np.int64) + 2**60,
        "subtract a constant",
        options={"features": "texture"},
    ),
    Row(
        "texture of small numbers",
        lambda: gray(np.float64) * 1e-200,
        "multiply",
        options={"features": "texture"},
    ),
    Row(
        "texture of rows",
        gray,
        "at least 2",
        options={"features": "texture", "per_axis": 0},
        in_files=False,
        in_dock=False,
    ),
    Row(
        "texture of a line",
        lambda: gray()[0],
        "at least 2",
        options={"features": "texture"},
        in_files=False,
        in_dock=False,
    ),
    # Masks
    Row("a mask", gray, options={"mask": gray() > 40}, in_files=False, in_dock=False),
    Row("a mask of integers", gray, options={"mask": (gray() > 40) * 7}, in_files=False, in_dock=False),
    Row("an empty mask", gray, NO_PIXELS, options={"mask": gray() > 255}, in_files=False, in_dock=False),
    Row(
        "a mask of NaN",
        gray,
        "mask",
        options={"mask": np.full((20, 30), np.nan)},
        in_files=False,
        in_dock=False,
    ),
    Row("a mask of text", gray, "mask", options={"mask": gray().astype(str)}, in_files=False, in_dock=False),
    Row(
        "a mask of another shape",
        gray,
        "mask",
        options={"mask": gray().T > 40},
        in_files=False,
        in_dock=False,
    ),
    # Options
    Row("a huge exclusion", gray, "exclude", options={"exclude": 10**400}, in_files=False, in_dock=False),
    Row(
        "NaN as an exclusion", gray, "non-finite", options={"exclude": np.nan}, in_files=False, in_dock=False
    ),
    Row("everything excluded", lambda: gray() * 0, NO_PIXELS, options={"exclude": 0}, in_dock=False),
    Row("a huge smoothing", gray, "smooth", options={"smooth": 1e9}, in_files=False, in_dock=False),
    Row("NaN as smoothing", gray, "smooth", options={"smooth": np.nan}, in_files=False, in_dock=False),
    Row("smoothing over holes", with_holes, options={"smooth": 2}),
]


def spatial_shape(row: Row, image: Any) -> tuple[int, ...]:
    axis = row.options.get("channel_axis")
    return tuple(size for at, size in enumerate(image.shape) if axis is None or at != axis % image.ndim)


def check_labels(row: Row, labels: np.ndarray, n_clusters: int) -> None:
    """Check labels against the image, independently of the engine.

    Labels are 0 exactly at missing pixels; every gray value is nearest to the mean of its own cluster, and
    clusters are in ascending order.
    """
    image = row.make()
    values = np.asarray(image[...])
    assert labels.dtype == np.uint8
    assert labels.shape == spatial_shape(row, image)
    axis = row.options.get("channel_axis")
    each = np.moveaxis(values, axis, -1) if axis is not None else values[..., np.newaxis]
    out = np.isnan(each.astype(np.float64)).any(axis=-1)
    if axis is not None and each.shape[-1] == 4:
        out |= each[..., 3] == 0
    if "mask" in row.options:
        out |= row.options["mask"] == 0
    if row.options.get("features") == "texture":
        out |= np.isnan(each[..., 0].astype(np.float64))
    np.testing.assert_array_equal(labels == 0, out)
    assert set(np.unique(labels[~out])) == set(range(1, n_clusters + 1))
    if axis is not None or row.options.get("features") or row.options.get("smooth"):
        return
    finite = np.isfinite(values.astype(np.float64)) & ~out
    numbers = [int(v) if values.dtype.kind in "bui" else float(v) for v in values[finite]]
    low = min(numbers)
    scale = max(numbers) - low or 1
    relative = np.array([(number - low) / scale for number in numbers])  # exact differences of large integers
    found = labels[finite]
    means = [relative[found == label].mean() for label in range(1, n_clusters + 1)]
    assert (np.diff(means) > 0).all()
    distance = np.abs(relative[:, np.newaxis] - means)
    own = distance[np.arange(found.size), found - 1]
    assert (own <= distance.min(axis=1) + 1e-9).all()
