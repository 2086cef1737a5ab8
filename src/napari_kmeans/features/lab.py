"""CIE L*a*b* of sRGB colours, one operation at a time.

The steps are those of `skimage.color.rgb2lab`, but the rounding of its matrix product depends on the shape of
the block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# IEC 61966-2-1, and the white of CIE D65 for the 2° observer, with the values of scikit-image.
_XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)


def lab_from_rgb(
    red: NDArray[np.float64], green: NDArray[np.float64], blue: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Convert sRGB values from 0 to 1 to L* (0 to 100), a* and b*."""
    with np.errstate(invalid="ignore"):  # a* and b* of infinite values are NaN
        linear = [_linear(channel) for channel in (red, green, blue)]
        x, y, z = (
            _root((linear[0] * row[0] + linear[1] * row[1] + linear[2] * row[2]) / white)
            for row, white in zip(_XYZ_FROM_RGB, _WHITE, strict=True)
        )
        return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


def _linear(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the linear intensity of sRGB values."""
    bright = channel > 0.04045
    return np.where(bright, ((np.where(bright, channel, 1.0) + 0.055) / 1.055) ** 2.4, channel / 12.92)


def _root(intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cube root, which is linear near zero."""
    bright = intensity > 0.008856
    return np.where(bright, np.cbrt(np.where(bright, intensity, 1.0)), 7.787 * intensity + 16 / 116)
