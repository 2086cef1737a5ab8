"""Figure of a segmentation: the image, the clusters over it, and their histogram or shares."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle, StepPatch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from ..io.image_file import ImageFile
from ..model.fitted_model import FittedModel
from ..summary.scalar import ScalarSummary
from .fast_image import show_picture
from .figure_file import png_of, save_figure
from .histogram_bins import bin_summary, labels_of_bins
from .palette import distinct_colors
from .picture import (
    SIDE,
    blended,
    colors_of_labels,
    panel_keywords,
    picture_of,
    plane_text,
    scale_bar_of,
)
from .tables import cluster_table

_MAX_ROWS = 16  # rows of the legend
_COLUMNS = 4  # columns of the legend
_EXCLUDED = "0.75"  # gray level of bars without a label

# Layout in inches. It is fixed, because Matplotlib would draw everything twice to compute a layout.
_PANEL, _HEIGHT, _GAP, _TITLE, _LINE = 3.8, 3.5, 0.12, 0.3, 0.19
_LEFT_OF_PLOT, _BELOW_PLOT = 0.8, 0.45
_DPI = 120


class SegmentationFigure(Figure):
    """Figure that notebooks show, whether `pyplot` was imported or not."""

    def _repr_png_(self) -> bytes:
        return png_of(self)


def segmentation_figure(
    image: ImageFile,
    labels: ImageFile,
    model: FittedModel,
    counts: NDArray[np.int64] | None = None,
    *,
    colors: NDArray[np.float64] | None = None,
) -> Figure:
    """Draw an image, the clusters over it, and the histogram or the shares of the clusters, side by side.

    If uneven illumination was removed, its field is drawn beside the image. A scale bar is drawn if the pixel
    size is known.

    Only the middle plane of a stack or a time series is drawn. Large images are drawn at a coarser level, or
    with every n-th pixel.

    Parameters
    ----------
    image, labels : ImageFile
        The axes of the labels are the image's `spatial_axes`. Either can be a pyramid.
    model : FittedModel
        Model that made the labels.
    counts : (k + 1,) int64 array, optional
        Pixels of each label, if they differ from those of the model.
    colors : (k, 4) array, optional
        RGBA of the clusters, 0 to 1.
    """
    table = cluster_table(model, counts=counts)
    of_labels = colors_of_labels(
        table["index"], distinct_colors(model.n_clusters) if colors is None else colors
    )
    has_field = model.illumination is not None
    n_rows = min(len(table["index"]), _MAX_ROWS)
    below = 0.15 + _LINE * -(-n_rows // _COLUMNS)
    size = np.array([12 + 4 * has_field, _HEIGHT + _TITLE + 0.05 + below])
    figure = SegmentationFigure(figsize=tuple(size), dpi=_DPI)

    def panel(at: float, width: float, above: float = 0.0) -> Axes:
        low, high = below + above, below + _HEIGHT
        return figure.add_axes((at / size[0], low / size[1], width / size[0], (high - low) / size[1]))

    starts = [_GAP + (_PANEL + _GAP) * i for i in range(3 + has_field)]
    left, middle = panel(starts[0], _PANEL), panel(starts[1 + has_field], _PANEL)
    right = panel(starts[-1] + _LEFT_OF_PLOT, size[0] - starts[-1] - _LEFT_OF_PLOT - 2 * _GAP, _BELOW_PLOT)
    picture, keywords = picture_of(image), panel_keywords(image)
    for axes, drawn in ((left, picture), (middle, blended(picture, labels, of_labels))):
        show_picture(axes, drawn, **keywords)
    left.set_title(image.stem + plane_text(image), y=1.0, parse_math=False)
    middle.set_title(f"k-means, {model.n_clusters} clusters", y=1.0)
    _draw_scale_bar(left, image)
    if has_field:
        _draw_field(panel(starts[1], _PANEL), model, keywords)
    if model.summary is None:
        _draw_shares(right, table, of_labels[table["index"]])
    else:
        _draw_histogram(right, model.summary, model, of_labels)
    _draw_legend(figure, of_labels[table["index"]], _legend_texts(table, model))
    return figure


def write_figure(
    path: Path,
    image: ImageFile,
    labels: ImageFile,
    model: FittedModel,
    counts: NDArray[np.int64] | None = None,
    *,
    colors: NDArray[np.float64] | None = None,
    record: str = "",
    overwrite: bool = False,
) -> None:
    """Write the figure of `segmentation_figure` to a file.

    Parameters
    ----------
    path : Path
        A .png, .svg or .pdf file.
    image, labels, model, counts, colors
        See `segmentation_figure`.
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
    figure = segmentation_figure(image, labels, model, counts, colors=colors)
    save_figure(path, figure, record, overwrite=overwrite)


