from ._napari.layers.mask_layer import mask_from_layer
from .estimator import ImageKMeans
from .features.channels import Channels
from .features.stain import Stain
from .features.texture import Texture
from .io.image_file import ImageFile
from .io.images import read_image
from .io.samples import sample_image
from .kmeans.suggestion import Suggestion
from .labels.clean_up import CleanUp, clean_labels
from .labels.objects import split_into_objects
from .model.model import KMeansModel
from .model.recipe import Recipe
from .model.stack import KMeansStack
from .model.uncertainty import Uncertainty
from .pipeline import fit, segment, suggest_illumination, suggest_n_clusters
from .preprocess.illumination import Illumination
from .report.label_files import write_labels

__version__: str

__all__ = [
    "Channels",
    "CleanUp",
    "Illumination",
    "ImageFile",
    "ImageKMeans",
    "KMeansModel",
    "KMeansStack",
    "Recipe",
    "Stain",
    "Suggestion",
    "Texture",
    "Uncertainty",
    "clean_labels",
    "fit",
    "mask_from_layer",
    "read_image",
    "sample_image",
    "segment",
    "split_into_objects",
    "suggest_illumination",
    "suggest_n_clusters",
    "write_labels",
]
