"""Numbers, clusters and features as short texts, for tooltips, axes and the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...model.model import KMeansModel

_MAX_FEATURES = 4  # in a tooltip


def format_value(value: float) -> str:
    """Return a value in the units of the image as a short text."""
    return f"{value:.1f}" if 100 <= abs(value) < 1e6 else f"{value:.4g}"


def format_count(n: float) -> str:
    """Return a number of pixels as a short text."""
    for least, unit, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):  # 9000 is as short as 9k
        if n >= least:
            return f"{n / unit:g}{letter}"
    return f"{n:g}"


def cluster_text(model: KMeansModel, index: int) -> str:
    """Return the name and share of a cluster, counted from 0, together with the clusters merged with it."""
    [group] = [group for group in model.groups if index + 1 in group]
    name = model.names[group[0] - 1] if model.names else f"cluster {group[0]}"
    share = model.counts[[label - 1 for label in group]].sum() / max(int(model.counts.sum()), 1)
    background = " (background)" if group[0] in model.background else ""
    return f"{name}{background}, {100 * share:.1f} % of the image"


def features_text(names: Sequence[str], values: NDArray[np.float64], axes: tuple[int, int]) -> str:
    """Return the names and values of the features of a point; with many features, only of two axes."""
    chosen = range(len(names)) if len(names) <= _MAX_FEATURES else axes
    return ", ".join(f"{names[axis]} {format_value(values[axis])}" for axis in chosen)
