"""The command line: ``napari-kmeans view``, ``segment``, ``apply``, ``batch`` and ``show``."""

from .app import main

__all__ = ["main"]
