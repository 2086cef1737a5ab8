"""Distinct colours of clusters, for display and for files."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

# The colours of Okabe and Ito, which are distinct for all kinds of colour vision ("Color universal design",
# 2008), without black; then five of Paul Tol's muted scheme ("Colour schemes", SRON/EPS/TN/09-002), which
# are distinct from them. Blue is first because the darkest cluster is usually the background.
_DISTINCT = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
    "#332288", "#AA4499", "#44AA99", "#882255", "#999933",
)  # fmt: skip


def distinct_colors(n_clusters: int) -> NDArray[np.float64]:
    """Return the colours of clusters, (n_clusters, 4) RGBA from 0 to 1.

    They depend only on the number of the cluster, so a cluster keeps its colour when k changes.
    """
    rgba = np.ones((n_clusters, 4))
    for i in range(n_clusters):
        if i < len(_DISTINCT):
            rgba[i, :3] = [int(_DISTINCT[i][c : c + 2], 16) / 255 for c in (1, 3, 5)]
        else:
            # Steps by the golden section spread the hues evenly; lightness alternates between neighbours.
            rgba[i, :3] = colorsys.hls_to_rgb(i * 0.618034 % 1, (0.45, 0.65, 0.3)[i % 3], 0.75)
    return rgba
