"""HTML representation of a model for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from ..model.fitted_model import FittedModel
from ..summary.scalar import ScalarSummary
from .histogram_bins import bin_summary, labels_of_bins
from .palette import distinct_colors
from .tables import cluster_table

_MAX_ROWS, _MAX_COLUMNS = 16, 4  # limits of the table
_WIDTH, _HEIGHT = 360, 72  # size of the histogram in pixels

# Text, lines and empty bars have the text colour of the notebook, so both light and dark themes work.
_STYLE = """
.nk-model {color: inherit; font-family: inherit; line-height: 1.4}
.nk-model table {border-collapse: collapse; background: none; color: inherit; font-size: inherit; margin: .4em 0}
.nk-model th, .nk-model td {padding: .15em .6em; text-align: right; white-space: nowrap; background: none; color: inherit;
  border: 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent)}
.nk-model th {font-weight: 600}
.nk-model .nk-name {text-align: left}
.nk-model .nk-swatch {display: inline-block; width: .9em; height: .9em; border-radius: 2px; vertical-align: -.1em;
  border: 1px solid color-mix(in srgb, currentColor 45%, transparent)}
.nk-model .nk-share {display: inline-block; height: .6em; margin-left: .5em; vertical-align: baseline}
.nk-model .nk-bar {width: 6em; text-align: left}
.nk-model svg {display: block; color: inherit}
.nk-model .nk-note {opacity: .75}
"""


def model_html(model: FittedModel) -> str:
    """Return the clusters of a model as HTML: centres, colours, shares and a small histogram.

    The histogram requires the summary of a single feature, which a loaded model does not have.
    """
    table = cluster_table(model)
    colors = [
        "#" + "".join(f"{round(255 * part):02x}" for part in color[:3])
        for color in distinct_colors(model.n_clusters)
    ]
    summary = model.summary
    histogram = "" if summary is None else _histogram(summary, model, colors)
    return (
        f'<div class="nk-model"><style>{_STYLE}</style>'
        f"<div><b>KMeansModel</b> {escape(headline(model))}</div>"
        f"{_table(table, model, colors)}{histogram}</div>"
    )


def headline(model: FittedModel) -> str:
    """Return a one-line description of the model."""
    n = model.n_clusters
    how = "exact optimum" if model.is_exact else f"best of {model.n_init} restarts" if model.n_init else ""
    if model.adjusted:
        how = "adjusted by hand"
    parts = [
        f"{n} cluster{'s' * (n != 1)} by {model.features}",
        f"{100 * model.explained_variance:.1f} % of the variance explained",
        how,
    ]
    return ", ".join(part for part in parts if part)


def _table(table: dict[str, list[Any]], model: FittedModel, colors: Sequence[str]) -> str:
    """Return a row for each label."""
    is_scalar = model.n_features == 1
    columns = ["center"] if is_scalar else list(model.feature_names[:_MAX_COLUMNS])
    titles = ["centre"] if is_scalar else columns
    more = model.n_features > _MAX_COLUMNS
    heads = "".join(f"<th>{escape(title)}</th>" for title in titles) + ("<th>…</th>" if more else "")
    rows = []
    largest = max(table["share"], default=0.0) or 1.0
    for row, label in enumerate(table["index"][:_MAX_ROWS]):
        color = colors[label - 1]
        share = table["share"][row]
        centers = "".join(f"<td>{table[column][row]:.4g}</td>" for column in columns)
        rows.append(
            f'<tr><td><span class="nk-swatch" style="background:{color}"></span></td><td>{label}</td>'
            f'<td class="nk-name">{escape(table["name"][row])}</td>{centers}{"<td>…</td>" if more else ""}'
            f"<td>{table['pixels'][row]:,}</td><td>{100 * share:.1f} %</td>"
            f'<td class="nk-bar"><span class="nk-share" style="background:{color};'
            f'width:{5 * share / largest:.2f}em"></span></td></tr>'
        )
    n_more = len(table["index"]) - len(rows)
    note = f'<div class="nk-note">and {n_more} more: <code>model.table</code></div>' if n_more else ""
    return (
        f'<table><thead><tr><th></th><th>label</th><th class="nk-name">name</th>{heads}'
        f"<th>pixels</th><th>share</th><th></th></tr></thead><tbody>{''.join(rows)}</tbody></table>{note}"
    )


def _histogram(summary: ScalarSummary, model: FittedModel, colors: Sequence[str]) -> str:
    """Return the histogram as SVG: bars in the colours of the clusters, and a line at each centre."""
    edges, counts = bin_summary(summary)
    labels = labels_of_bins(edges, model)
    across = _WIDTH * (edges - edges[0]) / (edges[-1] - edges[0])
    tops = _HEIGHT * (1 - counts / max(1.0, counts.max()))
    paths = []
    for label in np.unique(labels).tolist():
        bars = "".join(
            f"M{across[i]:.1f} {_HEIGHT}V{tops[i]:.1f}H{across[i + 1]:.1f}V{_HEIGHT}Z"
            for i in np.flatnonzero((labels == label) & (counts > 0))
        )
        fill = f'fill="{colors[label - 1]}"' if label else 'fill="currentColor" fill-opacity=".25"'
        paths.append(f'<path {fill} d="{bars}"/>')
    centers = _WIDTH * (model.centers[:, 0] - edges[0]) / (edges[-1] - edges[0])
    lines = "".join(f"M{x:.1f} 0V{_HEIGHT}" for x in centers if 0 <= x <= _WIDTH)
    ends = (
        f'<text x="0" y="{_HEIGHT + 14}">{edges[0]:.4g}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 14}" text-anchor="end">{edges[-1]:.4g}</text>'
    )
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT + 18}" role="img" aria-label="Histogram of the clusters" '
        f'font-size="11" fill="currentColor">{"".join(paths)}'
        f'<path d="{lines}" stroke="currentColor" stroke-dasharray="2 2" fill="none"/>'
        f'<path d="M0 {_HEIGHT}H{_WIDTH}" stroke="currentColor" stroke-opacity=".4"/>{ends}</svg>'
    )
