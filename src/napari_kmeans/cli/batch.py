"""Many images from files to files, one after the other: what ``segment`` and ``apply`` share."""

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
"""Begin a stage of the work, by its name; its progress goes to the callable that is returned."""


@dataclass(frozen=True, eq=False)
class Result:
    """What is made of one image.

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
    """An image and the files to make of it."""

    image: Location
    labels: Path
    table: Path | None = None
    figure: Path | None = None
    model: Path | None = None
    objects: Path | None = None
    object_table: Path | None = None

    @property
    def outputs(self) -> list[Path]:
        """The files to make."""
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
    """Name the files to make, before any work begins.

    Parameters
    ----------
    images : sequence of Path or Url
    out : Path, optional
        A folder, there or not; for a single image also a .tif or .zarr file. May be left out where nothing is
        written there.
    in_image : str
        Write the labels into the images themselves, under this name.
    table : bool
        Make a table of the clusters, too.
    figure : bool
        Draw the image and its clusters, too.
    model : Path, optional
        Make a model file of the single image.
    objects : bool
        Make a label image of objects and a table of them, too.

    Raises
    ------
    ValueError
        If there is no way to do that without losing something.
    """
    if out is None:
        if not in_image or table or figure or objects:
            raise ValueError(
                "it has to be told where to write: a folder, or for one image a .tif or .zarr file"
            )
        out = Path()  # nothing goes there
    suffix = out.suffix.lower()
    is_file = suffix == ".zarr" or (suffix in tiff.SUFFIXES and not out.is_dir())
    if is_file and len(images) > 1:
        raise ValueError(f"{out} is one file, and there are {len(images)} images; name a folder")
    if is_file and in_image:
        raise ValueError(f"{out} is no folder, and labels that go into the image are not written there")
    if not is_file and not out.is_dir() and (out.exists() or suffix in (".png", ".jpg", ".jpeg")):
        raise ValueError(
            f"{out} is neither a folder nor a .tif file nor a .zarr store, as labels are written"
        )
    if model is not None and len(images) > 1:
        raise ValueError(f"{model} holds one model, and there are {len(images)} images")
    folder = out.parent if is_file else out
    jobs = []
    for image in images:
        if in_image:
            labels = _inside(image, in_image)
        else:
            suffix = ".ome.zarr" if is_store(image) else ".tif"
            labels = out if is_file else folder / f"{stem(image)}-labels{suffix}"
        parts = None
        if objects:
            suffix = ".ome.zarr" if labels.suffix.lower() == ".zarr" else ".tif"
            parts = (
                _inside(image, f"{in_image}-objects")
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
                parts,
                folder / f"{stem(image)}-objects.csv" if objects else None,
            )
        )
    taken = {_identity(job.image): f"the image {job.image}" for job in jobs}
    for job in jobs:
        for path in job.outputs:
            if (other := taken.get(_identity(path))) is not None:
                raise ValueError(f"{path}, made of {job.image}, would replace {other}")
            taken[_identity(path)] = f"what is made of {job.image}"
    return jobs


def _inside(image: Location, name: str) -> Path:
    """Where an OME-Zarr image keeps labels of a name."""
    if not re.fullmatch(r"[^\W_][\w. -]*", name):
        raise ValueError(f"{name!r} must be a name of letters and digits, not a path")
    if isinstance(image, Url):
        raise ValueError(f"{image} is not on this machine, so no labels can be written into it")
    path = image / "labels" / name
    if not is_ome_zarr_path(path):
        raise ValueError(f"{image} is no OME-Zarr image, so no labels can be written into it")
    return path


def run(jobs: Sequence[Job], segment: Segment, *, channel: str = "", overwrite: bool = False) -> int:
    """Do the jobs, say so line by line, go on after one that fails, and return the exit status.

    Parameters
    ----------
    jobs : sequence of Job
    segment : callable
        Turns an image into labels, the model behind them, and what else a job makes files of.
    channel : str
        Name or index of the channel of each image to work on, if not all are wanted.
    overwrite : bool
        Replace files that are there.
    """
    failed = []
    for number, job in enumerate(jobs, start=1):
        title = job.image.name if len(jobs) == 1 else f"{job.image.name} ({number}/{len(jobs)})"
        with reporting(job.image) as report:
            begin = time.perf_counter()
            with _progress_bar(title) as stage:
                model = _do(job, segment, stage, channel, overwrite)
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
    """Write one line to the standard error output, whatever is in `message`."""
    print(f"napari-kmeans: {' '.join(message.split())}", file=sys.stderr)


@dataclass
class Report:
    """What came of a piece of work."""

    failed: bool = False


@contextlib.contextmanager
def reporting(path: Location) -> Iterator[Report]:
    """Say in a line each what fails with a file, and what the user is warned of."""
    report = Report()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        try:
            yield report
        except (OSError, TypeError, ValueError, MemoryError) as error:
            report.failed = True
            complaint = _sentence(error)
    for warning in caught:
        say(f"warning: {_about(path, str(warning.message))}")
    if report.failed:
        say(_about(path, complaint))


def _do(job: Job, segment: Segment, stage: Stage, channel: str, overwrite: bool) -> KMeansModel:
    """Read, segment, write."""
    for path in job.outputs:
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(f"{path} exists already; --overwrite replaces it (from {job.image})")
    stage("reading")
    image = read_image(job.image)
    if channel:
        image = image.channel(channel)
    result = segment(image, stage)
    made = result.segmentation
    for path in job.outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    progress = stage("writing" if isinstance(made.labels, np.ndarray) else "labelling")
    write_labels(
        job.labels,
        made.labels,
        image,
        metadata=model_metadata(made.model),
        overwrite=overwrite,
        progress=progress,
    )
    if job.table is not None:
        write_table(job.table, made.model, counts=made.counts, overwrite=overwrite)
    if job.figure is not None:
        stage("drawing")
        labels = _drawn(job, made, image)
        write_figure(job.figure, image, labels, made.model, made.counts, overwrite=overwrite)
    if job.model is not None:
        made.model.save(job.model)
    if job.objects is not None and result.objects is not None:
        write_labels(job.objects, result.objects, image, overwrite=overwrite)
    if job.object_table is not None:
        write_columns(job.object_table, result.object_table, overwrite=overwrite)
    return made.model


def _drawn(job: Job, made: Segmentation, image: ImageFile) -> ImageFile:
    """Return the labels for a figure: lazy ones are read back, where they may have resolution levels."""
    if not isinstance(made.labels, np.ndarray):
        return read_image(job.labels)
    return replace(image, data=made.labels, axes=image.spatial_axes, coarser=())


@contextlib.contextmanager
def _progress_bar(title: str) -> Iterator[Stage]:
    """Show a bar while an image is worked on, on a terminal only."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
    )
    # Not what rich takes for a terminal, which includes a log where colours are forced. Nothing is
    # redirected: lines are printed between the bars.
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
    """The same for two names of one file, whether it exists or not."""
    return path if isinstance(path, Url) else os.path.normcase(path.resolve())


def _sentence(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _about(path: Location, message: str) -> str:
    """Put the file's name before a message without it."""
    return message if str(path) in message else f"{path}: {message}"
