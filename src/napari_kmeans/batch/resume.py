"""Check whether the outputs of an image already exist, made the same way from the same file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..io.record import read_record
from .plan import Job
from .rows import Columns


@dataclass(frozen=True)
class Existing:
    """Existing outputs of an image.

    Attributes
    ----------
    is_complete : bool
        Whether all outputs exist and were made the same way.
    foreign : Path or None
        An output that was made in another way, or that has no record.
    record : mapping
        Record of the labels, if they exist.
    """

    is_complete: bool
    foreign: Path | None
    record: Mapping[str, Any]

    @property
    def rows(self) -> Columns:
        """Table of the clusters of the image; empty if it was not stored."""
        table: Columns = self.record.get("provenance", {}).get("clusters", {})
        nan = float("nan")
        return {name: [nan if value is None else value for value in column] for name, column in table.items()}

    @property
    def n_clusters(self) -> int:
        """Number of clusters of the labels."""
        return len(self.record.get("clustering", {}).get("counts", []))


def find_existing(job: Job, task: Mapping[str, Any], source: str) -> Existing:
    """Check the existing outputs of an image.

    Parameters
    ----------
    job : Job
    task : mapping
        Result of `Task.to_dict`.
    source : str
        Current fingerprint of the image.
    """
    there = job.existing()
    labels: Mapping[str, Any] = {}
    for path in there:
        record = _record_of(path)
        made = record.get("provenance", {})
        if made.get("task") != task or made.get("source", {}).get("fingerprint") != source:
            return Existing(False, path, {})
        if path == job.labels:
            labels = record
    return Existing(len(there) == len(job.outputs), None, labels)


def _record_of(path: Path) -> Mapping[str, Any]:
    try:
        return read_record(path)
    except (OSError, ValueError):
        return {}


def read_columns(path: Path) -> Columns:
    """Read a table that `write_columns` wrote, and convert numbers from text."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    columns = zip(*rows, strict=True) if rows else [[] for _ in header]
    return {name: [_value(text) for text in column] for name, column in zip(header, columns, strict=True)}


def _value(text: str) -> Any:
    try:
        return float(text) if any(c in text for c in ".en") else int(text)
    except ValueError:
        return text or float("nan")
