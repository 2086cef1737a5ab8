"""One image of a batch: read and segment it, and write its outputs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from ..blocks.progress import Progress
from ..io import tiff_labels
from ..io.fingerprint import fingerprint
from ..io.image_file import ImageFile, Location
from ..io.images import read_image
from ..io.label_images import write_labels
from ..io.ome_zarr_labels import LabelMetadata
from ..io.record import write_sidecar
from ..report.label_metadata import model_metadata
from ..report.picture import Thumbnail, thumbnail_of
from ..report.provenance import record_of, source_of, write_model
from ..report.tables import write_columns, write_table
from ..user_warning import collected_warnings
from .plan import Job
from .resume import find_existing, read_columns
from .rows import Columns, cluster_rows
from .task import Result, Stage, Task

ERRORS = (OSError, TypeError, ValueError, MemoryError)
"""Errors caused by a file or an image; other exceptions are bugs."""


@dataclass(frozen=True)
class Outcome:
    """Outcome for one image, small enough to send between processes.

    Attributes
    ----------
    job : Job
    status : {"done", "skipped", "failed"}
    n_clusters : int
    seconds : float
    warnings : tuple of str
    error : str
        Reason for a failure, in one sentence.
    not_replaced : bool
        Whether it failed only because an output exists.
    fingerprint : str
        Fingerprint of the image file.
    rows, objects : dict of lists
        Clusters and objects of the image, if requested.
    thumbnail : Thumbnail, optional
        Thumbnail of the image, if requested.
    """

    job: Job
    status: str
    n_clusters: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""
    not_replaced: bool = False
    fingerprint: str = ""
    rows: Columns = field(default_factory=dict)
    objects: Columns = field(default_factory=dict)
    thumbnail: Thumbnail | None = None


def process(
    job: Job,
    task: Task,
    stage: Stage | None = None,
    *,
    overwrite: bool = False,
    skip_existing: bool = False,
    rows: bool = False,
    thumbnails: bool = False,
) -> Outcome:
    """Process one image; the outcome contains errors of the image and of its outputs.

    Parameters
    ----------
    job : Job
    task : Task
    stage : callable, optional
        Called with the name of each stage; returns its progress callback. An exception that one of them
        raises, such as `Cancelled`, stops the computation.
    overwrite : bool
        Replace existing files.
    skip_existing : bool
        Skip the image if its outputs are complete and were made by the same task from the same file. Outputs
        of an interrupted run are made again; other outputs are unchanged without `overwrite`.
    rows : bool
        Return the rows for a table of all images.
    thumbnails : bool
        Return a thumbnail for a contact sheet of all images.
    """
    stage = stage or _no_stage
    begin = time.perf_counter()
    outcome = Outcome(job, "failed")
    with collected_warnings() as collected:
        try:
            outcome = _process(job, task, stage, overwrite, skip_existing, rows, thumbnails)
        except ERRORS as raised:
            error = with_path(job.image, reason(raised))
            outcome = replace(outcome, error=error, not_replaced=isinstance(raised, FileExistsError))
    messages = tuple(with_path(job.image, message) for message in collected)
    return replace(outcome, seconds=time.perf_counter() - begin, warnings=messages)


def _process(
    job: Job, task: Task, stage: Stage, overwrite: bool, skip_existing: bool, rows: bool, thumbnails: bool
) -> Outcome:
    stage("reading")
    there = job.existing()
    if there and not overwrite and not skip_existing:
        raise FileExistsError(
            f"{there[0]}, an output for {job.image}, already exists; use --overwrite to replace it, or --skip-existing "
            "to keep it"
        )
    found = ""
    if there and skip_existing:
        found = fingerprint(job.image)
        existing = find_existing(job, task.to_dict(), found)
        if existing.foreign is not None and not overwrite:
            raise FileExistsError(
                f"{existing.foreign} was not made by this recipe from the current {job.image}; use "
                "--overwrite to replace it"
            )
        if existing.is_complete and (not rows or "confidence" in existing.rows):
            objects = read_columns(job.object_table) if rows and job.object_table is not None else {}
            return Outcome(
                job,
                "skipped",
                existing.n_clusters,
                fingerprint=found,
                rows=existing.rows,
                objects=objects,
                thumbnail=_thumbnail_of_files(job, task, existing.n_clusters) if thumbnails else None,
            )
        overwrite = True
    image = task.read(job.image)
    found = found or fingerprint(job.image)
    counted = rows or job.table is not None or job.figure is not None
    result = task.run(image, stage, objects=job.objects is not None, count=counted)
    clusters = None
    if counted or task.model is None or isinstance(result.segmentation.labels, np.ndarray):
        clusters = cluster_rows(image, result, confidence=rows)
    record = record_of(result.model, task.to_dict(), source_of(job.image, image, found), clusters)
    _write(job, image, result, record, stage, overwrite)
    n_clusters = result.model.n_clusters
    return Outcome(
        job,
        "done",
        n_clusters,
        fingerprint=found,
        rows=(clusters or {}) if rows else {},
        objects=result.object_table if rows else {},
        thumbnail=thumbnail_of(image, _labels_to_draw(job, result, image), n_clusters)
        if thumbnails
        else None,
    )


def _write(job: Job, image: ImageFile, result: Result, record: str, stage: Stage, overwrite: bool) -> None:
    """Write the outputs."""
    segmentation = result.segmentation
    for path in job.outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    progress = stage("writing" if isinstance(segmentation.labels, np.ndarray) else "labelling")
    write_labels(
        job.labels,
        segmentation.labels,
        image,
        metadata=model_metadata(result.model, record=record),
        overwrite=overwrite,
        progress=progress,
    )
    if job.table is not None:
        write_table(job.table, segmentation.model, counts=segmentation.counts, overwrite=overwrite)
        write_sidecar(job.table, record, overwrite=True)
    if job.figure is not None:
        from ..report.figure import write_figure

        stage("drawing")
        labels = _labels_to_draw(job, result, image)
        write_figure(
            job.figure,
            image,
            labels,
            segmentation.model,
            segmentation.counts,
            record=record,
            overwrite=overwrite,
        )
    if job.model is not None:
        write_model(job.model, record)
    if job.confidence is not None:
        model, progress = result.model, stage("computing confidence")
        confidence = model.confidence(image, progress=progress)
        tiff_labels.write(
            job.confidence, confidence, image, record=record, overwrite=overwrite, progress=progress
        )
    if job.objects is not None and result.objects is not None:
        metadata = LabelMetadata(model=record)
        write_labels(job.objects, result.objects, image, metadata=lambda _: metadata, overwrite=overwrite)
    if job.object_table is not None:
        write_columns(job.object_table, result.object_table, overwrite=overwrite)
        write_sidecar(job.object_table, record, overwrite=True)


def _labels_to_draw(job: Job, result: Result, image: ImageFile) -> ImageFile:
    """Return the labels for a figure; lazy labels are read from their file, which may be a pyramid."""
    labels = result.segmentation.labels
    if not isinstance(labels, np.ndarray):
        return read_image(job.labels)
    return replace(image, data=labels, axes=image.spatial_axes, coarser=())


def _thumbnail_of_files(job: Job, task: Task, n_clusters: int) -> Thumbnail:
    return thumbnail_of(task.read(job.image), read_image(job.labels), n_clusters)


def _no_stage(name: str) -> Progress:
    return lambda share: None


def reason(error: BaseException) -> str:
    """Return the message of an error without its error number."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def with_path(path: Location, message: str) -> str:
    """Begin a message with the path of the file, unless it contains it."""
    return message if str(path) in message else f"{path}: {message}"
