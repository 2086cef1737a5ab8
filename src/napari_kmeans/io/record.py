"""Records of how a file was made: a JSON object in the metadata of the file itself.

TIFF: a line of the description (``napari-kmeans={…}``). OME-Zarr: the attribute ``napari-kmeans``. PNG: a text
chunk of that name; SVG: the description; PDF: the subject. Parquet: the metadata of the schema. CSV has no
metadata, so the record is beside it in ``….csv-metadata.json``, as in the CSV on the Web standard. Models are
JSON.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .atomic import replacing
from .tiff import MAGIC

KEY = "napari-kmeans"
"""Name of the record in the metadata of a file."""

_MAX_BYTES = 64 << 20  # far larger than any record


def one_line(record: str) -> str:
    """Return a JSON text without line breaks."""
    return json.dumps(json.loads(record), separators=(",", ":")) if "\n" in record else record


def sidecar_of(path: Path) -> Path:
    """Return the path of the metadata of a CSV file."""
    return path.with_name(f"{path.name}-metadata.json")


def write_sidecar(path: Path, record: str, *, overwrite: bool = False) -> None:
    """Write the metadata of a CSV file.

    Raises
    ------
    FileExistsError
        Without `overwrite`, if they exist.
    """
    content = {"@context": "http://www.w3.org/ns/csvw", "url": path.name, KEY: json.loads(record)}
    with replacing(sidecar_of(path), overwrite=overwrite) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_record(path: Path) -> dict[str, Any]:
    """Return how a file was made.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file has no such record.
    """
    found: object = None
    try:
        found = _find(path)
    except Exception as error:  # decoders raise exceptions of any type
        if isinstance(error, OSError) and error.errno is not None:
            raise
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            found = None
    if isinstance(found, dict) and isinstance(found.get(KEY), dict):
        found = found[KEY]  # the metadata of a CSV file
    if not isinstance(found, dict) or not str(found.get("format", "")).startswith(KEY):
        raise ValueError(f"{path} has no record of how it was made: it is not an output of napari-kmeans")
    return found


def sources_of(provenance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the images from which a file was made; several for a table."""
    return list(provenance.get("sources", [provenance["source"]] if "source" in provenance else []))


def _find(path: Path) -> object:
    """Return the record of a file, as an object or as JSON."""
    if path.is_dir():
        import zarr

        return zarr.open_group(path, mode="r", use_consolidated=False).attrs.asdict().get(KEY)
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(4)
    if head in MAGIC:
        import tifffile

        with tifffile.TiffFile(path) as tiff:
            text = tiff.pages.first.description
        line = re.search(rf"{KEY}=(\{{.*\}})", text)
        return (html.unescape(line[1]) if tiff.is_ome else line[1]) if line else None
    if head == b"\x89PNG":
        from PIL import Image

        with Image.open(path) as picture:
            return picture.info.get(KEY)
    if suffix == ".csv":
        side = sidecar_of(path)
        return json.loads(side.read_text(encoding="utf-8"))[KEY] if side.exists() else None
    if suffix == ".parquet":
        import pyarrow.parquet as parquet

        return parquet.read_schema(path).metadata[KEY.encode()].decode()
    if os.path.getsize(path) > _MAX_BYTES:
        return None
    raw = path.read_bytes()
    if head == b"%PDF":
        return _of_pdf(raw)
    text = raw.decode("utf-8")
    if suffix == ".svg":
        line = re.search(r"<dc:description>(.*?)</dc:description>", text, re.S)
        return html.unescape(line[1]) if line else None
    return text


def _of_pdf(raw: bytes) -> str | None:
    """Return the subject of a PDF file."""
    begin = raw.find(b"/Subject (")
    if begin < 0:
        return None
    # A string ends at the first closing bracket without a backslash; brackets inside are escaped.
    found = re.match(rb"((?:[^\\)]|\\.)*)\)", raw[begin + len(b"/Subject (") :], re.S)
    return re.sub(rb"\\(.)", rb"\1", found[1]).decode("latin-1") if found else None
