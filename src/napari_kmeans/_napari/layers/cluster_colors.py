"""Cluster colours, for the overlay, the plots and the table."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from napari.utils.colormaps import AVAILABLE_COLORMAPS, DirectLabelColormap
from numpy.typing import NDArray

from ...model.model import KMeansModel
from ...report.palette import distinct_colors

DISTINCT = "distinct"
MEAN = "mean intensity"
PALETTES = (DISTINCT, MEAN, "viridis", "magma", "turbo", "gray")
"""Distinct colours, the mean intensity of each cluster, or a colormap of napari from dark to bright."""

_DIMMED = 0.12  # opacity of clusters that are not highlighted, while others are


def cluster_colors(
    model: KMeansModel,
    palette: str,
    contrast_limits: tuple[float, float] = (0, 255),
    chosen: Mapping[int, Sequence[float]] | None = None,
) -> NDArray[np.float64]:
    """Colour of each cluster, the same for merged ones: (n_clusters, 4) RGBA, 0 to 1.

    Parameters
    ----------
    model : KMeansModel
    palette : str
        One of `PALETTES`.
    contrast_limits : tuple of float
        Values that the image shows as black and white, for the mean intensity.
    chosen : mapping of int to sequence of float, optional
        RGBA of labels with a colour chosen by the user.
    """
    k = model.n_clusters
    if palette == DISTINCT:
        rgba = distinct_colors(k)
    elif palette == MEAN:
        rgba = np.concatenate([_mean_colors(model, contrast_limits), np.ones((k, 1))], axis=1)
    else:
        rgba = np.asarray(AVAILABLE_COLORMAPS[palette].map(np.linspace(0, 1, k)), dtype=np.float64)
    rgba = with_chosen_colors(rgba, chosen or {})
    for group in model.merges:
        rgba[np.array(group) - 1] = rgba[min(group) - 1]
    return rgba


def with_chosen_colors(
    rgba: NDArray[np.float64], chosen: Mapping[int, Sequence[float]]
) -> NDArray[np.float64]:
    """Replace colours by those that the user chose."""
    changed = rgba.copy()
    for label, color in chosen.items():
        if label <= len(changed):
            changed[label - 1] = color
    return changed


def _mean_colors(model: KMeansModel, contrast_limits: tuple[float, float]) -> NDArray[np.float64]:
    """Colour of each centre as the image shows it, or gray if the features are not colours: (k, 3)."""
    if model.features == "lab":
        from skimage.color import lab2rgb

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # colours outside sRGB are clipped
            return np.asarray(lab2rgb(model.centers))
    low, high = contrast_limits
    shown = np.clip((model.centers - low) / ((high - low) or 1.0), 0, 1)
    if model.features == "rgb":
        return shown
    # The mean of channels; for texture the intensity, which is the first feature.
    gray = shown[:, :1] if model.features == "texture" else shown.mean(axis=1, keepdims=True)
    return np.repeat(gray, 3, axis=1)


def label_colormap(
    colors: NDArray[np.float64], hidden: Collection[int] = (), highlighted: Collection[int] = ()
) -> DirectLabelColormap:
    """Colormap of napari for labels 1 … n in these colours, with everything else transparent.

    Parameters
    ----------
    colors : (n, 4) array
    hidden : labels
        Labels that are not drawn.
    highlighted : labels
        If there are any, all other labels are dimmed.
    """
    shown = colors.copy()
    for label in range(1, len(shown) + 1):
        if label in hidden:
            shown[label - 1, 3] = 0
        elif highlighted and label not in highlighted:
            shown[label - 1, 3] *= _DIMMED
    clear = np.zeros(4)
    color_dict: dict[int | None, NDArray[np.float64]] = {None: clear, 0: clear}
    color_dict.update(enumerate(shown, start=1))
    return DirectLabelColormap(color_dict=color_dict)
