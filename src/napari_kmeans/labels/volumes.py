"""Label images as three-dimensional arrays, which the compiled loops of this package take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def as_volume(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return a C-contiguous array of up to three axes with exactly three; the added axes have length 1."""
    return np.ascontiguousarray(array).reshape((1,) * (3 - array.ndim) + array.shape)
