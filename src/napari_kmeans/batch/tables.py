"""Outputs of a whole batch: tables and the contact sheet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..io.record import read_record
from ..report.provenance import TABLE, source_of, table_record
from .one_image import Outcome
from .plan import FIGURES, Job
from .rows import SUFFIXES, combine_tables, write_rows
from .task import Task


def check_table(path: Path, *, overwrite: bool = False, skip_existing: bool = False) -> None:
    """Check the name of a table, before any work begins.

    Raises
    ------
    ValueError
        If its extension is not supported, or if it exists and may not be replaced. With `skip_existing`,
        tables of an earlier run are replaced.
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
        raise ValueError(_exists(each))


def check_contact_sheet(path: Path, *, overwrite: bool = False, skip_existing: bool = False) -> None:
    """Check the name of a contact sheet, before any work begins.

    Raises
    ------
    ValueError
        As for `check_table`.
    """
    if path.suffix.lower().removeprefix(".") not in FIGURES:
        raise ValueError(f"{path} must end in {' or '.join(f'.{kind}' for kind in FIGURES)}")
    if not overwrite and os.path.lexists(path) and not (skip_existing and _is_table(path)):
        raise ValueError(_exists(path))


def write_contact_sheet(path: Path, jobs: Sequence[Job], outcomes: Iterable[Outcome], task: Task) -> None:
    """Draw all images with their clusters on one page.

    Parameters
    ----------
    path : Path
        A .png, .svg or .pdf file; an existing one is replaced.
    jobs : sequence of Job
        The images are drawn in this order.
    outcomes : iterable of Outcome
        Made with ``thumbnails=True``; images that failed are not drawn.
    task : Task
    """
    from ..report import contact_sheet

    found = [each for each in _in_order(jobs, outcomes) if each.thumbnail is not None]
    sources = _sources(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet.write_contact_sheet(
        path,
        [source["path"] for source in sources],
        [each.thumbnail for each in found if each.thumbnail is not None],
        max((each.n_clusters for each in found), default=0),
        table_record(task.to_dict(), sources),
        overwrite=True,
    )


def _in_order(jobs: Sequence[Job], outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes of images that did not fail, in the order of the jobs."""
    of_job = {outcome.job: outcome for outcome in outcomes}
    return [of_job[job] for job in jobs if job in of_job and of_job[job].status != "failed"]


def _sources(found: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the images, and the folders of their outputs, which `inputs_of` reads."""
    sources = []
    for outcome in found:
        source = source_of(outcome.job.image, found=outcome.fingerprint)
        folder = outcome.job.folder.as_posix()
        sources.append(source if folder == "." else {**source, "folder": folder})
    return sources


def _exists(path: Path) -> str:
    """Return that an output exists, and the options that replace it."""
    update = ", or --skip-existing to update it" if _is_table(path) else ""
    return f"{path} already exists; use --overwrite to replace it{update}"


def _is_table(path: Path) -> bool:
    try:
        return bool(read_record(path)["format"] == TABLE)
    except (OSError, ValueError):
        return False


def objects_path(path: Path) -> Path:
    """Return the path of the table of objects that belongs to a table of clusters."""
    return path.with_name(f"{path.stem}-objects{path.suffix}")


def write_tables(path: Path, jobs: Sequence[Job], outcomes: Iterable[Outcome], task: Task) -> list[Path]:
    """Write the table of all clusters and, if there are objects, a table of all objects; return their paths.

    Parameters
    ----------
    path : Path
        ``….csv`` or ``….parquet``; the objects are in ``…-objects.csv``. Existing files are replaced.
    jobs : sequence of Job
        The images are listed in this order.
    outcomes : iterable of Outcome
        Made with ``rows=True``; images that failed have no rows.
    task : Task
    """
    found = _in_order(jobs, outcomes)
    sources = _sources(found)
    record = table_record(task.to_dict(), sources)
    names = [source["path"] for source in sources]
    clusters = combine_tables((name, outcome.rows) for name, outcome in zip(names, found, strict=True))
    write_rows(path, clusters, record, overwrite=True)
    if not any(job.object_table is not None for job in jobs):
        return [path]
    objects = combine_tables((name, outcome.objects) for name, outcome in zip(names, found, strict=True))
    write_rows(objects_path(path), objects, record, overwrite=True)
    return [path, objects_path(path)]
