"""The Labels layer that shows an image's clusters, and who owns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from ...model.model import KMeansModel
from ...model.stack import KMeansStack
from .image_layer import METADATA_KEY, transforms_of
from .on_demand import LookUp
from .worker import Job

_AT_ONCE = 1 << 20  # pixels that can be looked up without the window's seeming to hang

LabelsData = NDArray[np.uint8] | Sequence[LookUp]
"""An array to paint in, or labels to be looked up: one array-like for each level of a multiscale image."""


def look_ups_of(layer: Labels) -> list[LookUp]:
    """What a layer looks up: one array-like a level, or none at all."""
    levels = list(layer.data) if layer.multiscale else [layer.data]
    return [level for level in levels if isinstance(level, LookUp)]


def _make_ordinary(layer: Labels) -> None:
    """Give a layer that is a person's now an array to paint in; a large one when it has been looked up.

    Of an image that is not in memory it becomes a dask array, which nobody can paint in.
    """
    look_ups = look_ups_of(layer)
    if layer.multiscale or look_ups[0].pixels.chunks is not None:
        lazy = [look_up.lazily() for look_up in look_ups]
        layer.data = lazy if layer.multiscale else lazy[0]
        return
    [look_up] = look_ups
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
        return self.layer is not None and bool(look_ups_of(self.layer))

    def release(self) -> None:
        """Leave the layer to the person."""
        if self._layer is None:
            return
        for name in ("paint", "data", "name"):
            getattr(self._layer.events, name).disconnect(self._on_change)
        if look_ups_of(self._layer):
            _make_ordinary(self._layer)
        self._layer = None

    def recolor(self, colormap: Any) -> None:
        """Draw the clusters in other colours."""
        if self.layer is not None and self.layer.colormap is not colormap:
            self.layer.colormap = colormap

    def show(
        self,
        data: LabelsData,
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
                self._set_data(layer, data)
                self.recolor(colormap)
            editable = isinstance(data, np.ndarray)
            if layer.editable != editable:
                layer.editable = editable
            if table is not None:
                layer.metadata = {**layer.metadata, METADATA_KEY: model.to_json()}
                layer.features = table
        finally:
            self._busy = False

    def _set_data(self, layer: Labels, data: LabelsData) -> None:
        before = look_ups_of(layer)
        if isinstance(data, np.ndarray):
            layer.data = data
        elif before:
            # The same layer with other labels: napari need not think its extent over.
            for old, new in zip(before, data, strict=True):
                old.become(new)
            layer.refresh(extent=False, thumbnail=False)
        else:
            layer.data = list(data) if layer.multiscale else data[0]

    def _make(self, data: LabelsData, colormap: Any) -> Labels:
        layers = self._viewer.layers
        multiscale = not isinstance(data, np.ndarray) and len(data) > 1
        layer = Labels(
            data if multiscale or isinstance(data, np.ndarray) else data[0],
            multiscale=multiscale,
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
