"""The dock: controls ↔ parameters. No arithmetic; that is the engine's."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import Container
from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QAction, QKeySequence
from qtpy.QtWidgets import QPushButton, QShortcut, QToolButton, QWidget

from ...kmeans.clustering import ExactClusterings
from ...kmeans.search import SearchedClusterings
from ...labels.clean_up import CleanUp
from ...model.model import KMeansModel
from ..layers.colors import distinct_colors
from ..layers.image_layer import alike, pixel_size, unwrap
from ..plots.histogram import ChooseKPlot, HistogramPlot
from ..session import settings
from ..session.display import Display
from ..session.follower import Follower
from ..session.jobs import Jobs
from ..session.session import K_MAX, Session
from . import controls
from . import messages as advice
from .border_row import BorderRow
from .cluster_table import ClusterTable
from .controls import WHOLE
from .layout import lay_out, show_page
from .menu import DockMenu
from .section import Section

if TYPE_CHECKING:
    from ..plots.feature_plot import FeaturePlot


class KMeansWidget(Container):
    """Segment the active image by k-means, and see it while choosing.

    The controls are `image`, `features` with `standardize` and `sigma`, `n_clusters` with its slider
    `n_clusters_slider`, `live`, `segment`, `undo`, `peek`, `more` with the `menu`, `cancel` and `progress`;
    in sections `where`, `mask`, `leave_out` with `no_data`, and `smooth`, `majority`, `min_size`,
    `fill_holes`, `objects`. `histogram`, `border`, `feature_plot`, `choose_k` (with its button `suggest`) and
    `table` show what they lead to and can be changed by hand, and `status` says what to do.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        self.viewer = unwrap(napari_viewer)
        self._loading = False
        self._follower: Follower | None = None  # napari asks for choices while the dock is being made
        preferred = settings.load()
        super().__init__(
            widgets=controls.form(preferred.n_clusters, self._image_choices, self._feature_choices),
            labels=True,
        )
        self.where, self.mask, self.leave_out, self.no_data = controls.where_form(
            self._where_choices, self._mask_choices
        )
        self.smooth, self.majority, self.min_size, self.fill_holes = controls.clean_up_form()
        self.objects = controls.objects()
        self.live = controls.live(preferred.live)
        self.segment = controls.segment()
        self.cancel = controls.cancel()
        self.progress = controls.progress()
        self.peek = QPushButton("Peek", toolTip="Hold to see the original")
        self.more = QPushButton("⋯", toolTip="More")
        self.histogram = HistogramPlot()
        self.border = BorderRow()
        self.choose_k = ChooseKPlot()
        self.suggest = self.choose_k.use
        self.table = ClusterTable()
        self.menu = DockMenu(self, preferred.palette, self.more)
        self.more.setMenu(self.menu)
        self.undo = QToolButton()
        self.undo.setDefaultAction(self.menu.undo)
        self.where_section = Section("Where", "Which pixels are clustered, and which of them together")
        for row in (self.where, self.mask, self.leave_out, self.no_data):
            self.where_section.add(row.label, row.native)
        self.clean_section = Section("Clean up", "Make clusters hang together, and split them into objects")
        for row in self._clean_rows:
            self.clean_section.add(row.label, row.native)
        self.clean_section.add("", self.objects.native)
        self.status, self._running = lay_out(self)
        self._display = Display(self.viewer, preferred.palette)
        self._follower = Follower(self.viewer, self.native)
        self.jobs = Jobs(self.viewer, self._display, self.native)
        self.jobs.live = preferred.live
        self._undo_keys = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), self.native)
        self._undo_keys.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._closing = _Closing(self.native, self._close)
        self._connect()
        self._follower.follow()
        if self.session is None:
            self._refresh()

    @property
    def session(self) -> Session | None:
        """State of the image that is shown, if there is one."""
        return self._follower.session if self._follower is not None else None

    @cached_property
    def feature_plot(self) -> FeaturePlot:
        """What stands for the histogram with several features; made when it is first needed."""
        from ..plots.feature_plot import FeaturePlot

        plot = FeaturePlot()
        self.pages.addWidget(plot)
        return plot

    @property
    def _clean_rows(self) -> tuple[Any, ...]:
        return self.smooth, self.majority, self.min_size, self.fill_holes

    @property
    def at_rest(self) -> bool:
        """Whether nothing is running nor about to."""
        return self.jobs.at_rest

    def _image_choices(self, _widget: Any = None) -> list[tuple[str, Image]]:
        return [(layer.name, layer) for layer in self.viewer.layers if isinstance(layer, Image)]

    def _feature_choices(self, _widget: Any = None) -> list[tuple[str, str]]:
        image = self.session.image if self.session else None
        return controls.feature_choices(image, alike(image, self.viewer) if image is not None else ())

    def _mask_choices(self, _widget: Any = None) -> list[tuple[str, Any]]:
        session = self.session
        if session is None:
            return controls.mask_choices(None, (), None)
        return controls.mask_choices(session.image, self.viewer.layers, session.overlay.layer)

    def _where_choices(self, _widget: Any = None) -> list[tuple[str, int]]:
        return controls.where_choices(self.session.image if self.session else None)

    # Connections, all undone when the dock is closed

    def _connect(self) -> None:
        follower, jobs = self._follower, self.jobs
        assert follower is not None
        for signal, slot in (
            (follower.listed, self.reset_choices),
            (follower.leaving, self._on_leaving),
            (follower.arrived, self._on_arrived),
            (follower.replaced, self._on_replaced),
            (follower.moved, self._on_moved),
            (follower.touched, self._on_touched),
            (jobs.changed, self._refresh),
            (jobs.failed, self.show_error),
            (jobs.exported, self._on_exported),
            (jobs.progressed, self._on_progress),
            (jobs.lasted, self._running.show),
            (jobs.stopped, self._running.hide),
            (self["image"].changed, self._on_image_chosen),
            (self["features"].changed, self._on_features),
            (self["n_clusters"].changed, self._on_n_clusters),
            (self["n_clusters_slider"].changed, self._on_slider),
            (self["standardize"].changed, self._on_standardize),
            (self["sigma"].changed, self._on_sigma),
            (self.where.changed, self._on_where),
            (self.mask.changed, self._on_mask),
            (self.leave_out.changed, self._on_leave_out),
            (self.no_data.changed, self._on_leave_out),
            *((row.changed, self._on_clean_up) for row in self._clean_rows),
            (self.objects.changed, self._on_objects),
            (self.live.changed, self._on_live),
            (self.segment.changed, jobs.segment),
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
        ):
            signal.connect(slot)

    def _close(self) -> None:
        """Let go of the viewer: the dock was closed, or its window was."""
        assert self._follower is not None
        self.jobs.cancel()
        self.menu.side_by_side.setChecked(False)
        self._display.end_peek()
        self._follower.close()
        self.jobs.session = None
        # Napari connects these of any magicgui widget, and leaves them.
        events = self.viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.disconnect(self.reset_choices)

    # Which image

    def reset_choices(self, *_: Any) -> None:
        """List the images anew; the one that is shown stays chosen, whatever its name is now."""
        with self._showing():
            super().reset_choices()
            if self.session is not None and self.session.image in self.viewer.layers:
                self["image"].value = self.session.image

    def _showing(self) -> _Flag:
        """Set controls without taking that for a choice."""
        return _Flag(self, "_loading")

    def _on_image_chosen(self, layer: Image | None) -> None:
        if not self._loading and self._follower is not None:
            self._follower.choose(layer)

    def _on_leaving(self) -> None:
        self.jobs.stop()
        self.menu.side_by_side.setChecked(False)
        self.table.clearSelection()  # while the highlight that goes with it is the session's

    def _on_arrived(self) -> None:
        self.reset_choices()
        self.jobs.show(self.session)

    def _on_replaced(self) -> None:
        self.jobs.show(self.session)

    def _on_moved(self) -> None:
        self._refresh()
        session = self.session
        if session is not None and not session.is_measured and session.levels is not None:
            self.jobs.measure()

    def _on_touched(self) -> None:
        if self.at_rest:
            self.jobs.finish()  # for the person who is about to paint in it

    # What the person chooses

    def _on_slider(self, value: int) -> None:
        if not self._loading:
            self["n_clusters"].value = value

    def _on_n_clusters(self, value: int) -> None:
        if self._loading:
            return
        if self.session is not None:
            self._change(self.session.choose_k(value))
        elif self._follower is not None:
            self._follower.n_clusters = value
            with self._showing():
                self["n_clusters_slider"].value = min(value, K_MAX)

    def _on_k_chosen(self, n_clusters: int) -> None:
        self["n_clusters"].value = max(n_clusters, 2)

    def _on_features(self, features: str) -> None:
        if not self._loading:
            channels = self._channels() if features == "channels" else ()
            self._at_once(lambda session: session.choose_features(features, channels))

    def _channels(self) -> tuple[Image, ...]:
        """Layers to be clustered together: those that are selected, or else all that lie pixel on pixel."""
        image = self.session.image if self.session else None
        if image is None or image.rgb:
            return ()
        candidates = alike(image, self.viewer)
        selected = [layer for layer in candidates if layer in self.viewer.layers.selection]
        return tuple(selected if len(selected) > 1 and image in selected else candidates)

    def _on_standardize(self, standardize: bool) -> None:
        if not self._loading:
            self._at_once(lambda session: session.choose(standardize=standardize))

    def _on_sigma(self, sigma: tuple[float, float]) -> None:
        if not self._loading:
            self._at_once(lambda session: session.choose(sigma=tuple(sigma)))

    def _on_mask(self, mask: Any) -> None:
        if not self._loading:
            chosen = None if mask == controls.NO_MASK else unwrap(mask)
            self._at_once(lambda session: session.choose(mask=chosen))

    def _on_leave_out(self, _value: Any) -> None:
        chosen = self.leave_out.value
        self.where_section.set_row_visible(self.no_data.native, chosen == controls.A_VALUE)
        if not self._loading:
            values = (self.no_data.value,) if chosen == controls.A_VALUE else tuple(chosen)
            self._at_once(lambda session: session.choose(exclude=values))

    def _on_clean_up(self, _value: float) -> None:
        if not self._loading:
            clean_up = CleanUp(self.majority.value, self.min_size.value, self.fill_holes.value)
            self._at_once(lambda session: session.choose(smooth=self.smooth.value, clean_up=clean_up))

    def _on_objects(self) -> None:
        self.jobs.split_into_objects(self.table.selected_labels())

    def _on_where(self, axis: int) -> None:
        if not self._loading:
            self._at_once(lambda session: session.choose_where(None if axis == WHOLE else axis))

    def _on_live(self, live: bool) -> None:
        settings.remember(live=live)
        self.jobs.live = live
        if live and self.session is not None and self.session.wanted:
            self.jobs.update()

    def _on_threshold(self, index: int, value: float) -> None:
        if self.session is not None:
            self._change(self.session.move_threshold(index, value))

    def _on_reset(self) -> None:
        self._at_once(lambda session: session.edit(thresholds=None))

    def _on_renamed(self, label: int, name: str) -> None:
        self._at_once(lambda session: session.rename(label, name))

    def _on_asked(self, action: str, labels: list[int]) -> None:
        if action == "merge":
            self._at_once(lambda session: session.merge(labels))
        elif action == "split":
            self._at_once(lambda session: session.split(labels))
        elif action == "background":
            self._at_once(lambda session: session.toggle_background(labels))
        elif action == "extract":
            self.jobs.extract(labels)
        elif action == "objects":
            self.jobs.split_into_objects(labels)
        elif action == "copy":
            self.menu.copy_table()
        elif action == "csv":
            self.menu.save_table()

    def use_model(self, model: KMeansModel) -> None:
        """Take the clusters of a saved model for this image, as if its borders had been set by hand.

        Raises
        ------
        ValueError
            If it has no border.
        """
        self._at_once(lambda session: session.take_model(model))

    def _on_undo(self) -> None:
        if self.session is not None:
            self._change(self.session.undo())

    def _at_once(self, change: Callable[[Session], bool]) -> None:
        """Make a change that is a gesture of its own, one step for undo."""
        session = self.session
        if session is not None:
            session.end_gesture()
            self._change(change(session))
            session.end_gesture()

    def _change(self, new: bool) -> None:
        if new and self._follower is not None:
            self._follower.move()
            self.jobs.update()

    def _on_keep(self) -> None:
        if self.session is not None:
            self.session.overlay.release()

    def _on_cancel(self) -> None:
        self.jobs.cancel()
        self.show_status(advice.CANCELLED)

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
            self.show_status(advice.NOTHING_BESIDE)

    # From what is known to what is seen

    def _refresh(self) -> None:
        """Redraw controls, plots and table for the session as it is."""
        session = self.session
        if session is not None:
            self._show_parameters(session)
            session.find_model()
        model = session.model if session else None
        colors = self._display.colors(session, model) if session and model else distinct_colors(0)
        self._plot(session, model, colors)
        hidden = session.hidden if session else set()
        self.table.set_model(model, colors, hidden, pixel_size(session.image) if session else None)
        self.choose_k.set_suggestion(
            session.suggestion if session else None, model.n_clusters if model else 0
        )
        self.menu.undo.setEnabled(bool(session and session.history))
        self.menu.outline.setChecked(session is not None and session.overlay.contour > 0)
        self.segment.enabled = session is not None
        self.show_status(advice.advice(session))

    def _plot(self, session: Session | None, model: KMeansModel | None, colors: NDArray[np.float64]) -> None:
        """Draw the values and their clusters: of one feature as a histogram, of several by their own plot."""
        optimum = session.optimum if session else None
        summary = optimum.summary if isinstance(optimum, ExactClusterings) else None
        cloud = optimum.cloud if isinstance(optimum, SearchedClusterings) else None
        if summary is not self.histogram.summary:
            self.histogram.set_summary(summary)
        several = model is not None and model.n_features > 1
        if cloud is not None or "feature_plot" in vars(self):
            if cloud is not self.feature_plot.cloud:
                self.feature_plot.set_cloud(cloud, _white(session) if session else None)
            self.feature_plot.set_model(model if several else None, colors)
        whole = session is None or session.parameters.per_axis is None
        self.histogram.set_model(None if several else model, colors)
        self.histogram.set_movable(whole)
        self.border.set_model(model if whole and not several else None)
        if cloud is not None or summary is not None:
            show_page(self, of_several_features=cloud is not None)

    def _show_parameters(self, session: Session) -> None:
        parameters = session.parameters
        with self._showing():
            self["n_clusters"].value = parameters.n_clusters
            self["n_clusters_slider"].value = min(parameters.n_clusters, K_MAX)
            self["features"].reset_choices()
            if parameters.features in self["features"].choices:
                self["features"].value = parameters.features
            for name in ("standardize", "sigma"):
                self[name].visible = name in parameters.options
                self[name].value = getattr(parameters, name)
            self._show_where(session)
            self._show_clean_up(session)

    def _show_where(self, session: Session) -> None:
        parameters, section = session.parameters, self.where_section
        self.where.reset_choices()
        self.where.value = WHOLE if parameters.per_axis is None else parameters.per_axis
        self.mask.reset_choices()
        self.mask.value = controls.NO_MASK if parameters.mask is None else parameters.mask
        if self.leave_out.value != controls.A_VALUE or parameters.exclude != (self.no_data.value,):
            self.leave_out.value, value = controls.left_out(parameters.exclude)
            if value is not None:
                self.no_data.value = value
        section.set_row_visible(self.where.native, session.image.ndim > 2)
        section.set_row_visible(self.no_data.native, self.leave_out.value == controls.A_VALUE)
        chosen = [self.where.current_choice.lower()] if session.image.ndim > 2 else []
        if parameters.mask is not None:
            chosen.append(f"in {parameters.mask.name}")
        if parameters.exclude:
            chosen.append("without " + ", ".join(map(str, parameters.exclude)))
        section.set_chosen("; ".join(chosen))

    def _show_clean_up(self, session: Session) -> None:
        parameters, clean_up = session.parameters, session.parameters.clean_up
        values = parameters.smooth, clean_up.majority, clean_up.min_size, clean_up.fill_holes
        length, area = controls.suffixes(session.image)
        chosen = []
        for row, value, suffix in zip(self._clean_rows, values, (length, length, area, area), strict=True):
            row.value = value
            row.native.setSuffix(suffix)
            if value:
                chosen.append(f"{row.label.lower()} {value:g}{suffix}")
        self.clean_section.set_chosen("; ".join(chosen))
        self.objects.enabled = session.overlay.layer is not None

    def show_status(self, text: str) -> None:
        """Say something below the plots; nothing, if empty."""
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def show_error(self, error: Exception) -> None:
        """Say what went wrong, in a sentence."""
        self.show_status(advice.error_text(error))

    def _on_exported(self, path: object) -> None:
        self.show_status(advice.exported(path))

    def _on_progress(self, share: float) -> None:
        # Qt would draw the whole window at once, its canvas included.
        bar = self.progress.native
        bar.setUpdatesEnabled(False)
        self.progress.value = int(100 * share)
        bar.setUpdatesEnabled(True)


def _white(session: Session) -> float | None:
    """Value of full light in the image of a session; None where that can only be guessed."""
    dtype = np.dtype(session.image.dtype)
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else None


class _Flag:
    """Sets an attribute to True for a while, and back to what it was."""

    def __init__(self, owner: Any, name: str) -> None:
        self._owner = owner
        self._name = name

    def __enter__(self) -> None:
        self._before = getattr(self._owner, self._name)
        setattr(self._owner, self._name, True)

    def __exit__(self, *_: object) -> None:
        setattr(self._owner, self._name, self._before)


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
