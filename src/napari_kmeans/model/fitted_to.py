"""Type and range of the fitted image, to detect differences from another image and compensate for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.boxes import Box
from ..blocks.pixels import Pixels
from ..features.feature_space import ScalarFormat
from ..summary.scalar import ScalarSummary
from ..summary.vector import VectorSummary

MATCHES = ("values", "range", "refit")
"""How a model is applied to another image: unchanged, scaled to the range of that image, or fitted again to
that image."""

_SHARE = 0.001  # of the pixels at each end of the range of an image, so that outliers do not matter
_LARGER_SHARE = 0.005  # of a sample; if more is outside the range of the fitted image, this is a difference
_FEW_POINTS = 1 << 14  # used to measure the range of several features
_SAMPLE = 1 << 14  # pixels that are compared with the fitted image
_MIN_READ = 1 << 19  # pixels read if values depend on neighbours or position, or half of a larger image
_FAR = 0.5  # of the range of the fitted image: a larger difference at either end gives a warning
_SAME_SIZE = 0.01  # relative difference of pixel sizes that is ignored

Range = tuple[tuple[float, ...], tuple[float, ...]]
"""Smallest and largest value of each feature."""


@dataclass(frozen=True)
class FittedTo:
    """Type and range of an image.

    Attributes
    ----------
    dtype : str
        Type of its pixels, such as "uint8".
    n_channels : int or None
        Length of its channel axis, if it has one.
    low, high : tuple of float
        0.1 and 99.9 percentile of each feature, in the image's own units.
    pixel_size : tuple of float
        Along each spatial axis; empty if unknown.
    unit : str
        Unit of `pixel_size`.
    """

    dtype: str
    n_channels: int | None
    low: tuple[float, ...]
    high: tuple[float, ...]
    pixel_size: tuple[float, ...] = ()
    unit: str = ""

    @classmethod
    def of(
        cls,
        dtype: Any,
        n_channels: int | None,
        summary: ScalarSummary | VectorSummary,
        share: float = _SHARE,
    ) -> FittedTo:
        """Describe an image by the type of its pixels and by its summary.

        `share` is the share of pixels below `low`, and of those above `high`.
        """
        low, high = feature_range(summary, share)
        return cls(np.dtype(dtype).newbyteorder("=").name, n_channels, low, high)

    def differences(self, other: Sample, names: Sequence[str]) -> list[str]:
        """Return how another image differs, as parts of a sentence; empty if it does not.

        An end of the range differs if even the extremes of the sample are far inside the fitted range, or if
        more than 0.5 % of the sample are far outside. So neither a few pixels nor chance cause a difference.

        Parameters
        ----------
        other : Sample
            Sample of the other image.
        names : sequence of str
            Names of the features.
        """
        bulk, extremes = other.bulk, other.extremes
        found = []
        if bulk.dtype != self.dtype:
            found.append(f"dtype {bulk.dtype} instead of {self.dtype}")
        if bulk.n_channels != self.n_channels:
            found.append(_difference_of_channels(bulk.n_channels, self.n_channels))
        if len(bulk.low) == len(self.low):
            for axis, (name, low, high) in enumerate(zip(names, self.low, self.high, strict=False)):
                reach = _FAR * (high - low)
                is_lower = bulk.low[axis] < low - reach or extremes.high[axis] < high - reach
                is_higher = bulk.high[axis] > high + reach or extremes.low[axis] > low + reach
                if is_lower or is_higher:
                    of = f" of {name}" if len(self.low) > 1 else ""
                    values = range_text(bulk.low[axis], bulk.high[axis])
                    found.append(f"values{of} {values} instead of {range_text(low, high)}")
        if self.pixel_size and bulk.pixel_size and not self._has_size_of(bulk):
            found.append(f"pixel size {bulk.size_text} instead of {self.size_text}")
        return found

    @property
    def size_text(self) -> str:
        """Pixel size with its unit."""
        return f"{' × '.join(f'{size:.4g}' for size in self.pixel_size)} {self.unit}".rstrip()

    def _has_size_of(self, other: FittedTo) -> bool:
        """Return whether the pixel sizes are the same up to rounding."""
        if other.unit != self.unit or len(other.pixel_size) != len(self.pixel_size):
            return False
        return bool(np.allclose(self.pixel_size, other.pixel_size, rtol=_SAME_SIZE, atol=0))

    def to_dict(self) -> dict[str, Any]:
        """Return the content as JSON stores it."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class Sample:
    """Type and range of a sample of the pixels of an image.

    Attributes
    ----------
    bulk : FittedTo
        Its range is from the 0.5 to the 99.5 percentile of each feature.
    extremes : FittedTo
        Its range is from the smallest to the largest value of each feature.
    """

    bulk: FittedTo
    extremes: FittedTo


