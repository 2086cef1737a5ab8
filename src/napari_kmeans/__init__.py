"""K-means image segmentation: pick an image, pick k, see the clusters.

The same engine serves the napari dock, Python and the command line. Everything here is imported when it is
first used, so that ``import napari_kmeans`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clustering import Suggestion
    from .model import KMeansModel, KMeansStack
    from .pipeline import fit, segment, suggest_n_clusters

__version__ = "0.1.0"

__all__ = ["KMeansModel", "KMeansStack", "Suggestion", "fit", "segment", "suggest_n_clusters"]

_HOME = {
    "KMeansModel": "model",
    "KMeansStack": "model",
    "Suggestion": "clustering",
    "fit": "pipeline",
    "segment": "pipeline",
    "suggest_n_clusters": "pipeline",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
