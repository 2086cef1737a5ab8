"""One model for each position along an axis of an image, made at once or when it is asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import loop as blocks
from ..blocks.pixels import Pixels, check_axis
from ..features import Scalar, Vector
from ..features.extractor import Description
from . import file as model_file
from .model import KMeansModel


class OnDemand(Sequence[KMeansModel]):
    """Models that are made when they are first asked for, and kept.

    Parameters
    ----------
    n_models : int
    make : callable
        Takes the position, and returns the model.
    """

    def __init__(self, n_models: int, make: Callable[[int], KMeansModel]) -> None:
        self._made: list[KMeansModel | None] = [None] * n_models
        self._make = make
        self._locks = [threading.Lock() for _ in range(n_models)]

    def __len__(self) -> int:
        return len(self._made)

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
    """One model for each position along an axis of an image, as `fit` with ``per_axis`` returns it.

    ``stack[i]`` is the model of position i; `predict`, `save` and `load` are those of a model.

    Attributes
    ----------
    models : sequence of KMeansModel
    axis : int
        Of the image, its channel axis included.
    channel_axis : int or None
        Of the fitted image.
    description : Description
        How the pixels of a position are described, the same for all.
    """

    models: Sequence[KMeansModel]
    axis: int
    channel_axis: int | None = None
    description: Description = Description.of("gray")  # noqa: RUF009 - immutable

    _FORMAT = "napari-kmeans stack"

    def __len__(self) -> int:
        return len(self.models)

    def __getitem__(self, position: int) -> KMeansModel:
        return self.models[position]

    def __iter__(self) -> Iterator[KMeansModel]:
        return iter(self.models)

    def predict(self, image: Any, channel_axis: int | None = None, mask: Any = None) -> Any:
        """Label each position of an image with its own model; see `KMeansModel.predict`.

        Raises
        ------
        ValueError
            If the image has another number of positions along the axis.
        """
        if channel_axis is None:
            channel_axis = self.channel_axis
        axis = spatial_axis(image, self.axis, channel_axis)
        description = self.description.with_axis(axis)
        pixels = Pixels.of(image, features=description, channel_axis=channel_axis, mask=mask)
        if pixels.shape[axis] != len(self):
            raise ValueError(
                f"image has {pixels.shape[axis]} positions along axis {self.axis}, "
                f"and there are {len(self)} models"
            )
        parts = [pixels.at(axis, position) for position in range(len(self))]
        if pixels.chunks is None:
            return np.stack(
                [model.label(part)[0] for model, part in zip(self, parts, strict=True)], axis=axis
            )
        import dask.array as da

        labels = [
            blocks.label_lazily(part, _LabelsOfPosition(self.models, position, part.stored))
            for position, part in enumerate(parts)
        ]
        return da.stack(labels, axis=axis).rechunk(pixels.chunks)

    # Changed by hand, at every position alike: each returns a new stack

    def merged(self, groups: Sequence[Sequence[int]]) -> KMeansStack:
        """Show each group of clusters as one; see `KMeansModel.merged`."""
        return self._each(lambda model: model.merged(groups))

    def with_background(self, labels: Sequence[int]) -> KMeansStack:
        """Show these clusters as background, label 0; see `KMeansModel.with_background`."""
        return self._each(lambda model: model.with_background(labels))

    def with_names(self, names: Sequence[str]) -> KMeansStack:
        """Name the clusters; see `KMeansModel.with_names`."""
        return self._each(lambda model: model.with_names(names))

    def _each(self, change: Callable[[KMeansModel], KMeansModel]) -> KMeansStack:
        before = self.models
        models = OnDemand(len(before), lambda position: change(before[position]))
        return replace(self, models=models if isinstance(before, OnDemand) else tuple(models))

    # Files

    def to_json(self) -> str:
        """Return the models as JSON text, the content of a file."""
        models = [model._to_dict() for model in self]
        place = {"axis": self.axis, "channel_axis": self.channel_axis}
        return model_file.text(self._FORMAT, {**place, "models": models})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the models as one JSON file, whole or not at all."""
        model_file.write(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> KMeansStack:
        """Read a stack that `save` wrote; errors as for `KMeansModel.load`."""
        document = model_file.read(path, cls._FORMAT)
        with model_file.blaming(path):
            axis, channel_axis, fields = model_file.checked_stack(document)
            models = tuple(KMeansModel._from_fields(each) for each in fields)
            return cls(models, axis, channel_axis, models[0].description)


@dataclass(frozen=True)
class _LabelsOfPosition:
    """Labels blocks of one position, whose model is made when the first of them is wanted."""

    models: Sequence[KMeansModel]
    position: int
    stored: Scalar | Vector

    def __call__(
        self, values: NDArray[Any], include: NDArray[np.bool_] | None, out: NDArray[np.uint8]
    ) -> None:
        self.models[self.position].labeller(self.stored)(values, include, out)


def spatial_axis(image: Any, per_axis: object, channel_axis: int | None) -> int:
    """Return `per_axis` as an axis of the label image, which has no channels.

    Raises
    ------
    TypeError, ValueError
        If it is no axis of the image, or the channels', or the only one.
    """
    axis = check_axis("per_axis", per_axis, image.ndim)
    if channel_axis is None:
        n_spatial = image.ndim
    else:
        channel_axis %= image.ndim
        n_spatial = image.ndim - 1
        if axis == channel_axis:
            raise ValueError(f"per_axis={axis} is the channel axis; name another one")
    if n_spatial < 2:
        raise ValueError("per_axis needs an image of at least two dimensions besides its channels")
    return axis - (channel_axis is not None and channel_axis < axis)
