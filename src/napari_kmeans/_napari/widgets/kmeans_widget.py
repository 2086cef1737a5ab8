"""The dock: its form, and the connections between its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QAction, QColor, QKeySequence
from qtpy.QtWidgets import QColorDialog, QPushButton, QShortcut, QToolButton

from ..layers.image_layer import unwrap
from ..session import preferences
from ..session.active_image import ActiveImageFollower
from ..session.display import Display
from ..session.jobs import Jobs
from ..session.session import K_MAX, Session
from . import messages
from .apply_dialogs import ApplyDialogs
from .closing import Closing
from .control import FORM
from .controls import CONTROLS, Controls
from .dock_menu import DockMenu
from .dock_view import DockView
from .files_and_clipboard import FilesAndClipboard
from .focus_ring import FocusRing
from .layout import ReservedSpace, ScrollColumn, arrange, row, status_label, tune_controls
from .session_changes import SessionChanges

if TYPE_CHECKING:
    from ..plots.feature_plot import FeaturePlot


class KMeansWidget(Container):
    """Segment the active image by k-means, with a live preview of the clusters.

    ``dock.NAME`` is the control of that name, in whichever section; see `Controls`.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        self.viewer = unwrap(napari_viewer)
        # napari already calls the methods that list choices while the dock is being created.
        self._follower: ActiveImageFollower | None = None
        preferred = preferences.load()
        k = preferred.n_clusters
        values = {"n_clusters": k, "n_clusters_slider": min(k, K_MAX), "live": preferred.live}
        controls = self.controls = Controls(self.viewer, lambda: self.session, values)
        form = [name for name, control in CONTROLS.items() if control.place == FORM]
        super().__init__(widgets=[controls[name] for name in form], labels=True)
        for name, widget in controls.by_name.items():
            if name not in form:
                setattr(self, name, widget)
        self.peek = QPushButton("Peek", toolTip="Hold to see the original")
        self.peek.setAccessibleName("Peek")
        self.more = QPushButton("⋯", toolTip="More")
        self.more.setAccessibleName("More")
        self.menu = DockMenu(preferred.palette, self.more)
        self.more.setMenu(self.menu)
        self.undo, self.redo = _button(self.menu.undo), self.menu.redo
        self._display = Display(self.viewer, preferred.palette, lambda: self.session)
        view = self.view = DockView(controls, self.menu, self._display)
        self.histogram, self.border, self.choose_k = view.histogram, view.border, view.choose_k
        self.table, self.tabs, self.suggest = view.table, view.tabs, view.choose_k.use
        self.tabs.tabBar().setAccessibleName("Plots")
        self.suggest.setAccessibleName("Use the suggested number of clusters")
        self.status = view.status = status_label()
        self._running = ReservedSpace(controls["progress"].native, controls["cancel"].native)
        self._running.hide()
        buttons = row(controls["live"].native, controls["segment"].native, self.undo, self.peek, self.more)
        below = ScrollColumn(view.table, view.prepare, view.where, view.clean_up)
        arrange(
            self.native,
            [
                (view.tabs, 1),
                (view.uneven_illumination, 0),
                (view.loaded, 0),
                (self.status, 0),
                (below, 1),
                (buttons, 0),
                (self._running, 0),
            ],
        )
        tune_controls([*controls.by_name.values(), view.border], self.native)
        self._follower = ActiveImageFollower(self.viewer, self.native)
        self.jobs = Jobs(self.viewer, self._display, self.native)
        self.jobs.live = preferred.live
        self.actions = FilesAndClipboard(self.native, lambda: self.session)
        self.apply_dialogs = ApplyDialogs(self.jobs.applying, self.native)
        self._changes = SessionChanges(controls, lambda: self.session, self.native)
        self._shortcuts = [
            self._shortcut(QKeySequence.StandardKey.Undo, self._changes.undo),
            self._shortcut(QKeySequence.StandardKey.Redo, self._changes.redo),
        ]
        self._ring = FocusRing(self.native)
        self._closing = Closing(self.native, self._close)
        self._connect()
        self._follower.follow()
        if self.session is None:
            self._refresh()

    @property
    def session(self) -> Session | None:
        """State of the current image, or None."""
        return self._follower.session if self._follower is not None else None

    @property
    def feature_plot(self) -> FeaturePlot:
        """The plot of several features, which replaces the histogram."""
        return self.view.feature_plot

    @property
    def is_idle(self) -> bool:
        """Whether nothing is running or pending."""
        return self.jobs.is_idle

    # Wiring

    def _connect(self) -> None:
        follower, jobs, changes, display = self._follower, self.jobs, self._changes, self._display
        menu, view, actions = self.menu, self.view, self.actions
        assert follower is not None
        for signal, slot in (
            (follower.layers_changed, self.reset_choices),
            (follower.session_leaving, self._on_session_leaving),
            (follower.session_changed, self._on_session_changed),
            (follower.pixels_changed, self._on_pixels_changed),
            (follower.position_changed, self._on_position_changed),
            (follower.appearance_changed, self._on_appearance_changed),
            (follower.overlay_selected, self._on_overlay_selected),
            (changes.changed, self._on_changed),
            (changes.refused, self._on_failed),
            (jobs.changed, self._refresh),
            (jobs.failed, self._on_failed),
            (jobs.exported, self._on_exported),
            (jobs.progressed, view.show_progress),
            (jobs.preparing, view.show_preparing),
            (jobs.taking_long, self._running.show),
            (jobs.stopped, self._running.hide),
            (self.controls.chosen, self._on_chosen),
            (self.controls["segment"].changed, jobs.segment),
            (self.controls["cancel"].changed, self._on_cancel),
            (self.controls["objects"].changed, self._on_objects),
            (self.peek.pressed, display.peek),
            (self.peek.released, display.end_peek),
            (view.choose_k.chosen, self._on_k_chosen),
            (view.uneven_illumination.accepted, self._on_uneven_illumination),
            (view.loaded.accepted, changes.reset_clusters),
            (view.histogram.threshold_moved, changes.drag_threshold),
            (view.border.moved, self._on_threshold_typed),
            (view.border.refused, self._on_number_refused),
            (view.border.reset, changes.reset_clusters),
            (view.table.renamed, changes.rename),
            (view.table.shown, display.set_visible),
            (view.table.highlighted, display.set_highlighted),
            (view.table.action_requested, self._on_action),
            (menu.undo.triggered, changes.undo),
            (menu.redo.triggered, changes.redo),
            (menu.keep.triggered, self._on_keep),
            (menu.side_by_side.toggled, self._on_side_by_side),
            (menu.outline.toggled, display.set_outline),
            (menu.log_counts.toggled, view.histogram.set_log_counts),
            (menu.palettes.triggered, self._on_palette),
            (menu.confidence.triggered, jobs.new_layers.add_confidence),
            (menu.intervals.triggered, jobs.intervals.find),
            (menu.second_opinion.triggered, self._on_second_opinion),
            (menu.show_field.triggered, jobs.new_layers.add_field),
            (menu.apply_layers.triggered, self.apply_dialogs.to_layers),
            (menu.apply_files.triggered, self.apply_dialogs.to_files),
            (jobs.applying.reported, view.show_status),
            (jobs.new_layers.objects_added, self._on_objects_added),
            (menu.copy_python.triggered, actions.copy_python),
            (menu.export.triggered, actions.export),
            (menu.export_figure.triggered, actions.export_figure),
            (menu.save_recipe.triggered, actions.save_recipe),
            (menu.save_model.triggered, actions.save_model),
            (menu.load_model.triggered, actions.load_model),
            (actions.reported, view.show_status),
            (actions.failed, view.show_error),
            (actions.export_chosen, self._on_export),
            (actions.figure_chosen, self._on_export_figure),
            (actions.model_chosen, self.use_model),
        ):
            signal.connect(slot)

    def _shortcut(self, key: QKeySequence.StandardKey, slot: Callable[[], None]) -> QShortcut:
        shortcut = QShortcut(QKeySequence(key), self.native)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(slot)
        return shortcut

    def _close(self) -> None:
        """Disconnect from the viewer, since the dock or its window was closed."""
        assert self._follower is not None
        self.jobs.cancel()
        self.menu.side_by_side.setChecked(False)
        self._display.end_peek()
        self._follower.close()
        self.jobs.session = None
        # napari connects these for every magicgui widget, but never disconnects them.
        events = self.viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.disconnect(self.reset_choices)

    # Choice of the image

    def reset_choices(self, *_: Any) -> None:
        """Update the lists of images and masks; the chosen ones stay chosen, even if they were renamed."""
        with QSignalBlocker(self.controls):
            super().reset_choices()
            session = self.session
            if session is not None and session.image in self.viewer.layers:
                self.controls.show(image=session.image)
                self.controls["mask"].reset_choices()
                if session.settings.mask is not None:
                    self.controls.show(mask=session.settings.mask)

    def _on_session_leaving(self) -> None:
        self.jobs.stop()
        self.menu.side_by_side.setChecked(False)
        self.table.clearSelection()  # before the highlight of the next session

    def _on_session_changed(self) -> None:
        self.reset_choices()
        self.jobs.show(self.session)

    def _on_pixels_changed(self) -> None:
        self.jobs.show(self.session)

    def _on_position_changed(self) -> None:
        self._refresh()
        session = self.session
        if session is not None and not session.is_measured and session.resolutions is not None:
            self.jobs.measure()

    def _on_appearance_changed(self) -> None:
        if self._display.recolor():
            self._refresh()

    def _on_overlay_selected(self) -> None:
        if self.is_idle:
            self.jobs.complete_overlay()  # the user may be about to paint in it

    # Actions of the user

    def _on_chosen(self, name: str, value: Any) -> None:
        """Apply the value that the user chose in a control."""
        session = self.session
        if name == "image":
            assert self._follower is not None
            self._follower.choose(value)
        elif name == "n_clusters_slider":
            self.controls["n_clusters"].value = value
        elif name == "live":
            self._on_live(value)
        elif session is None:
            if name == "n_clusters":
                assert self._follower is not None
                self._follower.n_clusters = value
                self.controls.show(n_clusters_slider=min(value, K_MAX))
        else:
            if name == "leave_out":
                self.view.show_rows()
            self._changes.choose(name, value)

    def _on_live(self, live: bool) -> None:
        preferences.save(live=live)
        self.jobs.live = live
        if live and self.session is not None and self.session.is_wanted:
            self.jobs.update()

    def _on_uneven_illumination(self) -> None:
        measured = self.session.measured if self.session is not None else None
        if measured is not None:
            self.controls["illumination"].value = measured.uneven_illumination

    def _on_second_opinion(self) -> None:
        self.tabs.setCurrentWidget(self.choose_k)  # where the answer will be
        self.jobs.intervals.find_opinion()

    def _on_k_chosen(self, n_clusters: int) -> None:
        self.controls["n_clusters"].value = max(n_clusters, 2)

    def _on_threshold_typed(self, index: int, value: float) -> None:
        session = self.session
        if session is None:
            return
        low, high = session.threshold_range(index)
        if low <= value <= high:
            self._changes.set_threshold(index, value)
        else:
            self._note(messages.threshold_out_of_range(index, value, low, high))

    def _on_number_refused(self, text: str) -> None:
        self._note(messages.not_a_number(text))

    def _on_action(self, action: str, labels: list[int]) -> None:
        """Run an action of the context menu of the table."""
        layers = self.jobs.new_layers
        {
            "merge": lambda: self._changes.merge(labels),
            "split": lambda: self._changes.split(labels),
            "background": lambda: self._changes.toggle_background(labels),
            "color": lambda: self._choose_color(labels),
            "extract": lambda: layers.extract(labels),
            "objects": lambda: self._split_into_objects(labels),
            "copy": self.actions.copy_table,
            "csv": self.actions.save_table,
        }[action]()

    def use_model(self, model: Any) -> None:
        """Use the clusters of a saved model for this image, as if they had been set by hand.

        A model that does not suit the image changes nothing, and the dock shows the reason.
        """
        self._changes.use_model(model)

    def _on_changed(self) -> None:
        if self._follower is not None:
            self._follower.move()
            self.jobs.update()

    def _on_keep(self) -> None:
        if self.session is not None:
            self.session.overlay.release()

    def _on_cancel(self) -> None:
        is_incomplete = self.jobs.cancel()
        self._note(messages.CANCELLED if is_incomplete else messages.CANCELLED_REQUEST)

    def _on_failed(self, error: Exception) -> None:
        self._note(messages.error_text(error))

    def _note(self, text: str) -> None:
        """Show a text until the next change."""
        if self.session is not None:
            self.session.notice = text
        self._refresh()
        if self.session is None:
            self.view.show_status(text)

    def _on_objects(self) -> None:
        self._split_into_objects(self.table.selected_labels())

    def _split_into_objects(self, labels: list[int]) -> None:
        self.jobs.when_labelled("objects", lambda: self.jobs.new_layers.split_into_objects(labels))

    def _on_objects_added(self, n: int, name: str) -> None:
        self.view.show_status(messages.objects_added(n, name))

    def _on_export(self, path: Any, overwrite: bool) -> None:
        self.jobs.export(path, overwrite=overwrite)

    def _on_export_figure(self, path: Any, overwrite: bool) -> None:
        self.jobs.when_labelled("figure", lambda: self.jobs.export_figure(path, overwrite=overwrite))

    def _on_exported(self, path: object) -> None:
        self.view.show_status(messages.exported(path))

    # Appearance

    def _choose_color(self, labels: list[int]) -> None:
        """Let the user choose the colour of clusters."""
        session = self.session
        if session is None or session.model is None or not labels:
            return
        before = QColor.fromRgbF(*self._display.colors(session, session.model)[labels[0] - 1])
        color = QColorDialog.getColor(before, self.native, "Cluster colour")
        if color.isValid():
            self._display.set_color(labels, color.getRgbF())
            self._refresh()

    def _on_palette(self, action: QAction) -> None:
        self._display.set_palette(action.data())
        self._refresh()

    def _on_side_by_side(self, wanted: bool) -> None:
        if self._display.set_side_by_side(wanted) != wanted:
            self.menu.side_by_side.setChecked(False)
            self.view.show_status(messages.NOTHING_BESIDE)

    def _refresh(self) -> None:
        session = self.session
        self.view.refresh(session)
        self.view.set_outdated(session is not None and session.model is None and self.is_idle)

    def show_status(self, text: str) -> None:
        """Show a text below the plots, or hide it if the text is empty."""
        self.view.show_status(text)

    def show_error(self, error: Exception) -> None:
        """Show the message of an error."""
        self.view.show_error(error)


def _button(action: QAction) -> QToolButton:
    """Return a button for a menu entry."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAccessibleName(action.text())
    return button
