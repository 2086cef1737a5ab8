"""Spatial coherence: the exact optimum of k-means with a cost for every border between different labels.

For ordered centres c, the labelling that minimizes

    Σ (v - c_l)² + 2 λ Σ |c_l(p) - c_l(q)| over neighbours p, q

is found by thresholding a single image u halfway between the centres. u is the proximal map of the
anisotropic total variation, argmin ½ Σ (u - v)² + λ Σ |u(p) - u(q)| [1]_ [2]_. So u is computed once, and
the number of clusters, thresholds and names can be changed interactively.

u is found by block coordinate descent on the dual (Dykstra's algorithm): each axis in turn is solved exactly,
line by line [3]_. With two axes, descent is accelerated by extrapolating the second dual [4]_. The duality gap
bounds the distance of the objective from its minimum.

References
----------
.. [1] J. Darbon and M. Sigelle, "Image restoration with discrete constrained total variation part I: fast
       and exact optimization", Journal of Mathematical Imaging and Vision 26(3), 261-276, 2006.
.. [2] A. Chambolle and J. Darbon, "On total variation minimization and surface evolution using parametric
       maximum flows", International Journal of Computer Vision 84(3), 288-307, 2009.
.. [3] L. Condat, "A direct algorithm for 1-D total variation denoising", IEEE Signal Processing Letters
       20(11), 1054-1057, 2013.
.. [4] A. Chambolle, P. Tan and S. Vaiter, "Accelerated alternating descent methods for Dykstra-like
       problems", Journal of Mathematical Imaging and Vision 59(3), 481-497, 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..options import is_number
from . import _coherence_kernels as kernels

MAX_COHERENCE = 100.0
"""Largest cost of a border, in units of the noise."""

_MAX_ROUNDS = 500
_USUAL_ROUNDS = 15  # for progress only
_CHECK_EVERY = 3  # rounds between computations of the duality gap
_TOLERANCE = 1e-3  # relative duality gap at which the rounds end for an image of 2^22 pixels
_SMALLEST_TOLERANCE = 1e-7  # smaller images are solved more exactly, up to the limit of float32

Range = tuple[int, int]
MapRanges = Callable[[Callable[[Range], Any], Sequence[Range]], Iterable[Any]]
"""Runs a function on ranges, in threads; yields the results in order."""

_N_RANGES = 16  # ranges that lines are cut into, for any number of threads
_NOISE_PIXELS = 1 << 20  # pixels that are enough to estimate the noise
_PIECE = 1 << 16  # pixels at a time, so that temporaries stay in the cache


def check_coherence(coherence: Any) -> tuple[float, ...]:
    """Return the costs of borders: one for all axes or one per axis; empty if all are 0.

    Raises
    ------
    TypeError, ValueError
        If one is not a number in range.
    """
    several = isinstance(coherence, Iterable) and not isinstance(coherence, str)
    numbers = list(coherence) if several else [coherence]
    for number in numbers:
        if not is_number(number):
            raise TypeError(f"coherence must be a number or one for each spatial axis, not {coherence!r:.80}")
        if not 0 <= number <= MAX_COHERENCE:
            raise ValueError(f"coherence={coherence!r:.80} must be 0 to {MAX_COHERENCE:g}")
    return tuple(float(number) for number in numbers) if any(number > 0 for number in numbers) else ()


def estimate_noise(values: NDArray[np.float32], step: float = 0.0) -> float:
    """Return the standard deviation of the noise, from the differences of neighbours along each axis.

    The median absolute difference is robust to the edges of objects, as long as most neighbours are similar.
    Neighbours that both have the lowest or the highest value of the image are ignored, because clipping, or a
    background of zeros, has removed their noise. In a large image, every n-th line is used.

    Parameters
    ----------
    values : float array
        NaN where a pixel is excluded.
    step : float
        Distance between representable values; the noise is at least that of rounding to them.
    """
    finite = np.isfinite(values)
    lowest = values.min(where=finite, initial=np.inf)
    highest = values.max(where=finite, initial=-np.inf)
    clipped = (values == lowest) | (values == highest)
    medians = []
    for axis in range(values.ndim):
        lines = _sampled_lines(values.shape, axis)
        a, b = _neighbours(values[lines], axis)
        clipped_a, clipped_b = _neighbours(clipped[lines], axis)
        with np.errstate(invalid="ignore"):  # ∞ - ∞
            difference = np.abs(b - a)
        difference = difference[np.isfinite(difference) & ~(clipped_a & clipped_b)]
        if difference.size:
            medians.append(float(np.median(difference)) / (np.sqrt(2) * 0.6745))
    return float(max(min(medians, default=0.0), step / np.sqrt(12)))


def _sampled_lines(shape: tuple[int, ...], axis: int) -> tuple[slice, ...]:
    """Return the index of every n-th line along an axis, about `_NOISE_PIXELS` pixels in total."""
    others = [other for other in range(len(shape)) if other != axis]
    if not others:
        return (slice(None),)
    longest = max(others, key=shape.__getitem__)
    step = min(max(math.prod(shape) // _NOISE_PIXELS, 1), max(shape[longest] // 16, 1))
    return (*(slice(None),) * longest, slice(None, None, step))


def _neighbours(array: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two views along an axis: all pixels except the last, and all except the first."""
    before = (slice(None),) * axis
    return array[(*before, slice(None, -1))], array[(*before, slice(1, None))]