def _draw_scale_bar(axes: Axes, image: ImageFile) -> None:
    """Draw a scale bar in the lower left corner, white with a dark outline, so it is visible on any image."""
    bar = scale_bar_of(image)
    if bar is None:
        return
    _, width, height, _ = panel_keywords(image)["extent"]
    at = (0.04 * width, 0.94 * height)
    axes.add_patch(
        Rectangle(at, bar.n_pixels, 0.015 * height, facecolor="white", edgecolor="black", linewidth=0.6)
    )
    axes.text(
        at[0] + bar.n_pixels / 2,
        at[1] - 0.012 * height,
        bar.text,
        color="white",
        ha="center",
        va="bottom",
        fontsize="small",
        parse_math=False,
        path_effects=[withStroke(linewidth=1.5, foreground="black")],
    )


def _draw_field(axes: Axes, model: FittedModel, panel: dict[str, Any]) -> None:
    """Draw the illumination field, which all planes of a stack share, averaged over its channels."""
    field = model.illumination
    assert field is not None
    step = max(-(-max(field.shape) // SIDE), 1)
    shape = [-(-size // step) for size in field.shape[-2:]]
    rows = [field.evaluate([slice(None)] * len(shape), shape, i) for i in range(len(field.coefficients))]
    plane = np.atleast_2d(np.mean(rows, axis=0))
    if field.kind == "multiplicative":
        plane = np.exp(plane)
    shown = axes.imshow(plane, **panel, cmap="gray")
    axes.figure.colorbar(shown, ax=axes, shrink=0.7)
    axes.set_axis_off()
    axes.set_title(f"{field.kind} field, {100 * field.explained_variance:.2g} % of the variance", y=1.0)


def _draw_histogram(
    axes: Axes, summary: ScalarSummary, model: FittedModel, colors: NDArray[np.float64]
) -> None:
    """Draw an area for each run of bins with one label, in its colour, and a line at each centre."""
    edges, counts = bin_summary(summary)
    labels = labels_of_bins(edges, model)
    starts = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    for begin, end in pairwise(starts):
        label = int(labels[begin])
        color = tuple(colors[label]) if label else _EXCLUDED
        area = StepPatch(counts[begin:end], edges[begin : end + 1], fill=True, facecolor=color, linewidth=0)
        axes.add_artist(area)  # `stairs` would also compute the limits, which are set below
    axes.vlines(
        model.centers[:, 0],
        0,
        1,
        transform=axes.get_xaxis_transform(),
        color="black",
        linewidth=0.8,
        linestyle=":",
    )
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.05 * float(counts.max()))
    axes.set_xlabel(model.feature_names[0])
    axes.set_ylabel("pixels")
    axes.ticklabel_format(axis="y", scilimits=(-4, 5))  # longer numbers would not fit beside the plot
    axes.spines[["top", "right"]].set_visible(False)


def _draw_shares(axes: Axes, table: dict[str, list[Any]], colors: NDArray[np.float64]) -> None:
    """Draw a bar for each cluster, with the darkest at the top; the legend names them."""
    rows = range(len(table["index"]))
    axes.barh(rows, [100 * share for share in table["share"]], color=list(map(tuple, colors)))
    axes.set_yticks([])
    axes.invert_yaxis()
    axes.set_xlabel("share, %")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_legend(figure: Figure, colors: NDArray[np.float64], texts: list[str]) -> None:
    """Draw a row for each label below the panels; if there are too many, say how many more there are."""
    rows = [Patch(color=color, label=text) for color, text in zip(colors, texts, strict=True)]
    if len(rows) > _MAX_ROWS:
        more = Patch(alpha=0, label=f"and {len(rows) - _MAX_ROWS + 1} more")
        rows = [*rows[: _MAX_ROWS - 1], more]
    legend = figure.legend(
        handles=rows,
        loc="lower center",
        ncols=_COLUMNS,
        frameon=False,
        fontsize="small",
        borderaxespad=0.2,
        borderpad=0.1,
        labelspacing=0.3,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _legend_texts(table: dict[str, list[Any]], model: FittedModel) -> list[str]:
    """Return the text of each row of the legend: name, centre of up to three features, and share."""
    names = ("center",) if model.n_features == 1 else model.feature_names
    centers: list[Any] = list(zip(*(table[name] for name in names), strict=True))
    texts = []
    for name, center, share in zip(table["name"], centers, table["share"], strict=True):
        values = ", ".join(f"{value:.4g}" for value in center) if len(center) <= 3 else ""
        texts.append(f"{name}{f': {values}' if values else ''} ({100 * share:.1f} %)")
    return texts
