"""K-means image segmentation for napari, Python and the command line.

Public names are listed in ``__init__.pyi`` and imported on first use, so ``import napari_kmeans`` is fast.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
