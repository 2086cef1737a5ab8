"""K-means image segmentation: pick an image, pick k, see the clusters.

The same engine serves the napari dock, Python and the command line. Everything here is imported when it is
first used, so that ``import napari_kmeans`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clustering import Suggestion
    from .model import KMeansModel
    from .objects import split_into_objects
    from .pipeline import fit, segment, suggest_n_clusters
    from .regions import clean_labels
    from .stack import KMeansStack

__version__ = "0.1.0"

__all__ = [
    "KMeansModel",
    "KMeansStack",
    "Suggestion",
    "clean_labels",
    "fit",
    "segment",
    "split_into_objects",
    "suggest_n_clusters",
]

_HOME = {
    "KMeansModel": "model",
    "KMeansStack": "stack",
    "Suggestion": "clustering",
    "clean_labels": "regions",
    "fit": "pipeline",
    "segment": "pipeline",
    "split_into_objects": "objects",
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
