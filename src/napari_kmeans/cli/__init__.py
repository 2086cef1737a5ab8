"""The command line: ``napari-kmeans view``, ``segment``, ``apply`` and ``batch``."""

from .app import main

__all__ = ["main"]