def proximal_map(
    values: NDArray[np.float32],
    weights: Sequence[float],
    map_ranges: MapRanges,
    progress: Callable[[float], None] | None = None,
) -> tuple[NDArray[np.float32], float]:
    """Return argmin ½ Σ (u - v)² + Σ over axes of weight · Σ |u(p) - u(q)| over neighbours along the axis.

    Parameters
    ----------
    values : float32 array
        v; NaN where a pixel is excluded. Borders with excluded pixels cost nothing.
    weights : sequence of float
        One per axis, in the units of the values.
    map_ranges : callable
        Runs a function on ranges of lines in threads; the result does not depend on the number of threads.
    progress : callable, optional

    Returns
    -------
    u : float32 array
        NaN where `values` is.
    gap : float
        Duality gap that was reached, relative to the sum of squared distances of the values to their mean.
        The objective is above its minimum by at most this gap.
    """
    known = np.isfinite(values)
    # Infinite pixels keep their value and are not smoothed into their neighbours.
    u = np.where(known, values, np.float32(np.nan))
    axes = [axis for axis in range(values.ndim) if weights[axis] > 0 and values.shape[axis] > 1]
    duals = {axis: np.zeros_like(u) for axis in axes}
    spread = _sum_of_squares(values, known)
    tolerance = min(max(_TOLERANCE * values.size / (1 << 22), _SMALLEST_TOLERANCE), _TOLERANCE)
    gap = math.inf
    momentum = _Momentum(duals[axes[1]], u) if len(axes) == 2 else None
    for round_ in range(1, _MAX_ROUNDS + 1):
        if momentum is not None and round_ > 1:
            momentum.extrapolate(map_ranges)
        for axis in axes:
            lines, dual = _lines_along(u, axis), _lines_along(duals[axis], axis)
            solve = partial(_call_on_range, kernels.tv_axis, lines, dual, weights[axis])
            for _ in map_ranges(solve, _ranges(lines.shape)):
                pass
        if progress is not None:
            progress(min(0.9 * round_ / _USUAL_ROUNDS, 0.95))
        is_last = len(axes) < 2 or round_ == _MAX_ROUNDS  # a single axis is solved exactly at once
        if is_last or round_ % _CHECK_EVERY == 0:
            before = gap
            gap = _duality_gap(values, u, duals, weights, map_ranges) / spread if spread > 0 else 0.0
            if is_last or gap < tolerance:
                break
            if momentum is not None and gap > before:
                momentum.restart()
    u[~known] = np.where(np.isinf(values[~known]), values[~known], np.float32(np.nan))
    return u, max(gap, 0.0)


