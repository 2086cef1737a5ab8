"""The Labels layer that shows the clusters of an image, and its ownership."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from ...blocks.containers import levels_of
from ...model.model import KMeansModel
from ...model.stack import KMeansStack
from .image_layer import METADATA_KEY, transforms_of
from .insert_layer import insert_result
from .labels_on_demand import OnDemandLabels
from .worker import Job

_AT_ONCE = 1 << 20  # pixels that can be labelled without a noticeable delay

LabelsData = NDArray[np.uint8] | Sequence[OnDemandLabels]
"""An editable array, or labels on demand: one array-like per resolution level of a multiscale image."""


def on_demand_parts(layer: Labels) -> list[OnDemandLabels]:
    """Return the on-demand labels of a layer, one per resolution level; empty for an ordinary layer."""
    return [level for level in levels_of(layer) if isinstance(level, OnDemandLabels)]


def _make_editable(layer: Labels) -> None:
    """Give a layer that now belongs to the user an editable array; a large one is computed in the background.

    For a lazy image, the data become a dask array, which is not editable.
    """
    parts = on_demand_parts(layer)
    if layer.multiscale or parts[0].pixels.chunks is not None:
        lazy = [part.as_dask() for part in parts]
        layer.data = lazy if layer.multiscale else lazy[0]
        return
    [part] = parts
    if part.size < _AT_ONCE:
        layer.data = part.compute()
        return

    def done(labels: NDArray[np.uint8]) -> None:
        if layer.data is part:
            layer.data = labels

    job = Job(part.compute)
    job.succeeded.connect(done)
    job.start()


class Overlay:
    """The Labels layer that shows the clusters of an image, while the dock owns it.

    Once the user paints in the layer, renames it, sets its data or chooses *Keep this result*, it belongs to the
    user, and the next result gets a new layer. Opacity, contour and visibility are set only when a layer is made.
    """

    def __init__(self, viewer: Any, image: Image, opacity: float = 0.5) -> None:
        self._viewer = viewer
        self._image = image
        self._opacity = opacity
        self._contour = 0
        self._layer: Labels | None = None

    @property
    def layer(self) -> Labels | None:
        """The layer, while it is in the viewer and the dock owns it."""
        if self._layer is not None and self._layer not in self._viewer.layers:
            self.release()
        return self._layer

    @property
    def contour(self) -> int:
        """Width of outlines drawn instead of filled regions, or 0; also used for the next layer."""
        return self._contour if self.layer is None else self.layer.contour

    @contour.setter
    def contour(self, contour: int) -> None:
        self._contour = contour
        if self.layer is not None:
            self.layer.contour = contour

    @property
    def is_on_demand(self) -> bool:
        """Whether the labels of the layer are computed on demand."""
        return self.layer is not None and bool(on_demand_parts(self.layer))

    def release(self) -> None:
        """Leave the layer to the user."""
        if self._layer is None:
            return
        for name in ("paint", "data", "name"):
            getattr(self._layer.events, name).disconnect(self.release)
        if on_demand_parts(self._layer):
            _make_editable(self._layer)
        self._layer = None

    def follow_image(self, name: str) -> None:
        """Copy one of `TRANSFORMS` from the image, after it has changed."""
        if self.layer is not None:
            setattr(self.layer, name, getattr(self._image, name))

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
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Show labels in the existing layer, or in a new one above the image and its earlier results.

        Labels on demand are not editable. `table` becomes the features of the layer, and `metadata` is
        added to its metadata with the table.
        """
        layer = self.layer
        if layer is None:
            layer = self._layer = self._make(data, colormap)
        else:
            with layer.events.data.blocker(self.release):  # `release` is only for data set by the user
                self._set_data(layer, data)
            self.recolor(colormap)
        editable = isinstance(data, np.ndarray)
        if layer.editable != editable:
            layer.editable = editable
        if table is not None:
            layer.metadata = {**layer.metadata, **(metadata or {}), METADATA_KEY: model.to_json()}
            layer.features = table

    def _set_data(self, layer: Labels, data: LabelsData) -> None:
        before = on_demand_parts(layer)
        if isinstance(data, np.ndarray):
            layer.data = data
        elif before:
            # With the same array object, napari does not recompute extent and thumbnail.
            for old, new in zip(before, data, strict=True):
                old.become(new)
            layer.refresh(extent=False, thumbnail=False)
        else:
            layer.data = list(data) if layer.multiscale else data[0]

    def _make(self, data: LabelsData, colormap: Any) -> Labels:
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
        insert_result(self._viewer, self._image, layer)
        for name in ("paint", "data", "name"):
            getattr(layer.events, name).connect(self.release)
        return layer
