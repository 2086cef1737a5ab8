"""From a session's parameters to its overlay: looked up at once, and in the background what takes time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from ...blocks.dask_cluster import cluster_at
from ...blocks.loop import Progress, boxes, run
from ...blocks.pixels import Box
from ...model.labelling import count_labels
from ...model.model import KMeansModel
from ...model.stack import KMeansStack
from ...pipeline import label_and_count
from ...report.tables import cluster_table
from ..layers.image_layer import is_lazy, pixel_size, resolutions_of, transforms_of
from ..layers.on_demand import label_stack
from ..layers.worker import Runner, part_of
from . import settings
from .display import Display
from .measure import Measured, Resolutions, measure
from .session import Place, Session

_REST = 300  # ms without a change until the overlay is made an ordinary array
_DRAWN = 200  # ms that an estimate may take to be drawn, before all pixels are read on every core
# Pixels that a view in 2-D and in 3-D can look up anew at every step of the slider; a larger one waits for
# the slider to rest.
_LIVE_PIXELS = {2: 1 << 24, 3: 1 << 22}


class Jobs(QObject):
    """What the dock does about the parameters of the session it shows.

    There is a runner for each kind of work: to measure the image, to label it, to make masks, and to export.
    A slider that moves on replaces the labelling, and leaves alone what else was asked for.

    Parameters
    ----------
    viewer : napari.Viewer
    display : Display
        For the colours of the overlay.
    parent : QObject

    Signals
    -------
    progressed(share), lasted(), stopped()
        Of what runs: 0 to 1; that it has begun a while ago; that nothing runs any more.
    changed()
        Plots, table and overlay may show something new.
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
        """Whether the overlay follows the parameters, instead of waiting for `segment`."""
        self.session: Session | None = None
        self._viewer = viewer
        self._display = display
        self.labels, self.measures, self.masks, self.exports = (Runner(self) for _ in range(4))
        self._runners = (self.labels, self.measures, self.masks, self.exports)
        self._subject: tuple[Session, object, Place] | None = None  # of the latest measurement
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._settle)
        self._then_all = QTimer(self)
        self._then_all.setSingleShot(True)
        self._then_all.setInterval(_DRAWN)
        self._then_all.timeout.connect(self.measure)
        for runner in self._runners:
            runner.progressed.connect(self._on_progressed)
            runner.lasted.connect(self.lasted)
            runner.stopped.connect(self._on_stopped)
            runner.failed.connect(self.failed)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is running nor about to."""
        about_to = self._rest.isActive() or self._then_all.isActive()
        return not (about_to or any(runner.busy for runner in self._runners))

    def show(self, session: Session | None) -> None:
        """Turn to another image: measure it, or finish what was left before it came to rest."""
        self.stop()
        self.session = session
        self.changed.emit()
        if session is not None and not session.is_measured:
            self.measure()
        else:
            self.finish()

    def stop(self) -> None:
        """Cancel the work on clusters that is under way or about to be; its result is dropped."""
        self._stop_labels()
        self._then_all.stop()
        self.measures.stop()
        self._subject = None

    def _stop_labels(self) -> None:
        self._rest.stop()
        self.labels.stop()

    def cancel(self) -> None:
        """Cancel everything, as the person wants it."""
        self.stop()
        self.masks.stop()
        self.exports.stop()
        if self.session is not None:
            self.session.wanted = self.session.thorough = False

    def _on_progressed(self, share: float) -> None:
        # Of several, the one that the person waits for.
        if self.sender() is next((runner for runner in self._runners if runner.busy), None):
            self.progressed.emit(share)

    def _on_stopped(self) -> None:
        if not any(runner.busy for runner in self._runners):
            self.stopped.emit()

    # Clusters

    def update(self) -> None:
        """Show the clusters for the parameters as they are: at once, or when the image has been measured."""
        session = self.session
        if session is None:
            return
        session.wanted = True
        self.changed.emit()
        if session.measured is None:
            self._stop_labels()  # of earlier parameters
            if not (self.measures.busy and self._subject == _subject(session)):
                self.measure()
            return
        if session.model is None:
            # Many clusters of many values take a while to find; those that do not are there by now.
            optimum, k = session.measured.optimum, session.n_clusters
            self.labels.run(lambda progress: optimum.clustering(k), lambda _: self.update())
            return
        self._stop_labels()
        self._rest.start()
        if self.live:
            session.wanted = False
            if self._is_quickly_looked_up(session):
                self._look_up(session)

    def _is_quickly_looked_up(self, session: Session) -> bool:
        assert session.levels is not None
        n_displayed, levels = self._viewer.dims.ndisplay, session.levels.pixels
        if any(levels[0].halo):  # neighbours have to be averaged first
            return False
        if n_displayed == 2 and len(levels) > 1:
            return True  # napari chooses one with about as many pixels as the screen has
        return math.prod(levels[-1].shape[-n_displayed:]) <= _LIVE_PIXELS[n_displayed]

    def _look_up(self, session: Session, table: dict[str, Any] | None = None) -> None:
        """Show labels that are found where somebody looks."""
        assert session.model is not None
        colormap = self._display.colormap(session, session.model)
        session.overlay.show(session.look_up(), session.model, colormap, table)

    def measure(self) -> None:
        """Find out what the slider and the curve show: at once from windows of what is not in memory.

        All of that is read only when the person wanted it, and then after the estimate.
        """
        session = self.session
        assert session is not None
        known, first = session.levels, session.measured is None
        place, image, parameters = session.place, session.image, session.parameters
        preferred = settings.load()

        def work(progress: Progress) -> tuple[Resolutions, Measured]:
            levels = known or resolutions_of(image, parameters)
            part = levels.finest if place is None else levels.finest.at(*place)
            estimate = levels.lazy and first
            # Windows are fewer pixels than it takes to reach a cluster.
            with cluster_at(preferred.scheduler if levels.lazy and not estimate else ""):
                return levels, measure(part, preferred.k_max, progress, estimate=estimate)

        def done(result: tuple[Resolutions, Measured]) -> None:
            levels, measured = result
            session.set_measured(levels, place, measured)
            if session.thorough and not measured.is_estimate:
                session.wanted = False
                self.changed.emit()
                self._rest.stop()
                self._label(session, levels, session.measured)
            elif (session.thorough or session.wanted) and not self.labels.busy:
                self._show_estimate(session) if levels.lazy else self.update()
            else:
                self.changed.emit()
                if not self.labels.busy:
                    self.finish()  # which waited for the clusters of a position
            if not session.is_measured:
                self._then_all.start()

        self.measures.run(work, done)
        self._subject = _subject(session)

    def _show_estimate(self, session: Session) -> None:
        self.update()
        if session.model is not None and session.wanted:  # asked for by Segment, without Live
            session.wanted = False
            self._look_up(session)

    def finish(self) -> None:
        """See to it that an overlay does not stay looked up, which nobody can paint in."""
        session = self.session
        if session is None or session.levels is None or not session.overlay.looked_up:
            return
        if not session.stays_looked_up(session.levels, session.measured):
            self._rest.start()

    def _settle(self) -> None:
        """Make the overlay an ordinary array, now that the person has stopped moving controls."""
        session = self.session
        if session is None:
            return
        session.end_gesture()
        if session.model is None or session.levels is None:
            return
        if self.live or session.overlay.looked_up:
            self._label(session, session.levels, session.measured)
        elif not session.refined and session.measured is not None:
            optimum, k = session.measured.optimum, session.n_clusters
            self.labels.run(lambda progress: optimum.clustering(k), lambda _: self._refined(session))

    def _refined(self, session: Session) -> None:
        session.model = None
        self.changed.emit()

    def segment(self) -> None:
        """Read the pixels, find their clusters and draw them, whatever was known before."""
        session = self.session
        if session is None:
            return
        self.stop()
        session.end_gesture()
        if not is_lazy(session.image, session.parameters):
            self._label(session, None, None)
            return
        session.forget_measurements()
        session.thorough = True
        self.measure()

    def _label(self, session: Session, known: Resolutions | None, measured: Measured | None) -> None:
        """Label all pixels in the background and show the result; read and measure what is not known first.

        Of what is only looked up, find out what the labels alone would tell.
        """
        place, k_max = session.place, settings.load().k_max
        parameters, image = session.parameters, session.image
        clean_up, axis = parameters.clean_up, None if place is None else place[0]

        def work(progress: Progress) -> Any:
            levels = known or resolutions_of(image, parameters)
            pixels = levels.finest
            found, (begin, middle) = measured, (0.0, 0.5 if clean_up else 1.0)
            if found is None:
                begin = 0.5 * middle
                part = pixels if place is None else pixels.at(*place)
                found = measure(part, k_max, part_of(progress, 0, begin))
            model = session.model_from(found)
            if session.stays_looked_up(levels, found):
                return levels, found, model.confirmed(found.optimum), None, None, None
            labelling = part_of(progress, begin, middle)
            background = not clean_up  # else it takes part in that
            if axis is not None:

                def model_at(position: int) -> KMeansModel | None:
                    there = session.model_at(levels, position)
                    return there if background or there is None else there.with_background([])

                labels, stack = label_stack(pixels, axis, model_at, labelling)
                shown: KMeansModel | KMeansStack = stack.with_background(model.background)
            else:
                plain = model if background else model.with_background([])
                labels, plain = label_and_count(plain, pixels, labelling)
                model = shown = plain.with_background(model.background).confirmed(found.optimum)
            counts = None
            if clean_up:
                from .clean import cleaned

                labels = cleaned(labels, clean_up, model, image, axis, part_of(progress, middle, 1))
                counts = count_labels(labels, 255)
            return levels, found, model, labels, shown, counts

        def done(result: Any) -> None:
            levels, found, model, labels, shown, counts = result
            if measured is None:
                session.set_measured(levels, place, found)
            if place == session.place:
                session.model, session.refined = model, True
            session.wanted = False
            if counts is not None:
                counts = np.append(0, counts)[: model.n_clusters + 1]
            table = cluster_table(model, pixel_size(session.image), counts)
            if labels is not None:
                session.overlay.show(labels, shown, self._display.colormap(session, model), table)
            elif session.model is not None:
                self._look_up(session, table)
            self.changed.emit()
            if not session.is_measured and not self.measures.busy:
                self.measure()  # for the viewer has moved to another position

        self.labels.run(work, done)

    # Masks

    def extract(self, labels: list[int]) -> None:
        """Add clusters of the session as a mask layer of its own, the background's too."""
        session = self.session
        if session is None or session.model is None or not labels:
            return
        look_up = session.look_up(with_background=False)[0]
        name = f"{session.image.name} {', '.join(_names(session.model, labels))}"
        chosen = np.isin(np.arange(256), labels).astype(np.uint8)

        def work(progress: Progress) -> NDArray[np.uint8]:
            mask = look_up.look_up_all(part_of(progress, 0, 0.5))

            def choose(box: Box) -> None:
                mask[box] = chosen[mask[box]]

            for _ in run(choose, boxes(mask.shape), part_of(progress, 0.5, 1)):
                pass
            return mask

        def done(mask: NDArray[np.uint8]) -> None:
            self._viewer.add_layer(Labels(mask, name=name, **transforms_of(session.image)))

        self.masks.run(work, done)

    def split_into_objects(self, labels: list[int]) -> None:
        """Add the connected parts of clusters, of all if none are named, as a layer with their measures."""
        session = self.session
        if session is None or session.levels is None or session.overlay.layer is None:
            self.failed.emit(ValueError("there are no labels yet to split into objects; press Segment"))
            return
        layer, levels, image = session.overlay.layer, session.levels, session.image
        if session.stays_looked_up(levels, session.measured):
            self.failed.emit(
                ValueError(
                    "objects are found in memory, and these labels are not; cut out a part of the image, or "
                    "press Segment if it is small"
                )
            )
            return
        labelled, axis = np.asarray(layer.data), session.parameters.per_axis

        def work(progress: Progress) -> Any:
            from .clean import objects_of

            return objects_of(labelled, labels, levels.finest, image, axis, progress)

        def done(result: Any) -> None:
            objects, table = result
            name = f"{image.name} objects"
            new = Labels(objects, name=name, features=table, **transforms_of(image))
            self._viewer.add_layer(new)

        self.masks.run(work, done)

    # Files

    def export(self, path: Path, *, overwrite: bool) -> None:
        """Write the labels of the session to a file in the background, from all pixels of the image."""
        session = self.session
        if session is None or session.levels is None or session.model is None:
            return
        colors = self._display.colors(session, session.model)
        scheduler = settings.load().scheduler

        def work(progress: Progress) -> Path:
            from .export import (
                export_labels,
            )  # here, for few need it and it brings readers and writers of files

            export_labels(session, path, colors, scheduler, overwrite, progress)
            return path

        self.exports.run(work, self.exported.emit)


def _subject(session: Session) -> tuple[Session, object, Place]:
    """What a measurement is of."""
    return session, session.parameters.described, session.place


def _names(model: KMeansModel, labels: list[int]) -> list[str]:
    rows = cluster_table(model.with_background([]))
    return [name for label, name in zip(rows["index"], rows["name"], strict=True) if label in labels]
