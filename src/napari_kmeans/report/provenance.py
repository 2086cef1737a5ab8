"""Provenance of an output: a record of how it was made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .. import __version__
from ..io.fingerprint import fingerprint
from ..io.image_file import ImageFile, Location
from ..model import json_file
from ..model.model import KMeansModel
from ..model.stack import KMeansStack
from .tables import without_nan

PROGRAM = "napari-kmeans"

TABLE = "napari-kmeans table"
"""Format of the record of an output of many images."""


def write_model(path: str | os.PathLike[str], record: str) -> None:
    """Write a record, which is a valid model file with the provenance of the model."""
    json_file.write(path, json.dumps(json.loads(record), indent=1))


def record_of(
    model: KMeansModel | KMeansStack,
    task: Mapping[str, Any],
    source: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    clusters: Mapping[str, Sequence[Any]] | None = None,
) -> str:
    """Return the record of an output as one line of JSON: the model, the task and the source.

    It can be read like a model file. It has no date, so the same command always gives the same bytes.

    Parameters
    ----------
    model : KMeansModel or KMeansStack
        Model that made the labels.
    task : mapping
        Everything that was requested.
    source : mapping, or sequence of mappings
        See `source_of`; several for a pooled model.
    clusters : mapping of str to sequences, optional
        Table of the clusters of this image.
    """
    of = {"source": source} if isinstance(source, Mapping) else {"sources": source}
    provenance = {"program": PROGRAM, "version": __version__, **of, "task": task}
    if clusters is not None:
        provenance["clusters"] = without_nan(clusters)
    document = {**json.loads(model.to_json()), "provenance": provenance}
    return json.dumps(document, separators=(",", ":"))


def table_record(task: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> str:
    """Return the record of a table or a figure of many images."""
    provenance = {"program": PROGRAM, "version": __version__, "sources": sources, "task": task}
    return json.dumps({"format": TABLE, "version": 1, "provenance": provenance}, separators=(",", ":"))


def source_of(at: Location, image: ImageFile | None = None, found: str | None = None) -> dict[str, Any]:
    """Return the source of an image for a record, with its path and fingerprint.

    Parameters
    ----------
    at : Path or Url
        Path as given by the user.
    image : ImageFile, optional
        For its axes, shape and type.
    found : str, optional
        Its fingerprint, if already known.
    """
    path = at if isinstance(at, str) else at.as_posix()
    source: dict[str, Any] = {"path": str(path), "fingerprint": fingerprint(at) if found is None else found}
    if image is not None:
        shape = [int(length) for length in image.data.shape]
        source |= {"axes": image.axes, "shape": shape, "dtype": str(image.data.dtype)}
    return source