def range_text(low: float, high: float) -> str:
    """Return the ends of a range with the same number of digits after the point."""
    largest = max(abs(low), abs(high))
    if largest == 0 or 1e-4 <= largest < 1e7:
        n_digits = max(0, 3 - math.floor(math.log10(largest))) if largest else 0
        low, high = round(low, n_digits) + 0.0, round(high, n_digits) + 0.0  # not -0
        return " to ".join(
            f"{end:.{n_digits}f}".rstrip("0").rstrip(".") if n_digits else f"{end:.0f}" for end in (low, high)
        )
    return " to ".join(f"{end:.3e}" if end else "0" for end in (low, high))


def check_match(match: str) -> None:
    """Raise ``ValueError`` unless `match` is one of `MATCHES`."""
    if match not in MATCHES:
        raise ValueError(f"match={match!r} must be one of {', '.join(map(repr, MATCHES))}")


def feature_range(summary: ScalarSummary | VectorSummary, share: float = _SHARE) -> Range:
    """Return the values of each feature below and above which a share of the pixels lies."""
    if isinstance(summary, ScalarSummary):
        return _range([summary.values], summary.counts, share, summary.origin)
    step = max(1, len(summary.positions) // _FEW_POINTS)
    return _range(list(summary.positions[::step].T), summary.counts[::step], share)


def _range(
    columns: Sequence[NDArray[np.float64]], counts: NDArray[np.int64], share: float, origin: float = 0
) -> Range:
    """Return the range of each column; see `feature_range`."""
    ends = [_percentiles(column, counts, share) for column in columns]
    return tuple(low + origin for low, _ in ends), tuple(high + origin for _, high in ends)


def _percentiles(values: NDArray[np.float64], counts: NDArray[np.int64], share: float) -> tuple[float, float]:
    """Return the values below and above which a share of the pixels lies."""
    if values.size and (counts == counts[0]).all():
        values = np.sort(values)  # quicker than sorting two arrays
    elif (values[1:] < values[:-1]).any():
        order = np.argsort(values, kind="stable")
        values, counts = values[order], counts[order]
    cumulated = np.cumsum(counts)
    ranks = np.multiply((share, 1 - share), float(cumulated[-1]))
    at = np.searchsorted(cumulated, ranks).clip(max=values.size - 1)
    return float(values[at[0]]), float(values[at[1]])


def rescaling(fitted: FittedTo, image: FittedTo) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the linear map, per feature, from the range of the fitted image to that of another one.

    It takes and returns an array whose last axis is the feature.
    """
    low, high, other_low, other_high = map(np.array, (fitted.low, fitted.high, image.low, image.high))
    width = high - low
    factor = np.where(width > 0, (other_high - other_low) / np.where(width > 0, width, 1.0), 1.0)
    return lambda values: (values - low) * factor + other_low


def sample_of(pixels: Pixels, pixel_size: Sequence[float] = (), unit: str = "") -> Sample:
    """Describe an image by a sample of its pixels.

    The range is not measured for lazy images, since no block is read, nor for texture, whose values depend on
    many pixels.
    """
    unknown = FittedTo(
        np.dtype(pixels.image.dtype).newbyteorder("=").name,
        pixels.n_channels,
        (),
        (),
        tuple(pixel_size),
        unit,
    )
    if pixels.chunks is not None or pixels.extractor.space.halo(pixels.image.dtype, pixels.n_channels):
        return Sample(unknown, unknown)
    depend_on_place = any(pixels.halo) or pixels.extractor.field is not None
    try:
        ranges = _ranges_of_lines(pixels) if depend_on_place else _ranges(_every_nth(pixels))
    except ValueError:  # no pixel can be clustered, and all labels are 0
        return Sample(unknown, unknown)
    bulk, extremes = (replace(unknown, low=low, high=high) for low, high in ranges)
    return Sample(bulk, extremes)


def _every_nth(pixels: Pixels) -> Pixels:
    """Return every n-th pixel along each axis."""
    # Odd, so that both values of a checkerboard are sampled.
    step = math.ceil((pixels.size / _SAMPLE) ** (1 / len(pixels.shape))) // 2 * 2 + 1
    every = (slice(None, None, step),) * len(pixels.shape)
    mask = None if pixels.mask is None else pixels.mask[every]
    return replace(pixels, image=pixels.image[every], mask=mask)


def _ranges(pixels: Pixels) -> list[Range]:
    """Return the ranges of a small image: of most of its pixels, and of all."""
    summary: ScalarSummary | VectorSummary
    if isinstance(pixels.value_format, ScalarFormat):
        (values,) = _columns(pixels, tuple(slice(0, size) for size in pixels.shape))
        if not values.size:
            raise ValueError("image has no pixels to cluster")
        summary = ScalarSummary(*np.unique(values, return_counts=True))
    else:
        from ..summary.summarize import summarize

        summary = summarize(pixels)
    return [feature_range(summary, share) for share in (_LARGER_SHARE, 0.0)]


def _ranges_of_lines(pixels: Pixels) -> list[Range]:
    """Return the ranges of some lines along the last axis, if values depend on neighbours or position."""
    *sizes, length = pixels.shape
    n_read = length * math.prod(2 * reach + 1 for reach in pixels.halo[:-1])
    n_lines = max(_MIN_READ, pixels.size // 2) / n_read
    step = math.ceil((math.prod(sizes) / n_lines) ** (1 / max(len(sizes), 1))) // 2 * 2 + 1
    places = np.ndindex(*(-(-size // step) for size in sizes))
    boxes = [(*(slice(step * at, step * at + 1) for at in place), slice(0, length)) for place in places]
    columns = [np.concatenate(parts) for parts in zip(*(_columns(pixels, box) for box in boxes), strict=True)]
    if not columns[0].size:
        raise ValueError("image has no pixels to cluster")
    counts = np.ones(columns[0].size, dtype=np.int64)
    return [_range(columns, counts, share) for share in (_LARGER_SHARE, 0.0)]


def _columns(pixels: Pixels, box: Box) -> list[NDArray[np.float64]]:
    """Return the features of the usable pixels in a box, in the image's own units."""
    values, include = pixels.read(box)
    value_format = pixels.value_format
    if isinstance(value_format, ScalarFormat):
        columns = [values.ravel() * value_format.unit]
    else:
        features = value_format.features(list(np.moveaxis(values, -1, 0))[: value_format.n_features])
        columns = [column.ravel() for column in features]
    used = np.isfinite(columns).all(axis=0)
    if include is not None:
        used &= include.ravel()
    return [column[used] for column in columns]


def _difference_of_channels(found: int | None, fitted: int | None) -> str:
    """Describe a different number of channels."""
    if found is None and fitted in (3, 4):
        return "gray values instead of colours"
    if fitted is None and found in (3, 4):
        return "colours instead of gray values"
    return f"{_channels(found)} instead of {_channels(fitted)}"


def _channels(n_channels: int | None) -> str:
    return "no channels" if n_channels is None else f"{n_channels} channel{'s' * (n_channels != 1)}"
