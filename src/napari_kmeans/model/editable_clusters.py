"""Clusters, and the changes that a user makes to them by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..kmeans.clustering import Clustering
from ..kmeans.coherent_clusterings import clusters_between
from ..options import is_integer
from ..summary.coherent import CoherentSummary
from ..summary.scalar import ScalarSummary
from .edits import Edits, check_clusters, check_merges, check_names, check_thresholds
from .recipe import Recipe


@dataclass(frozen=True, eq=False, kw_only=True)
class EditableClusters(Clustering):
    """Clusters with their recipe, which includes the edits. Immutable: each edit returns a new object."""

    recipe: Recipe
    """Options of the fit: features, preprocessing, solver, clean-up and edits."""

    # Not saved; needed to count adjusted clusters.
    _summary: ScalarSummary | CoherentSummary | None = field(default=None, repr=False)

    @property
    def adjusted(self) -> bool:
        """Whether thresholds or centres were set by hand."""
        return self.recipe.edits.is_adjusted

    @property
    def merges(self) -> tuple[tuple[int, ...], ...]:
        """Groups of clusters that share one label, the lowest of the group."""
        return self.recipe.edits.merges

    @property
    def background(self) -> tuple[int, ...]:
        """Clusters with label 0."""
        return self.recipe.edits.background

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the clusters; empty if they have none."""
        return self.recipe.edits.names

    @property
    def summary(self) -> ScalarSummary | None:
        """Summary that the clusters were found on; None for several features or a loaded model."""
        summary = self._summary
        return summary.original if isinstance(summary, CoherentSummary) else summary

    @property
    def counts_are_exact(self) -> bool:
        """Whether `counts` follow from the summary alone, because it counts every value separately."""
        summary = self._summary
        if isinstance(summary, CoherentSummary):
            return summary.has_edges_at(self.thresholds)
        return summary is not None and summary.exact

    @property
    def label_of_cluster(self) -> NDArray[np.uint8]:
        """Label of each cluster: (n_clusters + 1,) uint8 array; the first is 0, for excluded pixels."""
        labels = np.arange(self.n_clusters + 1, dtype=np.uint8)
        for group in self.merges:
            labels[list(group)] = min(group)
        labels[np.isin(labels, self.background)] = 0
        return labels

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Clusters of each label, in ascending order of the label; one for a cluster that is not merged."""
        merged = {min(group): group for group in self.merges}
        inner = {number for group in self.merges for number in group if number != min(group)}
        return tuple(merged.get(n, (n,)) for n in range(1, self.n_clusters + 1) if n not in inner)

    @property
    def exact_thresholds(self) -> Sequence[float]:
        """Thresholds to compare pixels with; integers if float64 cannot represent them."""
        return self.integer_thresholds or self.thresholds.tolist()

    def without_summary(self) -> Self:
        """Return a model without the summary of its pixels, like a loaded one."""
        return replace(self, _summary=None)

    def with_thresholds(self, thresholds: Sequence[float]) -> Self:
        """Move the thresholds between clusters.

        Centres, counts and inertia become those of the new clusters. A model loaded from a file has no pixels
        to count, so it keeps those of the fit.

        Parameters
        ----------
        thresholds : sequence of float
            n_clusters - 1 finite values in ascending order, in the image's own units. A value equal to a
            threshold belongs to the darker cluster.

        Returns
        -------
        KMeansModel

        Raises
        ------
        TypeError, ValueError
            If the model has several features, or `thresholds` are not n_clusters - 1 ascending numbers.
        """
        if self.n_features > 1:
            raise ValueError(
                f"thresholds need a single feature, but this model has {self.n_features} features "
                f"({', '.join(self.feature_names[:3])}{', …' * (self.n_features > 3)})"
            )
        checked = check_thresholds(thresholds, self.n_clusters)
        changed = replace(
            self,
            thresholds=np.array(checked),
            integer_thresholds=(),
            confirmation="",
            recipe=self.recipe.with_edits(thresholds=checked),
        )
        summary = self._summary
        if summary is None:
            return changed
        exact = [int(t) if is_integer(t) else rounded for t, rounded in zip(thresholds, checked, strict=True)]
        found = clusters_between(summary, exact, self.centers[:, 0])
        return replace(
            changed,
            centers=found.centers,
            inertia=found.inertia,
            counts=found.counts,
            explained_variance=found.explained_variance,
            integer_thresholds=found.integer_thresholds,
        )

    def merged(self, groups: Iterable[Iterable[int]]) -> Self:
        """Give the clusters of each group one label, the lowest of the group; other labels stay.

        Parameters
        ----------
        groups : iterable of iterables of int
            Such as ``[[2, 3]]``. Replaces earlier merges; ``[]`` removes them.

        Returns
        -------
        KMeansModel

        Raises
        ------
        TypeError, ValueError
            If a group contains anything except clusters, or two groups overlap.
        """
        return replace(self, recipe=self.recipe.with_edits(merges=check_merges(groups, self.n_clusters)))

    def with_background(self, labels: Iterable[int]) -> Self:
        """Make clusters background, which has label 0.

        Parameters
        ----------
        labels : iterable of int
            Clusters, from 1; merged ones together. Replaces an earlier choice; ``[]`` removes it.

        Returns
        -------
        KMeansModel

        Raises
        ------
        TypeError, ValueError
            If `labels` contains anything except clusters.
        """
        clusters = check_clusters("labels", labels, self.n_clusters)
        label_of_cluster = replace(self, recipe=self.recipe.with_edits(background=())).label_of_cluster
        background = tuple(sorted({int(label_of_cluster[cluster]) for cluster in clusters}))
        return replace(self, recipe=self.recipe.with_edits(background=background))

    def with_names(self, names: Sequence[str]) -> Self:
        """Name the clusters.

        Parameters
        ----------
        names : sequence of str
            One per cluster, from dark to bright; ``[]`` removes the names.

        Returns
        -------
        KMeansModel

        Raises
        ------
        TypeError, ValueError
            If `names` are not strings, or not one per cluster.
        """
        return replace(self, recipe=self.recipe.with_edits(names=check_names(names, self.n_clusters)))

    def with_edits(self, edits: Edits) -> Self:
        """Apply all edits at once.

        Parameters
        ----------
        edits : Edits

        Returns
        -------
        KMeansModel

        Raises
        ------
        TypeError, ValueError
            If an edit is invalid for the model; see `with_thresholds`, `merged`, `with_background` and
            `with_names`.
        """
        model = self
        if edits.centers is not None and edits.scales is not None:
            model = replace(
                model,
                centers=np.array(edits.centers),
                scales=np.array(edits.scales),
                recipe=model.recipe.with_edits(centers=edits.centers, scales=edits.scales),
            )
        if edits.thresholds is not None and edits.thresholds != tuple(self.thresholds.tolist()):
            model = model.with_thresholds(edits.thresholds)
        return model.merged(edits.merges).with_background(edits.background).with_names(edits.names)
