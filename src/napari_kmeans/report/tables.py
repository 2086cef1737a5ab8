"""What is worth knowing about each cluster, as a table."""

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
from ..model.model import KMeansModel


@dataclass(frozen=True)
class PixelSize:
    """How large a pixel is in the world.

    Attributes
    ----------
    size : float
        Area or volume.
    unit : str
        Such as "µm²".
    axes : str
        The axes it extends along, such as "y, x".
    """

    size: float
    unit: str
    axes: str


def cluster_table(
    model: KMeansModel, pixel: PixelSize | None = None, counts: NDArray[np.int64] | None = None
) -> dict[str, list[Any]]:
    """One row for each label of a model, from dark to bright.

    Merged clusters are one row, at their lowest label; label 0, background and what is excluded, has none.

    Parameters
    ----------
    model : KMeansModel
    pixel : PixelSize, optional
    counts : (k + 1,) int64 array, optional
        Pixels of each label where labels were changed since, by a clean-up for one; else those of the model.

    Returns
    -------
    dict of lists
        index : int
            The label.
        name : str
        center : float
            Mean of the pixels, in the image's own units. With several features there is a column for each
            instead, such as red, green and blue.
        pixels : int
        share : float
            Of all pixels that were counted, background included: 0 to 1.
        above, up_to : float
            The values that get this label: above < value ≤ up_to. NaN where there is no limit, and for
            clusters that were merged without being neighbours. With one feature only.
        size, unit, axes
            With `pixel` only: area or volume of the cluster, its unit, and the axes that were multiplied.
    """
    on_a_line = model.n_features == 1
    centers = ("center",) if on_a_line else model.feature_names
    limits_of = ("above", "up_to") if on_a_line else ()
    table: dict[str, list[Any]] = {
        column: [] for column in ("index", "name", *centers, "pixels", "share", *limits_of)
    }
    total = max(1, int(model.counts.sum()))
    limits = np.concatenate(([math.nan], model.thresholds, [math.nan]))
    shown = model.label_of_cluster[1:]
    for label in np.unique(shown[shown > 0]).tolist():
        [members] = np.nonzero(shown == label)
        found = model.counts[members]
        n_found = int(found.sum())
        pixels = n_found if counts is None else int(counts[label])
        first, last = members[0], members[-1]
        neighbors = last - first + 1 == members.size
        table["index"].append(label)
        table["name"].append(model.names[label - 1] if model.names else f"cluster {label}")
        # Without any pixel every member weighs the same.
        weights = found / n_found if n_found else np.full(members.size, 1 / members.size)
        for feature, column in enumerate(centers):
            table[column].append(float(np.sum(weights * model.centers[members, feature])))
        table["pixels"].append(pixels)
        table["share"].append(pixels / total)
        if on_a_line:
            table["above"].append(float(limits[first]) if neighbors else math.nan)
            table["up_to"].append(float(limits[last + 1]) if neighbors else math.nan)
    if pixel is not None:
        n_rows = len(table["index"])
        table["size"] = [pixels * pixel.size for pixels in table["pixels"]]
        table["unit"], table["axes"] = [pixel.unit] * n_rows, [pixel.axes] * n_rows
    return table


def write_table(
    path: Path,
    model: KMeansModel,
    pixel: PixelSize | None = None,
    counts: NDArray[np.int64] | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write `cluster_table` as CSV; a cell is empty where there is no limit.

    Parameters and errors are those of `cluster_table` and `write_columns`.
    """
    write_columns(path, cluster_table(model, pixel, counts), overwrite=overwrite)


def write_columns(path: Path, table: Mapping[str, Sequence[Any]], *, overwrite: bool = False) -> None:
    """Write a table as CSV; a cell is empty where there is no number.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if there is a file already.
    OSError
        If it cannot be written; nothing is left then.
    """
    rows = zip(*table.values(), strict=True)
    with (
        replacing(path, overwrite=overwrite) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(["" if value != value else value for value in row] for row in rows)


def table_text(
    model: KMeansModel, pixel: PixelSize | None = None, counts: NDArray[np.int64] | None = None
) -> str:
    """Return `cluster_table` as text with tabs, as spreadsheets take it from the clipboard."""
    table = cluster_table(model, pixel, counts)
    rows = [list(table), *zip(*table.values(), strict=True)]
    return "\n".join("\t".join("" if value != value else str(value) for value in row) for row in rows)
