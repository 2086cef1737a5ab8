"""Labels that are found when somebody looks, and then only where: array-likes for Labels layers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks.loop import N_THREADS, Progress, boxes
from ...blocks.pixels import Box, Pixels, as_lazy
from ...model.model import KMeansModel
from ...model.stack import KMeansStack
from ...pipeline import label_and_count
from .worker import part_of

ModelAt = Callable[[int], KMeansModel | None]
"""The model of a position along an axis of the whole image, or None while it is not known."""


@cache
def _on_screen() -> ThreadPoolExecutor:
    """Threads for what somebody waits for, apart from those of `blocks`, whose work may take long."""
    return ThreadPoolExecutor(N_THREADS, thread_name_prefix="napari-kmeans-screen")


class LookUp:
    """What napari asks of an array, of labels that are looked up in the image.

    Every slice is right at any moment and costs what is on screen.

    Parameters
    ----------
    pixels : Pixels
        Of the image, or of a coarser level of it.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.shape = pixels.shape
        self.ndim = len(pixels.shape)
        self.size = pixels.size

    def become(self, other: LookUp) -> None:
        """Look up what another one does, of the same shape, without anybody's noticing a new array."""
        self.__class__, self.__dict__ = other.__class__, other.__dict__

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        box, inner = _box_of(key, self.shape)
        labels: NDArray[np.uint8] = self._label(box)[inner]
        return labels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.look_up_all()

    def __len__(self) -> int:
        return self.shape[0]

    def _label(self, box: tuple[slice, ...]) -> NDArray[np.uint8]:
        raise NotImplementedError

    def look_up_all(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Labels of every pixel, block by block, in threads."""
        raise NotImplementedError

    def lazily(self) -> Any:
        """Labels of every pixel as a dask array, for a person to keep."""
        raise NotImplementedError


class ModelLookUp(LookUp):
    """Labels of one model."""

    def __init__(self, pixels: Pixels, model: KMeansModel) -> None:
        super().__init__(pixels)
        self._model = model
        self._labeller = model.labeller(pixels.value_format)

    def _label(self, box: tuple[slice, ...]) -> NDArray[np.uint8]:
        sides = [range(*side.indices(size)) for side, size in zip(box, self.shape, strict=True)]
        labels = np.empty([len(side) for side in sides], dtype=np.uint8)
        places = boxes(labels.shape)
        # A chunk that is cut would be read by several, and so would what a feature looks at around a part.
        whole = (
            self.pixels.chunks is not None or any(self.pixels.halo) or any(side.step != 1 for side in sides)
        )
        if whole or len(places) < 2:
            self._labeller(*self.pixels.read(box), labels)
            return labels

        def write(place: Box) -> None:
            part = (side[at] for side, at in zip(sides, place, strict=True))
            self._labeller(*self.pixels.read(tuple(slice(p.start, p.stop) for p in part)), labels[place])

        list(_on_screen().map(write, places))
        return labels

    def look_up_all(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        return self._model.label(self.pixels, progress)[0]

    def lazily(self) -> Any:
        return self._model.label_lazily(as_lazy(self.pixels))


class StackLookUp(LookUp):
    """Labels of one model a position along an axis, made when the position is looked at.

    Parameters
    ----------
    pixels : Pixels
    axis : int
    model_at : callable
        Of a position of the whole image. Where it returns None, labels are 0.
    n_positions : int
        Of the whole image: a coarser level may have fewer.
    """

    def __init__(self, pixels: Pixels, axis: int, model_at: ModelAt, n_positions: int) -> None:
        super().__init__(pixels)
        self._axis = axis
        self._model_at = model_at
        self._n_positions = n_positions

    def _label(self, box: tuple[slice, ...]) -> NDArray[np.uint8]:
        rest = (*box[: self._axis], *box[self._axis + 1 :])
        places = range(*box[self._axis].indices(self.shape[self._axis]))
        shape = [len(range(*side.indices(size))) for side, size in zip(box, self.shape, strict=True)]
        labels = np.zeros(shape, dtype=np.uint8)
        for i, place in enumerate(places):
            model = self._model_at(place * self._n_positions // self.shape[self._axis])
            if model is not None:
                part = ModelLookUp(self.pixels.at(self._axis, place), model)
                labels[(slice(None),) * self._axis + (i,)] = part._label(rest)
        return labels

    def look_up_all(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        return label_stack(self.pixels, self._axis, self._model_at, progress)[0]

    def lazily(self) -> Any:
        import dask.array as da

        pixels, n = as_lazy(self.pixels), self.shape[self._axis]
        parts = []
        for place in range(n):
            part, model = pixels.at(self._axis, place), self._model_at(place * self._n_positions // n)
            zeros = da.zeros(part.shape, dtype=np.uint8)
            parts.append(zeros if model is None else model.label_lazily(part))
        return da.stack(parts, axis=self._axis).rechunk(pixels.chunks)


def _box_of(key: Any, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[Any, ...]]:
    """Turn any index into the box that holds what it asks for, and the index of that within the box."""
    parts: list[Any] = []
    for part in key if isinstance(key, tuple) else (key,):
        is_mask = not isinstance(part, slice) and part is not Ellipsis and np.asarray(part).dtype == bool
        parts += np.nonzero(part) if is_mask else [part]
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    head, tail = parts[:at], parts[at + 1 :]
    box: list[slice] = []
    inner: list[Any] = []
    for part, size in zip(
        (*head, *(slice(None),) * (len(shape) - len(head) - len(tail)), *tail), shape, strict=True
    ):
        if isinstance(part, slice):
            box.append(part)
            inner.append(slice(None))
            continue
        places = np.asarray(part) % size
        first, last = (int(places.min()), int(places.max())) if places.size else (0, -1)
        box.append(slice(first, last + 1))
        inner.append(0 if places.ndim == 0 else places - first)
    return tuple(box), tuple(inner)


def label_stack(
    pixels: Pixels, axis: int, model_at: ModelAt, progress: Progress | None = None
) -> tuple[NDArray[np.uint8], KMeansStack]:
    """Label each position along an axis with its own model.

    Returns
    -------
    labels : uint8 array
        Of the spatial shape.
    stack : KMeansStack
    """
    labels = np.zeros(pixels.shape, dtype=np.uint8)
    models = []
    n = pixels.shape[axis]
    for position in range(n):
        part = pixels.at(axis, position)
        place = (slice(None),) * axis + (position,)
        inner = progress and part_of(progress, position / n, (position + 1) / n)
        model = model_at(position)
        assert model is not None
        labels[place], model = label_and_count(model, part, inner)
        models.append(model.without_summary())
    channel_axis = None if pixels.n_channels is None else -1
    return labels, KMeansStack(tuple(models), axis, channel_axis, pixels.at(axis, 0).feature)
