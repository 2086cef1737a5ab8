"""Suggest a number of clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .clustering import Clusterings
from .gap_statistic import gap_statistic

AUTO = "auto"
"""Value of `n_clusters`: the number that Marriott's criterion suggests."""

GAP = "gap"
"""Value of `n_clusters`: the number that the gap statistic suggests."""

K_MAX = 12
"""Default for the largest number of clusters to consider."""

METHODS = ("marriott", "gap")
"""Methods that suggest a number of clusters."""

_NOTABLE = 0.95  # relative to evenly distributed values; rounding and chance alone can gain a few per cent


@dataclass(frozen=True)
class Suggestion:
    """A suggested number of clusters.

    Attributes
    ----------
    n_clusters : int
        The suggestion: at least 2, unless all pixels have one value or the gap statistic suggests 1.
    inertia : tuple of float
        Least inertia of 1, 2, …, k_max clusters: ``inertia[k - 1]`` is that of k clusters. Shorter than k_max
        if there are fewer distinct values.
    reason : str
        The reason, in a sentence.
    explained_variance : tuple of float
        Share of the variance that 1, 2, … clusters explain, 0 to 1.
    gap, gap_error : tuple of float
        Gap statistic of 1, 2, … clusters and its standard error; empty for ``method="marriott"``.
    """

    n_clusters: int
    inertia: tuple[float, ...]
    reason: str
    explained_variance: tuple[float, ...] = ()
    gap: tuple[float, ...] = ()
    gap_error: tuple[float, ...] = ()


def check_method(method: object) -> None:
    """Raise ``ValueError`` unless `method` is one of `METHODS`."""
    if method not in METHODS:
        raise ValueError(f"method={method!r:.40} must be one of {', '.join(map(repr, METHODS))}")


def suggest(clusterings: Clusterings, k_max: int, method: str = "marriott") -> Suggestion:
    """Suggest a number of clusters by Marriott's criterion or the gap statistic.

    The suggestion is the k with the least k² W(k), where W(k) is the least inertia of k clusters. For evenly
    distributed values, k² W(k) is constant, so this k has the largest improvement over them. This is the gap
    statistic [2]_ with a uniform reference, whose expectation is known in one dimension. Unlike likelihood
    criteria, it does not become more certain merely because an image has many pixels.

    For several features, W(k) is the determinant of the scatter matrix within clusters [1]_. It does not
    depend on the scales of the features, and for evenly distributed points k² W(k) is the same for every k,
    whether they fill a ball, a sheet or a line.

    Parameters
    ----------
    clusterings : Clusterings
    k_max : int
        Largest number of clusters to consider.
    method : {"marriott", "gap"}
        "gap" compares the log inertia with that of simulated, evenly distributed values [2]_, and may suggest
        a single cluster.

    References
    ----------
    .. [1] F. H. C. Marriott, "Practical problems in a method of cluster analysis", Biometrics 27(3), 501-514,
           1971.
    .. [2] R. Tibshirani, G. Walther and T. Hastie, "Estimating the number of clusters in a data set via the
           gap statistic", Journal of the Royal Statistical Society B 63(2), 411-423, 2001.
    """
    inertia = clusterings.inertia(k_max)
    explained = tuple(clusterings.estimate(k + 1).explained_variance for k in range(len(inertia)))
    if len(inertia) == 1:
        several = clusterings.n_values > 1
        return Suggestion(
            1,
            inertia,
            "Only 1 cluster was considered." if several else "All pixels have the same value.",
            explained,
        )
    if method == "gap":
        return _by_gap(clusterings, k_max, inertia, explained)
    criterion = clusterings.marriott(k_max)
    near_least = np.asarray(criterion[1:]) <= min(criterion[1:]) * (1 + clusterings.uncertainty)
    n = 2 + int(np.argmax(near_least))
    share = 100 * explained[n - 1]
    if criterion[n - 1] < _NOTABLE:
        reason = (
            f"{n} clusters explain {share:.1f} % of the variance; among 2 to {len(inertia)}, this is the largest "
            "improvement over evenly spread values."
        )
    else:
        reason = (
            f"The values form a single group, so no number stands out; {n} clusters explain {share:.1f} % of "
            "the variance."
        )
    return Suggestion(n, inertia, reason, explained)


def _by_gap(
    clusterings: Clusterings, k_max: int, inertia: tuple[float, ...], explained: tuple[float, ...]
) -> Suggestion:
    """Return the suggestion of the gap statistic."""
    found = gap_statistic(clusterings, k_max)
    n = found.n_clusters
    if n == 1:
        reason = (
            "No number of clusters fits better than for evenly spread values, so the values form one group."
        )
    else:
        reason = (
            f"{n} is the smallest number of clusters, up to {len(found.gap)}, whose gap to evenly spread values is "
            "within one standard error of the largest."
        )
    return Suggestion(n, inertia, reason, explained, found.gap, found.error)
