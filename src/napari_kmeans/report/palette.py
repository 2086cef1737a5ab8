"""Colours that can be told apart, for clusters wherever they are drawn or written."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

# Okabe and Ito's colours that can be told apart with any kind of colour vision ("Color universal design",
# 2008), less black; then five of Paul Tol's muted scheme ("Colour schemes", SRON/EPS/TN/09-002), which go
# with them. Blue first: the darkest cluster is most often the background.
_DISTINCT = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
    "#332288", "#AA4499", "#44AA99", "#882255", "#999933",
)  # fmt: skip


def distinct_colors(n_clusters: int) -> NDArray[np.float64]:
    """Colours that do not depend on the values: (n_clusters, 4) RGBA, 0 to 1.

    A cluster keeps its colour when k changes.
    """
    rgba = np.ones((n_clusters, 4))
    for i in range(n_clusters):
        if i < len(_DISTINCT):
            rgba[i, :3] = [int(_DISTINCT[i][c : c + 2], 16) / 255 for c in (1, 3, 5)]
        else:
            # Hues a golden section apart never crowd; lightness alternates to part neighbours.
            rgba[i, :3] = colorsys.hls_to_rgb(i * 0.618034 % 1, (0.45, 0.65, 0.3)[i % 3], 0.75)
    return rgba
