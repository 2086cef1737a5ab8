"""Detect uneven illumination on sampled pixels.

A smooth field is fitted together with four clusters, as for `Illumination`. The image is called unevenly lit
if removing the field reduces the variance within four clusters by more than a third: in an evenly lit image
the field can explain only noise there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Pixels
from ..features.feature_space import ScalarFormat, VectorFormat
from ..preprocess.illumination import KINDS, Illumination
from ..summary.field_sample import FieldSample, sample_field
from .illumination import check_space, fit_coarse
from .illumination_fit import optimal_inertia

_MAX_REMAINING = 2 / 3  # of the variance within clusters, if the field of an unevenly lit image is removed
_DEGREE = 4  # enough for unevenness that is obvious to the eye
_MIN_PIXELS = 256  # with fewer, nothing is suggested
_MAX_READ = 1 << 22  # pixels; of larger and of lazy images, only sampled windows are read


def uneven_illumination(pixels: Pixels, sample: FieldSample | None = None) -> str | None:
    """Return the kind of illumination to remove, or None if an image looks evenly lit.

    Parameters
    ----------
    pixels : Pixels
        Without an illumination field.
    sample : FieldSample, optional
        Pixels that were sampled already.
    """
    kinds = [kind for kind in KINDS if _is_possible(kind, pixels)]
    if not kinds:
        return None
    if sample is None:
        plain = replace(pixels, extractor=replace(pixels.extractor, smooth=(), field=None))
        sample = sample_field(plain, estimate=pixels.chunks is not None or pixels.size > _MAX_READ)
    if sample.positions.size < _MIN_PIXELS:
        return None
    remaining = {}
    for kind in kinds:
        remaining[kind] = _unexplained(sample, pixels.shape, pixels.value_format, kind)
        if kind == KINDS[0] and remaining[kind][0] > _MAX_REMAINING:
            return None  # shading is found by an additive field as well
    kind = min(remaining, key=lambda each: remaining[each][1])
    return kind if min(ratio for ratio, _ in remaining.values()) <= _MAX_REMAINING else None


def _is_possible(kind: str, pixels: Pixels) -> bool:
    """Return whether the feature space supports this kind of illumination."""
    try:
        check_space(Illumination(kind), pixels)
    except ValueError:
        return False
    return True


def _unexplained(
    sample: FieldSample, shape: Sequence[int], value_format: ScalarFormat | VectorFormat, kind: str
) -> tuple[float, float]:
    """Return the variance within clusters without the field, relative to that with it and to the total.

    With several channels, return the ratios of the channel with the strongest field.
    """
    ratios = [(1.0, 1.0)]
    if kind == KINDS[1] and not (sample.values > 0).any():
        return ratios[0]  # a multiplicative field needs values above 0
    for values, corrected in fit_coarse(sample, shape, value_format, Illumination(kind, _DEGREE)):
        before, after = optimal_inertia(values), optimal_inertia(corrected)
        total = float(np.sum((corrected - corrected.mean()) ** 2))
        if before > 0 and total > 0:
            ratios.append((after * _scale(values, corrected) / before, after / total))
    return min(ratios)


def _scale(values: NDArray[np.float64], corrected: NDArray[np.float64]) -> float:
    """Return the square of the factor that restores the mean of the values."""
    mean = float(corrected.mean())
    return (float(values.mean()) / mean) ** 2 if mean else 1.0
