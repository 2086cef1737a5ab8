from .kmeans.clustering import Suggestion
from .labels.clean_up import clean_labels
from .labels.objects import split_into_objects
from .model.model import KMeansModel
from .model.stack import KMeansStack
from .pipeline import fit, segment, suggest_n_clusters

__version__: str

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
