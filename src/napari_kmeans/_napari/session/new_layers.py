"""New layers from a result: masks, objects, confidence and illumination."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from ...blocks.boxes import Box
from ...blocks.containers import Contents
from ...blocks.loop import array_boxes, run
from ...blocks.progress import Progress, subprogress
from ...labels.objects import split_into_objects
from ...model.model import KMeansModel
from ...model.segmentation import clean_segmentation
from ...report.tables import cluster_table
from ..layers.image_layer import transforms_of
from ..layers.insert_layer import insert_unselected
from ..layers.worker import Runner
from .result_labels import labels_on_demand
from .session import Session


class NewLayers(QObject):
    """Add layers that belong to the user.

    Parameters
    ----------
    viewer : napari.Viewer
    session : callable
        Returns the session that the dock shows, or None.
    parent : QObject

    Attributes
    ----------
    runner : Runner
        Computes the layers in the background, one after another.

    Signals
    -------
    failed(error)
        There is no result to make the layer from.
    objects_added(n, name)
        The new layer of this name contains n objects.
    """

    objects_added = Signal(int, str)
    failed = Signal(object)

    def __init__(self, viewer: Any, session: Callable[[], Session | None], parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._session = session
        self.runner = Runner(self)

    def extract(self, labels: list[int]) -> None:
        """Add clusters of the session, even if they are background, as a mask layer, after any clean-up."""
        session = self._session()
        if session is None or session.model is None or not labels:
            return
        on_demand = labels_on_demand(session, with_background=False)[0]
        model, request = session.model.with_background([]), session.request
        assert session.resolutions is not None
        # As on screen: labels on demand are not cleaned up.
        stays = request.stays_on_demand(session.resolutions, session.measured)
        clean_up = None if stays else session.settings.recipe.clean_up
        name = f"{session.image.name} {', '.join(_names(session.model, labels))}"
        chosen = np.isin(np.arange(256), labels).astype(np.uint8)

        def work(progress: Progress) -> NDArray[np.uint8]:
            mask = on_demand.compute(subprogress(progress, 0, 0.5))
            if clean_up:
                mask = clean_segmentation(
                    mask, model, clean_up, request.grid, subprogress(progress, 0.5, 0.9)
                )

            def choose(box: Box) -> None:
                mask[box] = chosen[mask[box]]

            for _ in run(choose, array_boxes(mask.shape), subprogress(progress, 0.9 if clean_up else 0.5, 1)):
                pass
            return mask

        def done(mask: NDArray[np.uint8]) -> None:
            self._viewer.add_layer(Labels(mask, name=name, **transforms_of(session.image)))

        self.runner.queue(name, work, done)

    def split_into_objects(self, labels: list[int]) -> None:
        """Add the connected components of clusters, by default of all, as a layer with measurements."""
        session = self._session()
        if session is None or session.resolutions is None or session.overlay.layer is None:
            self.failed.emit(ValueError("there are no labels to split into objects yet; press Segment"))
            return
        layer, resolutions, image = session.overlay.layer, session.resolutions, session.image
        if session.request.stays_on_demand(resolutions, session.measured):
            self.failed.emit(
                ValueError(
                    "objects can only be found in memory, but these labels are computed on demand; crop the "
                    "image, or press Segment if it is small"
                )
            )
            return
        labelled, grid, pixels = np.asarray(layer.data), session.request.grid, resolutions.finest

        def work(progress: Progress) -> Any:
            return split_into_objects(
                labelled,
                labels or None,
                intensity_image=pixels.image,
                channel_axis=None if pixels.n_channels is None else -1,
                spacing=grid.spacing,
                per_axis=list(grid.separate_axes) or None,
                progress=progress,
            )

        def done(result: Any) -> None:
            objects, table = result
            layer = Labels(objects, name=f"{image.name} objects", features=table, **transforms_of(image))
            self._viewer.add_layer(layer)
            self.objects_added.emit(len(layer.features), layer.name)

        self.runner.queue("objects", work, done)

    def add_confidence(self) -> None:
        """Add an image layer of how clearly each pixel belongs to its cluster."""
        session = self._session()
        if session is None or session.resolutions is None or session.model is None:
            self.failed.emit(ValueError("there are no clusters yet; press Segment"))
            return
        if session.settings.per_axis is not None:
            self.failed.emit(
                ValueError("each position has its own clusters; choose “Whole stack” for a confidence layer")
            )
            return
        model, pixels, image = session.model, session.resolutions.finest, session.image
        contents = Contents(pixels.image, None if pixels.n_channels is None else -1)

        def work(progress: Progress) -> Any:
            return model.confidence(contents, mask=pixels.mask, progress=progress)

        def done(confidence: Any) -> None:
            name, transforms = f"{image.name} confidence", transforms_of(image)
            options = {"colormap": "magma", "contrast_limits": (0, 1), "opacity": 0.7}
            layer = Image(confidence, name=name, **options, **transforms)
            insert_unselected(self._viewer, layer)

        self.runner.queue("confidence", work, done)

    def add_field(self) -> None:
        """Add the illumination field that was removed, as an image layer."""
        session = self._session()
        field = None if session is None or session.model is None else session.model.illumination
        if session is None or field is None:
            self.failed.emit(
                ValueError("no illumination was removed; choose a kind in Prepare ▸ Illumination")
            )
            return
        name, transforms = f"{session.image.name} illumination", transforms_of(session.image)
        shape = field.shape

        def work(progress: Progress) -> NDArray[np.float64]:
            return field.evaluate_image(shape)

        def done(values: NDArray[np.float64]) -> None:
            channels = np.moveaxis(values, -1, 0) if values.ndim > len(shape) else [values]
            for number, channel in enumerate(channels, start=1):
                suffix = f" {number}" if len(channels) > 1 else ""
                insert_unselected(self._viewer, Image(channel, name=name + suffix, **transforms))

        self.runner.queue("illumination", work, done)


def _names(model: KMeansModel, labels: list[int]) -> list[str]:
    rows = cluster_table(model.with_background([]))
    return [name for label, name in zip(rows["index"], rows["name"], strict=True) if label in labels]
