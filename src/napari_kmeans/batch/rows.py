"""Tidy table of all images: one row per cluster or object, with the name of its image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..blocks.arrays import in_memory
from ..blocks.loop import array_boxes
from ..io.atomic import replacing
from ..io.image_file import ImageFile
from ..io.record import KEY, write_sidecar
from ..model.model import KMeansModel
from ..report.tables import PixelSize, cluster_table, without_nan, write_columns
from .task import Result

SUFFIXES = (".csv", ".parquet")
"""Kinds of tables of many images."""

Columns = dict[str, list[Any]]


def cluster_rows(image: ImageFile, result: Result, *, confidence: bool = True) -> Columns:
    """Return the clusters of an image: number, name, centre, pixels, share, size with its unit, confidence.

    Size is empty if the pixel size is unknown. Confidence is the mean of `KMeansModel.confidence` over the
    pixels with that label; it requires another pass over the image.
    """
    segmentation = result.segmentation
    pixel = _pixel_size(image)
    table = cluster_table(segmentation.model, pixel, segmentation.counts)
    n_rows = len(table["index"])
    rows: Columns = {"cluster": table.pop("index")}
    left_out = ("above", "up_to", "axes")
    rows |= {name: column for name, column in table.items() if name not in left_out}
    if pixel is None:
        rows |= {"size": [math.nan] * n_rows, "unit": [""] * n_rows}
    if confidence:
        means = _mean_confidence(image, result)
        rows["confidence"] = [means[label] for label in rows["cluster"]]
    return rows


def _pixel_size(image: ImageFile) -> PixelSize | None:
    """Return the area or volume of a pixel; None if it is unknown."""
    axes = [axis for axis in image.spatial_axes if axis != "T"]
    if not all(axis in image.pixel_size for axis in axes) or not image.unit:
        return None
    unit = image.unit.replace("um", "µm") + ("", "", "²", "³")[len(axes)]
    size = math.prod(image.pixel_size[axis] for axis in axes)
    return PixelSize(float(size), unit, ", ".join(axes).lower())


def _mean_confidence(image: ImageFile, result: Result) -> dict[int, float]:
    """Return the mean confidence of the pixels of each label; NaN for a label without pixels."""
    model: KMeansModel = result.model
    labels = result.segmentation.labels
    values = model.confidence(image)
    totals, counts = np.zeros(256), np.zeros(256, dtype=np.int64)
    for box in array_boxes(labels.shape, getattr(labels, "chunks", None)):
        block, found = in_memory(labels[box]).ravel(), in_memory(values[box]).ravel()
        known = ~np.isnan(found)
        totals += np.bincount(block[known], found[known], minlength=256)
        counts += np.bincount(block[known], minlength=256)
    return {
        label: float(totals[label] / counts[label]) if counts[label] else math.nan for label in range(256)
    }


def combine_tables(tables: Iterable[tuple[str, Mapping[str, Sequence[Any]]]]) -> Columns:
    """Combine the tables of several images; columns that an image does not have are empty.

    Parameters
    ----------
    tables : iterable of (str, mapping)
        Name of each image, and its table.
    """
    found = [(name, table) for name, table in tables if table]
    names = list(dict.fromkeys(column for _, table in found for column in table))
    all_rows: Columns = {"image": []} | {column: [] for column in names}
    for name, table in found:
        n_rows = len(next(iter(table.values())))
        all_rows["image"] += [name] * n_rows
        for column in names:
            all_rows[column] += table.get(column, [math.nan] * n_rows)
    return all_rows


def write_rows(path: Path, table: Columns, record: str, *, overwrite: bool = False) -> None:
    """Write a table as CSV or Parquet, with a record of how it was made.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if the file exists.
    ImportError
        If Parquet is requested and pyarrow is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".csv":
        write_columns(path, table, overwrite=overwrite)
        write_sidecar(path, record, overwrite=True)
        return
    import pyarrow
    from pyarrow import parquet

    content = pyarrow.table(without_nan(table)).replace_schema_metadata({KEY: record})
    with replacing(path, overwrite=overwrite) as partial:
        parquet.write_table(content, partial)
