"""Images of a batch, found from files, folders, patterns and lists of these."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from ..io import ome_zarr
from ..io.image_file import Location, Url, location
from ..io.images import SUFFIXES, is_series, is_store


@dataclass(frozen=True)
class Input:
    """An image and the folder of its outputs.

    Attributes
    ----------
    image : Path or Url
    folder : PurePath
        Relative to the output folder.
    """

    image: Location
    folder: PurePath = PurePath()  # noqa: RUF009 - immutable


def find_inputs(
    names: Sequence[str], *, recursive: bool = False, out: Path | None = None
) -> tuple[list[Input], list[str]]:
    """Find the images that the user named.

    Parameters
    ----------
    names : sequence of str
        Files, URLs, OME-Zarr images, plates and wells, folders, and patterns such as ``"data/**/*.tif"``.
    recursive : bool
        Also search subfolders; outputs keep the folder tree.
    out : Path, optional
        Output folder, which is not searched.

    Returns
    -------
    inputs : list of Input
        In the order of the names, and sorted within a folder.
    empty : list of str
        Folders and patterns without images.
    """
    inputs, empty = [], []
    for name in names:
        found = _find(name, recursive, out)
        if not found:
            empty.append(name)
        inputs += found
    return inputs, empty


def why_empty(name: str, *, recursive: bool = False) -> str:
    """Return why `find_inputs` found no images for a name, in a sentence."""
    if not _is_pattern(name) or os.path.isdir(name):
        return f"{name} contains no images{'' if recursive else '; use --recursive to search its subfolders'}"
    folder = _fixed_part(name)
    return (
        f"{name} matches no images"
        if folder.is_dir()
        else f"{name} matches no images: there is no folder {folder}"
    )


def matches(names: Iterable[str]) -> list[str]:
    """Return names with patterns replaced by the files that they match, as a shell does."""
    found: list[str] = []
    for name in names:
        is_pattern = _is_pattern(name) and not isinstance(location(name), Url) and not os.path.lexists(name)
        found += (sorted(glob.glob(name, recursive=True)) if is_pattern else []) or [name]
    return found


def inputs_of(sources: Iterable[Mapping[str, Any]]) -> list[Input]:
    """Return the images that a record names, with the folders of their outputs.

    Raises
    ------
    ValueError
        If a source has no path, or its folder is not a folder inside the output folder.
    """
    inputs = []
    for source in sources:
        if "path" not in source:
            layer = f"the layer {source['layer']!r} of napari" if "layer" in source else "an image"
            raise ValueError(f"it was made from {layer}, whose file it does not record: give an image, too")
        folder = PurePath(str(source.get("folder", "")))
        if folder.is_absolute() or ".." in folder.parts:
            raise ValueError(f"its folder {str(folder)!r:.80} is not inside the output folder")
        inputs.append(Input(location(str(source["path"])), folder))
    return inputs


def _find(name: str, recursive: bool, out: Path | None) -> list[Input]:
    at = location(name)
    if isinstance(at, Url) or at.is_file():
        return [Input(at)]
    if at.is_dir():
        return _in_folder(at, PurePath(), recursive, _within(at, out))
    if not _is_pattern(name):
        return [Input(at)]  # a missing file is reported when it is read
    root = _fixed_part(name)
    out = _within(root, out)
    repeats = cache(_is_repeated)
    inputs: list[Input] = []
    for each in sorted(glob.iglob(name, recursive=True)):
        path = Path(each)
        folder = path.parent.relative_to(root)
        if repeats(path.parent, len(folder.parts)):
            continue
        if path.is_dir():
            inputs += _in_folder(path, folder, False, out) if is_store(path) else []
        elif not _is_inside(path, out):
            inputs.append(Input(path, folder))
    return inputs


def _is_pattern(name: str) -> bool:
    return re.search(r"[*?\[]", name) is not None


def _fixed_part(pattern: str) -> Path:
    """Return the folder of a pattern above its first wildcard."""
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if _is_pattern(part))
    return Path(*parts[:first])


def _in_folder(folder: Path, relative: PurePath, recursive: bool, out: Path | None) -> list[Input]:
    """Return the images of a folder, a plate or a well."""
    if is_store(folder):
        images = ome_zarr.images_of_plate(folder)
        if not images:
            return [Input(folder, relative)]
        return [Input(folder / name, relative / folder.name / PurePath(name).parent) for name in images]
    if is_series(folder):
        return [Input(folder, relative)]
    inputs: list[Input] = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = folder / entry.name
        if entry.name.startswith("."):
            continue
        if path.is_dir():  # unlike that of the entry, it does not raise for a link to itself
            if is_store(path) or is_series(path):
                inputs += _in_folder(path, relative, recursive, out)
            elif recursive and not _is_inside(path, out):
                below = relative / entry.name
                if not _is_repeated(path, len(below.parts)):
                    inputs += _in_folder(path, below, recursive, out)
        elif path.name.lower().endswith(SUFFIXES):
            inputs.append(Input(path, relative))
    return inputs


def _within(folder: Path, out: Path | None) -> Path | None:
    """Return the output folder if it is inside a folder, otherwise None; also None if they are the same."""
    is_same = out is None or os.path.realpath(folder) == os.path.realpath(out)
    return out if not is_same and _is_inside(out, folder) else None


def _is_inside(path: Path | None, folder: Path | None) -> bool:
    """Return whether a path is a folder or inside it."""
    if path is None or folder is None:
        return False
    inside, outside = os.path.realpath(path), os.path.realpath(folder)
    return inside == outside or inside.startswith(outside.rstrip(os.sep) + os.sep)


def _is_repeated(folder: Path, depth: int) -> bool:
    """Return whether a folder, or one of `depth` folders above it, is a link to a folder above itself."""
    levels = [os.path.realpath(each) for each in [folder, *folder.parents][: depth + 1]]
    return len(set(levels)) < len(levels)


def read_file_list(lines: Iterable[str]) -> list[str]:
    """Return the names in a list of files: one per line, ignoring empty lines and lines that begin with #."""
    names = (line.strip() for line in lines)
    return [name for name in names if name and not name.startswith("#")]
