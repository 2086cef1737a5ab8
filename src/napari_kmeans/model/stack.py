"""One model for each position along an axis of an image."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..blocks.boxes import Box
from ..blocks.containers import Contents, open_container, open_mask, warn_if_ambiguous
from ..blocks.pixel_size import PixelSizes
from ..blocks.pixels import Pixels, check_axis
from ..blocks.progress import Progress, subprogress
from ..features.extractor import FeatureExtractor
from ..features.feature_space import ScalarFormat, VectorFormat
from ..preprocess.illumination import Illumination, IlluminationField
from . import json_file, model_file
from .fitted_to import check_match
from .label_pixels import label_lazily
from .matching import matched
from .model import KMeansModel
from .preparation import check_recipe
from .recipe import Recipe
from .segmentation import fit_pixels

_KIND = "napari-kmeans stack"


class ModelsOnDemand(Sequence[KMeansModel]):
    """Models that are computed on demand and kept.

    Parameters
    ----------
    n_models : int
    make : callable
        Takes a position and returns its model.
    """

    def __init__(self, n_models: int, make: Callable[[int], KMeansModel]) -> None:
        self._made: list[KMeansModel | None] = [None] * n_models
        self._make = make
        self._locks = [threading.Lock() for _ in range(n_models)]

    def __len__(self) -> int:
        return len(self._made)

    def __iter__(self) -> Iterator[KMeansModel]:
        # Not that of `Sequence`: a warning would name its frame as the caller.
        return (self[position] for position in range(len(self)))

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return tuple(self[i] for i in range(*position.indices(len(self))))
        position = range(len(self))[position]
        with self._locks[position]:
            model = self._made[position]
            if model is None:
                model = self._made[position] = self._make(position)
        return model


@dataclass(frozen=True, eq=False)
class KMeansStack:
    """One model for each position along an axis of an image, returned by `fit` with ``per_axis``.

    ``stack[i]`` is the model of position i; `predict`, `save` and `load` work as for a model.

    Attributes
    ----------
    models : sequence of KMeansModel
    axis : int
        Axis of the image, counted including its channel axis.
    channel_axis : int or None
        Channel axis of the fitted image.
    extractor : FeatureExtractor
        Turns the pixels of one position into values, without its illumination field.
    illumination : Illumination or None
        Uneven illumination that is removed; each position has its own field.
    """

    models: Sequence[KMeansModel]
    axis: int
    channel_axis: int | None = None
    extractor: FeatureExtractor = FeatureExtractor.of("gray")  # noqa: RUF009 - immutable
    illumination: Illumination | None = None

    def __repr__(self) -> str:
        """Return a one-line description, without computing any model."""
        return (
            f"{type(self).__name__}({len(self)} models along axis {self.axis}, "
            f"features={self.extractor.name!r})"
        )

    def __len__(self) -> int:
        return len(self.models)

    def __getitem__(self, position: int) -> KMeansModel:
        return self.models[position]

    def __iter__(self) -> Iterator[KMeansModel]:
        return iter(self.models)

    def predict(
        self,
        image: Any,
        channel_axis: int | str | None = None,
        mask: Any = None,
        *,
        match: str = "values",
        progress: Progress | None = None,
    ) -> Any:
        """Label each position of an image with its own model; see `KMeansModel.predict`.

        Raises
        ------
        ValueError
            If the image has a different number of positions along the axis.
        """
        contents = open_container(image, channel_axis, default=self.channel_axis)
        axis = spatial_axis(contents.data, self.axis, contents.channel_axis)
        pixels = Pixels.of(
            contents.data,
            features=self.extractor.with_axis(axis),
            channel_axis=contents.channel_axis,
            mask=open_mask(mask),
        )
        warn_if_ambiguous([contents])
        n = len(self)
        if pixels.shape[axis] != n:
            raise ValueError(
                f"image has {pixels.shape[axis]} positions along axis {self.axis}, but there are {n} models"
            )
        parts = [pixels.at(axis, position) for position in range(n)]
        models = self._matched(parts, match, contents.size(without=self.axis))
        if pixels.chunks is None:
            shares = (subprogress(progress, i / n, (i + 1) / n) for i in range(n))
            labels = [
                model.label_pixels(part, share)
                for model, part, share in zip(models, parts, shares, strict=True)
            ]
            return contents.wrap(np.stack(labels, axis=axis))
        import dask.array as da

        lazy = []
        for position, part in enumerate(parts):
            if self.illumination is not None:
                field = cast(IlluminationField, _FieldOnDemand(models, position))
                part = replace(part, extractor=replace(part.extractor, field=field))
            lazy.append(label_lazily(part, _PositionLabeller(models, position, part.value_format)))
        return contents.wrap(da.stack(lazy, axis=axis).rechunk(pixels.chunks))

    def _matched(self, parts: Sequence[Pixels], match: str, size: PixelSizes) -> Sequence[KMeansModel]:
        """Return the models to label the positions of an image with; see `KMeansModel.predict`."""
        check_match(match)
        if match != "values":
            return ModelsOnDemand(len(self), lambda i: matched(self.models[i], parts[i], match))
        if parts[0].chunks is None:
            for model, part in zip(self, parts, strict=True):
                if model.warn_of_differences(part, *size):
                    break  # one warning for the whole image
        return self.models

    # Edits, the same at every position: each returns a new stack

    def merged(self, groups: Sequence[Sequence[int]]) -> KMeansStack:
        """Give the clusters of each group one label; see `KMeansModel.merged`."""
        return self._each(lambda model: model.merged(groups))

    def with_background(self, labels: Sequence[int]) -> KMeansStack:
        """Give these clusters label 0; see `KMeansModel.with_background`."""
        return self._each(lambda model: model.with_background(labels))

    def with_names(self, names: Sequence[str]) -> KMeansStack:
        """Name the clusters; see `KMeansModel.with_names`."""
        return self._each(lambda model: model.with_names(names))

    def _each(self, change: Callable[[KMeansModel], KMeansModel]) -> KMeansStack:
        """Return a stack of changed models; models that are computed on demand are changed on demand."""
        before = self.models
        models = ModelsOnDemand(len(before), lambda position: change(before[position]))
        return replace(self, models=models if isinstance(before, ModelsOnDemand) else tuple(models))

    # Files

    def to_json(self) -> str:
        """Return the content of a file of the stack."""
        models = [model.to_dict() for model in self]
        axes = {"axis": self.axis, "channel_axis": self.channel_axis}
        return model_file.to_text(_KIND, {**axes, "models": models})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the models to one JSON file atomically; see `KMeansModel.save`."""
        json_file.write(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> KMeansStack:
        """Read a stack that `save` wrote; errors as for `KMeansModel.load`."""
        with model_file.errors_about(path):
            document = model_file.read(path, _KIND)
            axis = model_file.check_axis("axis", document["axis"])
            channel_axis = model_file.check_axis("channel_axis", document["channel_axis"])
            if axis is None or not isinstance(document["models"], list) or not document["models"]:
                raise ValueError("axis or models is missing")
            models = tuple(KMeansModel.from_dict(each) for each in document["models"])
            recipe = models[0].recipe
            return cls(models, axis, channel_axis, recipe.extractor, recipe.illumination)


@dataclass(frozen=True)
class _PositionLabeller:
    """Labels blocks of one position, whose model is computed for the first block."""

    models: Sequence[KMeansModel]
    position: int
    value_format: ScalarFormat | VectorFormat

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.uint8]
    ) -> None:
        self.models[self.position].labeller(self.value_format)(values, include, out)


