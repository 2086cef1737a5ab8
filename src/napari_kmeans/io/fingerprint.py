"""Fingerprints of image files, which show whether a result belongs to the current file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from .image_file import Location, Url

WHOLE = 1 << 28
"""Files up to this many bytes are read completely."""

_N_WINDOWS, _WINDOW = 256, 1 << 16  # evenly spaced parts of larger files, and their bytes


def fingerprint(at: Location) -> str:
    """Return the fingerprint of a file or a folder.

    For a file of up to 256 MB, this is the SHA-256 of its content, as printed by ``sha256sum``. For a larger
    file, it is the SHA-256 of its size and of 256 evenly spaced parts. A folder, such as an OME-Zarr image,
    is treated as one file, with the names and sizes of its files. For a URL, the fingerprint is empty.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    if isinstance(at, Url):
        return ""
    if not at.is_dir() and at.stat().st_size <= WHOLE:
        with at.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    files = {path: path.stat().st_size for path in (sorted(_files_in(at)) if at.is_dir() else [at])}
    digest = hashlib.sha256()
    if at.is_dir():
        digest.update(_metadata(at))
    for path, size in files.items():
        name = path.relative_to(at).as_posix() if at.is_dir() else ""
        digest.update(f"{name}\0{size}\n".encode())
    for part in _parts(files):
        digest.update(part)
    return f"sha256-{'of-folder' if at.is_dir() else 'of-parts'}:{digest.hexdigest()}"


def _metadata(folder: Path) -> bytes:
    """Return the metadata of a zarr group, without consolidated metadata, which change with its labels."""
    path = folder / "zarr.json"
    if not path.is_file():
        return b""
    try:
        content = json.loads(path.read_bytes())
        content.pop("consolidated_metadata", None)
        return json.dumps(content, sort_keys=True).encode()
    except (ValueError, AttributeError):
        return path.read_bytes()


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the files of an image, without the label images in it, which are results."""
    for root, names, files in os.walk(folder):
        if "labels" in names:
            names.remove("labels")
        consolidated = {".zmetadata", *(["zarr.json"] if Path(root) == folder else [])}
        yield from (Path(root) / name for name in files if name not in consolidated)


def _parts(files: Mapping[Path, int]) -> Iterator[bytes]:
    """Yield the contents of files, or evenly spaced parts of them."""
    total = sum(files.values())
    if total <= WHOLE:
        for path in files:
            yield path.read_bytes()
        return
    starts = [total * number // _N_WINDOWS for number in range(_N_WINDOWS)]
    begin = 0
    for path, size in files.items():
        inside = [start - begin for start in starts if begin <= start < begin + size]
        if inside:
            with path.open("rb") as file:
                for start in inside:
                    file.seek(start)
                    yield file.read(_WINDOW)
        begin += size
