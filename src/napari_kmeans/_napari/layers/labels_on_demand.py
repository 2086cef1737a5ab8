"""Labels on demand: array-likes for Labels layers that compute only the labels on screen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks.boxes import Box
from ...blocks.loop import N_THREADS, array_boxes
from ...blocks.pixels import Pixels
from ...blocks.progress import Progress, subprogress
from ...labels.clean_up import CleanUp
from ...model.model import KMeansModel
from ...model.segmentation import Grid, Segmentation, label_pixels
from ...model.stack import KMeansStack

ModelAt = Callable[[int], KMeansModel | None]
"""Returns the model of a position along an axis of the whole image, or None while it is unknown."""


@cache
def _screen_threads() -> ThreadPoolExecutor:
    """Return the threads for labels on screen, separate from those of background jobs."""
    return ThreadPoolExecutor(N_THREADS, thread_name_prefix="napari-kmeans-screen")


def corrected(pixels: Pixels, model: KMeansModel) -> Pixels:
    """Return pixels with the illumination of a model removed, at any resolution."""
    if pixels.extractor.field is model.illumination:
        return pixels
    return replace(pixels, extractor=replace(pixels.extractor, field=model.illumination))


class OnDemandLabels:
    """Labels computed on access, with the part of the array interface that napari needs.

    Every slice is always correct, and only the labels on screen are computed.

    Parameters
    ----------
    pixels : Pixels
        Pixels of the image, or of a coarser resolution.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.shape = pixels.shape
        self.ndim = len(pixels.shape)
        self.size = pixels.size

    def become(self, other: OnDemandLabels) -> None:
        """Become other labels of the same shape, so that napari keeps the extent and the thumbnail."""
        self.__class__, self.__dict__ = other.__class__, other.__dict__

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        box, inner = _box_of_index(key, self.shape)
        labels: NDArray[np.uint8] = self._label(box)[inner]
        return labels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.compute()

    def __len__(self) -> int:
        return self.shape[0]

    def __deepcopy__(self, _memo: dict[int, Any]) -> Any:
        """Return an ordinary array, or a lazy one for a lazy image, since napari copies data to duplicate a layer."""
        return self.compute() if self.pixels.chunks is None else self.as_dask()

    def _label(self, box: Box) -> NDArray[np.uint8]:
        raise NotImplementedError

    def compute(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Return the labels of all pixels, computed block by block in threads."""
        raise NotImplementedError

    def as_dask(self) -> Any:
        """Return the labels of all pixels as a lazy dask array."""
        raise NotImplementedError


class ModelLabels(OnDemandLabels):
    """Labels of one model."""

    def __init__(self, pixels: Pixels, model: KMeansModel) -> None:
        super().__init__(pixels)
        self._model = model
        self._labeller = model.labeller(pixels.value_format)

    def _label(self, box: Box) -> NDArray[np.uint8]:
        sides = [range(*side.indices(size)) for side, size in zip(box, self.shape, strict=True)]
        labels = np.empty([len(side) for side in sides], dtype=np.uint8)
        parts = array_boxes(labels.shape)
        # Otherwise chunks would be read several times, and so would the halo of each part.
        is_whole = (
            self.pixels.chunks is not None or any(self.pixels.halo) or any(side.step != 1 for side in sides)
        )
        if is_whole or len(parts) < 2:
            self._labeller(*self.pixels.read(box), labels)
            return labels

        def write(part: Box) -> None:
            ranges = (side[at] for side, at in zip(sides, part, strict=True))
            self._labeller(*self.pixels.read(tuple(slice(r.start, r.stop) for r in ranges)), labels[part])

        list(_screen_threads().map(write, parts))
        return labels

    def compute(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        return self._model.label(self.pixels, progress)[0]

    def as_dask(self) -> Any:
        return self._model.label_lazily(self.pixels.as_lazy())


class StackLabels(OnDemandLabels):
    """Labels of one model for each position along an axis, computed when the position is viewed.

    Parameters
    ----------
    pixels : Pixels
    axis : int
    model_at : callable
        Takes a position of the whole image. If it returns None, labels are 0.
    n_positions : int
        Number of positions of the whole image; a coarser resolution may have fewer.
    """

    def __init__(self, pixels: Pixels, axis: int, model_at: ModelAt, n_positions: int) -> None:
        super().__init__(pixels)
        self._axis = axis
        self._model_at = model_at
        self._n_positions = n_positions

    def _model_of(self, place: int) -> KMeansModel | None:
        return self._model_at(place * self._n_positions // self.shape[self._axis])

    def _label(self, box: Box) -> NDArray[np.uint8]:
        rest = (*box[: self._axis], *box[self._axis + 1 :])
        places = range(*box[self._axis].indices(self.shape[self._axis]))
        shape = [len(range(*side.indices(size))) for side, size in zip(box, self.shape, strict=True)]
        labels = np.zeros(shape, dtype=np.uint8)
        for i, place in enumerate(places):
            model = self._model_of(place)
            if model is not None:
                part = ModelLabels(corrected(self.pixels.at(self._axis, place), model), model)
                labels[(slice(None),) * self._axis + (i,)] = part._label(rest)
        return labels

    def compute(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        segmentation, _ = label_stack(self.pixels, self._axis, self._model_at, progress=progress)
        labels: NDArray[np.uint8] = segmentation.labels
        return labels

    def as_dask(self) -> Any:
        import dask.array as da

        pixels = self.pixels.as_lazy()
        parts = []
        for place in range(self.shape[self._axis]):
            part, model = pixels.at(self._axis, place), self._model_of(place)
            zeros = da.zeros(part.shape, dtype=np.uint8)
            parts.append(zeros if model is None else model.label_lazily(corrected(part, model)))
        return da.stack(parts, axis=self._axis).rechunk(pixels.chunks)


def _box_of_index(key: Any, shape: tuple[int, ...]) -> tuple[Box, tuple[Any, ...]]:
    """Return the box around the elements that an index selects, and the index within this box."""
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
    pixels: Pixels,
    axis: int,
    model_at: ModelAt,
    clean_up: CleanUp | None = None,
    *,
    grid: Grid = Grid(),  # noqa: B008 - immutable
    position: int = 0,
    progress: Progress | None = None,
) -> tuple[Segmentation, KMeansStack]:
    """Label each position along an axis with its own model, and clean it separately.

    Parameters
    ----------
    pixels : Pixels
    axis : int
    model_at : callable
    clean_up : CleanUp, optional
    grid : Grid
        Grid of one position.
    position : int
        Position whose model and counts the segmentation contains.
    progress : callable, optional

    Returns
    -------
    segmentation : Segmentation
        Contains the labels of all positions.
    stack : KMeansStack
    """
    labels = np.zeros(pixels.shape, dtype=np.uint8)
    models, counts, n = [], None, pixels.shape[axis]
    for place in range(n):
        share = subprogress(progress, place / n, (place + 1) / n)
        model = model_at(place)
        assert model is not None
        part = model.coherent(corrected(pixels.at(axis, place), model))
        found = label_pixels(part, model, clean_up, share, grid=grid, recount=True, in_memory=True)
        labels[(slice(None),) * axis + (place,)] = found.labels
        models.append(found.model.without_summary())
        if place == position:
            shown, counts = found.model, found.counts
    channel_axis = None if pixels.n_channels is None else -1
    extractor, illumination = pixels.at(axis, 0).extractor, models[0].recipe.illumination
    stack = KMeansStack(tuple(models), axis, channel_axis, extractor, illumination)
    return Segmentation(labels, shown, counts), stack
