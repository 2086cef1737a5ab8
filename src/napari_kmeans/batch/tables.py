"""The tables of all images of a batch, when it is done."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..io.record import read_record
from ..report.provenance import TABLE, source_of, table_record
from .plan import Job
from .process import Outcome
from .rows import SUFFIXES, joined, write_rows
from .task import Task


def check_table(path: Path, *, overwrite: bool = False, skip_existing: bool = False) -> None:
    """Check the name of a table, before any work begins.

    Raises
    ------
    ValueError
        If it is of another kind, or would replace a file that was not asked to be replaced. With
        `skip_existing`, tables of an earlier run are replaced.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path} must end in {' or '.join(SUFFIXES)}")
    if suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise ValueError(f"{path} needs pyarrow: pip install pyarrow; or choose .csv") from None
    for each in (path, objects_path(path)):
        if overwrite or not os.path.lexists(each) or (skip_existing and _is_table(each)):
            continue
        raise ValueError(f"{each} exists already; --overwrite replaces it")


def _is_table(path: Path) -> bool:
    try:
        return bool(read_record(path)["format"] == TABLE)
    except (OSError, ValueError):
        return False


def objects_path(path: Path) -> Path:
    """Return the file of the objects that belongs to a table of clusters."""
    return path.with_name(f"{path.stem}-objects{path.suffix}")


def write_tables(path: Path, jobs: Sequence[Job], outcomes: Iterable[Outcome], task: Task) -> list[Path]:
    """Write the table of all clusters and, if there are objects, that of all objects; return their paths.

    Parameters
    ----------
    path : Path
        ``….csv`` or ``….parquet``; the objects are in ``…-objects.csv``. Existing files are replaced.
    jobs : sequence of Job
        In whose order the images are listed.
    outcomes : iterable of Outcome
        Made with ``rows=True``; images that failed have no rows.
    task : Task
    """
    of_job = {outcome.job: outcome for outcome in outcomes}
    found = [of_job[job] for job in jobs if job in of_job and of_job[job].status != "failed"]
    sources = [source_of(outcome.job.image, found=outcome.fingerprint) for outcome in found]
    record = table_record(task.to_dict(), sources)
    names = [source["path"] for source in sources]
    clusters = joined((name, outcome.rows) for name, outcome in zip(names, found, strict=True))
    write_rows(path, clusters, record, overwrite=True)
    if not any(job.object_table is not None for job in jobs):
        return [path]
    objects = joined((name, outcome.objects) for name, outcome in zip(names, found, strict=True))
    write_rows(objects_path(path), objects, record, overwrite=True)
    return [path, objects_path(path)]
