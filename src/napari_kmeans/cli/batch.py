"""Processing of several image files one after the other, for the commands ``segment`` and ``apply``."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.progress import Progress
from ..io import tiff
from ..io.image_file import ImageFile, Location, Url, stem
from ..io.images import is_store, read_image
from ..io.label_images import is_ome_zarr_path, write_labels
from ..model.model import KMeansModel
from ..model.segmentation import Segmentation
from ..report.figure import write_figure
from ..report.label_metadata import model_metadata
from ..report.tables import write_columns, write_table

Stage = Callable[[str], Progress]
"""Begins a stage of the work with a name; returns the callable for its progress."""


@dataclass(frozen=True, eq=False)
class Result:
    """The results for one image.

    Attributes
    ----------
    segmentation : Segmentation
    objects : int32 array, optional
    object_table : dict of lists, optional
    """

    segmentation: Segmentation
    objects: NDArray[np.int32] | None = None
    object_table: Mapping[str, Sequence[Any]] = field(default_factory=dict)


Segment = Callable[[ImageFile, Stage], Result]


@dataclass(frozen=True)
class Job:
    """An image and the files to write for it."""

    image: Location
    labels: Path
    table: Path | None = None
    figure: Path | None = None
    model: Path | None = None
    objects: Path | None = None
    object_table: Path | None = None

    @property
    def outputs(self) -> list[Path]:
        """All files to write."""
        paths = (self.labels, self.table, self.figure, self.model, self.objects, self.object_table)
        return [path for path in paths if path is not None]


def plan(
    images: Sequence[Location],
    out: Path | None,
    *,
    in_image: str = "",
    table: bool = False,
    figure: bool = False,
    model: Path | None = None,
    objects: bool = False,
) -> list[Job]:
    """Determine the files to write, before any work begins.

    Parameters
    ----------
    images : sequence of Path or Url
    out : Path, optional
        A folder, which is created if needed, or for a single image a .tif or .zarr file. Not needed if only
        labels are written into the images.
    in_image : str
        Write the labels into the images, under this name.
    table : bool
        Also write a table of the clusters.
    figure : bool
        Also draw the image and its clusters.
    model : Path, optional
        Also write the model of the single image.
    objects : bool
        Also write a label image and a table of objects.

    Raises
    ------
    ValueError
        If the outputs cannot be written, or one would replace an image or another output.
    """
    if out is None:
        if not in_image or table or figure or objects:
            raise ValueError("an output is needed: a folder, or for a single image a .tif or .zarr file")
        out = Path()  # not used
    suffix = out.suffix.lower()
    is_file = suffix == ".zarr" or (suffix in tiff.SUFFIXES and not out.is_dir())
    if is_file and len(images) > 1:
        raise ValueError(f"{out} is a single file, but there are {len(images)} images; choose a folder")
    if is_file and in_image:
        raise ValueError(f"{out} must be a folder, because the labels are written into the image")
    if not is_file and not out.is_dir() and (out.exists() or suffix in (".png", ".jpg", ".jpeg")):
        raise ValueError(f"{out} is not a folder, a .tif file or a .zarr store; labels are written to these")
    if model is not None and len(images) > 1:
        raise ValueError(f"{model} holds a single model, but there are {len(images)} images")
    folder = out.parent if is_file else out
    jobs = []
    for image in images:
        if in_image:
            labels = _path_in_image(image, in_image)
        else:
            suffix = ".ome.zarr" if is_store(image) else ".tif"
            labels = out if is_file else folder / f"{stem(image)}-labels{suffix}"
        object_labels = None
        if objects:
            suffix = ".ome.zarr" if labels.suffix.lower() == ".zarr" else ".tif"
            object_labels = (
                _path_in_image(image, f"{in_image}-objects")
                if in_image
                else folder / f"{stem(image)}-objects{suffix}"
            )
        jobs.append(
            Job(
                image,
                labels,
                folder / f"{stem(image)}-clusters.csv" if table else None,
                folder / f"{stem(image)}-figure.png" if figure else None,
                model,
                object_labels,
                folder / f"{stem(image)}-objects.csv" if objects else None,
            )
        )
    taken = {_identity(job.image): f"the image {job.image}" for job in jobs}
    for job in jobs:
        for path in job.outputs:
            if (other := taken.get(_identity(path))) is not None:
                raise ValueError(f"{path}, an output for {job.image}, would replace {other}")
            taken[_identity(path)] = f"an output for {job.image}"
    return jobs


def _path_in_image(image: Location, name: str) -> Path:
    """Return the path of labels with this name in an OME-Zarr image."""
    if not re.fullmatch(r"[^\W_][\w. -]*", name):
        raise ValueError(f"{name!r} must be a name of letters and digits, not a path")
    if isinstance(image, Url):
        raise ValueError(f"{image} is not on this machine, so labels cannot be written into it")
    path = image / "labels" / name
    if not is_ome_zarr_path(path):
        raise ValueError(f"{image} is not an OME-Zarr image, so labels cannot be written into it")
    return path


def run(jobs: Sequence[Job], segment: Segment, *, channel: str = "", overwrite: bool = False) -> int:
    """Run all jobs, print a line for each output, and return the exit status.

    A job that fails does not stop the others.

    Parameters
    ----------
    jobs : sequence of Job
    segment : callable
        Segments an image.
    channel : str
        Name or index of the channel of each image to use; by default all channels.
    overwrite : bool
        Replace existing files.
    """
    failed = []
    for number, job in enumerate(jobs, start=1):
        title = job.image.name if len(jobs) == 1 else f"{job.image.name} ({number}/{len(jobs)})"
        with reporting(job.image) as report:
            begin = time.perf_counter()
            with _progress_bar(title) as stage:
                model = _run_job(job, segment, stage, channel, overwrite)
            seconds = time.perf_counter() - begin
        if report.failed:
            failed.append(job)
            continue
        print(f"{job.labels}: k = {model.n_clusters}, {seconds:.2f} s")
        for path in job.outputs[1:]:
            print(path)
    if failed and len(jobs) > 1:
        names = ", ".join(str(job.image) for job in failed)
        say(f"{len(failed)} of {len(jobs)} images failed: {names}")
    return 1 if failed else 0


def say(message: str) -> None:
    """Print a message to standard error, as a single line."""
    print(f"napari-kmeans: {' '.join(message.split())}", file=sys.stderr)


@dataclass
class Report:
    """Whether a piece of work has failed."""

    failed: bool = False


@contextlib.contextmanager
def reporting(path: Location) -> Iterator[Report]:
    """Report an error and warnings about a file, in one line each."""
    report = Report()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        try:
            yield report
        except (OSError, TypeError, ValueError, MemoryError) as error:
            report.failed = True
            reason = _reason(error)
    for warning in caught:
        say(f"warning: {_with_path(path, str(warning.message))}")
    if report.failed:
        say(_with_path(path, reason))


def _run_job(job: Job, segment: Segment, stage: Stage, channel: str, overwrite: bool) -> KMeansModel:
    """Read an image, segment it and write the outputs."""
    for path in job.outputs:
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(f"{path} exists already; --overwrite replaces it (from {job.image})")
    stage("reading")
    image = read_image(job.image)
    if channel:
        image = image.channel(channel)
    result = segment(image, stage)
    segmentation = result.segmentation
    for path in job.outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    progress = stage("writing" if isinstance(segmentation.labels, np.ndarray) else "labelling")
    write_labels(
        job.labels,
        segmentation.labels,
        image,
        metadata=model_metadata(segmentation.model),
        overwrite=overwrite,
        progress=progress,
    )
    if job.table is not None:
        write_table(job.table, segmentation.model, counts=segmentation.counts, overwrite=overwrite)
    if job.figure is not None:
        stage("drawing")
        labels = _labels_to_draw(job, segmentation, image)
        write_figure(job.figure, image, labels, segmentation.model, segmentation.counts, overwrite=overwrite)
    if job.model is not None:
        segmentation.model.save(job.model)
    if job.objects is not None and result.objects is not None:
        write_labels(job.objects, result.objects, image, overwrite=overwrite)
    if job.object_table is not None:
        write_columns(job.object_table, result.object_table, overwrite=overwrite)
    return segmentation.model


def _labels_to_draw(job: Job, segmentation: Segmentation, image: ImageFile) -> ImageFile:
    """Return the labels for a figure; lazy labels are read from their file, which may be a pyramid."""
    if not isinstance(segmentation.labels, np.ndarray):
        return read_image(job.labels)
    return replace(image, data=segmentation.labels, axes=image.spatial_axes, coarser=())


@contextlib.contextmanager
def _progress_bar(title: str) -> Iterator[Stage]:
    """Show a progress bar while an image is processed, on a terminal only."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
    )
    # isatty, because rich also takes a log file for a terminal if colours are forced. Output is not
    # redirected, because lines are only printed between two bars.
    options = {"transient": True, "redirect_stdout": False, "redirect_stderr": False}
    hidden = not sys.stderr.isatty()
    with progress.Progress(*columns, console=Console(stderr=True), disable=hidden, **options) as bar:

        def stage(name: str) -> Progress:
            for task in bar.task_ids:
                bar.remove_task(task)
            task = bar.add_task(f"{title}: {name}", total=None)
            return lambda share: bar.update(task, completed=share, total=1)

        yield stage


def _identity(path: Location) -> str:
    """Return a text that is the same for all names of a file, whether it exists or not."""
    # Not Path.resolve, which raises RuntimeError for a loop of links before Python 3.13.
    return path if isinstance(path, Url) else os.path.normcase(os.path.realpath(path))


def _reason(error: BaseException) -> str:
    """Return the message of an error, without its number."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _with_path(path: Location, message: str) -> str:
    """Begin a message with the path of the file, unless it contains it."""
    return message if str(path) in message else f"{path}: {message}"
