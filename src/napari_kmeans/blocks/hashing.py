"""Deterministic pseudorandom numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def splitmix64(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash each integer to a pseudorandom one.

    References
    ----------
    .. [1] G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA,
           453-472, 2014.
    """
    z = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
