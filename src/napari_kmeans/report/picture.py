"""A plane of an image, its labels and its scale bar, ready to be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import in_memory
from ..io.image_file import MICROMETERS, ImageFile
from .palette import distinct_colors

SIDE = 1024
"""Approximate number of pixels along the longer side of a panel."""

THUMBNAIL = 192
"""Approximate number of pixels along the longer side of a thumbnail."""

OPACITY = 0.5
"""Opacity of clusters over the image, as in the viewer."""

_LENGTHS = (("km", 1e9), ("m", 1e6), ("mm", 1e3), ("µm", 1.0), ("nm", 1e-3), ("pm", 1e-6))  # in µm

# napari's colours for several channels, which are added up; a single channel is gray.
_TWO_TINTS = ((1.0, 0.0, 1.0), (0.0, 1.0, 0.0))
_MORE_TINTS = (
    (0.0, 1.0, 1.0),
    (1.0, 0.0, 1.0),
    (1.0, 1.0, 0.0),
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0),
)


def middle_plane(image: ImageFile, side: int = SIDE) -> NDArray[Any]:
    """Return the middle plane with about `side` pixels along Y and X; channels are the last axis."""
    axes = image.axes

    def longest(level: Any) -> int:
        return int(max(n for axis, n in zip(axes, level.shape, strict=True) if axis in "YX"))

    level = next((level for level in reversed(image.coarser) if longest(level) >= side), image.data)
    step = -(-longest(level) // side)
    index = tuple(
        slice(None, None, step) if axis in "YX" else slice(None) if axis in "CS" else n // 2
        for axis, n in zip(axes, level.shape, strict=True)
    )
    plane = np.asarray(in_memory(level[index]))
    kept = [axis for axis in axes if axis in "YXCS"]
    return plane if "C" not in kept else np.moveaxis(plane, kept.index("C"), -1)


def picture_of(image: ImageFile, side: int = SIDE) -> NDArray[np.uint8]:
    """Return the middle plane as RGB, (Y, X, 3); channels are added up in napari's colours."""
    plane = middle_plane(image, side)
    if image.is_color:
        top = np.iinfo(plane.dtype).max if plane.dtype.kind in "ui" else 1
        return _as_bytes(np.clip(np.nan_to_num(plane[..., :3] / top), 0, 1))
    if image.channel_axis is None:
        return _gray(_stretch(plane))
    channels = [_stretch(channel) for channel in np.moveaxis(plane, -1, 0)]
    if len(channels) == 1:
        return _gray(channels[0])
    tints: Sequence[tuple[float, ...]] = _TWO_TINTS if len(channels) == 2 else _MORE_TINTS
    added = np.zeros((*channels[0].shape, 3))
    for i, channel in enumerate(channels):
        added += channel[..., np.newaxis] * np.array(tints[i % len(tints)])
    return _as_bytes(np.clip(added, 0, 1))


