"""Figure of a segmentation: the image, the clusters over it, and their histogram or shares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import in_memory
from ..io.atomic import replacing
from ..io.image_file import ImageFile
from ..io.record import KEY
from ..model.model import KMeansModel
from ..summary.scalar import ScalarSummary
from .histogram_bins import bin_summary
from .palette import distinct_colors
from .tables import cluster_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE = 1024  # approximate pixels of a panel
_OPACITY = 0.5  # of clusters over the image, as in the viewer
_MAX_ROWS = 16  # of the legend
_EXCLUDED = "0.75"  # gray of bars without a label

# napari's colours of several channels, which are added up; a single channel is gray.
_TWO_TINTS = ((1.0, 0.0, 1.0), (0.0, 1.0, 0.0))
_MORE_TINTS = (
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
    record: str = "",
    overwrite: bool = False,
) -> None:
    """Draw an image, the clusters over it, and the histogram or the shares of the clusters, side by side.

    If uneven illumination was removed, its field is drawn beside the image.

    Only the middle plane of a stack or a time series is drawn, and a coarser level or every n-th pixel of a
    large image.

    Parameters
    ----------
    path : Path
        A .png, .svg or .pdf file.
    image, labels : ImageFile
        The axes of the labels are the image's `spatial_axes`. Either can be a pyramid.
    model : KMeansModel
        Model that made the labels.
    counts : (k + 1,) int64 array, optional
        Pixels of each label, if they differ from those of the model.
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
    # Figure instead of pyplot, which would try to open a window.
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    table = cluster_table(model, counts=counts)
    colors = np.zeros((256, 4))
    shown = np.array(table["index"], dtype=np.intp)
    colors[shown] = distinct_colors(model.n_clusters)[shown - 1]

    has_field = model.illumination is not None
    figure = Figure(figsize=(12 + 4 * has_field, 4.2), dpi=150, layout="constrained")
    left, *beside, middle, right = figure.subplots(
        1, 3 + has_field, width_ratios=(*[1] * (2 + has_field), 1.1)
    )
    picture = _picture(image)
    panel = _panel_keywords(image)
    overlay = colors[_plane(labels)]
    overlay[..., 3] *= _OPACITY
    for axes in (left, middle):
        axes.imshow(picture, **panel, cmap="gray")
        axes.set_axis_off()
    if beside:
        _draw_field(beside[0], model, panel)
    middle.imshow(overlay, **panel, interpolation="nearest")
    left.set_title(image.stem + _plane_text(image), parse_math=False)
    middle.set_title(f"k-means, {model.n_clusters} clusters")
    summary = model.summary
    if summary is None:
        _draw_shares(right, table, colors[shown])
    else:
        _draw_histogram(right, summary, model, colors)
    rows = [
        Patch(color=color, label=text)
        for color, text in zip(colors[shown], _legend_texts(table, model), strict=True)
    ]
    if len(rows) > _MAX_ROWS:
        more = Patch(alpha=0, label=f"and {len(rows) - _MAX_ROWS + 1} more")
        rows = [*rows[: _MAX_ROWS - 1], more]
    legend = figure.legend(handles=rows, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    for text in legend.get_texts():
        text.set_parse_math(False)
    save_figure(path, figure, record, overwrite=overwrite)


def save_figure(path: Path, figure: Figure, record: str = "", *, overwrite: bool = False) -> None:
    """Write a figure as PNG, SVG or PDF; the same figure gives the same bytes on another day.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if the file exists.
    OSError
        If the file cannot be written; no partial file remains.
    """
    import matplotlib

    kind = path.suffix.lower().removeprefix(".")
    metadata = {
        "png": {KEY: record} if record else {},
        "svg": {"Date": None, "Description": record or None},
        "pdf": {"CreationDate": None, "Subject": record or None},
    }[kind]
    # Identifiers in SVG are random without a salt.
    with (
        matplotlib.rc_context({"svg.hashsalt": "napari-kmeans"}),
        replacing(path, overwrite=overwrite) as partial,
        partial.open("wb") as file,
    ):
        figure.savefig(file, format=kind, metadata=metadata)


def _draw_field(axes: Axes, model: KMeansModel, panel: dict[str, Any]) -> None:
    """Draw the illumination field, which all planes of a stack share; channels that have their own on average."""
    field = model.illumination
    assert field is not None
    step = max(-(-max(field.shape) // _SIDE), 1)
    shape = [-(-size // step) for size in field.shape[-2:]]
    rows = [field.evaluate([slice(None)] * len(shape), shape, i) for i in range(len(field.coefficients))]
    plane = np.atleast_2d(np.mean(rows, axis=0))
    if field.kind == "multiplicative":
        plane = np.exp(plane)
    shown = axes.imshow(plane, extent=panel["extent"], aspect=panel["aspect"], cmap="gray")
    axes.figure.colorbar(shown, ax=axes, shrink=0.7)
    axes.set_axis_off()
    axes.set_title(f"{field.kind} field, {100 * field.explained_variance:.2g} % of the variance")


def _plane(image: ImageFile) -> NDArray[Any]:
    """Return the middle plane with about `_SIDE` pixels along Y and X; channels are the last axis."""
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
    """Return the middle plane as gray values or colours, 0 to 1."""
    plane = _plane(image)
    if image.is_color:
        top = np.iinfo(plane.dtype).max if plane.dtype.kind in "ui" else 1
        return np.asarray(np.clip(np.nan_to_num(plane / top), 0, 1))
    if image.channel_axis is None:
        return _stretch(plane)
    channels = [_stretch(channel) for channel in np.moveaxis(plane, -1, 0)]
    if len(channels) == 1:
        return channels[0]
    tints: Sequence[tuple[float, ...]] = _TWO_TINTS if len(channels) == 2 else _MORE_TINTS
    added = np.zeros((*channels[0].shape, 3))
    for i, channel in enumerate(channels):
        added += channel[..., np.newaxis] * np.array(tints[i % len(tints)])
    return np.clip(added, 0, 1)


def _stretch(plane: NDArray[Any]) -> NDArray[np.float64]:
    """Scale values to 0 to 1, clipping a thousandth at either end; NaN becomes 0."""
    values = plane.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, [0.001, 0.999]) if finite.size else (0.0, 1.0)
    if high <= low:
        high = low + 1
    return np.clip(np.nan_to_num((values - low) / (high - low), posinf=1, neginf=0), 0, 1)


def _panel_keywords(image: ImageFile) -> dict[str, Any]:
    """Return the keywords of a panel: the same extent for any level, and the aspect ratio of pixels."""
    size = dict(zip(image.axes, image.data.shape, strict=True))
    height, width = (image.pixel_size.get(axis) or 1.0 for axis in "YX")
    return {"extent": (0, size["X"], size["Y"], 0), "aspect": height / width, "vmin": 0, "vmax": 1}


def _plane_text(image: ImageFile) -> str:
    """Return which plane of a stack or a time series is drawn."""
    positions = [
        f"{axis.lower()} = {n // 2}"
        for axis, n in zip(image.axes, image.data.shape, strict=True)
        if axis not in "YXCS" and n > 1
    ]
    return f" ({', '.join(positions)})" if positions else ""


def _draw_histogram(
    axes: Axes, summary: ScalarSummary, model: KMeansModel, colors: NDArray[np.float64]
) -> None:
    """Draw bars in the colours of the clusters, and a line at each centre."""
    edges, counts = bin_summary(summary)
    clusters = np.searchsorted(model.thresholds, (edges[1:] + edges[:-1]) / 2)
    labels = model.label_of_cluster[1:][clusters]
    bars = [_EXCLUDED if not label else tuple(colors[label]) for label in labels.tolist()]
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=bars)
    for center in model.centers[:, 0]:
        axes.axvline(center, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(model.feature_names[0])
    axes.set_ylabel("pixels")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_shares(axes: Axes, table: dict[str, list[Any]], colors: NDArray[np.float64]) -> None:
    """Draw a bar for each cluster, with the darkest at the top."""
    rows = range(len(table["index"]))
    axes.barh(rows, [100 * share for share in table["share"]], color=list(map(tuple, colors)))
    axes.set_yticks(rows, table["name"] if len(rows) <= _MAX_ROWS else [""] * len(rows))
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.invert_yaxis()
    axes.set_xlabel("share, %")
    axes.spines[["top", "right"]].set_visible(False)


def _legend_texts(table: dict[str, list[Any]], model: KMeansModel) -> list[str]:
    """Return the text of each row of the legend: name, centre of up to three features, and share."""
    names = ("center",) if model.n_features == 1 else model.feature_names
    centers: list[Any] = list(zip(*(table[name] for name in names), strict=True))
    texts = []
    for name, center, share in zip(table["name"], centers, table["share"], strict=True):
        values = ", ".join(f"{value:.4g}" for value in center) if len(center) <= 3 else ""
        texts.append(f"{name}{f': {values}' if values else ''} ({100 * share:.1f} %)")
    return texts
