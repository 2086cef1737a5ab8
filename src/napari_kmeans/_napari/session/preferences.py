"""Preferences of the dock: its initial settings, as napari stores them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..layers.cluster_colors import DISTINCT, PALETTES


@dataclass(frozen=True)
class Preferences:
    """Preferences of the user, with the same defaults as the manifest.

    Attributes
    ----------
    n_clusters : int
        Initial number of clusters of an image.
    live : bool
    palette : str
    opacity : float
        Opacity of a new overlay, 0 to 1.
    k_max : int
        Largest number of clusters in the curve and in the suggestion.
    scheduler : str
        Address of the Dask cluster that reads lazy images; empty for this machine.
    """

    n_clusters: int = 3
    live: bool = True
    palette: str = DISTINCT
    opacity: float = 0.5
    k_max: int = 12
    scheduler: str = ""


def _stored() -> Any:
    """Return napari's settings of this plugin, or None before napari 0.9."""
    try:
        from napari.settings import get_plugin_settings

        return get_plugin_settings("napari-kmeans").dock
    except (ImportError, KeyError, AttributeError):
        return None


def load() -> Preferences:
    """Return the user's preferences, with defaults for those that are missing or invalid."""
    stored, defaults = _stored(), Preferences()
    values = {name: getattr(stored, name, value) for name, value in asdict(defaults).items()}
    return Preferences(
        n_clusters=min(max(int(values["n_clusters"]), 2), 255),
        live=bool(values["live"]),
        palette=values["palette"] if values["palette"] in PALETTES else DISTINCT,
        opacity=min(max(float(values["opacity"]), 0.0), 1.0),
        k_max=min(max(int(values["k_max"]), 2), 50),
        scheduler=str(values["scheduler"]).strip(),
    )


def save(**values: Any) -> None:
    """Save preferences that the user changed in the dock, for the next dock."""
    stored = _stored()
    if stored is not None:
        for name, value in values.items():
            setattr(stored, name, value)
