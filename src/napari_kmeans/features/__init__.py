"""Feature spaces, which turn pixels into the features to cluster by: one class each, listed in `FEATURES`."""

from .channels import Channels
from .extractor import FeatureExtractor
from .feature_space import FeatureSpace, ScalarFormat, VectorFormat
from .registry import FEATURES, get_feature_space
from .stain import Stain
from .texture import Texture

__all__ = [
    "FEATURES",
    "Channels",
    "FeatureExtractor",
    "FeatureSpace",
    "ScalarFormat",
    "Stain",
    "Texture",
    "VectorFormat",
    "get_feature_space",
]
