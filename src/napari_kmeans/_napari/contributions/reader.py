"""Reader of the formats of scanners and microscopes that optional packages read."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from ...io import medical, microscopy
from ...io.images import read_image
from .image_layers import LayerData, layers_of


def get_reader(path: str | list[str]) -> Callable[[str], list[LayerData]] | None:
    """Return what reads a file, or None if another reader has to: npe2 calls this.

    napari itself reads TIFF and pictures, and the folders of DICOM series are left to other plugins.

    Parameters
    ----------
    path : str or list of str
        A stack of several files is not read.
    """
    if isinstance(path, list):
        return None
    package = _package_of(Path(path))
    return read if package and importlib.util.find_spec(package) else None


def read(path: str) -> list[LayerData]:
    """Return the image layers of a file, with pixel size, units and channels.

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    return layers_of(read_image(path))


def _package_of(path: Path) -> str:
    """Return the package that reads a file of this name; empty if it is of another kind."""
    return microscopy.READERS.get(path.suffix.lower(), "SimpleITK" if medical.suffix_of(path) else "")