class _Momentum:
    """Extrapolates the dual of one axis before each round, as Nesterov's method does.

    Parameters
    ----------
    dual, u : float32 arrays
        Changed in place.
    """

    def __init__(self, dual: NDArray[np.float32], u: NDArray[np.float32]) -> None:
        self._dual, self._u, self._previous = dual.reshape(-1), u.reshape(-1), np.zeros(dual.size, np.float32)
        self._t = 1.0

    def restart(self) -> None:
        """Reset the momentum, which led away from the minimum."""
        self._t = 1.0

    def extrapolate(self, map_ranges: MapRanges) -> None:
        """Move the dual by a part of its last step, and update u."""
        following = (1 + math.sqrt(1 + 4 * self._t**2)) / 2
        factor, self._t = np.float32((self._t - 1) / following), following
        move = partial(_call_on_range, kernels.extrapolate, self._dual, self._previous, self._u, factor)
        for _ in map_ranges(move, _ranges((1, 1, self._dual.size))):
            pass


def _sum_of_squares(values: NDArray[np.float32], known: NDArray[np.bool_]) -> float:
    """Return the sum of squared distances of the known values to their mean."""
    mean = float(np.sum(values, where=known, dtype=np.float64)) / max(int(known.sum()), 1)
    flat, flat_known = values.reshape(-1), known.reshape(-1)
    total = 0.0
    for begin in range(0, flat.size, _PIECE):
        piece = slice(begin, begin + _PIECE)
        total += float(np.sum((flat[piece].astype(np.float64) - mean) ** 2, where=flat_known[piece]))
    return total


def _ranges(shape: tuple[int, ...]) -> list[Range]:
    """Cut lines of shape (outer, n, inner) along the outer axis, or along the inner one if outer is 1."""
    n = shape[0] if shape[0] > 1 else shape[2]
    step = max(-(-n // _N_RANGES), 1)
    return [(begin, min(begin + step, n)) for begin in range(0, n, step)]


def _call_on_range(kernel: Callable[..., Any], *arguments: Any) -> Any:
    """Call a kernel whose last two arguments are the ends of a range, which is passed as a pair."""
    *others, part = arguments
    return kernel(*others, *part)


def _lines_along(array: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return a contiguous array as (outer, axis, inner)."""
    outer = int(np.prod(array.shape[:axis], dtype=np.int64))
    return array.reshape(outer, array.shape[axis], -1)


def _duality_gap(
    values: NDArray[np.float32],
    u: NDArray[np.float32],
    duals: dict[int, NDArray[np.float32]],
    weights: Sequence[float],
    map_ranges: MapRanges,
) -> float:
    """Return the objective at `u` minus the dual objective, which is a lower bound of its minimum.

    With feasible duals z and e = u - v + Σ z, which is 0 up to rounding, the gap is
    Σ weight |difference of u| - Σ u · z over all axes, + ½ Σ e².
    """
    gap = 0.0
    for axis, dual in duals.items():
        lines = _lines_along(u, axis)
        part = partial(_call_on_range, kernels.axis_gap, lines, _lines_along(dual, axis), weights[axis])
        gap += sum(map_ranges(part, _ranges(lines.shape)))
    flat = [dual.reshape(-1) for dual in duals.values()]
    for begin in range(0, u.size, _PIECE):
        piece = slice(begin, begin + _PIECE)
        rounding = u.reshape(-1)[piece].astype(np.float64) - values.reshape(-1)[piece]
        for dual in flat:
            rounding += dual[piece]
        gap += float(np.sum(rounding * rounding, where=np.isfinite(rounding))) / 2
    return gap
