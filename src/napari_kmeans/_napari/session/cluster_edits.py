"""Edits by hand: each function returns the edits after one change to the clusters of a model."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

from ...model.edits import Edits
from ...model.model import KMeansModel


def fits(edits: Edits, n_clusters: int) -> bool:
    """Return whether edits can be applied to this number of clusters."""
    lengths = {len(edits.names)} if edits.names else set()
    if edits.thresholds is not None:
        lengths.add(len(edits.thresholds) + 1)
    if edits.centers is not None:
        lengths.add(len(edits.centers))
    labels = {*edits.background, *(label for group in edits.merges for label in group)}
    return lengths <= {n_clusters} and max(labels, default=0) <= n_clusters


def move_threshold(model: KMeansModel, edits: Edits, index: int, value: float) -> Edits:
    """Move a threshold, counted from 0, at most to its neighbours."""
    thresholds = model.thresholds.tolist()
    low = thresholds[index - 1] if index else -math.inf
    high = thresholds[index + 1] if index + 1 < len(thresholds) else math.inf
    thresholds[index] = min(max(value, low), high)
    return replace(edits, thresholds=tuple(thresholds))


def rename(model: KMeansModel, edits: Edits, label: int, name: str) -> Edits:
    """Name a cluster; an empty name restores its default name."""
    names = list(model.names or (f"cluster {number}" for number in range(1, model.n_clusters + 1)))
    names[label - 1] = name or f"cluster {label}"
    return replace(edits, names=tuple(names))


def merge(model: KMeansModel, edits: Edits, labels: Collection[int]) -> Edits:
    """Merge clusters, including those already merged with them.

    The merged cluster is background only if all of them are.
    """
    groups = _groups(model, labels)
    if len(groups) < 2:
        return edits
    together = tuple(sorted(number for group in groups for number in group))
    background = set(edits.background)
    is_background = all(group[0] in background for group in groups)
    background = (background - set(together)) | ({together[0]} if is_background else set())
    return replace(
        edits,
        merges=(*_other_merges(model, groups), together),
        background=tuple(sorted(background)),
        names=_merged_names(model, groups),
    )


def _merged_names(model: KMeansModel, groups: list[tuple[int, ...]]) -> tuple[str, ...]:
    """Return the names after a merge: the merged cluster gets the first name that the user gave."""
    names = list(model.names)
    given = [
        names[group[0] - 1] for group in groups if names and names[group[0] - 1] != f"cluster {group[0]}"
    ]
    if given:
        names[groups[0][0] - 1] = given[0]
    return tuple(names)


def split(model: KMeansModel, edits: Edits, labels: Collection[int]) -> Edits:
    """Undo the merge of clusters."""
    names, groups = list(model.names), _groups(model, labels)
    for first, *others in groups if names else ():
        if names[first - 1] in {names[number - 1] for number in others}:  # the merge had copied this name
            names[first - 1] = f"cluster {first}"
    return replace(edits, merges=_other_merges(model, groups), names=tuple(names))


def toggle_background(model: KMeansModel, edits: Edits, labels: Collection[int]) -> Edits:
    """Set clusters as background, or remove them from it if all of them are background."""
    chosen = {group[0] for group in _groups(model, labels)}
    background = set(edits.background)
    changed = background - chosen if chosen <= background else background | chosen
    return replace(edits, background=tuple(sorted(changed)))


def without_adjustments(edits: Edits) -> Edits:
    """Return edits without thresholds and centres that replace those that were found."""
    return replace(edits, thresholds=None, centers=None, scales=None)


def _groups(model: KMeansModel, labels: Collection[int]) -> list[tuple[int, ...]]:
    """Return the groups of merged clusters whose label is given."""
    return [group for group in model.groups if group[0] in labels]


def _other_merges(model: KMeansModel, groups: Collection[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    return tuple(merged for merged in model.merges if merged not in groups)
