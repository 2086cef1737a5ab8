"""Gaussian averages that know of pixels without a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TRUNCATE = 4.0  # standard deviations after which a Gaussian is cut off, as SciPy does


def reach(sigma: float, truncate: float = _TRUNCATE) -> int:
    """How many pixels away a Gaussian of `sigma` pixels looks."""
    return int(truncate * sigma + 0.5)


def blur(
    image: NDArray[Any],
    sigma: Sequence[float],
    known: NDArray[np.bool_] | None = None,
    truncate: float = _TRUNCATE,
) -> NDArray[np.float64]:
    """Average an image with a Gaussian, over the pixels that have a value.

    Where all do, this is `scipy.ndimage.gaussian_filter` to the bit. Near others it is the average of those
    that have one, weighted as before: normalised convolution [1]_. So a hole neither spreads nor darkens what
    is around it. Where no value is within reach the result is 0.

    Parameters
    ----------
    image : array
    sigma : sequence of float
        Standard deviation in pixels along each axis; 0 leaves an axis alone.
    known : bool array, optional
        Pixels that have a value; all if not given.
    truncate : float
        Standard deviations after which the Gaussian is cut off.

    Returns
    -------
    float64 array
        A pixel depends on no other than those that `reach` tells, so that an image may be cut into blocks.

    References
    ----------
    .. [1] H. Knutsson and C.-F. Westin, "Normalized and differential convolution", Proceedings of CVPR,
           515-523, 1993.
    """
    from scipy.ndimage import gaussian_filter

    def average(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(values, sigma, output=np.float64, truncate=truncate))

    if known is None or known.all():
        return average(image)
    total = average(np.where(known, image, 0))
    # 1 minus the weight of the others, not the weight of those known: that is 1 exactly where there are none.
    weight = 1 - average((~known).astype(np.float64))
    enough = weight > 1e-9
    return np.divide(total, weight, out=np.zeros_like(total), where=enough)
