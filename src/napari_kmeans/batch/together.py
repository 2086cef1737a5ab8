"""Pooled model of all images of a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..blocks.pixel_size import shared_size, size_of_file
from ..blocks.pixels import Pixels
from ..io.image_file import Location
from ..io.stored_array import StoredArray
from ..model.pooled import fit_pooled
from ..model.recipe import Recipe
from ..report.provenance import record_of, source_of
from .one_image import ERRORS, reason, with_path
from .task import Stage, Task, pixels_of

HELD_BYTES = 1 << 30
"""Images are kept in memory up to this size in total; further ones are read again for each pass."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """A pooled model, and the images that could not be used for it.

    Attributes
    ----------
    task : Task
        Task of labelling images with the model.
    failed : dict of location to str
        Images that cannot be read, and the reasons.
    record : str
        How the model was made; see `report.provenance.record_of`.
    """

    task: Task
    failed: dict[Location, str]
    record: str


def fit_together(task: Task, images: Sequence[Location], stage: Stage, *, weights: str = "pixels") -> Pooled:
    """Fit the recipe of a task to all pixels of several image files; see `fit_pooled`.

    Images that cannot be read are skipped. The others must have the same type.

    Parameters
    ----------
    task : Task
        Without a model.
    images : sequence of Path or Url
    stage : callable
        As for `process`.
    weights : {"pixels", "images"}

    Raises
    ------
    ValueError
        If no image can be read, or they cannot share a model; the message names the first that differs.
    """
    failed: dict[Location, str] = {}
    parts: list[Pixels] = []
    recipes: list[Recipe] = []
    used: list[tuple[Location, int | None, tuple[tuple[float, ...], str]]] = []
    sources: list[dict[str, Any]] = []
    held = 0
    progress = stage("reading")
    for number, at in enumerate(images):
        try:
            image = task.read(at)
            recipe = task.recipe_of(image)
            pixels = pixels_of(image, recipe.extractor)
        except ERRORS as error:
            failed[at] = with_path(at, reason(error))
            continue
        if pixels.chunks is None:
            held += pixels.image.nbytes
            if held > HELD_BYTES:
                again = partial(
                    _SingleChunkArray, partial(_read, task, at), pixels.image.shape, pixels.image.dtype
                )
                pixels = replace(pixels, image=StoredArray(again, str(at)).as_dask())
        parts.append(pixels)
        recipes.append(recipe)
        used.append((at, image.channel_axis, size_of_file(image)))
        sources.append(source_of(at, image))
        progress((number + 1) / len(images))
    if not parts:
        raise ValueError("none of the images can be read, so no model can be fitted")
    paths, [channel_axis, *_], sizes = zip(*used, strict=True)
    _check_compatible(parts, paths)
    recipe = _common_recipe(recipes, paths)
    parts = [replace(pixels, extractor=recipe.extractor) for pixels in parts]
    clustering = stage("clustering")
    model = fit_pooled(parts, recipe, channel_axis, clustering, weights=weights, confirm=task.confirm)
    model = model.with_pixel_size(*shared_size(sizes))
    prints = "\n".join(sorted(source["fingerprint"] for source in sources))
    digest = hashlib.sha256(prints.encode()).hexdigest()
    together = {"weights": weights, "images": len(parts), "fingerprint": f"sha256-of-files:{digest}"}
    task = replace(task, model=model.without_summary(), together=together)
    return Pooled(task, failed, record_of(model, task.to_dict(), sources))


def _read(task: Task, at: Location) -> Any:
    """Read the pixels of an image, with the channels last."""
    image = task.read(at)
    return pixels_of(image, task.recipe_of(image).extractor).image


@dataclass(frozen=True, eq=False)
class _SingleChunkArray:
    """Array of one chunk that is read each time it is indexed."""

    read: Callable[[], Any]
    shape: tuple[int, ...]
    dtype: Any

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def chunks(self) -> tuple[int, ...]:
        return self.shape

    def __getitem__(self, index: Any) -> Any:
        return self.read()[index]


def _common_recipe(recipes: Sequence[Recipe], at: Sequence[Location]) -> Recipe:
    """Return the recipe for all images, excluding the missing pixels of each."""
    exclude = tuple(dict.fromkeys(value for recipe in recipes for value in recipe.exclude))
    first, *others = (replace(recipe, exclude=exclude) for recipe in recipes)
    for recipe, path in zip(others, at[1:], strict=True):
        if recipe != first:
            raise ValueError(
                f"{path} and {at[0]} differ in pixel size, but --together needs the same lengths in pixels; "
                "omit --physical"
            )
    return first


def _check_compatible(parts: Sequence[Pixels], at: Sequence[Location]) -> None:
    """Raise ``ValueError`` if images cannot share a model, naming the first that differs."""
    first = parts[0]
    for pixels, path in zip(parts, at, strict=True):
        if pixels.value_format != first.value_format:
            raise ValueError(
                f"{path} has {_kind(pixels)}, and {at[0]} has {_kind(first)}; --together needs images of the same kind: "
                "convert them, or leave out --together"
            )


def _kind(pixels: Pixels) -> str:
    n = pixels.n_channels
    return f"dtype {pixels.image.dtype} and {n or 'no'} channel{'s' * (n != 1)}"