def blended(
    picture: NDArray[np.uint8], labels: ImageFile, colors: NDArray[np.float64], side: int = SIDE
) -> NDArray[np.uint8]:
    """Return a picture with semi-transparent clusters over it.

    Parameters
    ----------
    picture : (Y, X, 3) uint8 array
        Picture from `picture_of`.
    labels : ImageFile
        Its middle plane is drawn and can have another resolution.
    colors : (256, 4) array
        RGBA of each label, 0 to 1.
    side : int
    """
    plane = middle_plane(labels, side)
    if plane.shape != picture.shape[:2]:
        rows, columns = (np.arange(n) * of // n for n, of in zip(picture.shape[:2], plane.shape, strict=True))
        plane = plane[np.ix_(rows, columns)]
    opacity = np.round(256 * OPACITY * colors[:, 3:]).astype(np.uint16)
    added = np.round(255 * colors[:, :3]).astype(np.uint16) * opacity
    shown = added[plane]
    shown += picture * (256 - opacity)[plane]
    return np.asarray(shown >> 8, dtype=np.uint8)


def colors_of_labels(labels: Sequence[int], colors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a table of 256 RGBA colours; labels that are not listed are transparent.

    Parameters
    ----------
    labels : sequence of int
        Labels to show.
    colors : (n_clusters, 4) array
        Colours of the clusters; label n has the colour of cluster n.
    """
    table = np.zeros((256, 4))
    shown = np.array(labels, dtype=np.intp)
    table[shown] = colors[shown - 1]
    return table


def panel_keywords(image: ImageFile) -> dict[str, Any]:
    """Return keywords for ``imshow``: the same extent for any level, and the aspect ratio of pixels."""
    size = dict(zip(image.axes, image.data.shape, strict=True))
    height, width = (image.pixel_size.get(axis) or 1.0 for axis in "YX")
    return {"extent": (0, size["X"], size["Y"], 0), "aspect": height / width}


def plane_text(image: ImageFile) -> str:
    """Return a description of the plane of a stack or a time series that is drawn."""
    positions = [
        f"{axis.lower()} = {n // 2}"
        for axis, n in zip(image.axes, image.data.shape, strict=True)
        if axis not in "YXCS" and n > 1
    ]
    return f" ({', '.join(positions)})" if positions else ""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A small picture of an image, small enough to send between processes.

    Attributes
    ----------
    picture, clusters : (Y, X, 3) uint8 array
        The middle plane, and the same with the clusters over it.
    aspect : float
        Height of a pixel divided by its width.
    """

    picture: NDArray[np.uint8]
    clusters: NDArray[np.uint8]
    aspect: float = 1.0


def thumbnail_of(image: ImageFile, labels: ImageFile, n_clusters: int) -> Thumbnail:
    """Return a thumbnail of an image and its labels; either can be a pyramid."""
    colors = colors_of_labels(range(1, n_clusters + 1), distinct_colors(n_clusters))
    picture = picture_of(image, THUMBNAIL)
    aspect = float(panel_keywords(image)["aspect"])
    return Thumbnail(picture, blended(picture, labels, colors, THUMBNAIL), aspect)


@dataclass(frozen=True)
class ScaleBar:
    """A scale bar with a round length.

    Attributes
    ----------
    n_pixels : float
        Its length along X.
    text : str
        Its length with the unit, such as "50 µm".
    """

    n_pixels: float
    text: str


def scale_bar_of(image: ImageFile) -> ScaleBar | None:
    """Return a scale bar of at most a quarter of the width; None if pixel size or unit is unknown."""
    step = float(image.pixel_size.get("X") or 0)
    if not image.unit or not 0 < step < math.inf:
        return None
    width = step * image.data.shape[image.axes.index("X")]
    unit = image.unit
    if unit in MICROMETERS:
        in_um = width * MICROMETERS[unit] / 4
        unit, factor = next(((name, each) for name, each in _LENGTHS if in_um >= each), _LENGTHS[-1])
        factor /= MICROMETERS[image.unit]
    else:
        factor = 1.0
    length = _round_down(width / 4 / factor)
    return ScaleBar(length * factor / step, f"{length:g} {unit}")


def _round_down(value: float) -> float:
    """Return the greatest 1, 2 or 5 times a power of ten that is not above `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(digit * power for digit in (5, 2, 1) if digit * power <= value * (1 + 1e-9))


def _gray(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return values from 0 to 1 as a gray RGB picture."""
    return np.repeat(_as_bytes(values)[..., np.newaxis], 3, axis=-1)


def _as_bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return values from 0 to 1 as bytes from 0 to 255."""
    return np.asarray(values * 255 + 0.5, dtype=np.uint8)


def _stretch(plane: NDArray[Any]) -> NDArray[np.float64]:
    """Scale values to the range 0 to 1, clipping a thousandth at either end; NaN becomes 0."""
    if plane.dtype.kind in "iu":  # float64 cannot represent the differences of large 64-bit integers
        above_lowest = plane - plane.min()
        plane = above_lowest.view(f"u{above_lowest.itemsize}")
    values = plane.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, [0.001, 0.999]) if finite.size else (0.0, 1.0)
    scale = high - low if high > low else 1.0
    return np.clip(np.nan_to_num((values - low) / scale, posinf=1, neginf=0), 0, 1)
