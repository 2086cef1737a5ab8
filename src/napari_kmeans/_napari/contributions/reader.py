"""Reader of the formats of scanners and microscopes, for *File ▸ Open* and dropped files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...io.images import read_image

LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return the function that reads a file, or the slices of a DICOM series that are opened as a stack.

    Folders are not accepted: napari would then ask which reader to use for every folder, whatever it contains.

    Parameters
    ----------
    path : str, or sequence of str for a stack

    Returns
    -------
    callable or None
        None for a stack of files that are not DICOM.
    """
    if isinstance(path, str):
        return _read_file
    folders = {Path(each).parent for each in path}
    is_series = len(folders) == 1 and all(each.lower().endswith(".dcm") for each in path)
    return _read_series if is_series else None


def _read_series(paths: Sequence[str]) -> list[LayerData]:
    """Read the series of the folder that contains the slices, ordered by their positions."""
    return _read_file(str(Path(paths[0]).parent))


def _read_file(path: str) -> list[LayerData]:
    """Read an image as a layer with pixel size, units and axis labels; each channel becomes a layer.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is damaged, or the packages that read its format are not installed.
    """
    image = read_image(path)
    axis = image.axes.find("C")
    if axis < 0:
        return [(image.data, image.layer_keywords(), "image")]
    layers: list[LayerData] = []
    for index in range(image.data.shape[axis]):
        channel = image.at_channel(index)
        name = image.channel_names[index] if image.channel_names else f"channel {index}"
        keywords = {**channel.layer_keywords(), "name": f"{image.stem} {name}", "blending": "additive"}
        layers.append((channel.data, keywords, "image"))
    return layers
