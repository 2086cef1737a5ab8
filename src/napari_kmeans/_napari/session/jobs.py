"""From what is asked to the overlay: on demand at once, and in the background what takes time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal
from superqt.utils import QSignalDebouncer

from ...blocks.boxes import Box
from ...blocks.dask_cluster import use_scheduler
from ...blocks.loop import array_boxes, run
from ...blocks.progress import Progress, subprogress
from ...labels.objects import split_into_objects
from ...model.model import KMeansModel
from ...model.segmentation import Grid, Segmentation, label_pixels
from ...model.stack import KMeansStack
from ...report.tables import cluster_table
from ..layers.image_layer import is_lazy, pixel_size, resolutions_of, transforms_of
from ..layers.insert_layer import insert_unselected
from ..layers.labels_on_demand import label_stack
from ..layers.resolutions import Resolutions
from ..layers.worker import Runner
from . import settings
from .display import Display
from .measurements import Measured, measure
from .session import Place, Session

_REST = 300  # ms without a change until the overlay becomes an ordinary array
_DRAWN = 200  # ms for an estimate to be drawn, before all pixels are read on every core
# Pixels of a 2-D or 3-D view that can be labelled at every step of the slider; larger views wait until it rests.
_LIVE_PIXELS = {2: 1 << 24, 3: 1 << 22}


class Debouncer(QSignalDebouncer):
    """A debouncer that knows whether a call is pending."""

    def __init__(self, parent: QObject, milliseconds: int) -> None:
        super().__init__(parent=parent)
        self.setTimeout(milliseconds)
        self.is_pending = False
        self.triggered.connect(self._on_triggered)

    def call_later(self) -> None:
        """Call when nothing has asked for it for the timeout."""
        self.is_pending = True
        self.throttle()

    def stop(self) -> None:
        """Drop the pending call."""
        self.is_pending = False
        self.cancel()

    def _on_triggered(self) -> None:
        self.is_pending = False


class Jobs(QObject):
    """The work for the session that the dock shows.

    There is a runner for each kind of work: measuring the image, labelling it, making layers, and exporting. A
    slider that moves on replaces the labelling only.

    Parameters
    ----------
    viewer : napari.Viewer
    display : Display
        Decides the colours of the overlay.
    parent : QObject

    Signals
    -------
    progressed(share), lasted(), stopped()
        Of the running work: its share, 0 to 1; that it has run for a while; that nothing runs any more.
    changed()
        Plots, table and overlay may have changed.
    failed(error)
    exported(path)
    """

    progressed = Signal(float)
    lasted = Signal()
    stopped = Signal()
    changed = Signal()
    failed = Signal(object)
    exported = Signal(object)

    def __init__(self, viewer: Any, display: Display, parent: QObject) -> None:
        super().__init__(parent)
        self.live = True
        """Whether the overlay follows the controls, instead of waiting for `segment`."""
        self.session: Session | None = None
        self._viewer = viewer
        self._display = display
        self.labels, self.measures, self.masks, self.exports = (Runner(self) for _ in range(4))
        self._runners = (self.labels, self.measures, self.masks, self.exports)
        self._measuring: tuple[Session, object, Place] | None = None
        self._rest = Debouncer(self, _REST)
        self._rest.triggered.connect(self._on_rest)
        self._read_all = QTimer(self)
        self._read_all.setSingleShot(True)
        self._read_all.setInterval(_DRAWN)
        self._read_all.timeout.connect(self.measure)
        for runner in self._runners:
            runner.progressed.connect(self._on_progressed)
            runner.lasted.connect(self.lasted)
            runner.stopped.connect(self._on_stopped)
            runner.failed.connect(self.failed)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is running or pending."""
        is_pending = self._rest.is_pending or self._read_all.isActive()
        return not (is_pending or any(runner.busy for runner in self._runners))

    def show(self, session: Session | None) -> None:
        """Turn to another image: measure it, or complete its overlay."""
        self.stop()
        self.session = session
        self.changed.emit()
        if session is not None and not session.is_measured:
            self.measure()
        else:
            self.complete_overlay()

    def stop(self) -> None:
        """Cancel running and pending work on clusters; its result is dropped."""
        self._stop_labels()
        self._read_all.stop()
        self.measures.stop()
        self._measuring = None

    def _stop_labels(self) -> None:
        self._rest.stop()
        self.labels.stop()

    def cancel(self) -> None:
        """Cancel everything, at the user's request."""
        self.stop()
        self.masks.stop()
        self.exports.stop()
        if self.session is not None:
            self.session.is_wanted = self.session.is_thorough = False

    def _on_progressed(self, share: float) -> None:
        # Of several runners, the one that the user waits for.
        if self.sender() is next((runner for runner in self._runners if runner.busy), None):
            self.progressed.emit(share)

    def _on_stopped(self) -> None:
        if not any(runner.busy for runner in self._runners):
            self.stopped.emit()

    # Clusters

    def update(self) -> None:
        """Show the clusters for what is asked: at once, or when the image has been measured."""
        session = self.session
        if session is None:
            return
        session.is_wanted = True
        self.changed.emit()
        if session.measured is None:
            self._stop_labels()  # of what was asked before
            if not (self.measures.busy and self._measuring == _subject(session)):
                self.measure()
            return
        if session.model is None:
            # Many clusters of many values take a while.
            clusterings, k = session.measured.clusterings, session.n_clusters
            self.labels.run(lambda progress: clusterings.clustering(k), lambda _: self.update())
            return
        self._stop_labels()
        self._rest.call_later()
        if self.live:
            session.is_wanted = False
            if self._is_quickly_labelled(session):
                self._show_on_demand(session)

    def _is_quickly_labelled(self, session: Session) -> bool:
        assert session.resolutions is not None
        n_displayed, resolutions = self._viewer.dims.ndisplay, session.resolutions.pixels
        if any(resolutions[0].halo) and not session.asked.coherence:  # neighbours have to be smoothed first
            return False
        if n_displayed == 2 and len(resolutions) > 1:
            return True  # napari chooses a resolution with about as many pixels as the screen
        return math.prod(resolutions[-1].shape[-n_displayed:]) <= _LIVE_PIXELS[n_displayed]

    def _show_on_demand(self, session: Session, table: dict[str, Any] | None = None) -> None:
        """Show labels that are computed where they are viewed."""
        assert session.model is not None
        colormap = self._display.colormap(session, session.model)
        session.overlay.show(session.labels_on_demand(), session.model, colormap, table)

    def measure(self) -> None:
        """Measure what slider and curve show: at once from sampled windows of a lazy image.

        All of a lazy image is read only when the user asks for it, and then after the estimate.
        """
        session = self.session
        assert session is not None
        known, first = session.resolutions, session.measured is None
        place, image, asked = session.place, session.image, session.asked
        preferred = settings.load()

        def work(progress: Progress) -> tuple[Resolutions, Measured]:
            resolutions = known or resolutions_of(image, asked)
            part = resolutions.finest if place is None else resolutions.finest.at(*place)
            estimate = resolutions.is_lazy and first
            # Windows are fewer pixels than it takes to reach a cluster.
            with use_scheduler(preferred.scheduler if resolutions.is_lazy and not estimate else ""):
                return resolutions, measure(
                    part, resolutions.recipe, preferred.k_max, progress, estimate=estimate
                )

        def done(result: tuple[Resolutions, Measured]) -> None:
            resolutions, measured = result
            session.set_measured(resolutions, place, measured)
            if session.is_thorough and not measured.is_estimate:
                session.is_wanted = False
                self.changed.emit()
                self._rest.stop()
                self._label(session, resolutions, session.measured)
            elif (session.is_thorough or session.is_wanted) and not self.labels.busy:
                self._show_estimate(session) if resolutions.is_lazy else self.update()
            else:
                self.changed.emit()
                if not self.labels.busy:
                    self.complete_overlay()  # which waited for the clusters of a position
            if not session.is_measured:
                self._read_all.start()

        self.measures.run(work, done)
        self._measuring = _subject(session)

    def _show_estimate(self, session: Session) -> None:
        self.update()
        if session.model is not None and session.is_wanted:  # asked for by Segment, without Live
            session.is_wanted = False
            self._show_on_demand(session)

    def complete_overlay(self) -> None:
        """Replace an on-demand overlay by an editable array, unless it has to stay on demand."""
        session = self.session
        if session is None or session.resolutions is None or not session.overlay.is_on_demand:
            return
        if not session.stays_on_demand(session.resolutions, session.measured):
            self._rest.call_later()

    def _on_rest(self) -> None:
        """Make the overlay an ordinary array, now that the user has stopped moving controls."""
        session = self.session
        if session is None:
            return
        session.end_gesture()
        if session.model is None or session.resolutions is None:
            return
        if self.live or session.overlay.is_on_demand:
            self._label(session, session.resolutions, session.measured)
        elif not session.is_refined and session.measured is not None:
            clusterings, k = session.measured.clusterings, session.n_clusters
            self.labels.run(lambda progress: clusterings.clustering(k), lambda _: self._on_refined(session))

    def _on_refined(self, session: Session) -> None:
        session.model = None
        self.changed.emit()

    def segment(self) -> None:
        """Read the pixels again, find their clusters and draw them."""
        session = self.session
        if session is None:
            return
        self.stop()
        session.end_gesture()
        if not is_lazy(session.image, session.asked):
            self._label(session, None, None)
            return
        session.forget_measurements()
        session.is_thorough = True
        self.measure()

    def _label(self, session: Session, known: Resolutions | None, measured: Measured | None) -> None:
        """Label all pixels in the background and show the result; measure first what is not known."""
        place, k_max = session.place, settings.load().k_max
        asked, image, grid = session.asked, session.image, session.grid

        def work(progress: Progress) -> tuple[Resolutions, Measured, Segmentation | None, Any]:
            resolutions = known or resolutions_of(image, asked)
            found, begin = measured, 0.0
            if found is None:
                begin = 0.5
                part = resolutions.finest if place is None else resolutions.finest.at(*place)
                found = measure(part, resolutions.recipe, k_max, subprogress(progress, 0, begin))
            model = session.model_from(found)
            if session.stays_on_demand(resolutions, found):
                return resolutions, found, None, model.confirmed(found.clusterings)
            rest = subprogress(progress, begin, 1)
            clean_up = asked.recipe.clean_up
            if place is not None:
                result, stack = label_stack(
                    resolutions.finest,
                    place[0],
                    lambda position: session.model_at(resolutions, position),
                    clean_up,
                    grid=_grid_of_position(grid, place[0]),
                    position=place[1],
                    progress=rest,
                )
                return resolutions, found, result, stack
            result = label_pixels(
                found.prepared.pixels, model, clean_up, rest, grid=grid, recount=True, in_memory=True
            )
            shown = result.model.confirmed(found.clusterings)
            return resolutions, found, Segmentation(result.labels, shown, result.counts), shown

        def done(outcome: tuple[Resolutions, Measured, Segmentation | None, Any]) -> None:
            resolutions, found, result, shown = outcome
            if measured is None:
                session.set_measured(resolutions, place, found)
            self._show_result(session, place, result, shown)
            if not session.is_measured and not self.measures.busy:
                self.measure()  # the viewer has moved to another position

        self.labels.run(work, done)

    def _show_result(
        self,
        session: Session,
        place: Place,
        result: Segmentation | None,
        shown: KMeansModel | KMeansStack,
    ) -> None:
        model = result.model if result is not None else shown
        assert isinstance(model, KMeansModel)
        if place == session.place:
            session.model, session.is_refined = model, True
            session.counts = None if result is None else result.counts
        session.is_wanted = False
        counts = None if result is None else result.counts
        table = cluster_table(model, pixel_size(session.image), counts)
        if result is not None:
            colormap = self._display.colormap(session, model)
            session.overlay.show(result.labels, shown, colormap, table)
        elif session.model is not None:
            self._show_on_demand(session, table)
        self.changed.emit()

    # Masks

    def extract(self, labels: list[int]) -> None:
        """Add clusters of the session, background included, as a mask layer."""
        session = self.session
        if session is None or session.model is None or not labels:
            return
        on_demand = session.labels_on_demand(with_background=False)[0]
        name = f"{session.image.name} {', '.join(_names(session.model, labels))}"
        chosen = np.isin(np.arange(256), labels).astype(np.uint8)

        def work(progress: Progress) -> NDArray[np.uint8]:
            mask = on_demand.compute(subprogress(progress, 0, 0.5))

            def choose(box: Box) -> None:
                mask[box] = chosen[mask[box]]

            for _ in run(choose, array_boxes(mask.shape), subprogress(progress, 0.5, 1)):
                pass
            return mask

        def done(mask: NDArray[np.uint8]) -> None:
            self._viewer.add_layer(Labels(mask, name=name, **transforms_of(session.image)))

        self.masks.run(work, done)

    def split_into_objects(self, labels: list[int]) -> None:
        """Add the connected parts of clusters, of all if none are named, as a layer with their measures."""
        session = self.session
        if session is None or session.resolutions is None or session.overlay.layer is None:
            self.failed.emit(ValueError("there are no labels yet to split into objects; press Segment"))
            return
        layer, resolutions, image = session.overlay.layer, session.resolutions, session.image
        if session.stays_on_demand(resolutions, session.measured):
            self.failed.emit(
                ValueError(
                    "objects are found in memory, and these labels are computed on demand; crop the image, or "
                    "press Segment if it is small"
                )
            )
            return
        labelled, grid, pixels = np.asarray(layer.data), session.grid, resolutions.finest

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
            name = f"{image.name} objects"
            self._viewer.add_layer(Labels(objects, name=name, features=table, **transforms_of(image)))

        self.masks.run(work, done)

    # Images

    def add_confidence(self) -> None:
        """Add how clearly each pixel belongs to its cluster, as an image drawn over the original."""
        session = self.session
        if session is None or session.resolutions is None or session.model is None:
            self.failed.emit(ValueError("there are no clusters yet; press Segment"))
            return
        if session.asked.per_axis is not None:
            self.failed.emit(
                ValueError(
                    "each position has clusters of its own; choose “Whole stack” for a confidence layer"
                )
            )
            return
        model, pixels, image = session.model, session.resolutions.finest, session.image
        channel_axis = None if pixels.n_channels is None else -1

        def work(progress: Progress) -> Any:
            return model.confidence(pixels.image, channel_axis, pixels.mask, progress=progress)

        def done(confidence: Any) -> None:
            name, transforms = f"{image.name} confidence", transforms_of(image)
            options = {"colormap": "magma", "contrast_limits": (0, 1), "opacity": 0.7}
            layer = Image(confidence, name=name, **options, **transforms)
            insert_unselected(self._viewer, layer)

        self.masks.run(work, done)

    def add_field(self) -> None:
        """Add the illumination field that was removed, as an image layer."""
        session = self.session
        field = None if session is None or session.model is None else session.model.illumination
        if session is None or session.model is None or field is None:
            self.failed.emit(ValueError("no illumination was removed; choose one in Prepare"))
            return
        values = session.model.illumination_field(field.shape)
        name, transforms = f"{session.image.name} illumination", transforms_of(session.image)
        channels = np.moveaxis(values, -1, 0) if values.ndim > len(field.shape) else [values]
        for number, channel in enumerate(channels, start=1):
            suffix = f" {number}" if len(channels) > 1 else ""
            layer = Image(channel, name=name + suffix, **transforms)
            insert_unselected(self._viewer, layer)

    # Files

    def export(self, path: Path, *, overwrite: bool) -> None:
        """Write the labels of all pixels to a file in the background."""
        session = self.session
        if session is None or session.resolutions is None or session.model is None:
            return
        colors = self._display.colors(session, session.model)
        scheduler = settings.load().scheduler

        def work(progress: Progress) -> Path:
            from .export import export_labels  # imported here, since it loads readers and writers

            export_labels(session, path, colors, scheduler, overwrite, progress)
            return path

        self.exports.run(work, self.exported.emit)


def _grid_of_position(grid: Grid, axis: int) -> Grid:
    """Return the grid of one position along an axis."""
    return Grid(grid.spacing, [other - (other > axis) for other in grid.separate_axes if other != axis])


def _subject(session: Session) -> tuple[Session, object, Place]:
    """Return what a measurement is of."""
    return session, session.asked.measured_by, session.place


def _names(model: KMeansModel, labels: list[int]) -> list[str]:
    rows = cluster_table(model.with_background([]))
    return [name for label, name in zip(rows["index"], rows["name"], strict=True) if label in labels]