@dataclass(frozen=True)
class _FieldOnDemand:
    """Illumination field of one position, whose model is computed for the first block."""

    models: Sequence[KMeansModel]
    position: int

    def correct(self, values: NDArray[Any], box: Box, shape: Sequence[int], *arguments: Any) -> NDArray[Any]:
        """Remove the field; see `IlluminationField.correct`."""
        field = self.models[self.position].illumination
        assert field is not None
        field.check_shape(shape)
        return field.correct(values, box, shape, *arguments)


def fit_stack(
    pixels: Pixels, recipe: Recipe, contents: Contents, per_axis: Any, progress: Progress | None = None
) -> KMeansStack:
    """Fit each position along an axis of an image; for a lazy image, each model is computed on demand.

    Parameters
    ----------
    pixels : Pixels
    recipe : Recipe
    contents : Contents
        The user's image.
    per_axis : int
        Axis of the user's image.
    progress : callable, optional

    Raises
    ------
    TypeError, ValueError
        If `per_axis` is not a spatial axis, or the recipe does not fit the pixels of a position.
    """
    channel_axis, n_axes = contents.channel_axis, contents.data.ndim
    axis = spatial_axis(contents.data, per_axis, channel_axis)
    image_axis = per_axis % n_axes
    n, size = pixels.shape[axis], contents.size(without=image_axis)
    check_recipe(pixels, recipe)
    recipe = recipe.without_axis(axis)
    part_axis = channel_axis
    if channel_axis is not None:  # the channel axis of a single position
        part_axis = channel_axis % n_axes - (image_axis < channel_axis % n_axes)
    is_lazy = pixels.chunks is not None

    def fit_position(position: int) -> KMeansModel:
        share = None if is_lazy else subprogress(progress, position / n, (position + 1) / n)
        try:
            part = replace(pixels.at(axis, position), extractor=recipe.extractor)
            return fit_pixels(part, recipe, part_axis, share).with_pixel_size(*size)
        except ValueError as error:
            raise ValueError(f"at position {position} along axis {image_axis}: {error}") from None

    models = ModelsOnDemand(n, fit_position)
    kept = models if is_lazy else tuple(models)
    return KMeansStack(kept, image_axis, channel_axis, recipe.extractor, recipe.illumination)


def spatial_axis(image: Any, per_axis: object, channel_axis: int | None) -> int:
    """Return `per_axis` as an axis of the label image, which has no channel axis.

    Raises
    ------
    TypeError, ValueError
        If it is not an axis of the image, or is the channel axis or the only spatial axis.
    """
    axis = check_axis("per_axis", per_axis, image.ndim)
    if channel_axis is None:
        n_spatial = image.ndim
    else:
        channel_axis %= image.ndim
        n_spatial = image.ndim - 1
        if axis == channel_axis:
            raise ValueError(f"per_axis={axis} is the channel axis; choose another axis")
    if n_spatial < 2:
        raise ValueError("per_axis needs an image of at least two dimensions besides its channels")
    return axis - (channel_axis is not None and channel_axis < axis)
