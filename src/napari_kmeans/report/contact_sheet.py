"""Contact sheet of a batch: all images with their clusters beside them, on one page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from .figure_file import save_figure
from .palette import distinct_colors
from .picture import Thumbnail

_DPI = 100
_LINE = 0.24  # height of a line of text in inches
_GAP = 0.12  # between pictures in inches
_TILE = (4.0, 2.0)  # size of two thumbnails in inches
_MAX_COLUMNS = 4
_MAX_TEXT = 46  # maximum number of characters of a name
_MAX_LEGEND = 12  # clusters in the legend


def write_contact_sheet(
    path: Path,
    names: Sequence[str],
    thumbnails: Sequence[Thumbnail],
    n_clusters: int,
    record: str = "",
    *,
    overwrite: bool = False,
) -> None:
    """Draw all images of a batch, each with its clusters beside it and its name above it.

    Parameters
    ----------
    path : Path
        A .png, .svg or .pdf file.
    names : sequence of str
    thumbnails : sequence of Thumbnail
    n_clusters : int
        Largest number of clusters in an image, for the legend.
    record : str
        How the labels were made, for the metadata of the file.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if the file exists.
    OSError
        If the file cannot be written; no partial file remains.
    """
    n_columns = min(_MAX_COLUMNS, max(1, math.ceil(math.sqrt(len(names) / 2))))
    n_rows = max(1, -(-len(names) // n_columns))
    step = np.array([_TILE[0] + 2 * _GAP, _TILE[1] + _LINE + _GAP])
    below = 1.5 * _LINE
    size = step * (n_columns, n_rows) + (0, below + _GAP)
    figure = Figure(figsize=tuple(size), dpi=_DPI)
    for number, (name, thumbnail) in enumerate(zip(names, thumbnails, strict=True)):
        row, column = divmod(number, n_columns)
        left, top = step[0] * column + _GAP, size[1] - step[1] * row - _GAP
        short = name if len(name) <= _MAX_TEXT else f"…{name[1 - _MAX_TEXT :]}"
        figure.text(left / size[0], top / size[1], short, va="top", fontsize="small", parse_math=False)
        _draw(figure, size, left, top - _LINE, thumbnail)
    rows = [
        Patch(color=color, label=str(label))
        for label, color in enumerate(distinct_colors(n_clusters)[:_MAX_LEGEND], start=1)
    ]
    figure.legend(handles=rows, loc="lower center", ncols=len(rows) or 1, frameon=False, fontsize="small")
    save_figure(path, figure, record, overwrite=overwrite)


def _draw(figure: Figure, size: NDArray[np.float64], left: float, top: float, thumbnail: Thumbnail) -> None:
    """Draw both pictures of a thumbnail side by side, as large as fits."""
    height, width, _ = thumbnail.picture.shape
    scale = min(_TILE[0] / 2 / width, _TILE[1] / (height * thumbnail.aspect))
    both = np.concatenate([thumbnail.picture, thumbnail.clusters], axis=1)
    box = np.array([2 * width * scale, height * thumbnail.aspect * scale])
    axes = figure.add_axes((left / size[0], (top - box[1]) / size[1], *(box / size)))
    axes.imshow(both, aspect="auto")
    axes.set_axis_off()
