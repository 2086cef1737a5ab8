"""Make an image coherent, so that thresholds give labels with a cost for borders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.boxes import Box
from ..blocks.loop import block_boxes, run
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.extractor import FeatureExtractor
from ..features.feature_space import ScalarFormat
from ..preprocess.coherence import Range, estimate_noise, proximal_map
from ..summary.coherent import CoherentSummary
from ..summary.scalar import ScalarSummary

_SMALLEST_RANGE = 1e-30  # of values, so that their noise and the cost of borders are above float32's 1e-38
_RESOLUTION = 1e-3  # smallest difference to resolve in an image without noise, relative to its range


@dataclass(frozen=True)
class Coherence:
    """Parameters with which an image was made coherent.

    Attributes
    ----------
    noise : float
        Estimated standard deviation of the noise, in the image's own units.
    weights : tuple of float
        λ along each spatial axis, in the image's own units: a border between two clusters costs
        2 λ |difference of their centres| per pixel.
    gap : float
        Duality gap that was reached when the coherent image was computed, relative to the sum of squared
        distances of the pixels to their mean; see `proximal_map`.
    """

    noise: float
    weights: tuple[float, ...]
    gap: float


def check_coherent(pixels: Pixels, coherence: Sequence[float]) -> None:
    """Raise ``ValueError`` if an image cannot be made coherent with these costs."""
    n_axes = len(pixels.shape)
    if len(coherence) > 1 and len(coherence) != n_axes:
        raise ValueError(
            f"coherence={tuple(coherence)} has {len(coherence)} numbers, but the image has "
            f"{n_axes} spatial axes"
        )
    if not isinstance(pixels.value_format, ScalarFormat):
        raise ValueError(
            f"coherence needs a single feature, but features={pixels.extractor.name!r} has "
            f"{pixels.value_format.n_features}; clean the labels by majority instead"
        )
    if pixels.chunks is not None:
        raise ValueError(
            "coherence needs the whole image in memory, but this image is lazy; pass numpy.asarray(image) if "
            "it fits, or clean the labels by majority instead"
        )


def coherent_pixels(
    pixels: Pixels, coherence: Sequence[float], progress: Progress | None = None, noise: float | None = None
) -> tuple[Pixels, NDArray[np.float32], Coherence]:
    """Return a coherent image, whose thresholds give labels with a cost for borders.

    Parameters
    ----------
    pixels : Pixels
    coherence : sequence of float
        One cost for all spatial axes, or one per axis.
    progress : callable, optional
    noise : float, optional
        Noise of another image to use instead of estimating it.

    Returns
    -------
    coherent : Pixels
        The coherent image in float32, with NaN for excluded pixels.
    values : float32 array
        The image's own values, with NaN for excluded pixels.
    found : Coherence
    """
    check_coherent(pixels, coherence)
    costs = tuple(coherence) if len(coherence) > 1 else tuple(coherence) * len(pixels.shape)
    values, low, high = _read_values(pixels, subprogress(progress, 0, 0.1))
    stored = pixels.value_format
    step = stored.unit if isinstance(stored, ScalarFormat) and stored.dtype.kind != "f" else 0.0
    if noise is None:
        noise = estimate_noise(values, step)
    _check_range(low, high, noise)
    weights = tuple(cost * noise for cost in costs)
    u, gap = proximal_map(values, weights, _map_ranges, subprogress(progress, 0.1, 1))
    return Pixels(u, FeatureExtractor.of("gray"), None), values, Coherence(noise, weights, gap)


def _map_ranges(function: Callable[[Range], Any], ranges: Sequence[Range]) -> Iterator[Any]:
    """Run a function on ranges in the threads that also read blocks."""
    return run(lambda box: function((box[0].start, box[0].stop)), [(slice(*part),) for part in ranges])


def _check_range(low: float, high: float, noise: float) -> None:
    """Raise ``ValueError`` if float32 cannot represent the differences that matter between low and high."""
    largest = max(abs(low), abs(high))
    if 0 < high - low < _SMALLEST_RANGE:
        raise ValueError(
            f"coherence is computed in float32, but the values of the image differ by only {high - low:.3g}; "
            "multiply the image by a constant"
        )
    # Without noise, a fraction of the range of the values has to be resolved.
    if low < high and largest * np.finfo(np.float32).eps > max(noise, (high - low) * _RESOLUTION):
        raise ValueError(
            "coherence is computed in float32, which cannot represent differences this small next to values "
            f"of {largest:.3g}; subtract an offset from the image"
        )


def summarize_coherent(
    original: ScalarSummary, coherent: Pixels, values: NDArray[np.float32], weights: Sequence[float]
) -> CoherentSummary:
    """Summarize a coherent image together with the original values; `weights` are those of `Coherence`."""
    return CoherentSummary.of(original, coherent.image, values, weights)


def _read_values(pixels: Pixels, progress: Progress | None) -> tuple[NDArray[np.float32], float, float]:
    """Return all values of an image as float32, with NaN for excluded pixels, and their exact range."""
    values = np.empty(pixels.shape, dtype=np.float32)
    stored: Any = pixels.value_format

    def read(box: Box) -> tuple[float, float]:
        found, include = pixels.read(box)
        with np.errstate(over="ignore"):
            scaled = found if stored.unit == 1.0 else found * stored.unit
            part = scaled.astype(np.float32)
        if (np.isinf(part) & np.isfinite(found)).any():
            raise ValueError(
                "coherence is computed in float32, but the image has larger values; divide the image by a constant"
            )
        if include is not None:
            part[~include] = np.nan
        values[box] = part
        finite = np.isfinite(part)  # the range before rounding, which may leave a single float32
        known = scaled if finite.all() else scaled[finite]
        return (float(known.min()), float(known.max())) if known.size else (np.inf, -np.inf)

    lows, highs = zip(*run(read, block_boxes(pixels), progress), strict=True)
    return values, min(lows), max(highs)
