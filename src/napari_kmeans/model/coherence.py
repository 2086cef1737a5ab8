"""From an image to its coherent image, whose thresholds give labels with a price on borders."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.boxes import Box
from ..blocks.loop import N_THREADS, block_boxes, run
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.base import ScalarFormat
from ..features.extractor import FeatureExtractor
from ..preprocess.coherence import estimate_noise, proximal_map
from ..summary.coherent import CoherentSummary
from ..summary.scalar import ScalarSummary


@dataclass(frozen=True)
class Coherence:
    """What a price on borders was.

    Attributes
    ----------
    noise : float
        Estimated standard deviation of the noise, in the image's own units.
    weights : tuple of float
        λ along each spatial axis, in the image's own units: a border between two clusters costs
        2 λ |difference of their centres| per pixel.
    gap : float
        Relative duality gap that was reached when the coherent image was computed.
    """

    noise: float
    weights: tuple[float, ...]
    gap: float


def check_coherent(pixels: Pixels) -> None:
    """Raise ``ValueError`` if an image cannot be made coherent."""
    if not isinstance(pixels.value_format, ScalarFormat):
        raise ValueError(
            f"coherence is for one feature, and features={pixels.extractor.name!r} has "
            f"{pixels.value_format.n_features}; clean the labels by majority instead"
        )
    if pixels.chunks is not None:
        raise ValueError(
            "coherence needs the whole image in memory, and this image is lazy; pass numpy.asarray(image) if "
            "it fits, or clean the labels by majority instead"
        )


def coherent_pixels(
    pixels: Pixels, coherence: Sequence[float], progress: Progress | None = None, noise: float | None = None
) -> tuple[Pixels, NDArray[np.float32], Coherence]:
    """Return an image whose thresholds give labels with a price on borders.

    Parameters
    ----------
    pixels : Pixels
    coherence : sequence of float
        One price for all spatial axes, or one per axis.
    progress : callable, optional
    noise : float, optional
        Noise of another image to use instead of estimating it.

    Returns
    -------
    coherent : Pixels
        The coherent image in float32, with NaN where a pixel is excluded.
    values : float32 array
        The image's own values, with NaN where a pixel is excluded.
    found : Coherence
    """
    check_coherent(pixels)
    values = _read_values(pixels, subprogress(progress, 0, 0.1))
    stored = pixels.value_format
    step = stored.unit if isinstance(stored, ScalarFormat) and stored.dtype.kind != "f" else 0.0
    if noise is None:
        noise = estimate_noise(values, step)
    largest = float(np.max(np.abs(values), initial=0, where=np.isfinite(values)))
    if largest * np.finfo(np.float32).eps > max(noise, 1e-12 * largest):
        raise ValueError(
            "coherence is computed in float32, which cannot represent differences this small next to values "
            f"of {largest:.3g}; subtract an offset from the image"
        )
    n_axes = len(pixels.shape)
    prices = tuple(coherence) if len(coherence) > 1 else tuple(coherence) * n_axes
    if len(prices) != n_axes:
        raise ValueError(f"coherence holds {len(prices)} numbers, and the image has {n_axes} spatial axes")
    weights = tuple(price * noise for price in prices)
    with ThreadPoolExecutor(N_THREADS, thread_name_prefix="napari-kmeans-coherence") as pool:
        u, gap = proximal_map(values, weights, pool.map, subprogress(progress, 0.1, 1))
    return Pixels(u, FeatureExtractor.of("gray"), None), values, Coherence(noise, weights, gap)


def summarize_coherent(
    original: ScalarSummary, coherent: Pixels, values: NDArray[np.float32]
) -> CoherentSummary:
    """Summarize a coherent image together with the original values."""
    return CoherentSummary.of(original, coherent.image, values)


def _read_values(pixels: Pixels, progress: Progress | None) -> NDArray[np.float32]:
    """Return all values of an image as float32, NaN where a pixel is excluded."""
    values = np.empty(pixels.shape, dtype=np.float32)
    stored: Any = pixels.value_format

    def read(box: Box) -> None:
        found, include = pixels.read(box)
        part = found.astype(np.float32) if stored.unit == 1.0 else (found * stored.unit).astype(np.float32)
        if include is not None:
            part[~include] = np.nan
        values[box] = part

    for _ in run(read, block_boxes(pixels), progress):
        pass
    return values
