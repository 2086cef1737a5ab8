"""What the image of a model looked like, to notice and to bridge differences to another image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Pixels
from ..summary.scalar import ScalarSummary
from ..summary.vector import VectorSummary

MATCHES = ("values", "range", "refit")
"""How a model is applied to another image: by its values, by values scaled to the range of that image, or by
its recipe, fitted to that image."""

_SHARES = (0.001, 0.999)  # between which the range of an image is measured, so that outliers do not matter
_FEW_POINTS = 1 << 14  # that the range of several features is measured on
_FAR = 0.5  # of the range of the fitted image: a difference at either end that a warning names
_SAME_SIZE = 0.01  # relative difference of pixel sizes that is ignored


@dataclass(frozen=True)
class FittedTo:
    """What an image looks like.

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
    def of(cls, dtype: Any, n_channels: int | None, summary: ScalarSummary | VectorSummary) -> FittedTo:
        """Describe an image by the type of its pixels and by its summary."""
        low, high = feature_range(summary)
        return cls(np.dtype(dtype).newbyteorder("=").name, n_channels, low, high)

    def differences(self, other: FittedTo, names: Sequence[str]) -> list[str]:
        """Return how another image differs, in parts of a sentence; none if it looks alike.

        Parameters
        ----------
        other : FittedTo
            The other image; a range of no features is not compared.
        names : sequence of str
            Names of the features.
        """
        found = []
        if other.dtype != self.dtype:
            found.append(f"dtype {other.dtype} instead of {self.dtype}")
        if other.n_channels != self.n_channels:
            found.append(f"{_channels(other.n_channels)} instead of {_channels(self.n_channels)}")
        if len(other.low) == len(self.low):
            for name, *ends in zip(names, self.low, self.high, other.low, other.high, strict=False):
                low, high, other_low, other_high = ends
                reach = _FAR * (high - low)
                if abs(other_low - low) > reach or abs(other_high - high) > reach:
                    of = f" of {name}" if len(self.low) > 1 else ""
                    found.append(
                        f"values{of} {other_low:.4g} to {other_high:.4g} instead of {low:.4g} to {high:.4g}"
                    )
        if self.pixel_size and other.pixel_size and not self._has_size_of(other):
            found.append(f"pixel size {other.size_text} instead of {self.size_text}")
        return found

    @property
    def size_text(self) -> str:
        """Pixel size with its unit."""
        return f"{' × '.join(f'{size:.4g}' for size in self.pixel_size)} {self.unit}".rstrip()

    def _has_size_of(self, other: FittedTo) -> bool:
        if other.unit != self.unit or len(other.pixel_size) != len(self.pixel_size):
            return False
        return bool(np.allclose(self.pixel_size, other.pixel_size, rtol=_SAME_SIZE, atol=0))

    def to_dict(self) -> dict[str, Any]:
        """Return the content as JSON stores it."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()
        }


def check_match(match: str) -> None:
    """Raise ``ValueError`` unless `match` is one of `MATCHES`."""
    if match not in MATCHES:
        raise ValueError(f"match={match!r} is not known; use one of {', '.join(map(repr, MATCHES))}")


def feature_range(
    summary: ScalarSummary | VectorSummary,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the 0.1 and 99.9 percentile of each feature of a summary."""
    if isinstance(summary, ScalarSummary):
        columns, counts, origin = [summary.values], summary.counts, summary.origin
    else:
        step = max(1, len(summary.positions) // _FEW_POINTS)
        columns, counts, origin = list(summary.positions[::step].T), summary.counts[::step], 0
    ends = [_percentiles(column, counts) for column in columns]
    return tuple(low + origin for low, _ in ends), tuple(high + origin for _, high in ends)


def _percentiles(values: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return the values at `_SHARES` of the pixels."""
    if values.size > 1 and not (values[1:] >= values[:-1]).all():
        order = np.argsort(values, kind="stable")
        values, counts = values[order], counts[order]
    cumulated = np.cumsum(counts)
    at = np.searchsorted(cumulated, np.multiply(_SHARES, float(cumulated[-1]))).clip(max=values.size - 1)
    return float(values[at[0]]), float(values[at[1]])


def rescaling(fitted: FittedTo, image: FittedTo) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the linear map, per feature, from the range of the fitted image to that of another one.

    It takes and returns an array whose last axis is the features.
    """
    low, high, other_low, other_high = map(np.array, (fitted.low, fitted.high, image.low, image.high))
    width = high - low
    factor = np.where(width > 0, (other_high - other_low) / np.where(width > 0, width, 1.0), 1.0)
    return lambda values: (values - low) * factor + other_low


def sample_range(pixels: Pixels) -> FittedTo:
    """Describe an image by sampled windows of it; a lazy image without its range, since no block is read."""
    from ..summary.summarize import summarize

    dtype = np.dtype(pixels.image.dtype).newbyteorder("=").name
    if pixels.chunks is not None:
        return FittedTo(dtype, pixels.n_channels, (), ())
    try:
        return FittedTo.of(dtype, pixels.n_channels, summarize(pixels, estimate=True))
    except ValueError:  # no pixel can be clustered, and all labels are 0
        return FittedTo(dtype, pixels.n_channels, (), ())


def _channels(n_channels: int | None) -> str:
    return "no channels" if n_channels is None else f"{n_channels} channel{'s' * (n_channels != 1)}"
