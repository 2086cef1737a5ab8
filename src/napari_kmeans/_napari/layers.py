"""Between napari's layers and the engine: an image's pixels, and what its Labels layer shares with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from ..blocks import Progress
from ..labelling import labeller
from ..model import KMeansModel, KMeansStack
from ..pipeline import label_and_count
from ..pixels import Pixels
from ..report import PixelSize
from .worker import Job, part_of

METADATA_KEY = "napari-kmeans"

_AT_ONCE = 1 << 20  # pixels that can be looked up without the window's seeming to hang


def unwrap(thing: Any) -> Any:
    """Return what is behind the proxy that napari hands to plugins, where ``is`` and weak references fail."""
    return getattr(thing, "__wrapped__", thing)


def pixels_of(layer: Image, features: str = "gray") -> Pixels:
    """Pixels of an Image layer.

    Raises
    ------
    ValueError, TypeError
        With a sentence for the person, if the layer is of a kind that cannot be clustered.
    """
    if layer.multiscale and len(layer.data) > 1:
        raise ValueError(
            f"“{layer.name}” is a multiscale image; add one of its levels as an image of its own to cluster."
        )
    data = layer.data[0] if layer.multiscale else layer.data
    if not isinstance(data, np.ndarray):
        raise ValueError(
            f"“{layer.name}” is held as {type(data).__module__.split('.')[0]} and not in memory; add "
            "numpy.asarray(layer.data) as an image of its own to cluster it, if it fits."
        )
    return Pixels.of(data, features=features, channel_axis=-1 if layer.rgb else None)


def transforms_of(layer: Image) -> dict[str, Any]:
    """Keywords that lay a Labels layer exactly over an image."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def axis_name(layer: Image, axis: int) -> str:
    """What the layer calls an axis, or its number if it was not named."""
    label = str(layer.axis_labels[axis])
    return f"axis {axis}" if label.lstrip("-").isdigit() else label


def pixel_size(layer: Image) -> PixelSize | None:
    """Size of a pixel in the layer's units, or None if it has none.

    The determinant of data → world over the spatial axes; a time axis is not one.
    """
    spatial = [axis for axis in range(layer.ndim) if not _is_time(layer, axis)]
    units = {f"{layer.units[axis]:~P}" for axis in spatial}
    if len(units) != 1 or units <= {"px", "pixel", ""} or len(spatial) not in (1, 2, 3):
        return None
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    steps = [np.asarray(layer.data_to_world(np.eye(layer.ndim)[axis])) - origin for axis in spatial]
    matrix = np.array(steps)[:, spatial]
    [unit] = units
    exponent = ("", "²", "³")[len(spatial) - 1]
    axes = ", ".join(axis_name(layer, axis) for axis in spatial)
    return PixelSize(float(abs(np.linalg.det(matrix))), unit + exponent, axes)


def _is_time(layer: Image, axis: int) -> bool:
    label = str(layer.axis_labels[axis]).lower()
    return label in ("t", "time") or dict(layer.units[axis].dimensionality) == {"[time]": 1}


