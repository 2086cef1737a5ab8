"""Provenance of the labels of a session, for layers and files."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari.layers import Image

from ... import __version__
from ...batch.task import Task
from ...batch.units import in_pixels
from ...blocks.containers import levels_of
from ...model.model import KMeansModel
from ...model.recipe import Recipe
from ...model.stack import KMeansStack
from ...report.provenance import PROGRAM, record_of, source_of
from .request import Request

PROVENANCE_KEY = "napari-kmeans provenance"
"""Key in the metadata of a Labels layer."""


def recipe_in_pixels(request: Request, model: KMeansModel) -> Recipe:
    """Return the recipe of the displayed labels, including edits and clean-up, with lengths in pixels."""
    recipe = replace(model.recipe, clean_up=request.settings.recipe.clean_up)
    return in_pixels(recipe, request.grid.spacing or [1.0])


def task_of(request: Request, model: KMeansModel | KMeansStack) -> dict[str, Any]:
    """Return the request as a task that a batch can run; other layers are only named."""
    settings = request.settings
    if isinstance(model, KMeansModel):
        task = Task(recipe_in_pixels(request, model)).to_dict()
    else:
        task = {"settings": settings.recipe.to_dict(), "per_axis": settings.per_axis}
    if settings.mask is None and not settings.channels and settings.per_axis is None:
        return task
    # Without the key `recipe`, it cannot be mistaken for a complete task.
    found = {"settings": task.get("recipe", task.get("settings"))}
    if settings.per_axis is not None:
        found["per_axis"] = settings.per_axis
    if settings.mask is not None:
        found["mask"] = str(settings.mask.name)
    if settings.channels:
        found["channels"] = [str(layer.name) for layer in settings.channels]
    return found


def provenance_of(
    request: Request, model: KMeansModel | KMeansStack, task: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the provenance of labels, without a fingerprint, which would require reading the file.

    By default, the task is that of the request.
    """
    return _made_of(request.image, task_of(request, model) if task is None else task)


def provenance_of_model(image: Image, model: KMeansModel) -> dict[str, Any]:
    """Return the provenance of labels of an image layer that was segmented without the dock."""
    return _made_of(image, Task(model.recipe).to_dict())


def _made_of(image: Image, task: dict[str, Any]) -> dict[str, Any]:
    return {"program": PROGRAM, "version": __version__, "source": _source(image), "task": task}


def record_for_layer(request: Request, model: KMeansModel | KMeansStack) -> str:
    """Return the record of a small file that is written immediately, without a fingerprint."""
    return record_of(model, task_of(request, model), _source(request.image))


def record_for_file(request: Request, model: KMeansModel | KMeansStack) -> str:
    """Return the record of a file, with a fingerprint; runs in a worker, since it reads the image file."""
    source = _source(request.image)
    if "path" in source:
        with contextlib.suppress(OSError):  # moved or removed since it was opened
            source |= source_of(Path(source["path"]))
    return record_of(model, task_of(request, model), source)


def _source(layer: Image) -> dict[str, Any]:
    """Return the path of the image layer, if it has one, and its shape and dtype."""
    data = levels_of(layer)[0]
    found = {"layer": str(layer.name), "shape": [int(n) for n in data.shape], "dtype": str(data.dtype)}
    path = layer.source.path
    return {"path": os.fspath(path), **found} if path else found
