"""Metadata of labels for OME-Zarr: colours, names, centres and sizes of the clusters, and the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.ome_zarr_labels import LabelMetadata
from ..model.model import KMeansModel
from ..model.stack import KMeansStack
from .palette import distinct_colors
from .tables import cluster_table


def model_metadata(
    model: KMeansModel | KMeansStack | None,
    colors: Mapping[int, Sequence[float]] | None = None,
    properties: Sequence[Mapping[str, Any]] | None = None,
    record: str = "",
) -> Callable[[NDArray[np.int64] | None], LabelMetadata]:
    """Return the function that `io.label_images` calls with label counts to get the metadata of the labels.

    Parameters
    ----------
    model : KMeansModel, KMeansStack or None
        Model that made the labels.
    colors : mapping of int to (4,) floats, optional
        RGBA of labels, 0 to 1; by default the distinct colours of the clusters.
    properties : sequence of mappings, optional
        Rows with a ``"label-value"``; by default names, centres and sizes of the clusters.
    record : str
        JSON of the model and of how the labels were made; by default only of the model.
    """

    def metadata(counts: NDArray[np.int64] | None) -> LabelMetadata:
        if model is None:
            return LabelMetadata(colors or {}, properties or ())
        return LabelMetadata(
            _colors(model) if colors is None else colors,
            _properties(model, counts) if properties is None else properties,
            record or model.to_json(),
        )

    return metadata


def _colors(model: KMeansModel | KMeansStack) -> dict[int, Sequence[float]]:
    """Return the colours of the labels of a model."""
    if isinstance(model, KMeansStack):
        return dict(enumerate(distinct_colors(max(each.n_clusters for each in model)).tolist(), start=1))
    colors = distinct_colors(model.n_clusters).tolist()
    return {label: colors[label - 1] for label in cluster_table(model)["index"]}


def _properties(model: KMeansModel | KMeansStack, counts: NDArray[np.int64] | None) -> list[dict[str, Any]]:
    """Return the rows of the cluster table; none for a stack, whose models differ.

    The pixel counts are those of the labels, because the model may have been fitted to another image, and the
    labels may have been cleaned.
    """
    if isinstance(model, KMeansStack):
        return []
    table = cluster_table(model)
    if counts is not None:
        pixels = [int(counts[label - 1]) for label in table["index"]]
        if pixels != table["pixels"]:
            total = max(1, int(counts.sum()))
            table |= {"pixels": pixels, "share": [n / total for n in pixels]}
    table = {"label-value": table.pop("index"), **table}
    rows = (dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True))
    return [{name: value for name, value in row.items() if value == value} for row in rows]  # JSON has no NaN
