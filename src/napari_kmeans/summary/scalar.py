"""The summary of one feature: how many pixels have each value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 1 << 16
"""Maximum number of weighted points in a summary."""


@dataclass(frozen=True, eq=False)
class ScalarSummary:
    """Weighted points that represent the pixels of an image.

    Attributes
    ----------
    values : (n,) float64 array
        Strictly ascending, in the image's own units minus `origin`: a value, or the mean of a cell.
    counts : (n,) int64 array
        Number of pixels at each value.
    spread : float
        Sum of squared distances of the pixels to the value that represents them, in squared units.
    exact : bool
        Whether each point is a single value, so that `spread` is 0.
    origin : int
        Subtracted from integers that float64 cannot represent exactly; else 0.
    """

    values: NDArray[np.float64]
    counts: NDArray[np.int64]
    spread: float = 0.0
    exact: bool = True
    origin: int = 0

    @property
    def n_pixels(self) -> int:
        """Number of pixels that were counted."""
        return int(self.counts.sum())


def group_values(values: NDArray[np.float64], counts: NDArray[Any], limit: int) -> NDArray[np.int64]:
    """Put strictly ascending values into at most `limit` groups of neighbours, narrower in dense ranges.

    Returns
    -------
    (n,) int64 array
        Group of each value, ascending from 0; numbers may be skipped.
    """
    if values.size <= limit:
        return np.arange(values.size)
    gap = np.diff(values, prepend=values[0])
    with np.errstate(under="ignore", over="ignore"):
        scaled = gap / gap.max()
        density = np.cbrt(counts * scaled * scaled)
    share = np.maximum(_fill(counts, limit / 2), _fill(density, limit / 2))
    # Cumulated up to and including a point: a wide gap or a dense range before it starts a new group.
    return np.asarray(np.floor(np.cumsum(share) * (limit / share.sum() * (1 - 1e-9))), dtype=np.int64)


def merge_points(
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    spread: float,
    limit: int,
    *,
    exact: bool = True,
    origin: int = 0,
) -> ScalarSummary:
    """Make a summary of at most `limit` points from ascending ones.

    Equal values, such as -0.0 and 0.0, become one point. Points in dense ranges are merged. `exact` says
    whether each of the given points is a single value.
    """
    if not values.size:
        return ScalarSummary(values, counts)
    starts = np.append(0, np.flatnonzero(values[1:] > values[:-1]) + 1)
    values, counts = values[starts], np.add.reduceat(counts, starts)
    group = group_values(values, counts, limit)
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    if starts.size == values.size:
        return ScalarSummary(values, counts, spread, exact=exact and spread == 0.0, origin=origin)
    mean, merged = means_of_groups(values, counts, starts)
    residual = values - np.repeat(mean, np.diff(starts, append=values.size))
    total = spread + float(np.sum(counts * residual * residual))
    return ScalarSummary(mean, merged, total, exact=False, origin=origin)


def means_of_groups(
    values: NDArray[np.float64], counts: NDArray[np.int64], starts: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the mean of each group of ascending values, and its number of pixels."""
    merged = np.add.reduceat(counts, starts)
    first = values[starts]
    # Relative to a value of the group, means stay between its values for any offset.
    distance = values - np.repeat(first, np.diff(starts, append=values.size))
    return first + np.add.reduceat(counts * distance, starts) / merged, merged


def distances_from(origin: int, integers: NDArray[Any]) -> NDArray[np.float64]:
    """Return integers of up to 64 bits minus an origin, each difference rounded once."""
    raw, start = integers.astype(np.uint64), np.uint64(origin % (1 << 64))  # modulo 2^64
    return np.where(integers < origin, -((start - raw).astype(np.float64)), (raw - start).astype(np.float64))


def _fill(weights: NDArray[Any], total: float) -> NDArray[np.float64]:
    """Distribute `total` by weight, at most 1 to each: a point needs at most one group."""
    ascending = np.sort(weights).astype(np.float64)
    # If each of the largest gets 1, `left` remains for the others, and `rest` is the sum of their weights.
    left = total - np.arange(weights.size)[::-1]
    rest = np.cumsum(ascending)
    last = np.flatnonzero((left > 0) & (left * ascending <= rest))[-1]
    unit = max(rest[last], np.finfo(np.float64).tiny)  # relative to a very large weight, all others may be 0
    return np.asarray(np.minimum(weights * (left[last] / unit), 1.0))
