"""Gaussian smoothing that ignores missing pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TRUNCATE = 4.0  # standard deviations, as in SciPy


def gaussian_radius(sigma: float, truncate: float = _TRUNCATE) -> int:
    """Return the radius in pixels of a Gaussian kernel."""
    return int(truncate * sigma + 0.5)


def gaussian(
    image: NDArray[Any],
    sigma: Sequence[float],
    known: NDArray[np.bool_] | None = None,
    truncate: float = _TRUNCATE,
) -> NDArray[np.float64]:
    """Smooth an image with a Gaussian over its known pixels.

    Without missing pixels this is `scipy.ndimage.gaussian_filter`, bit for bit. Near missing pixels it is the
    weighted average of the known ones (normalized convolution [1]_), so a hole neither spreads nor darkens
    its surroundings.

    Parameters
    ----------
    image : array
    sigma : sequence of float
        Standard deviation in pixels along each axis; 0 does not smooth along that axis.
    known : bool array, optional
        False where the value of a pixel is missing.
    truncate : float
        Radius of the kernel in standard deviations.

    Returns
    -------
    float64 array
        0 where no known pixel is within reach. A pixel depends only on pixels within `gaussian_radius`.

    References
    ----------
    .. [1] H. Knutsson and C.-F. Westin, "Normalized and differential convolution", Proceedings of CVPR,
           515-523, 1993.
    """
    from scipy.ndimage import gaussian_filter

    if image.dtype == np.float16:  # SciPy does not support it
        image = image.astype(np.float32)

    def smooth(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(values, sigma, output=np.float64, truncate=truncate))

    if known is None or known.all():
        return smooth(image)
    total = smooth(np.where(known, image, 0))
    # One minus the weight of the missing pixels is exactly 1 where no pixels are missing nearby.
    weight = 1 - smooth((~known).astype(np.float64))
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-9)
