"""Task of a batch: how each image is processed, as one immutable object that can be pickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import in_memory
from ..blocks.pixel_size import size_of_file
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.channels import Channels
from ..features.extractor import FeatureExtractor
from ..io.image_file import ImageFile, Location
from ..io.images import read_image
from ..labels.objects import split_into_objects
from ..model.fitted_to import check_match
from ..model.matching import extractor_for, matched
from ..model.model import KMeansModel
from ..model.recipe import Recipe
from ..model.segmentation import Segmentation, label_pixels, segment_pixels
from .units import Units

Stage = Callable[[str], Progress]
"""Called with the name of a stage when it begins; returns its progress callback."""


@dataclass(frozen=True, eq=False)
class Result:
    """The results for one image.

    Attributes
    ----------
    segmentation : Segmentation
        Its model has the pixel counts of this image.
    model : KMeansModel
        Model that made the labels, with the pixel counts of the images it was fitted to.
    pixels : Pixels
    objects : int32 array, optional
    object_table : dict of lists
    """

    segmentation: Segmentation
    model: KMeansModel
    pixels: Pixels
    objects: NDArray[np.int32] | None = None
    object_table: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Task:
    """How each image of a batch is processed.

    Attributes
    ----------
    recipe : Recipe
        With a model, only the clean-up of the recipe is used; with ``match="refit"``, the whole recipe.
    model : KMeansModel, optional
        Label every image with this model; without it, the recipe is fitted to each image.
    match : {"values", "range", "refit"}
        How the model is applied to images that differ from the fitted one; see `KMeansModel.predict`.
    channel : str
        Name or index of the channel to use; empty: all channels.
    physical : bool
        Whether lengths and sizes of the recipe are in the unit of the file instead of in pixels.
    series : int, optional
        Index of the image in files that contain several; see `read_image`.
    axes : str
        Axes of files with wrong axes in their metadata; see `read_image`.
    confirm : bool
        Whether scikit-learn checks exact optima; importing it takes a second.
    together : dict
        How a pooled model was made: weights, number of images and their fingerprint; otherwise empty.
    """

    recipe: Recipe = Recipe()  # noqa: RUF009 - immutable
    model: KMeansModel | None = None
    match: str = "values"
    channel: str = ""
    physical: bool = False
    series: int | None = None
    axes: str = ""
    confirm: bool = False
    together: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_match(self.match)

    @classmethod
    def applying(cls, model: KMeansModel, recipe: Recipe | None = None, **options: Any) -> Task:
        """Return the task of labelling images with a model, with the clean-up of `recipe` or of the model."""
        clean_up = model.recipe.clean_up if recipe is None else recipe.clean_up
        return cls(replace(model.recipe, clean_up=clean_up), model.without_summary(), **options)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Task:
        """Return the task that made an output; see `report.provenance.record_of`.

        Raises
        ------
        ValueError
            If the record of the output is incomplete; the message names the field.
        """
        made = record.get("provenance", {}).get("task")
        if not isinstance(made, dict) or not isinstance(made.get("recipe"), dict):
            raise ValueError("it does not record the recipe that made it")
        recipe = Recipe.from_dict(made["recipe"])
        kinds = {"channel": str, "physical": bool, "series": int | None, "axes": str}
        options = {name: made.get(name, getattr(cls, name)) for name in kinds}
        for name, kind in kinds.items():
            if not isinstance(options[name], kind):
                raise ValueError(f"{name} has the invalid value {options[name]!r:.40}")
        if "model" not in made and not made.get("together"):
            return cls(recipe, **options)
        if "clustering" not in record:
            raise ValueError(
                "it was made with a model that it does not contain; choose a label image instead"
            )
        model = KMeansModel.from_json(json.dumps({**record, "provenance": None}))
        together = made.get("together") or {}
        return cls(recipe, model, made.get("match", "values"), together=together, **options)

    def to_dict(self) -> dict[str, Any]:
        """Return all that determines the labels, for JSON: tasks with equal dicts give equal labels."""
        described: dict[str, Any] = {"recipe": self.recipe.to_dict()}
        if self.together:
            described["together"] = self.together
        elif self.model is not None:
            text = self.model.to_json().encode()
            described |= {"model": f"sha256:{hashlib.sha256(text).hexdigest()}", "match": self.match}
        described |= {"channel": self.channel, "physical": self.physical}
        # Included only if used, so that outputs of earlier versions count as made by the same task.
        return described | {
            name: getattr(self, name) for name in ("series", "axes") if getattr(self, name) not in (None, "")
        }

    def read(self, at: Location) -> ImageFile:
        """Read an image, or its chosen channel."""
        image = read_image(at, series=self.series, axes=self.axes)
        return image.channel(self.channel) if self.channel else image

    def recipe_of(self, image: ImageFile) -> Recipe:
        """Return the recipe for one image: with lengths in pixels, and excluding its missing pixels."""
        recipe = Units(self.physical).recipe(self.recipe, image)
        if image.nodata is None:
            return recipe
        return replace(recipe, exclude=tuple(dict.fromkeys([*recipe.exclude, image.nodata])))

    def run(self, image: ImageFile, stage: Stage, *, objects: bool = False, count: bool = True) -> Result:
        """Segment an image.

        Parameters
        ----------
        image : ImageFile
        stage : callable
        objects : bool
            Also split the labels into objects; labels are then in memory.
        count : bool
            Count the pixels of a lazy image that is labelled with a given model. This reads the image again.
        """
        grid = Units(self.physical).grid(image)
        if self.model is None:
            recipe = self.recipe_of(image)
            pixels = pixels_of(image, recipe.extractor)
            progress = stage("segmenting")
            found = segment_pixels(
                pixels,
                recipe,
                image.channel_axis,
                progress,
                grid=grid,
                in_memory=objects,
                confirm=self.confirm,
            )
            found = replace(found, model=found.model.with_pixel_size(*size_of_file(image)))
            return self._split(Result(found, found.model, pixels), image, stage, objects)
        model = self.model
        pixels = pixels_of(image, extractor_for(model, self.match), for_model=True)
        if self.match == "values":
            model.labeller(pixels.value_format)  # reject an image of other features before comparing it
            if not self.together:
                model.warn_of_differences(pixels, *size_of_file(image))
        else:
            model = matched(model, pixels, self.match, stage("matching")).without_summary()
            # With the field that was fitted to this image.
            pixels = replace(pixels, extractor=model.extractor)
        progress = stage("labelling")
        coherent = model.coherent(pixels, subprogress(progress, 0, 0.5))
        found = label_pixels(
            coherent,
            model,
            self.recipe.clean_up,
            subprogress(progress, 0.5, 1),
            grid=grid,
            recount=count or pixels.chunks is None,
            in_memory=objects,
        )
        return self._split(Result(found, model, pixels), image, stage, objects)

    def _split(self, result: Result, image: ImageFile, stage: Stage, objects: bool) -> Result:
        """Split the labels into objects if requested."""
        if not objects:
            return result
        grid = Units(self.physical).grid(image)
        numbers, table = split_into_objects(
            result.segmentation.labels,
            intensity_image=np.asarray(in_memory(image.data)),
            channel_axis=image.channel_axis,
            spacing=grid.spacing,
            per_axis=list(grid.separate_axes) or None,
            progress=stage("measuring objects"),
        )
        if self.physical:
            table["unit"] = [image.unit] * len(table["index"])
        return replace(result, objects=numbers, object_table=table)


def pixels_of(image: ImageFile, extractor: FeatureExtractor, *, for_model: bool = False) -> Pixels:
    """Return the pixels of an image; channels that are not colours have no single intensity.

    Parameters
    ----------
    image : ImageFile
    extractor : FeatureExtractor
    for_model : bool
        Whether the features are those of a given model, so that no others can be chosen.
    """
    if image.channel_axis is not None and not image.is_color and extractor.name != Channels.name:
        n_channels = image.data.shape[image.channel_axis]
        names = f": {', '.join(image.channel_names)}" if image.channel_names else f" 0 to {n_channels - 1}"
        remedy = (
            f", but the model has features={extractor.name!r}; choose"
            if for_model
            else '; use --features channels (in a recipe, "features": "channels"), or choose'
        )
        raise ValueError(
            f"it has {n_channels} channels that are not colours{remedy} one channel with --channel{names}"
        )
    return Pixels.of(image.data, features=extractor, channel_axis=image.channel_axis)
