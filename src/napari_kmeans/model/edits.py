"""Changes that a user makes by hand to the clusters that were found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..options import is_integer


@dataclass(frozen=True)
class Edits:
    """Changes made by hand, for one number of clusters.

    Attributes
    ----------
    thresholds : tuple of float, or None
        Thresholds between the clusters, instead of those that were found; for one feature only.
    centers : tuple of tuple of float, or None
        Centres from another model, instead of those that were found; for several features only.
    scales : tuple of float, or None
        Scales that belong to `centers`.
    merges : tuple of tuple of int
        Groups of clusters that share one label, the lowest of the group.
    background : tuple of int
        Clusters with label 0.
    names : tuple of str
        One per cluster, or empty.
    """

    thresholds: tuple[float, ...] | None = None
    centers: tuple[tuple[float, ...], ...] | None = None
    scales: tuple[float, ...] | None = None
    merges: tuple[tuple[int, ...], ...] = ()
    background: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def is_adjusted(self) -> bool:
        """Whether the clusters differ from those that were found."""
        return self.thresholds is not None or self.centers is not None


def check_thresholds(thresholds: Any, n_clusters: int) -> tuple[float, ...]:
    """Return thresholds as floats; raise an error unless they are n_clusters - 1 ascending finite numbers."""
    if thresholds is None:
        raise TypeError(f"thresholds must be {n_clusters - 1} numbers, not None")
    try:
        new = np.asarray(thresholds, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"thresholds must be {n_clusters - 1} numbers, not {thresholds!r:.80}") from None
    if new.shape != (n_clusters - 1,):
        raise ValueError(f"thresholds must be {n_clusters - 1} numbers, not {new.size}")
    if not np.isfinite(new).all() or (new[1:] < new[:-1]).any():
        raise ValueError(f"thresholds={new.tolist()} must be finite and in ascending order")
    return tuple(new.tolist())


def check_merges(groups: Iterable[Iterable[int]], n_clusters: int) -> tuple[tuple[int, ...], ...]:
    """Return groups of clusters, sorted and without single ones; raise an error if two groups overlap."""
    listed: list[Any] = list(groups) if _is_collection(groups) else [groups]
    if not all(map(_is_collection, listed)):
        raise TypeError(f"groups must be a list of lists of clusters, such as [[2, 3]], not {groups!r:.80}")
    merges = tuple(tuple(sorted(check_clusters("groups", group, n_clusters))) for group in listed)
    flat = [label for group in merges for label in group]
    if len(flat) != len(set(flat)):
        raise ValueError(f"groups={[list(g) for g in merges]} must not contain a cluster twice")
    return tuple(group for group in merges if len(group) > 1)


def check_names(names: Sequence[str], n_clusters: int) -> tuple[str, ...]:
    """Return names of clusters; empty, or one per cluster."""
    if not _is_collection(names) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"names must be a sequence of str, not {names!r:.80}")
    if len(names) not in (0, n_clusters):
        raise ValueError(f"names must have {n_clusters} entries, one per cluster, not {len(names)}")
    return tuple(names)


def check_clusters(name: str, labels: Iterable[int], n_clusters: int) -> list[int]:
    """Return labels of clusters as ints; errors call the argument `name`."""
    if not _is_collection(labels):
        raise TypeError(f"{name} must be a list of clusters, such as [1], not {labels!r:.80}")
    checked = list(labels)
    for item in checked:
        if not is_integer(item):
            raise TypeError(f"{name} must contain ints, not {item!r}")
        if not 1 <= item <= n_clusters:
            raise ValueError(f"{name} contains {item}; clusters are numbered 1 to {n_clusters}")
    return [int(item) for item in checked]


def _is_collection(values: Any) -> bool:
    return isinstance(values, Iterable) and not isinstance(values, str | Mapping)
