"""Table of the clusters of a model."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.atomic import replacing
from ..model.fitted_model import FittedModel
from ..model.uncertainty import Uncertainty


@dataclass(frozen=True)
class PixelSize:
    """Size of a pixel in world units.

    Attributes
    ----------
    size : float
        Area or volume.
    unit : str
        Unit of the size, such as "µm²".
    axes : str
        Spatial axes, such as "y, x".
    """

    size: float
    unit: str
    axes: str


def cluster_table(
    model: FittedModel,
    pixel: PixelSize | None = None,
    counts: NDArray[np.int64] | None = None,
    uncertainty: Uncertainty | None = None,
) -> dict[str, list[Any]]:
    """Return a table with one row per label of a model, from dark to bright.

    Merged clusters are one row with their lowest label. Label 0 (background and excluded pixels) has no row.

    Parameters
    ----------
    model : FittedModel
    pixel : PixelSize, optional
    counts : (k + 1,) int64 array, optional
        Pixels of each label, if they differ from those of the model, for example after a clean-up.
    uncertainty : Uncertainty, optional
        Uncertainty of the same model.

    Returns
    -------
    dict of lists
        index : int
            The label.
        name : str
        center : float
            Mean of the pixels, in the image's own units. With several features, there is a column for each
            feature instead, such as red, green and blue.
        pixels : int
        share : float
            Share of all labelled pixels, including background: 0 to 1.
        above, up_to : float
            Range of the values with this label: above < value ≤ up_to. NaN if there is no limit, and for
            merged clusters that are not adjacent. Only with one feature.
        size, unit, axes
            Area or volume of the cluster, its unit, and the spatial axes. Only with `pixel`.
        share_low, share_high, up_to_low, up_to_high : float
            Intervals of `share`, before any clean-up, and of `up_to`. Only with `uncertainty`.
    """
    is_scalar = model.n_features == 1
    centers = ("center",) if is_scalar else model.feature_names
    limit_columns = ("above", "up_to") if is_scalar else ()
    table: dict[str, list[Any]] = {
        column: [] for column in ("index", "name", *centers, "pixels", "share", *limit_columns)
    }
    total = max(1, int(model.counts.sum()))
    limits = np.concatenate(([math.nan], model.thresholds, [math.nan]))
    labels = model.label_of_cluster[1:]
    for label in np.unique(labels[labels > 0]).tolist():
        [members] = np.nonzero(labels == label)
        member_counts = model.counts[members]
        n_members = int(member_counts.sum())
        pixels = n_members if counts is None else int(counts[label])
        first, last = members[0], members[-1]
        is_adjacent = last - first + 1 == members.size
        table["index"].append(label)
        table["name"].append(model.names[label - 1] if model.names else f"cluster {label}")
        # Members without pixels have equal weights.
        weights = member_counts / n_members if n_members else np.full(members.size, 1 / members.size)
        for feature, column in enumerate(centers):
            table[column].append(float(np.sum(weights * model.centers[members, feature])))
        table["pixels"].append(pixels)
        table["share"].append(pixels / total)
        if is_scalar:
            table["above"].append(float(limits[first]) if is_adjacent else math.nan)
            table["up_to"].append(float(limits[last + 1]) if is_adjacent else math.nan)
    if pixel is not None:
        n_rows = len(table["index"])
        table["size"] = [pixels * pixel.size for pixels in table["pixels"]]
        table["unit"], table["axes"] = [pixel.unit] * n_rows, [pixel.axes] * n_rows
    if uncertainty is not None:
        _add_intervals(table, labels, uncertainty)
    return table


def _add_intervals(table: dict[str, list[Any]], labels: NDArray[np.uint8], uncertainty: Uncertainty) -> None:
    """Add the intervals of shares and upper limits to a table of these labels."""
    for column in ("share_low", "share_high", "up_to_low", "up_to_high"):
        table[column] = []
    limits = np.vstack([uncertainty.thresholds, [math.nan, math.nan]])
    for label, up_to in zip(table["index"], table["up_to"], strict=True):
        [members] = np.nonzero(labels == label)
        low, high = uncertainty.share_of((members + 1).tolist())
        table["share_low"].append(low)
        table["share_high"].append(high)
        limit = limits[-1] if math.isnan(up_to) else limits[members[-1]]
        table["up_to_low"].append(float(limit[0]))
        table["up_to_high"].append(float(limit[1]))


def write_table(
    path: Path,
    model: FittedModel,
    pixel: PixelSize | None = None,
    counts: NDArray[np.int64] | None = None,
    uncertainty: Uncertainty | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write `cluster_table` as CSV; cells without a limit are empty.

    Parameters and errors are those of `cluster_table` and `write_columns`.
    """
    write_columns(path, cluster_table(model, pixel, counts, uncertainty), overwrite=overwrite)


def write_columns(path: Path, table: Mapping[str, Sequence[Any]], *, overwrite: bool = False) -> None:
    """Write a table as CSV; NaN becomes an empty cell.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if the file exists.
    OSError
        If the file cannot be written; no partial file remains.
    """
    rows = zip(*table.values(), strict=True)
    with (
        replacing(path, overwrite=overwrite) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(["" if value != value else value for value in row] for row in rows)


def without_nan(table: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return a table with None instead of NaN, for formats that support missing values."""
    return {name: [None if value != value else value for value in column] for name, column in table.items()}


def table_text(
    model: FittedModel,
    pixel: PixelSize | None = None,
    counts: NDArray[np.int64] | None = None,
    uncertainty: Uncertainty | None = None,
) -> str:
    """Return `cluster_table` as tab-separated text, which can be pasted into spreadsheets."""
    table = cluster_table(model, pixel, counts, uncertainty)
    rows = [list(table), *zip(*table.values(), strict=True)]
    return "\n".join("\t".join("" if value != value else str(value) for value in row) for row in rows)
