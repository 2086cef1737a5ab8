"""Plan of the files that a batch writes, made before any work begins."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from ..io.image_file import Location, Url, stem
from ..io.images import label_suffix
from ..io.label_images import is_label_file, is_ome_zarr_path
from ..io.record import read_record
from .inputs import Input

FIGURES = ("png", "svg", "pdf")
"""Kinds of figures."""


@dataclass(frozen=True)
class Job:
    """An image and the files to write for it; `folder` is their folder relative to the output folder."""

    image: Location
    labels: Path
    table: Path | None = None
    figure: Path | None = None
    model: Path | None = None
    objects: Path | None = None
    object_table: Path | None = None
    confidence: Path | None = None
    folder: PurePath = PurePath()  # noqa: RUF009 - immutable

    @property
    def outputs(self) -> list[Path]:
        """All files to write."""
        paths = (
            *(self.labels, self.table, self.figure, self.model),
            *(self.objects, self.object_table, self.confidence),
        )
        return [path for path in paths if path is not None]

    def existing(self) -> list[Path]:
        """Return the files to write that already exist."""
        return [path for path in self.outputs if os.path.lexists(path)]


@dataclass(frozen=True)
class Outputs:
    """Outputs to write for each image.

    Attributes
    ----------
    out : Path, optional
        A folder, which is created if needed, or a .tif or .zarr file for a single image. Not needed if only
        labels are written, into the images.
    in_image : str
        Write the labels into the images, under this name.
    table : bool
        Also write a table of the clusters.
    figure : {"", "png", "svg", "pdf"}
        Also draw the image and its clusters, in a file of this kind.
    model : Path, optional
        Also write the model of the single image.
    objects : bool
        Also write a label image and a table of objects.
    confidence : bool
        Also write the confidence of each pixel, as a TIFF.
    """

    out: Path | None
    in_image: str = ""
    table: bool = False
    figure: str = ""
    model: Path | None = None
    objects: bool = False
    confidence: bool = False


def plan(inputs: Sequence[Input], outputs: Outputs, *, tree: bool = False) -> list[Job]:
    """Determine the files to write.

    Parameters
    ----------
    inputs : sequence of Input
    outputs : Outputs
    tree : bool
        Give images of the same name outputs of different names: in folders like those of the images or,
        within a folder, with the extension of the image in the name. Outputs of earlier runs among the inputs
        are ignored, also those in other folders if they record how they were made.

    Raises
    ------
    ValueError
        If the outputs cannot be written, or one would replace an image or another output.
    """
    folder, is_file = _check_out(inputs, outputs)
    if outputs.model is not None and len(inputs) > 1:
        raise ValueError(f"{outputs.model} can store only one model, but there are {len(inputs)} images")
    if tree:
        inputs = _without_outputs(_separated(inputs), folder, outputs)
    names = [stem(each.image) for each in inputs]
    if tree:
        taken = Counter((each.folder, name.casefold()) for each, name in zip(inputs, names, strict=True))
        names = [
            each.image.name if taken[each.folder, name.casefold()] > 1 else name
            for each, name in zip(inputs, names, strict=True)
        ]
    jobs = [
        replace(_job(each.image, folder / each.folder, name, outputs, is_file), folder=each.folder)
        for each, name in zip(inputs, names, strict=True)
    ]
    _check_clashes(jobs, tree)
    return jobs


def _check_out(inputs: Sequence[Input], outputs: Outputs) -> tuple[Path, bool]:
    """Return the output folder, and whether the labels are a single file."""
    out, in_image = outputs.out, outputs.in_image
    if out is None:
        if not in_image or outputs.table or outputs.figure or outputs.objects or outputs.confidence:
            raise ValueError("an output is needed: a folder, or for a single image a .tif or .zarr file")
        out = Path()  # not used
    suffix = out.suffix.lower()
    is_file = suffix == ".zarr" or (is_label_file(out) and not out.is_dir())
    if is_file and len(inputs) > 1:
        raise ValueError(f"{out} is a single file, but there are {len(inputs)} images; choose a folder")
    if is_file and in_image:
        raise ValueError(f"{out} must be a folder, because the labels are written into the image")
    if not is_file and not out.is_dir() and (out.exists() or suffix in (".png", ".jpg", ".jpeg")):
        raise ValueError(f"{out} must be a folder, a .tif file or a .zarr store")
    return (out.parent if is_file else out), is_file


def _separated(inputs: Sequence[Input]) -> list[Input]:
    """Give files of the same name separate folders, relative to the deepest folder that they share."""
    keys = Counter((each.folder, each.image.name.casefold()) for each in inputs)
    clashing = [
        each
        for each in inputs
        if isinstance(each.image, Path) and keys[each.folder, each.image.name.casefold()] > 1
    ]
    parents = {each: os.path.abspath(each.image.parent) for each in clashing if isinstance(each.image, Path)}
    if len(set(parents.values())) < 2:
        return list(inputs)
    try:
        root = os.path.commonpath(list(parents.values()))
    except ValueError:  # on different drives of Windows
        return list(inputs)
    return [
        replace(each, folder=PurePath(os.path.relpath(parents[each], root))) if each in parents else each
        for each in inputs
    ]


def _without_outputs(inputs: Sequence[Input], folder: Path, outputs: Outputs) -> list[Input]:
    """Return the inputs that are not outputs of earlier runs, by their names or records."""
    kinds = ("-labels", "-objects", "-figure", "-confidence")
    suspects = [each for each in inputs if stem(each.image).endswith(kinds)]
    if not suspects:
        return list(inputs)
    made = set()
    for each in inputs:
        for name in {stem(each.image), each.image.name}:
            base = folder / each.folder / name
            made |= {identity(base.with_name(f"{name}{kind}")) for kind in kinds}

    def is_output(each: Input) -> bool:
        image = each.image
        return isinstance(image, Path) and (
            identity(image.with_name(stem(image))) in made or _has_record(image)
        )

    return [each for each in inputs if each not in suspects or not is_output(each)]


def _has_record(path: Path) -> bool:
    """Return whether a file records that this program made it."""
    try:
        read_record(path)
    except (OSError, ValueError):
        return False
    return True


def _job(image: Location, folder: Path, name: str, outputs: Outputs, is_file: bool) -> Job:
    """Return the files to write for one image."""
    if outputs.in_image:
        labels = _path_in_image(image, outputs.in_image)
    else:
        own = folder / f"{name}-labels{label_suffix(image)}"
        labels = outputs.out if is_file and outputs.out is not None else own
    objects = None
    if outputs.objects:
        objects = (
            _path_in_image(image, f"{outputs.in_image}-objects")
            if outputs.in_image
            else folder / f"{name}-objects{label_suffix(labels)}"
        )
    return Job(
        image,
        labels,
        folder / f"{name}-clusters.csv" if outputs.table else None,
        folder / f"{name}-figure.{outputs.figure}" if outputs.figure else None,
        outputs.model,
        objects,
        folder / f"{name}-objects.csv" if outputs.objects else None,
        folder / f"{name}-confidence.tif" if outputs.confidence else None,
    )


def _check_clashes(jobs: Sequence[Job], tree: bool) -> None:
    """Raise ``ValueError`` if an output would replace an image or another output."""
    images = {identity(job.image): job.image for job in jobs}
    taken: dict[str, Location] = {}
    for job in jobs:
        for path in job.outputs:
            key = identity(path)
            if key in images:
                raise ValueError(f"{path}, an output for {job.image}, would replace the image {images[key]}")
            if key in taken:
                is_other = not tree and identity(taken[key]) != identity(job.image)
                hint = "; napari-kmeans batch gives them different names" if is_other else ""
                raise ValueError(
                    f"{path}, an output for {job.image}, would replace an output for {taken[key]}{hint}"
                )
            taken[key] = job.image


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


def identity(path: Location) -> str:
    """Return a string that is the same for all names of a file, whether it exists or not."""
    # Not Path.resolve, which raises RuntimeError for a loop of links before Python 3.13.
    return path if isinstance(path, Url) else os.path.normcase(os.path.realpath(path))
