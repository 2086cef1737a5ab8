"""Reader for medical and microscopy formats that optional packages support."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from ...io import medical, microscopy
from ...io.images import read_image
from .image_layers import LayerData, layers_of


def get_reader(path: str | list[str]) -> Callable[[str], list[LayerData]] | None:
    """Return the reader of a file, or None to leave it to another plugin; npe2 calls this.

    napari itself reads TIFF, PNG and JPEG. Folders of DICOM series are left to other plugins.

    Parameters
    ----------
    path : str or list of str
        A list of files, which napari passes for a stack, is not supported.
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
        If the file cannot be read.
    """
    return layers_of(read_image(path))


def _package_of(path: Path) -> str:
    """Return the package that reads a file of this name; empty for other formats."""
    return microscopy.READERS.get(path.suffix.lower(), "SimpleITK" if medical.suffix_of(path) else "")
