"""From the settings to the overlay: labels on demand at once, everything slower in the background."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtGui import QGuiApplication

from ...blocks.dask_cluster import use_scheduler
from ...blocks.progress import Progress
from ...model.model import KMeansModel
from ...model.segmentation import Segmentation
from ...model.stack import KMeansStack
from ...report.tables import cluster_table
from ..layers.first_overlay import compile_label_dictionaries
from ..layers.image_layer import is_lazy, pixel_size, resolutions_of
from ..layers.resolutions import Place, Resolutions
from ..layers.worker import Job, Runner
from . import preferences
from .applying import Applying
from .debouncer import Debouncer
from .display import Display
from .intervals import Intervals
from .labelling import Labelled, labelling
from .measurements import Measured, measure
from .new_layers import NewLayers
from .provenance import PROVENANCE_KEY, provenance_of
from .result_labels import labels_on_demand
from .session import Session

_REST = 300  # ms without a change until the overlay becomes an ordinary array
_RELEASED = 50  # ms between two checks whether the mouse is released
_DRAWN = 200  # ms to draw an estimate, before reading all pixels occupies every core
# Pixels of a 2D or 3D view that can be labelled at every step of the slider; larger views wait until it stops.
_LIVE_PIXELS = {2: 1 << 24, 3: 1 << 22}


class Jobs(QObject):
    """Background jobs for the session that the dock shows.

    There is a runner for each kind of job, such as measuring the image, labelling it and exporting. Moving the
    slider replaces only the labelling job.

    Parameters
    ----------
    viewer : napari.Viewer
    display : Display
        Decides the colours of the overlay.
    parent : QObject

    Signals
    -------
    progressed(share), preparing(), taking_long(), stopped()
        State of the running job: its progress, 0 to 1; it is still compiling; it has run for a while; no job
        is running any more.
    changed()
        Plots, table and overlay may have changed.
    failed(error)
    exported(path)
    """

    progressed = Signal(float)
    preparing = Signal()
    taking_long = Signal()
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
        self.labels, self.measures, self.exports = (Runner(self) for _ in range(3))
        self.new_layers = NewLayers(viewer, lambda: self.session, self)
        self.new_layers.failed.connect(self.failed)
        self.intervals = Intervals(lambda: self.session, self)
        self.intervals.failed.connect(self.failed)
        self.intervals.found.connect(self.changed)
        self.applying = Applying(viewer, display, lambda: self.session, self)
        self.applying.failed.connect(self.failed)
        self._on_request = (
            *(self.new_layers.runner, self.intervals.runner, self.applying.runner, self.applying.comparison),
            self.exports,
        )
        self._runners = (self.labels, self.measures, *self._on_request)
        self._measuring: tuple[Session, object, Place] | None = None
        self._when_labelled: dict[str, Callable[[], None]] = {}
        self._rest = Debouncer(self, _REST)
        self._rest.triggered.connect(self._on_rest)
        self._held = QTimer(self)
        self._held.setSingleShot(True)
        self._held.setInterval(_RELEASED)
        self._held.timeout.connect(self._end_gesture)
        self._read_all = QTimer(self)
        self._read_all.setSingleShot(True)
        self._read_all.setInterval(_DRAWN)
        self._read_all.timeout.connect(self.measure)
        for runner in self._runners:
            runner.progressed.connect(self._on_progressed)
            runner.preparing.connect(self.preparing)
            runner.taking_long.connect(self.taking_long)
            runner.stopped.connect(self._on_stopped)
            runner.failed.connect(self.failed)
        for runner in (self.labels, self.measures):
            runner.failed.connect(self._forget_actions)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is running or pending."""
        is_pending = self._rest.is_pending or self._read_all.isActive() or bool(self._when_labelled)
        return not (is_pending or any(runner.busy for runner in self._runners))

    def show(self, session: Session | None) -> None:
        """Switch to another image: measure it, or complete its overlay."""
        self.stop()
        self.session = session
        self.changed.emit()
        if session is not None and not session.is_measured:
            self.measure()
        elif session is not None and session.is_wanted:
            self.update()
        else:
            self.complete_overlay()

    def stop(self) -> None:
        """Cancel running and pending jobs for clusters, and drop their results."""
        self._forget_actions()
        self._stop_labels()
        self._read_all.stop()
        self.measures.stop()
        self._measuring = None

    def _stop_labels(self) -> None:
        self._rest.stop()
        self.labels.stop()

    def cancel(self) -> bool:
        """Cancel everything, at the user's request; return whether clusters or labels are now incomplete."""
        is_incomplete = self.measures.busy or self.labels.busy
        self.stop()
        for runner in self._on_request:
            runner.stop()
        if self.session is not None:
            self.session.is_wanted = self.session.is_thorough = False
        return is_incomplete

    def _on_progressed(self, share: float) -> None:
        # With several busy runners, show the progress of the first.
        if self.sender() is next((runner for runner in self._runners if runner.busy), None):
            self.progressed.emit(share)

    def _on_stopped(self) -> None:
        if not any(runner.busy for runner in self._runners):
            self.stopped.emit()
        QTimer.singleShot(0, self._act_when_labelled)  # later, because a new job may follow at once

    # What needs the labels for the current settings

    def when_labelled(self, name: str, action: Callable[[], None]) -> None:
        """Call a function as soon as the overlay shows the labels for the current settings.

        A user may press buttons while they are still being computed. If they fail or are cancelled, the
        functions are not called. A function replaces one of the same name.
        """
        self._when_labelled[name] = action
        self._act_when_labelled()

    def _act_when_labelled(self) -> None:
        session, actions = self.session, list(self._when_labelled.values())
        measured_first = session is not None and session.is_wanted and self.live and self.measures.busy
        if measured_first or self._rest.is_pending or self.labels.busy:
            return
        self._forget_actions()
        for action in actions:
            action()

    def _forget_actions(self) -> None:
        self._when_labelled.clear()

    # Clusters

    def update(self) -> None:
        """Show the clusters for the current settings, at once or when the image has been measured."""
        session = self.session
        if session is None:
            return
        session.is_wanted = True
        self.changed.emit()
        if session.measured is None:
            self._stop_labels()  # for earlier settings
            if not (self.measures.busy and self._measuring == _measurement_key(session)):
                self.measure()
            return
        if session.failure is not None:
            self._stop_labels()
            session.is_wanted = False
            return
        if session.model is None:
            # Finding many clusters of many values takes a while.
            clusterings, k = session.measured.clusterings, session.n_clusters
            self.labels.run(lambda progress: clusterings.clustering(k), lambda _: self.update())
            return
        self._stop_labels()
        self._rest.call_later()
        if self.live and self._is_quickly_labelled(session):
            session.is_wanted = False
            self._show_on_demand(session)

    def _is_quickly_labelled(self, session: Session) -> bool:
        assert session.resolutions is not None
        n_displayed, resolutions = self._viewer.dims.ndisplay, session.resolutions.pixels
        if any(resolutions[0].halo) and not session.settings.coherence:  # neighbours must be smoothed first
            return False
        if n_displayed == 2 and len(resolutions) > 1:
            return True  # napari chooses a resolution with about as many pixels as the screen
        return math.prod(resolutions[-1].shape[-n_displayed:]) <= _LIVE_PIXELS[n_displayed]

    def _show_on_demand(
        self,
        session: Session,
        table: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Show labels that are computed on demand."""
        assert session.model is not None
        colormap = self._display.colormap(session, session.model)
        session.overlay.show(labels_on_demand(session), session.model, colormap, table, metadata)

    def measure(self) -> None:
        """Find the clusterings for the slider and the curve.

        A lazy image is first estimated from sampled windows. All of it is read only at the user's request.
        """
        session = self.session
        assert session is not None
        known, earlier = session.resolutions, session.measured
        place, image, settings = session.place, session.image, session.settings
        preferred = preferences.load()

        def work(progress: Progress) -> tuple[Resolutions, Measured]:
            resolutions = known or resolutions_of(image, settings)
            estimate = resolutions.is_lazy and earlier is None
            # The windows are so small that starting a Dask cluster would not pay off.
            with use_scheduler(preferred.scheduler if resolutions.is_lazy and not estimate else ""):
                return resolutions, measure(
                    resolutions.at(place),
                    resolutions.recipe,
                    preferred.k_max,
                    progress,
                    estimate=estimate,
                    for_display=True,
                    estimated=earlier if resolutions.is_lazy else None,
                )

        def done(result: tuple[Resolutions, Measured]) -> None:
            resolutions, measured = result
            session.set_measured(resolutions, place, measured)
            if not compile_label_dictionaries.cache_info().currsize:
                Job(lambda progress: compile_label_dictionaries()).start()
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
                    self.complete_overlay()  # it was waiting for the clusters of a position
                    self._refine(session)
            if not session.is_measured:
                self._read_all.start()

        self.measures.run(work, done)
        self._measuring = _measurement_key(session)

    def _show_estimate(self, session: Session) -> None:
        self.update()
        if session.model is not None and session.is_wanted and not self.live:  # requested by Segment
            session.is_wanted = False
            self._show_on_demand(session)

    def complete_overlay(self) -> None:
        """Replace an on-demand overlay by an editable array, unless it has to stay on demand."""
        session = self.session
        if session is None or session.resolutions is None or not session.overlay.is_on_demand:
            return
        if not session.request.stays_on_demand(session.resolutions, session.measured):
            self._rest.call_later()

    def _on_rest(self) -> None:
        """Make the overlay an ordinary array, after the user has stopped moving controls."""
        QTimer.singleShot(0, self._act_when_labelled)
        session = self.session
        if session is None:
            return
        self._end_gesture()
        if session.model is None or session.resolutions is None:
            return
        if self.live or session.overlay.is_on_demand:
            self._label(session, session.resolutions, session.measured)
        else:
            self._refine(session)

    def _end_gesture(self) -> None:
        """Make the next change a separate undo step once the mouse is released, so that a slow drag is one step."""
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._held.start()
        elif self.session is not None:
            self.session.end_gesture()

    def _refine(self, session: Session) -> None:
        """Find the final clusters for the plots and the table, if they show an estimate or none."""
        if self._rest.is_pending or session.measured is None or session.failure is not None:
            return
        if session.model is not None and session.is_refined:
            return
        clusterings, k = session.measured.clusterings, session.n_clusters

        def done(_: object) -> None:
            session.forget_model()
            self.changed.emit()
            if session.clusterings is not clusterings:  # the viewer has moved to another position meanwhile
                self.complete_overlay()
                self._refine(session)

        self.labels.run(lambda progress: clusterings.clustering(k), done)

    def segment(self) -> None:
        """Read the pixels again, find their clusters and show them."""
        session = self.session
        if session is None:
            return
        self.stop()
        session.end_gesture()
        session.notice = ""
        session.failure = None
        if not is_lazy(session.image, session.settings):
            self._label(session, None, None)
            return
        session.forget_measurements()
        session.is_thorough = True
        self.measure()

    def _label(self, session: Session, known: Resolutions | None, measured: Measured | None) -> None:
        """Label all pixels in the background and show the result; measure first if necessary."""
        request = session.request
        place = request.place

        def done(result: Labelled) -> None:
            if measured is None:
                session.set_measured(result.resolutions, place, result.measured)
            self._show_result(session, place, result.segmentation, result.model)
            if not session.is_measured and not self.measures.busy:
                self.measure()  # the viewer has moved to another position meanwhile

        self.labels.run(labelling(request, known, measured, preferences.load().k_max), done)

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
        metadata = {PROVENANCE_KEY: provenance_of(session.request, shown)}
        if result is not None:
            colormap = self._display.colormap(session, model)
            session.overlay.show(result.labels, shown, colormap, table, metadata)
        elif session.model is not None:
            self._show_on_demand(session, table, metadata)
        self.changed.emit()

    # Files

    def export(self, path: Path, *, overwrite: bool) -> None:
        """Write the labels of all pixels to a file in the background."""
        session = self.session
        if (
            session is None
            or session.resolutions is None
            or session.measured is None
            or session.model is None
        ):
            return
        request, resolutions, measured = session.request, session.resolutions, session.measured
        colors = self._display.colors(session, session.model)
        scheduler = preferences.load().scheduler

        def work(progress: Progress) -> Path:
            from .export import export_labels  # imported lazily, since it loads readers and writers

            export_labels(request, resolutions, measured, path, colors, scheduler, overwrite, progress)
            return path

        self.exports.queue(path, work, self.exported.emit)

    def export_figure(self, path: Path, *, overwrite: bool) -> None:
        """Save a figure of the displayed plane, its clusters and the histogram, in the background."""
        session = self.session
        overlay = None if session is None else session.overlay.layer
        if session is None or session.model is None or overlay is None:
            return
        from .figure_export import DisplayedPlane, plane_in_view, write_shown

        point = self._viewer.dims.point
        shown = DisplayedPlane(
            session.request,
            session.model,
            plane_in_view(session.image, point),
            plane_in_view(overlay, point),
            session.counts,
            self._display.colors(session, session.model),
        )

        def work(_: Progress) -> Path:
            write_shown(shown, path, overwrite=overwrite)
            return path

        self.exports.queue(path, work, self.exported.emit)


def _measurement_key(session: Session) -> tuple[Session, object, Place]:
    """Return the subject of a measurement, to compare it with another."""
    return session, session.settings.measured_by, session.place
