"""One image of a batch: read, segmented, and its outputs written."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..blocks.progress import Progress
from ..io import tiff
from ..io.image_file import ImageFile, Location
from ..io.images import read_image
from ..io.label_images import write_labels
from ..report.label_metadata import model_metadata
from ..report.tables import write_columns, write_table
from ..user_warning import collected_warnings
from .plan import Job
from .task import Result, Stage, Task

ERRORS = (OSError, TypeError, ValueError, MemoryError)
"""Errors caused by a file or an image; other exceptions are bugs."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of one image, small enough to send between processes.

    Attributes
    ----------
    job : Job
    status : {"done", "skipped", "failed"}
    n_clusters : int
    seconds : float
    warnings : tuple of str
    error : str
        Why it failed, in one sentence.
    """

    job: Job
    status: str
    n_clusters: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""
    columns: dict[str, Any] = field(default_factory=dict)


def process(job: Job, task: Task, stage: Stage | None = None, *, overwrite: bool = False) -> Outcome:
    """Process one image; errors of the image and of its outputs are in the outcome.

    Parameters
    ----------
    job : Job
    task : Task
    stage : callable, optional
        Called with the name of each stage; returns the callable for its progress. An exception that one of
        them raises ends the work, such as `Cancelled`.
    overwrite : bool
        Replace existing files.
    """
    stage = stage or _no_stage
    begin = time.perf_counter()
    error, n_clusters = "", 0
    with collected_warnings() as collected:
        try:
            n_clusters = _process(job, task, stage, overwrite)
        except ERRORS as raised:
            error = with_path(job.image, reason(raised))
    messages = tuple(with_path(job.image, message) for message in collected)
    seconds = time.perf_counter() - begin
    return Outcome(job, "failed" if error else "done", n_clusters, seconds, messages, error)


def _process(job: Job, task: Task, stage: Stage, overwrite: bool) -> int:
    for path in job.outputs:
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(f"{path} exists already; --overwrite replaces it (from {job.image})")
    stage("reading")
    image = task.read(job.image)
    counted = job.table is not None or job.figure is not None
    result = task.run(image, stage, objects=job.objects is not None, count=counted)
    _write(job, image, result, stage, overwrite)
    return result.model.n_clusters


def _write(job: Job, image: ImageFile, result: Result, stage: Stage, overwrite: bool) -> None:
    """Write the outputs."""
    segmentation = result.segmentation
    for path in job.outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    progress = stage("writing" if isinstance(segmentation.labels, np.ndarray) else "labelling")
    write_labels(
        job.labels,
        segmentation.labels,
        image,
        metadata=model_metadata(result.model),
        overwrite=overwrite,
        progress=progress,
    )
    if job.table is not None:
        write_table(job.table, segmentation.model, counts=segmentation.counts, overwrite=overwrite)
    if job.figure is not None:
        from ..report.figure import write_figure

        stage("drawing")
        labels = _labels_to_draw(job, result, image)
        write_figure(job.figure, image, labels, segmentation.model, segmentation.counts, overwrite=overwrite)
    if job.model is not None:
        result.model.save(job.model)
    if job.confidence is not None:
        model, progress = result.model, stage("computing confidence")
        confidence = model.confidence(image, progress=progress)
        tiff.write(job.confidence, confidence, image, overwrite=overwrite, progress=progress)
    if job.objects is not None and result.objects is not None:
        write_labels(job.objects, result.objects, image, overwrite=overwrite)
    if job.object_table is not None:
        write_columns(job.object_table, result.object_table, overwrite=overwrite)


def _labels_to_draw(job: Job, result: Result, image: ImageFile) -> ImageFile:
    """Return the labels for a figure; lazy labels are read from their file, which may be a pyramid."""
    labels = result.segmentation.labels
    if not isinstance(labels, np.ndarray):
        return read_image(job.labels)
    return replace(image, data=labels, axes=image.spatial_axes, coarser=())


def _no_stage(name: str) -> Progress:
    return lambda share: None


def reason(error: BaseException) -> str:
    """Return the message of an error, without its number."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def with_path(path: Location, message: str) -> str:
    """Begin a message with the path of the file, unless it contains it."""
    return message if str(path) in message else f"{path}: {message}"