class _ArrayLike:
    """What napari asks of an array, for labels that are found when somebody asks, and then only where.

    Every slice is right at any moment and costs what is on screen.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.shape = pixels.shape
        self.ndim = len(pixels.shape)
        self.size = pixels.size

    def become(self, other: _ArrayLike) -> None:
        """Look up what another one does, of the same shape, without anybody's noticing a new array."""
        self.__class__, self.__dict__ = other.__class__, other.__dict__

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        raise NotImplementedError

    def _full(self, key: Any) -> tuple[Any, ...]:
        """Return an index with one entry an axis."""
        key = key if isinstance(key, tuple) else (key,)
        at = next((i for i, part in enumerate(key) if part is Ellipsis), len(key))
        head, tail = key[:at], key[at + 1 :]
        return (*head, *(slice(None),) * (self.ndim - len(head) - len(tail)), *tail)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.look_up_all()

    def look_up_all(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Labels of every pixel, block by block, in threads."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.shape[0]


class LookUp(_ArrayLike):
    """Labels of one model, looked up in the image."""

    def __init__(self, pixels: Pixels, model: KMeansModel) -> None:
        super().__init__(pixels)
        self._model = model
        self._label = labeller(model.exact_thresholds, model.label_of_cluster, pixels.scalar)

    def look_up_all(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        return self._model.label(self.pixels, progress)[0]

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        values, include = self.pixels.read(self._full(key))
        labels = np.empty(np.shape(values), dtype=np.uint8)
        self._label(np.asarray(values), include, labels)
        return labels


class StackLookUp(_ArrayLike):
    """Labels of one model a position along an axis, made when the position is looked at.

    Parameters
    ----------
    pixels : Pixels
    axis : int
    model_at : callable
        Takes the pixels and a position, and returns the model of that position.
    """

    def __init__(self, pixels: Pixels, axis: int, model_at: Callable[[Pixels, int], KMeansModel]) -> None:
        super().__init__(pixels)
        self._axis = axis
        self._model_at = model_at

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        key = self._full(key)
        where = key[self._axis]
        rest = key[: self._axis] + key[self._axis + 1 :]
        if not isinstance(where, slice):
            return self._look_up(int(where))[rest]
        parts = [self._look_up(position)[rest] for position in range(*where.indices(self.shape[self._axis]))]
        # Axes that were asked for at one place are gone from the result.
        axis = sum(isinstance(part, slice) for part in key[: self._axis])
        return np.stack(parts, axis=axis) if parts else np.empty(self.shape, dtype=np.uint8)[key]

    def look_up_all(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        return label_stack(self.pixels, self._axis, self._model_at, progress)[0]

    def _look_up(self, position: int) -> LookUp:
        position %= self.shape[self._axis]
        return LookUp(self.pixels.at(self._axis, position), self._model_at(self.pixels, position))


def label_stack(
    pixels: Pixels,
    axis: int,
    model_at: Callable[[Pixels, int], KMeansModel],
    progress: Progress | None = None,
) -> tuple[NDArray[np.uint8], KMeansStack]:
    """Label each position along an axis with its own model.

    Returns
    -------
    labels : uint8 array
        Of the spatial shape.
    stack : KMeansStack
    """
    labels = np.empty(pixels.shape, dtype=np.uint8)
    models = []
    n = pixels.shape[axis]
    for position in range(n):
        part = pixels.at(axis, position)
        place = (slice(None),) * axis + (position,)
        inner = progress and part_of(progress, position / n, (position + 1) / n)
        labels[place], model = label_and_count(model_at(pixels, position), part, inner)
        models.append(model.without_summary())
    channel_axis = None if pixels.n_channels is None else -1
    return labels, KMeansStack(tuple(models), axis, channel_axis, pixels.feature.name)


def _make_ordinary(layer: Labels) -> None:
    """Give a layer that is a person's now an array to paint in; a large one when it has been looked up."""
    look_up = layer.data
    if look_up.size < _AT_ONCE:
        layer.data = look_up.look_up_all()
        return

    def done(labels: NDArray[np.uint8]) -> None:
        if layer.data is look_up:
            layer.data = labels

    job = Job(look_up.look_up_all)
    job.succeeded.connect(done)
    job.start()


class Overlay:
    """The Labels layer that shows an image's clusters, as long as it is ours.

    Once a person paints in it, renames it, sets its data or keeps it, it is theirs: the next result goes
    into a new layer. Opacity, contour and visibility are set when a layer is made and never after.
    """

    def __init__(self, viewer: Any, image: Image, opacity: float = 0.5) -> None:
        self._viewer = viewer
        self._image = image
        self._opacity = opacity
        self._contour = 0
        self._layer: Labels | None = None
        self._busy = False

    @property
    def layer(self) -> Labels | None:
        """The layer, while it is in the viewer and ours."""
        if self._layer is not None and self._layer not in self._viewer.layers:
            self.release()
        return self._layer

    @property
    def contour(self) -> int:
        """Width of borders drawn instead of areas, or 0; of the next layer, if there is none."""
        return self._contour if self.layer is None else self.layer.contour

    @contour.setter
    def contour(self, contour: int) -> None:
        self._contour = contour
        if self.layer is not None:
            self.layer.contour = contour

    @property
    def looked_up(self) -> bool:
        """Whether the layer is still to be made an ordinary one."""
        return self.layer is not None and isinstance(self.layer.data, _ArrayLike)

    def release(self) -> None:
        """Leave the layer to the person."""
        if self._layer is None:
            return
        for name in ("paint", "data", "name"):
            getattr(self._layer.events, name).disconnect(self._on_change)
        if isinstance(self._layer.data, _ArrayLike):
            _make_ordinary(self._layer)
        self._layer = None

    def recolor(self, colormap: Any) -> None:
        """Draw the clusters in other colours."""
        if self.layer is not None and self.layer.colormap is not colormap:
            self.layer.colormap = colormap

    def show(
        self,
        data: NDArray[np.uint8] | _ArrayLike,
        model: KMeansModel | KMeansStack,
        colormap: Any,
        table: dict[str, Any] | None,
    ) -> None:
        """Show labels, in the layer there is or in a new one right above the image.

        `data` that is looked up cannot be painted in. `table` goes to the layer's features.
        """
        layer = self.layer
        self._busy = True
        try:
            if layer is None:
                layer = self._layer = self._make(data, colormap)
            else:
                if isinstance(data, _ArrayLike) and isinstance(layer.data, _ArrayLike):
                    # The same layer with other labels: napari need not think its extent over.
                    layer.data.become(data)
                    layer.refresh(extent=False, thumbnail=False)
                else:
                    layer.data = data
                self.recolor(colormap)
            editable = not isinstance(data, _ArrayLike)
            if layer.editable != editable:
                layer.editable = editable
            if table is not None:
                layer.metadata = {**layer.metadata, METADATA_KEY: model.to_json()}
                layer.features = table
        finally:
            self._busy = False

    def _make(self, data: NDArray[np.uint8] | _ArrayLike, colormap: Any) -> Labels:
        layers = self._viewer.layers
        layer = Labels(
            data,
            name=f"{self._image.name} k-means",
            opacity=self._opacity,
            colormap=colormap,
            **transforms_of(self._image),
        )
        layer.contour = self._contour
        # A new layer becomes the active one, which would take the person's tools away from the image.
        selected, active = set(layers.selection), layers.selection.active
        layers.insert(layers.index(self._image) + 1, layer)
        layers.selection.clear()
        layers.selection.update(selected)
        layers.selection.active = active
        for name in ("paint", "data", "name"):
            getattr(layer.events, name).connect(self._on_change)
        return layer

    def _on_change(self) -> None:
        """Hand the layer over when the person changes it."""
        if not self._busy:
            self.release()
