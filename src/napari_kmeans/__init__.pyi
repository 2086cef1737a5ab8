from ._napari.layers.mask_layer import mask_from_layer
from .features.channels import Channels
from .features.stain import Stain
from .features.texture import Texture
from .kmeans.suggestion import Suggestion
from .labels.clean_up import CleanUp, clean_labels
from .labels.objects import split_into_objects
from .model.model import KMeansModel
from .model.recipe import Recipe
from .model.stack import KMeansStack
from .pipeline import fit, segment, suggest_n_clusters
from .preprocess.illumination import Illumination

__version__: str

__all__ = [
    "Channels",
    "CleanUp",
    "Illumination",
    "KMeansModel",
    "KMeansStack",
    "Recipe",
    "Stain",
    "Suggestion",
    "Texture",
    "clean_labels",
    "fit",
    "mask_from_layer",
    "segment",
    "split_into_objects",
    "suggest_n_clusters",
]
