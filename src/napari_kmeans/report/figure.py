"""A figure of a segmentation for people: the image, the clusters over it, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import in_memory
from ..io.atomic import replacing
from ..io.image_file import ImageFile
from ..model.model import KMeansModel
from ..summary.scalar import ScalarSummary
from .histogram import bin_summary
from .palette import distinct_colors
from .tables import cluster_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDE = 1024  # pixels of a panel, about
_OPACITY = 0.5  # of clusters over the image, as in the viewer
_MOST_ROWS = 16  # of the legend
_LEFT_OUT = "0.75"  # gray of what has no label

# Colours that several channels are added up in; one alone is gray. They are napari's.
_OF_TWO = ((1.0, 0.0, 1.0), (0.0, 1.0, 0.0))
_OF_MORE = (
    (0.0, 1.0, 1.0),
    (1.0, 0.0, 1.0),
    (1.0, 1.0, 0.0),
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0),
)


def write_figure(
    path: Path,
    image: ImageFile,
    labels: ImageFile,
    model: KMeansModel,
    counts: NDArray[np.int64] | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Draw an image, the clusters over it, and the histogram or the shares of the clusters, side by side.

    Of a stack or a series the middle plane is drawn, of a large image a coarser level or every n-th pixel.

    Parameters
    ----------
    path : Path
        A .png file.
    image, labels : ImageFile
        The labels' axes are the image's `spatial_axes`; either may have levels or not.
    model : KMeansModel
        What made the labels.
    counts : (k + 1,) int64 array, optional
        Pixels of each label where they are no longer those of the model.
    overwrite : bool
        Replace what is there.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if there is a file already.
    OSError
        If it cannot be written; nothing is left then.
    """
    # Not pyplot, which would look for a window.
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    table = cluster_table(model, counts=counts)
    colors = np.zeros((256, 4))
    shown = np.array(table["index"], dtype=np.intp)
    colors[shown] = distinct_colors(model.n_clusters)[shown - 1]

    figure = Figure(figsize=(12, 4.2), dpi=150, layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    picture = _picture(image)
    frame = _frame(image)
    overlay = colors[_plane(labels)]
    overlay[..., 3] *= _OPACITY
    for axes in (left, middle):
        axes.imshow(picture, **frame, cmap="gray")
        axes.set_axis_off()
    middle.imshow(overlay, **frame, interpolation="nearest")
    left.set_title(image.stem + _where(image), parse_math=False)
    middle.set_title(f"k-means, {model.n_clusters} clusters")
    summary = model.summary
    if summary is None:
        _draw_shares(right, table, colors[shown])
    else:
        _draw_histogram(right, summary, model, colors)
    rows = [
        Patch(color=color, label=text)
        for color, text in zip(colors[shown], _describe(table, model), strict=True)
    ]
    if len(rows) > _MOST_ROWS:
        more = Patch(alpha=0, label=f"and {len(rows) - _MOST_ROWS + 1} more")
        rows = [*rows[: _MOST_ROWS - 1], more]
    legend = figure.legend(handles=rows, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    for text in legend.get_texts():
        text.set_parse_math(False)
    with replacing(path, overwrite=overwrite) as partial, partial.open("wb") as file:
        figure.savefig(file, format="png")


def _plane(image: ImageFile) -> NDArray[Any]:
    """The middle plane in about `_SIDE` pixels along Y and X, with its channels at the end."""
    axes = image.axes

    def side(level: Any) -> int:
        return int(max(n for axis, n in zip(axes, level.shape, strict=True) if axis in "YX"))

    level = next((level for level in reversed(image.coarser) if side(level) >= _SIDE), image.data)
    step = -(-side(level) // _SIDE)
    index = tuple(
        slice(None, None, step) if axis in "YX" else slice(None) if axis in "CS" else n // 2
        for axis, n in zip(axes, level.shape, strict=True)
    )
    plane = np.asarray(in_memory(level[index]))
    kept = [axis for axis in axes if axis in "YXCS"]
    return plane if "C" not in kept else np.moveaxis(plane, kept.index("C"), -1)


def _picture(image: ImageFile) -> NDArray[Any]:
    """The plane as it is drawn: gray or colour, 0 to 1."""
    plane = _plane(image)
    if image.is_color:
        top = np.iinfo(plane.dtype).max if plane.dtype.kind in "ui" else 1
        return np.asarray(np.clip(np.nan_to_num(plane / top), 0, 1))
    if image.channel_axis is None:
        return _stretched(plane)
    channels = [_stretched(channel) for channel in np.moveaxis(plane, -1, 0)]
    if len(channels) == 1:
        return channels[0]
    tints: Sequence[tuple[float, ...]] = _OF_TWO if len(channels) == 2 else _OF_MORE
    added = np.zeros((*channels[0].shape, 3))
    for i, channel in enumerate(channels):
        added += channel[..., np.newaxis] * np.array(tints[i % len(tints)])
    return np.clip(added, 0, 1)


def _stretched(plane: NDArray[Any]) -> NDArray[np.float64]:
    """Values from dark to bright as 0 to 1, a thousandth at either end cut off; 0 for NaN."""
    values = plane.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, [0.001, 0.999]) if finite.size else (0.0, 1.0)
    if high <= low:
        high = low + 1
    return np.clip(np.nan_to_num((values - low) / (high - low), posinf=1, neginf=0), 0, 1)


def _frame(image: ImageFile) -> dict[str, Any]:
    """Where a panel lies, whatever the level that is drawn in it, and how tall a pixel is."""
    size = dict(zip(image.axes, image.data.shape, strict=True))
    height, width = (image.pixel_size.get(axis) or 1.0 for axis in "YX")
    return {"extent": (0, size["X"], size["Y"], 0), "aspect": height / width, "vmin": 0, "vmax": 1}


def _where(image: ImageFile) -> str:
    """Which plane is drawn, of more than one."""
    places = [
        f"{axis.lower()} = {n // 2}"
        for axis, n in zip(image.axes, image.data.shape, strict=True)
        if axis not in "YXCS" and n > 1
    ]
    return f" ({', '.join(places)})" if places else ""


def _draw_histogram(
    axes: Axes, summary: ScalarSummary, model: KMeansModel, colors: NDArray[np.float64]
) -> None:
    """Counts in the clusters' colours, and a line at each centre."""
    edges, counts = bin_summary(summary)
    clusters = np.searchsorted(model.thresholds, (edges[1:] + edges[:-1]) / 2)
    labels = model.label_of_cluster[1:][clusters]
    bars = [_LEFT_OUT if not label else tuple(colors[label]) for label in labels.tolist()]
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=bars)
    for center in model.centers[:, 0]:
        axes.axvline(center, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(model.feature_names[0])
    axes.set_ylabel("pixels")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_shares(axes: Axes, table: dict[str, list[Any]], colors: NDArray[np.float64]) -> None:
    """A bar for each cluster, the darkest on top."""
    places = range(len(table["index"]))
    axes.barh(places, [100 * share for share in table["share"]], color=list(map(tuple, colors)))
    axes.set_yticks(places, table["name"] if len(places) <= _MOST_ROWS else [""] * len(places))
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.invert_yaxis()
    axes.set_xlabel("share, %")
    axes.spines[["top", "right"]].set_visible(False)


def _describe(table: dict[str, list[Any]], model: KMeansModel) -> list[str]:
    """A line of the legend for each row: name, centre as far as it is short, share."""
    names = ("center",) if model.n_features == 1 else model.feature_names
    centers: list[Any] = list(zip(*(table[name] for name in names), strict=True))
    lines = []
    for name, center, share in zip(table["name"], centers, table["share"], strict=True):
        values = ", ".join(f"{value:.4g}" for value in center) if len(center) <= 3 else ""
        lines.append(f"{name}{f': {values}' if values else ''} ({100 * share:.1f} %)")
    return lines
