"""The dock: controls ↔ parameters. No arithmetic; that is the engine's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from magicgui.widgets import CheckBox, ComboBox, Container, ProgressBar, PushButton, Slider, SpinBox
from napari.layers import Image
from napari.layers.base import Layer
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QLabel, QTabWidget, QWidget

from ..blocks import Progress
from ..clustering import Optimum, suggest
from ..blocks import summarise
from ..model import KMeansModel
from ..pipeline import label_and_count, model_of
from ..report import cluster_table
from .cluster_table import ClusterTable
from .colors import cluster_colors, label_colormap
from .layers import LookUp, Overlay, pixels_of, unwrap
from .plots import ChooseKPlot, HistogramPlot
from .session import K_MAX, Parameters, Session
from .worker import Job

_REST = 300  # ms without a change until the overlay is made an ordinary array
_LARGE_VOLUME = 1 << 22  # voxels that a 3-D view would look up anew at every move of the slider


class KMeansWidget(Container):
    """Segment the active image by k-means, and see it while choosing.

    The controls are `image`, `n_clusters` with its slider `n_clusters_slider`, `live`, `segment`, `cancel` and
    `progress`; `histogram`, `choose_k` and `table` show what they lead to, and `status` says what to do.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        self._viewer = unwrap(napari_viewer)
        image = ComboBox(
            name="image", label="Image", choices=self._image_choices, nullable=True, tooltip="The image to segment"
        )
        n_clusters = SpinBox(
            name="n_clusters", label="Clusters", value=3, min=2, max=255, tooltip="Number of clusters, 2 to 255"
        )
        slider = Slider(
            name="n_clusters_slider",
            value=3,
            min=2,
            max=K_MAX,
            readout=False,
            tooltip=f"Number of clusters, 2 to {K_MAX}",
        )
        super().__init__(widgets=[image, n_clusters, slider], labels=True)
        self._controls = image, n_clusters, slider
        self.live = CheckBox(
            name="live", text="Live", value=True, tooltip="Show the clusters while you choose their number"
        )
        self.segment = PushButton(
            name="segment", text="Segment", tooltip="Read the image anew and draw its clusters over it"
        )
        self.cancel = PushButton(name="cancel", text="Cancel", tooltip="Stop what is running")
        self.progress = ProgressBar(name="progress", min=0, max=100, value=0)
        self.histogram = HistogramPlot()
        self.choose_k = ChooseKPlot()
        self.table = ClusterTable()
        self.status = QLabel(wordWrap=True)
        self._lay_out()

        self._sessions: WeakKeyDictionary[Layer, Session] = WeakKeyDictionary()
        self._session: Session | None = None
        self._job: Job | None = None
        self._loading = False
        self._colormap = label_colormap(cluster_colors(255))
        self._rest = QTimer(self.native)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._settle)
        self._closing = _Closing(self.native, self._close)
        self._connect()
        self._follow_active()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is running nor about to."""
        return self._job is None and not self._rest.isActive()

    # Layout

    def _lay_out(self) -> None:
        image, n_clusters, slider = self._controls
        slider.label = " "
        self._tabs = QTabWidget()
        self._tabs.setObjectName("plots")
        self._tabs.addTab(self.histogram, "Histogram")
        self._tabs.addTab(self.choose_k, "Choose k")
        buttons = Container(widgets=[self.live, self.segment], layout="horizontal", labels=False)
        self._running = Container(widgets=[self.progress, self.cancel], layout="horizontal", labels=False)
        layout = self.native.layout()
        for widget, stretch in (
            (self._tabs, 3),
            (self.status, 0),
            (self.table, 2),
            (buttons.native, 0),
            (self._running.native, 0),
        ):
            layout.addWidget(widget, stretch)
        self._buttons = buttons
        for container in (self.native, buttons.native, self._running.native):
            container.layout().setContentsMargins(4, 2, 4, 2)
        self._running.visible = False
        self._no_wheel = _NoWheel(self.native)
        for control in (image, n_clusters, slider):
            for widget in (control.native, *control.native.findChildren(QWidget)):
                widget.installEventFilter(self._no_wheel)
                widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.native.setMinimumWidth(240)

    def _image_choices(self, _widget: Any = None) -> list[tuple[str, Image]]:
        return [(layer.name, layer) for layer in self._viewer.layers if isinstance(layer, Image)]

    # Connections, all undone when the dock is closed

    def _connect(self) -> None:
        events = self._viewer.layers.events
        for name in ("inserted", "reordered"):
            getattr(events, name).connect(self._on_layers_changed)
        events.removed.connect(self._on_layer_removed)
        self._viewer.layers.selection.events.active.connect(self._follow_active)
        image, n_clusters, slider = self._controls
        image.changed.connect(self._on_image_chosen)
        n_clusters.changed.connect(self._on_n_clusters)
        slider.changed.connect(self._on_slider)
        self.live.changed.connect(self._on_live)
        self.segment.changed.connect(self._on_segment)
        self.cancel.changed.connect(self._on_cancel)
        self.choose_k.chosen.connect(self._on_k_chosen)

    def _close(self) -> None:
        """Let go of the viewer: the dock was closed, or its window was."""
        self._stop()
        self._watch(None)
        events = self._viewer.layers.events
        for name in ("inserted", "reordered"):
            getattr(events, name).disconnect(self._on_layers_changed)
        events.removed.disconnect(self._on_layer_removed)
        self._viewer.layers.selection.events.active.disconnect(self._follow_active)
        for session in self._sessions.values():
            session.overlay.release()
        self._sessions.clear()
        self._session = None

    # Which image

    def _on_layers_changed(self, _event: Any = None) -> None:
        self._controls[0].reset_choices()

    def _on_layer_removed(self, event: Any) -> None:
        session = self._sessions.pop(event.value, None) if isinstance(event.value, Image) else None
        if session is not None and session is self._session:
            self._stop()
            self._watch(None)
        self._on_layers_changed()

    def _follow_active(self, _event: Any = None) -> None:
        """Show the active image; another kind of layer leaves the dock where it was."""
        active = self._viewer.layers.selection.active
        image = self._controls[0]
        self._on_layers_changed()
        if isinstance(active, Image):
            image.value = active
        if image.value is not (self._session.image if self._session else None):
            self._on_image_chosen(image.value)
        elif self._session is None:
            self._refresh()

    def _on_image_chosen(self, layer: Image | None) -> None:
        layer = unwrap(layer)
        if self._session is not None and layer is self._session.image:
            return
        self._stop()
        self._watch(layer)
        if self._session is not None and self._session.optimum is None:
            self._measure()
        self._refresh()

    def _watch(self, layer: Image | None) -> None:
        """Make an image the one the dock shows, with the choices made for it before."""
        if self._session is not None:
            self._session.image.events.data.disconnect(self._on_data)
            self._session.image.events.name.disconnect(self._on_layers_changed)
            self._session = None
        if layer is None:
            return
        session = self._sessions.get(layer)
        if session is None:
            k = self._controls[1].value
            session = Session(layer, Overlay(self._viewer, layer), Parameters(n_clusters=k))
            self._sessions[layer] = session
        self._session = session
        layer.events.data.connect(self._on_data)
        layer.events.name.connect(self._on_layers_changed)
        self._show_parameters()

    def _on_data(self, _event: Any = None) -> None:
        """Measure again: the image's data were replaced."""
        if self._session is None:
            return
        self._stop()
        self._session.forget_measurements()
        self._session.overlay.release()
        self._measure()
        self._refresh()

    # What the person chooses

    def _show_parameters(self) -> None:
        """Set the controls to the session's parameters, without taking that for a choice."""
        assert self._session is not None
        k = self._session.parameters.n_clusters
        self._loading = True
        try:
            self._controls[1].value = k
            self._controls[2].value = min(k, K_MAX)
        finally:
            self._loading = False

    def _on_slider(self, value: int) -> None:
        if not self._loading:
            self._controls[1].value = value

    def _on_n_clusters(self, value: int) -> None:
        if self._loading or self._session is None:
            return
        if self._session.change(n_clusters=value, thresholds=None):
            self._show_parameters()
            self._update()

    def _on_k_chosen(self, n_clusters: int) -> None:
        self._controls[1].value = max(n_clusters, 2)

    def _on_live(self, value: bool) -> None:
        if value and self._session is not None and self._session.overlay.layer is not None:
            self._update()

    # From choices to what is seen

    def _update(self) -> None:
        """Show the clusters for the parameters as they are: at once, or when the image has been measured."""
        session = self._session
        if session is None:
            return
        session.wanted = True
        if session.optimum is None:
            if self._job is None:
                self._measure()
            return
        optimum, k = session.optimum, session.parameters.n_clusters
        if not optimum.is_quick(k):
            self._run(lambda progress: optimum.clustering(k), lambda _: self._update())
            return
        self._stop()
        session.model = model_of(optimum, min(k, optimum.n_values), session.parameters.features, None)
        self._refresh()
        if not self.live.value:
            return
        session.wanted = False
        assert session.pixels is not None
        if self._viewer.dims.ndisplay == 2 or session.pixels.size <= _LARGE_VOLUME:
            session.overlay.show(LookUp(session.pixels, session.model), session.model, self._colormap, None)
        self._rest.start()

    def _refresh(self) -> None:
        """Redraw plots and table."""
        session = self._session
        summary = session.optimum.summary if session and session.optimum else None
        if session is not None and session.optimum is not None and session.model is None:
            k = session.parameters.n_clusters
            if session.optimum.is_quick(k):
                session.model = model_of(
                    session.optimum, min(k, session.optimum.n_values), session.parameters.features, None
                )
        model = session.model if session else None
        colors = cluster_colors(model.n_clusters if model else 0)
        if summary is not self.histogram.summary:
            self.histogram.set_summary(summary)
        self.histogram.set_model(model, colors)
        self.table.set_model(model, colors)
        suggestion = session.suggestion if session else None
        self.choose_k.set_suggestion(suggestion, model.n_clusters if model else 0)
        self._show_status(self._advice())

    def _advice(self) -> str:
        """What the person should know or do; empty when all is well."""
        session = self._session
        if session is None:
            return "Open or select an image to segment it."
        if session.optimum is None:
            return ""
        n = session.optimum.n_values
        if n == 1:
            return "All pixels have one value, so there is one cluster."
        if n < session.parameters.n_clusters:
            return f"The image has only {n} distinct values, so there are {n} clusters."
        return ""

    def _show_status(self, text: str) -> None:
        self.status.setText(text)
        self.status.setVisible(bool(text))

    # Work in the background, one job at a time

    def _measure(self) -> None:
        """Read the image into its summary, and find the optima that the slider and the curve show."""
        session = self._session
        assert session is not None
        try:
            pixels = pixels_of(session.image, session.parameters.features)
        except (ValueError, TypeError) as error:
            self._show_status(str(error))
            return

        def work(progress: Progress) -> Any:
            optimum = Optimum(summarise(pixels, progress))
            return optimum, suggest(optimum, K_MAX)

        def done(result: Any) -> None:
            session.pixels = pixels
            session.optimum, session.suggestion = result
            if session.wanted:
                self._update()
            else:
                self._refresh()

        self._run(work, done)

    def _settle(self) -> None:
        """Make the overlay an ordinary array, now that the person has stopped moving controls."""
        session = self._session
        if session is None or session.model is None or session.pixels is None or session.optimum is None:
            return
        model, pixels, optimum = session.model, session.pixels, session.optimum

        def work(progress: Progress) -> Any:
            labels, counted = label_and_count(model, pixels, progress)
            return labels, counted.confirmed(optimum)

        def done(result: Any) -> None:
            labels, settled = result
            session.model = settled
            session.overlay.show(labels, settled, self._colormap, cluster_table(settled))
            self._refresh()

        self._run(work, done)

    def _on_segment(self) -> None:
        """Read the pixels, find their clusters and draw them, whatever was known before."""
        session = self._session
        if session is None:
            self._show_status("Open or select an image to segment it.")
            return
        self._stop()
        parameters = session.parameters
        try:
            pixels = pixels_of(session.image, parameters.features)
        except (ValueError, TypeError) as error:
            self._show_status(str(error))
            return

        def work(progress: Progress) -> Any:
            optimum = Optimum(summarise(pixels, lambda share: progress(share / 2)))
            k = min(parameters.n_clusters, optimum.n_values)
            model = model_of(optimum, k, parameters.features, None, confirm=True)
            labels, model = label_and_count(model, pixels, lambda share: progress(0.5 + share / 2))
            return optimum, suggest(optimum, K_MAX), model, labels

        def done(result: Any) -> None:
            session.pixels = pixels
            session.optimum, session.suggestion, session.model, labels = result
            session.wanted = False
            session.overlay.show(labels, session.model, self._colormap, cluster_table(session.model))
            self._refresh()

        self._run(work, done)

    def _run(self, work: Callable[[Progress], Any], done: Callable[[Any], None]) -> None:
        """Run a job; it replaces the one under way."""
        self._stop()
        job = self._job = Job(work, self.native)

        def finish(result: Any) -> None:
            self._finish(job)
            done(result)

        def fail(error: Exception) -> None:
            self._finish(job)
            self._refresh()
            self._show_status(_sentence(error))

        job.progressed.connect(lambda share: self._on_progress(job, share))
        job.succeeded.connect(finish)
        job.failed.connect(fail)
        job.start()

    def _on_progress(self, job: Job, share: float) -> None:
        if job is self._job:
            self.progress.value = int(100 * share)
            self._running.visible = True

    def _finish(self, job: Job) -> None:
        if job is self._job:
            self._job = None
            self._running.visible = False

    def _stop(self) -> None:
        """Cancel the job under way; its result is dropped."""
        self._rest.stop()
        if self._job is not None:
            self._job.cancel()
            self._finish(self._job)

    def _on_cancel(self) -> None:
        self._stop()
        if self._session is not None:
            self._session.wanted = False
        self._show_status("Cancelled. Press Segment to begin again.")


def _sentence(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


class _Closing(QObject):
    """Calls a function once a dock's content has lost its parent.

    Closing a dock with × sends no close event, and hiding happens on floating too; only this is for good.
    """

    def __init__(self, watched: QWidget, function: Callable[[], None]) -> None:
        super().__init__(watched)
        self._function: Callable[[], None] | None = function
        self._watched = watched
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ParentChange and self._watched.parent() is None:
            function, self._function = self._function, None
            if function is not None:
                function()
        return False


class _NoWheel(QObject):
    """Keeps the mouse wheel from changing controls while a person scrolls past them."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return False
