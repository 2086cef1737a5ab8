"""The dock: controls ↔ parameters. No arithmetic; that is the engine's."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, Container, ProgressBar, PushButton, Slider, SpinBox
from napari.layers import Image
from napari.layers.base import Layer
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QAction, QKeySequence
from qtpy.QtWidgets import QPushButton, QShortcut, QToolButton, QWidget

from ..blocks import Progress, summarise
from ..clustering import Optimum, Suggestion, suggest
from ..model import KMeansModel
from ..pipeline import label_and_count
from ..pixels import Pixels
from ..report import cluster_table
from . import settings
from .appearance import lay_out
from .borders import BorderRow
from .cluster_table import ClusterTable
from .colors import distinct_colors
from .display import Display
from .layers import axis_name, pixel_size, pixels_of, unwrap
from .look_up import label_stack
from .menu import DockMenu
from .overlay import Overlay
from .plots import ChooseKPlot, HistogramPlot
from .session import K_MAX, Edits, Parameters, Session
from .worker import Runner, part_of

_REST = 300  # ms without a change until the overlay is made an ordinary array
_WHOLE = -1  # in `where`: not an axis, for magicgui takes None for no choice at all
# Pixels that a view in 2-D and in 3-D can look up anew at every step of the slider; a larger one waits for
# the slider to rest.
_LIVE_PIXELS = {2: 1 << 24, 3: 1 << 22}

# What a person chose for images that a dock was closed on, for the next one.
_left: WeakKeyDictionary[Layer, Parameters] = WeakKeyDictionary()


class KMeansWidget(Container):
    """Segment the active image by k-means, and see it while choosing.

    The controls are `image`, `n_clusters` with its slider `n_clusters_slider`, `where`, `live`, `segment`,
    `undo`, `peek`, `more` with the `menu`, `cancel` and `progress`; `histogram`, `border`, `choose_k` (with
    its button `suggest`) and `table` show what they lead to and can be changed by hand, and `status` says
    what to do.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        self.viewer = unwrap(napari_viewer)
        self.session: Session | None = None
        """State of the image that is shown, if there is one."""
        self._settings = settings.load()
        self._sessions: WeakKeyDictionary[Layer, Session] = WeakKeyDictionary()
        self._loading = False
        super().__init__(widgets=self._make_form(), labels=True)
        self.live = CheckBox(
            name="live",
            text="Live",
            value=self._settings.live,
            tooltip="Show the clusters while you choose them",
        )
        self.segment = PushButton(
            name="segment", text="Segment", tooltip="Read the image anew and draw its clusters over it"
        )
        self.cancel = PushButton(name="cancel", text="Cancel", tooltip="Stop what is running")
        self.progress = ProgressBar(
            name="progress", min=0, max=100, value=0, tooltip="How much of the work is done"
        )
        self.peek = QPushButton("Peek", toolTip="Hold to see the original")
        self.more = QPushButton("⋯", toolTip="More")
        self.histogram = HistogramPlot()
        self.border = BorderRow()
        self.choose_k = ChooseKPlot()
        self.suggest = self.choose_k.use
        self.table = ClusterTable()
        self.menu = DockMenu(self, self._settings.palette, self.more)
        self.more.setMenu(self.menu)
        self.undo = QToolButton()
        self.undo.setDefaultAction(self.menu.undo)
        self.status, self._running = lay_out(self)
        self._display = Display(self.viewer, self._settings.palette)
        self.runner = Runner(self.native)
        self._rest = QTimer(self.native)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._undo_keys = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), self.native)
        self._undo_keys.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._closing = _Closing(self.native, self._close)
        self._connect()
        self._follow_active()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is running nor about to."""
        return not self.runner.busy and not self._rest.isActive()

    def _make_form(self) -> list[Any]:
        return [
            ComboBox(
                name="image",
                label="Image",
                choices=self._image_choices,
                nullable=True,
                tooltip="The image to segment: the active one, or another",
            ),
            SpinBox(
                name="n_clusters",
                label="Clusters",
                value=self._settings.n_clusters,
                min=2,
                max=255,
                tooltip="Number of clusters, 2 to 255",
            ),
            Slider(
                name="n_clusters_slider",
                label=" ",
                value=min(self._settings.n_clusters, K_MAX),
                min=2,
                max=K_MAX,
                readout=False,
                tooltip=f"Number of clusters, 2 to {K_MAX}",
            ),
            ComboBox(
                name="where",
                label="Where",
                choices=self._where_choices,
                tooltip="Cluster the whole stack at once, or each of its positions by itself",
            ),
        ]

    def _image_choices(self, _widget: Any = None) -> list[tuple[str, Image]]:
        return [(layer.name, layer) for layer in self.viewer.layers if isinstance(layer, Image)]

    def _where_choices(self, _widget: Any = None) -> list[tuple[str, int]]:
        choices = [("Whole stack", _WHOLE)]
        if self.session is not None:
            image = self.session.image
            choices += [(f"Each {axis_name(image, axis)}", axis) for axis in range(image.ndim - 2)]
        return choices

    # Connections, all undone when the dock is closed

    def _viewer_connections(self) -> list[tuple[Any, Callable[..., None]]]:
        layers = self.viewer.layers
        return [
            (layers.events.inserted, self._on_layers_changed),
            (layers.events.reordered, self._on_layers_changed),
            (layers.events.removed, self._on_layer_removed),
            (layers.selection.events.active, self._follow_active),
            (self.viewer.dims.events.point, self._on_position),
        ]

    def _connect(self) -> None:
        for event, slot in self._viewer_connections():
            event.connect(slot)
        for signal, slot in (
            (self["image"].changed, self._on_image_chosen),
            (self["n_clusters"].changed, self._on_n_clusters),
            (self["n_clusters_slider"].changed, self._on_slider),
            (self["where"].changed, self._on_where),
            (self.live.changed, self._on_live),
            (self.segment.changed, self._on_segment),
            (self.cancel.changed, self._on_cancel),
            (self.peek.pressed, self._on_peek),
            (self.peek.released, self._display.end_peek),
            (self.choose_k.chosen, self._on_k_chosen),
            (self.histogram.threshold_moved, self._on_threshold),
            (self.border.moved, self._on_threshold),
            (self.border.reset, self._on_reset),
            (self.table.renamed, self._on_renamed),
            (self.table.shown, self._on_shown),
            (self.table.highlighted, self._on_highlighted),
            (self.table.asked, self._on_asked),
            (self.menu.undo.triggered, self._on_undo),
            (self._undo_keys.activated, self._on_undo),
            (self.menu.keep.triggered, self._on_keep),
            (self.menu.side_by_side.toggled, self._on_side_by_side),
            (self.menu.outline.toggled, self._on_outline),
            (self.menu.log_counts.toggled, self.histogram.set_log_counts),
            (self.menu.palettes.triggered, self._on_palette),
            (self.runner.progressed, self._on_progress),
            (self.runner.lasted, self._running.show),
            (self.runner.stopped, self._running.hide),
            (self.runner.failed, self.show_error),
            (self._rest.timeout, self._settle),
        ):
            signal.connect(slot)

    def _close(self) -> None:
        """Let go of the viewer: the dock was closed, or its window was."""
        self._stop()
        self._display.set_side_by_side(self.session, False)
        self._watch(None)
        for event, slot in self._viewer_connections():
            event.disconnect(slot)
        # Napari connects these of any magicgui widget, and leaves them.
        events = self.viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.disconnect(self.reset_choices)
        for layer, session in self._sessions.items():
            _left[layer] = session.parameters
            session.overlay.release()
        self._sessions.clear()

    # Which image

    def reset_choices(self, *_: Any) -> None:
        """List the images anew; the one that is shown stays chosen, whatever its name is now."""
        self._loading = True
        try:
            super().reset_choices()
            if self.session is not None and self.session.image in self.viewer.layers:
                self["image"].value = self.session.image
        finally:
            self._loading = False

    def _on_layers_changed(self, _event: Any = None) -> None:
        self.reset_choices()

    def _on_layer_removed(self, event: Any) -> None:
        session = self._sessions.pop(event.value, None) if isinstance(event.value, Image) else None
        if session is not None:
            if session is self.session:
                self._stop()
                self._watch(None)
            session.overlay.release()
        self._follow_active()

    def _follow_active(self, _event: Any = None) -> None:
        """Show the active image; another kind of layer leaves the dock where it was, or at the topmost."""
        active, image = self.viewer.layers.selection.active, self["image"]
        self.reset_choices()
        images = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        if isinstance(active, Image):
            image.value = active
        elif image.value is None and images:
            image.value = images[-1]
        self._on_image_chosen(image.value)
        session = self.session
        if session is not None and active is session.overlay.layer and self.at_rest:
            self.finish()  # for the person who is about to paint in it

    def _on_image_chosen(self, layer: Image | None) -> None:
        layer = unwrap(layer)
        if self._loading or (self.session is not None and layer is self.session.image):
            return
        self._stop()
        self.table.clearSelection()  # while the highlight that goes with it is the session's
        self._watch(layer)
        self._refresh()
        if self.session is None:
            return
        if self.session.optimum is None:
            self._measure()
        else:
            self.finish()  # it may have been left before it came to rest

    def _watch(self, layer: Image | None) -> None:
        """Make an image the one the dock shows, with the choices made for it before."""
        if self.session is not None:
            self.session.image.events.data.disconnect(self._on_data)
            self.session.image.events.name.disconnect(self._on_layers_changed)
            self.session.end_gesture()
            self.session = None
        if layer is None:
            return
        session = self._sessions.get(layer)
        if session is None:
            parameters = _left.get(layer) or Parameters(n_clusters=self["n_clusters"].value)
            overlay = Overlay(self.viewer, layer, self._settings.opacity)
            session = self._sessions[layer] = Session(layer, overlay, parameters)
        self.session = session
        session.move_to(self._position(session))
        layer.events.data.connect(self._on_data)
        layer.events.name.connect(self._on_layers_changed)

    def _on_data(self, _event: Any = None) -> None:
        """Measure again: the image's data were replaced."""
        if self.session is None:
            return
        self._stop()
        self.session.forget_measurements()
        self.session.overlay.release()
        self._refresh()
        self._measure()

    def _position(self, session: Session) -> int:
        """Where the viewer stands along the axis whose positions are clustered each by itself."""
        axis = session.parameters.per_axis
        if axis is None:
            return 0
        place = session.image.world_to_data(self.viewer.dims.point)[axis]
        return int(min(max(round(place), 0), session.image.data.shape[axis] - 1))

    def _on_position(self, _event: Any = None) -> None:
        """Show the clusters of the position that the viewer moved to."""
        session = self.session
        if session is not None and session.move_to(self._position(session)):
            self._refresh()
            if session.optimum is None and session.pixels is not None:
                self._measure()

    # What the person chooses

    def _on_slider(self, value: int) -> None:
        if not self._loading:
            self["n_clusters"].value = value

    def _on_n_clusters(self, value: int) -> None:
        if not self._loading and self.session is not None and self.session.choose_k(value):
            self._update()

    def _on_k_chosen(self, n_clusters: int) -> None:
        self["n_clusters"].value = max(n_clusters, 2)

    def _on_where(self, axis: int) -> None:
        if self._loading or self.session is None:
            return
        self._end_gesture()
        if self.session.choose_where(None if axis == _WHOLE else axis):
            self.session.move_to(self._position(self.session))
            self._update()
        self._end_gesture()

    def _on_live(self, live: bool) -> None:
        settings.remember(live=live)
        if live and self.session is not None and self.session.wanted:
            self._update()

    def _edit(self, **fields: Any) -> None:
        """Change something by hand."""
        if self.session is not None and self.session.edit(**fields):
            self._update()

    def _on_threshold(self, index: int, value: float) -> None:
        session = self.session
        if session is None or session.model is None or session.parameters.per_axis is not None:
            return
        thresholds = session.model.thresholds.copy()
        low = thresholds[index - 1] if index else -np.inf
        high = thresholds[index + 1] if index + 1 < thresholds.size else np.inf
        thresholds[index] = min(max(value, low), high)  # a border stays between its neighbours
        self._edit(thresholds=tuple(thresholds.tolist()))

    def _on_reset(self) -> None:
        self._edit(thresholds=None)

    def _on_renamed(self, label: int, name: str) -> None:
        model = self.session.model if self.session else None
        if model is None:
            return
        names = list(model.names or (f"cluster {n}" for n in range(1, model.n_clusters + 1)))
        names[label - 1] = name or f"cluster {label}"
        self._end_gesture()
        self._edit(names=tuple(names))
        self._end_gesture()

    def _on_asked(self, action: str, labels: list[int]) -> None:
        session = self.session
        model = session.model if session else None
        if session is None or model is None:
            return
        groups = [group for group in model.groups if group[0] in labels]
        others = tuple(group for group in model.merges if group not in groups)
        self._end_gesture()
        if action == "merge":
            self._edit(merges=(*others, tuple(sorted(number for group in groups for number in group))))
        elif action == "split":
            self._edit(merges=others)
        elif action == "background":
            chosen, background = {group[0] for group in groups}, set(model.background)
            toggled = background - chosen if chosen <= background else background | chosen
            self._edit(background=tuple(sorted(toggled)))
        elif action == "extract":
            self.menu.extract(session, model, labels)
        elif action == "copy":
            self.menu.copy_table(session, model)
        elif action == "csv":
            self.menu.save_table(session, model)
        self._end_gesture()

    def use_model(self, model: KMeansModel) -> None:
        """Take the clusters of a saved model for this image, as if its borders had been set by hand.

        Raises
        ------
        ValueError
            If it has no border.
        """
        if self.session is None:
            return
        if model.n_clusters < 2:
            raise ValueError("the model has one cluster, so there is no border to label an image with")
        self._end_gesture()
        self.session.choose_k(model.n_clusters)
        thresholds = tuple(model.thresholds.tolist())
        self.session.edit(**vars(Edits(thresholds, model.merges, model.background, model.names)))
        self._update()

    def _end_gesture(self) -> None:
        if self.session is not None:
            self.session.end_gesture()

    def _on_undo(self) -> None:
        if self.session is not None and self.session.undo():
            self.session.move_to(self._position(self.session))
            self._update()

    def _on_keep(self) -> None:
        if self.session is not None:
            self.session.overlay.release()

    # How it is drawn

    def _on_shown(self, label: int, visible: bool) -> None:
        if self.session is not None:
            (self.session.hidden.discard if visible else self.session.hidden.add)(label)
            self._display.recolor(self.session)

    def _on_highlighted(self, labels: list[int]) -> None:
        if self.session is not None:
            self.session.highlighted = set(labels)
            self._display.recolor(self.session)

    def _on_palette(self, action: QAction) -> None:
        self._display.palette = action.data()
        settings.remember(palette=self._display.palette)
        self._display.recolor(self.session)
        self._refresh()

    def _on_peek(self) -> None:
        self._display.peek(self.session)

    def _on_outline(self, outline: bool) -> None:
        self._display.set_outline(self.session, outline)

    def _on_side_by_side(self, wanted: bool) -> None:
        if self._display.set_side_by_side(self.session, wanted) != wanted:
            self.menu.side_by_side.setChecked(False)
            self.show_status("There are no clusters yet to put beside the image; press Segment.")

    # From choices to what is seen

    def _update(self) -> None:
        """Show the clusters for the parameters as they are: at once, or when the image has been measured."""
        session = self.session
        if session is None:
            return
        session.wanted = True
        self._refresh()
        if session.optimum is None:
            if not self.runner.busy:
                self._measure()
            return
        if session.model is None:
            # Many clusters of many values take a while to find; _refresh made those that do not.
            optimum, k = session.optimum, session.n_clusters
            self.runner.run(lambda progress: optimum.clustering(k), lambda _: self._update())
            return
        self._stop()
        self._rest.start()
        if not self.live.value:
            return
        session.wanted = False
        assert session.pixels is not None
        n_displayed = self.viewer.dims.ndisplay
        if math.prod(session.pixels.shape[-n_displayed:]) <= _LIVE_PIXELS[n_displayed]:
            colormap = self._display.colormap(session, session.model)
            session.overlay.show(session.look_up(), session.model, colormap, None)

    def _refresh(self) -> None:
        """Redraw controls, plots and table for the session as it is."""
        session = self.session
        model, suggestion, summary, hidden = None, None, None, set[int]()
        if session is not None:
            self._show_parameters(session)
            suggestion, hidden = session.suggestion, session.hidden
            if session.optimum is not None:
                summary = session.optimum.summary
                if session.model is None and session.optimum.is_quick(session.n_clusters):
                    session.model = session.model_from(session.optimum)
            model = session.model
        colors = self._display.colors(session, model) if session and model else distinct_colors(0)
        if summary is not self.histogram.summary:
            self.histogram.set_summary(summary)
        self.histogram.set_model(model, colors)
        whole = session is None or session.parameters.per_axis is None
        self.histogram.set_movable(whole)
        self.border.set_model(model if whole else None)
        self.table.set_model(model, colors, hidden, pixel_size(session.image) if session else None)
        self.choose_k.set_suggestion(suggestion, model.n_clusters if model else 0)
        self.menu.undo.setEnabled(bool(session and session.history))
        self.menu.outline.setChecked(session is not None and session.overlay.contour > 0)
        self.segment.enabled = session is not None
        self.show_status(self._advice())

    def _show_parameters(self, session: Session) -> None:
        """Set the controls without taking that for a choice."""
        parameters, where = session.parameters, self["where"]
        self._loading = True
        try:
            self["n_clusters"].value = parameters.n_clusters
            self["n_clusters_slider"].value = min(parameters.n_clusters, K_MAX)
            where.reset_choices()
            where.value = _WHOLE if parameters.per_axis is None else parameters.per_axis
            where.visible = session.image.ndim > 2
        finally:
            self._loading = False

    def _advice(self) -> str:
        """What the person should know or do; empty when all is well."""
        session = self.session
        if session is None:
            return "Open or select an image to segment it."
        if session.optimum is None:
            return ""
        n, axis, said = session.optimum.n_values, session.parameters.per_axis, ""
        if axis is not None:
            name = axis_name(session.image, axis)
            said = f"Plots and table show {name} = {session.position}; each {name} has clusters of its own. "
        if n == 1:
            said += "All pixels have one value, so there is one cluster; choose an image with more to see."
        elif n < session.parameters.n_clusters:
            said += f"There are only {n} distinct values, so there are {n} clusters; choose {n} or fewer."
        return said.strip()

    def show_status(self, text: str) -> None:
        """Say something below the plots; nothing, if empty."""
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def show_error(self, error: Exception) -> None:
        """Say what went wrong, in a sentence."""
        text = str(error) or type(error).__name__
        self.show_status(text[0].upper() + text[1:] + ("" if text.endswith(".") else "."))

    # Work in the background

    def _stop(self) -> None:
        """Cancel what is under way or about to be; its result is dropped."""
        self._rest.stop()
        self.runner.stop()

    def _on_progress(self, share: float) -> None:
        self.progress.value = int(100 * share)

    def _on_cancel(self) -> None:
        self._stop()
        if self.session is not None:
            self.session.wanted = False
        self.show_status("Cancelled. Press Segment to begin again.")

    def _pixels(self, session: Session) -> Pixels | None:
        """Pixels of the session's image as they are now, or None after saying why there are none."""
        try:
            return pixels_of(session.image, session.parameters.features)
        except (ValueError, TypeError) as error:
            self.show_error(error)
            return None

    def _measure(self) -> None:
        """Read the image into its summary, and find the optima that the slider and the curve show."""
        session = self.session
        assert session is not None
        pixels = session.pixels or self._pixels(session)
        if pixels is None:
            return
        axis, position, k_max = session.parameters.per_axis, session.position, self._settings.k_max
        part = pixels if axis is None else pixels.at(axis, position)

        def work(progress: Progress) -> Any:
            optimum = Optimum(summarise(part, progress))
            return optimum, suggest(optimum, k_max)

        def done(result: Any) -> None:
            session.set_measured(pixels, *result)
            if session.wanted:
                self._update()
            else:
                self._refresh()

        self.runner.run(work, done)

    def finish(self) -> None:
        """See to it that an overlay does not stay looked up, which nobody can paint in."""
        if self.session is not None and self.session.overlay.looked_up:
            self._rest.start()

    def _settle(self) -> None:
        """Make the overlay an ordinary array, now that the person has stopped moving controls."""
        session = self.session
        self._end_gesture()
        if session is None or session.model is None or session.pixels is None:
            return
        if self.live.value or session.overlay.looked_up:
            self._label_pixels(session, session.pixels, session.optimum, session.suggestion)

    def _on_segment(self) -> None:
        """Read the pixels, find their clusters and draw them, whatever was known before."""
        session = self.session
        if session is None:
            return
        self._stop()
        self._end_gesture()
        pixels = self._pixels(session)
        if pixels is not None:
            self._label_pixels(session, pixels, None, None)

    def _label_pixels(
        self, session: Session, pixels: Pixels, optimum: Optimum | None, suggestion: Suggestion | None
    ) -> None:
        """Label all pixels in the background and show the result; measure them first if that is not known."""
        axis, position, k_max = session.parameters.per_axis, session.position, self._settings.k_max

        def work(progress: Progress) -> Any:
            half, other_half = part_of(progress, 0, 0.5), part_of(progress, 0.5, 1)
            found = optimum
            if found is None:
                found = Optimum(summarise(pixels if axis is None else pixels.at(axis, position), half))
            suggested = suggestion or suggest(found, k_max)
            model = session.model_from(found)
            if axis is not None:
                labels, stack = label_stack(pixels, axis, partial(session.model_at, pixels), other_half)
                return found, suggested, model, labels, stack
            labels, model = label_and_count(model, pixels, other_half)
            model = model.confirmed(found)
            return found, suggested, model, labels, model

        def done(result: Any) -> None:
            found, suggested, model, labels, shown = result
            if found is not session.optimum:
                session.set_measured(pixels, found, suggested)
            session.model, session.wanted = model, False
            table = cluster_table(model, pixel_size(session.image))
            session.overlay.show(labels, shown, self._display.colormap(session, model), table)
            self._refresh()

        self.runner.run(work, done)


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
