"""The command line: ``napari-kmeans view``, ``segment`` and ``apply``."""

from .app import main

__all__ = ["main"]
