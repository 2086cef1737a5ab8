"""What the dock shows of a session: controls, plots, table and status."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QLabel

from ...report.palette import distinct_colors
from ...summary.scalar import ScalarSummary
from ..layers.image_layer import pixel_size
from ..plots.choose_k import ChooseKPlot
from ..plots.histogram import HistogramPlot
from ..session.display import Display
from ..session.session import K_MAX, Session, Shown
from . import messages
from .border_row import BorderRow
from .cluster_table import ClusterTable
from .controls import A_VALUE, NO_ILLUMINATION, NO_MASK, WHOLE, Controls, excluded_choice, unit_suffixes
from .dock_menu import DockMenu
from .layout import PlotTabs
from .section import Section

if TYPE_CHECKING:
    from ..plots.feature_plot import FeaturePlot


_ONLY_EXPORTED = "Regions of an image this large are cleaned when its labels are exported, not on the screen."


class DockView:
    """Draws the state of a session.

    Parameters
    ----------
    controls, menu, display
        What is set, and what decides the colours.
    """

    def __init__(self, controls: Controls, menu: DockMenu, display: Display) -> None:
        self.controls, self.menu, self.display = controls, menu, display
        self.histogram = HistogramPlot()
        self.border = BorderRow()
        self.choose_k = ChooseKPlot()
        self.table = ClusterTable()
        self.tabs = PlotTabs([self.histogram, self.border], self.choose_k)
        self.prepare = Section("Prepare", "What happens to the image before it is clustered")
        self.where = Section("Where", "Which pixels are clustered, and which of them together")
        self.clean_up = Section("Clean up", "Clean the labels, and split them into objects")
        self.status: QLabel | None = None
        for section, names in (
            (self.prepare, ("illumination", "smooth", "coherence")),
            (self.where, ("where", "mask", "leave_out", "no_data")),
            (self.clean_up, ("majority", "min_size", "fill_holes")),
        ):
            for name in names:
                control = getattr(controls, name)
                section.add(control.label, control.native)
        self.clean_up.add("", controls.objects.native)

    @cached_property
    def feature_plot(self) -> FeaturePlot:
        """Takes the place of the histogram for several features; made when it is first needed."""
        from ..plots.feature_plot import FeaturePlot

        plot = FeaturePlot()
        self.tabs.pages.addWidget(plot)
        return plot

    def refresh(self, session: Session | None) -> None:
        """Show a session as it is."""
        if session is not None:
            self._show_controls(session)
            session.find_model()
        # The last state stays while the next is computed, and if that fails.
        shown = session.shown if session else None
        model = shown.model if shown else None
        colors = self.display.colors(session, model) if session and model else distinct_colors(0)
        self._plot(session, shown, colors)
        hidden = session.hidden if session else set()
        counts = shown.counts if shown else None
        size, uncertainty = (pixel_size(session.image), session.uncertainty) if session else (None, None)
        self.table.set_model(model, colors, hidden, size, counts, uncertainty)
        self.histogram.set_intervals(None if uncertainty is None else uncertainty.thresholds)
        self.choose_k.set_suggestion(
            session.suggestion if session else None, model.n_clusters if model else 0
        )
        self.menu.undo.setEnabled(bool(session and session.history.past))
        self.menu.redo.setEnabled(bool(session and session.history.future))
        self.menu.intervals.setEnabled(bool(model and model.n_features == 1))
        self.menu.show_field.setEnabled(bool(model and model.illumination is not None))
        self.menu.outline.setChecked(session is not None and session.overlay.contour > 0)
        self.controls.segment.enabled = session is not None
        self.show_status(messages.advice(session))

    def set_outdated(self, is_outdated: bool) -> None:
        """Gray what is shown: it is the last state, and what was asked since then has failed."""
        for widget in (self.tabs, self.table):
            widget.setEnabled(not is_outdated)

    def _plot(self, session: Session | None, shown: Shown | None, colors: NDArray[np.float64]) -> None:
        """Draw the values and their clusters: a histogram for one feature, a scatter plot for several."""
        clusterings = session.clusterings if session else None
        model = shown.model if shown else None
        # Clusters of many values take a while; their histogram is known before.
        current = clusterings.summary if clusterings is not None else None
        summary = shown.summary if shown else current
        if current is not None and current is not summary:
            summary, model = current, None
        scalar = summary if isinstance(summary, ScalarSummary) else None
        vector = None if isinstance(summary, ScalarSummary) else summary
        if scalar is not self.histogram.summary:
            self.histogram.set_summary(scalar)
        several = model is not None and model.n_features > 1
        if vector is not None or "feature_plot" in vars(self):
            if vector is not self.feature_plot.cloud:
                self.feature_plot.set_cloud(vector, _white(session) if session else None)
            self.feature_plot.set_model(model if several else None, colors)
        whole = session is None or session.asked.per_axis is None
        self.histogram.set_model(None if several else model, colors)
        self.histogram.set_movable(whole)
        self.border.set_model(model if whole and not several else None)
        if summary is not None:
            self.tabs.show_page(of_several_features=vector is not None)
            self.menu.log_counts.setEnabled(vector is None)

    def _show_controls(self, session: Session) -> None:
        asked, controls = session.asked, self.controls
        recipe = asked.recipe
        with QSignalBlocker(controls):
            controls.features.reset_choices()
            controls.show(
                n_clusters=asked.n_clusters,
                n_clusters_slider=min(asked.n_clusters, K_MAX),
                features=recipe.features.name,
                illumination=NO_ILLUMINATION if recipe.illumination is None else recipe.illumination.kind,
                coherence=min(asked.coherence, 3),
            )
            beyond = asked.n_clusters > K_MAX
            controls.n_clusters_slider.native.setEnabled(True)
            controls.n_clusters_slider.native.setToolTip(
                f"{asked.n_clusters} clusters are beyond the slider, which ends at {K_MAX}"
                if beyond
                else controls.n_clusters_slider.tooltip
            )
            options = recipe.features.options
            for name in ("standardize", "sigma"):
                control = getattr(controls, name)
                control.visible = name in options
                if name in options:
                    value = options[name]
                    controls.show(**{name: tuple(value) if isinstance(value, list) else value})
            self._show_prepare(session)
            self._show_where(session)
            self._show_clean_up(session)

    def _show_prepare(self, session: Session) -> None:
        asked, controls = session.asked, self.controls
        length = unit_suffixes(session.image)["length"]
        controls.show(smooth=asked.smooth)
        controls.smooth.native.setSuffix(length)
        one_feature = not asked.channels and asked.recipe.features.name not in ("rgb", "lab", "texture")
        controls.coherence.enabled = one_feature
        controls.coherence.native.setToolTip(
            controls.coherence.tooltip if one_feature else "For one feature only; use Majority instead"
        )
        chosen = []
        if asked.recipe.illumination is not None:
            chosen.append(controls.illumination.current_choice.lower())
        if asked.smooth:
            chosen.append(f"smooth {asked.smooth:g}{length}")
        if asked.coherence:
            chosen.append(f"coherence {asked.coherence:g}")
        self.prepare.set_chosen("; ".join(chosen))

    def _show_where(self, session: Session) -> None:
        asked, controls = session.asked, self.controls
        exclude = asked.recipe.exclude
        controls.where.reset_choices()
        controls.mask.reset_choices()
        controls.show(
            where=WHOLE if asked.per_axis is None else asked.per_axis,
            mask=NO_MASK if asked.mask is None else asked.mask,
        )
        if controls.leave_out.value != A_VALUE or exclude != (controls.no_data.value,):
            choice, value = excluded_choice(exclude)
            controls.show(leave_out=choice, **({} if value is None else {"no_data": value}))
        self.where.set_row_visible(controls.where.native, session.image.ndim > 2)
        self.show_no_data()
        chosen = [controls.where.current_choice.lower()] if session.image.ndim > 2 else []
        if asked.mask is not None:
            chosen.append(f"in {asked.mask.name}")
        if exclude:
            chosen.append("without " + ", ".join(map(str, exclude)))
        self.where.set_chosen("; ".join(chosen))

    def show_no_data(self) -> None:
        """Show the box for the excluded value if it is needed."""
        is_value = self.controls.leave_out.value == A_VALUE
        self.where.set_row_visible(self.controls.no_data.native, is_value)

    def _show_clean_up(self, session: Session) -> None:
        clean_up, suffixes = session.asked.recipe.clean_up, unit_suffixes(session.image)
        chosen = []
        on_demand = session.resolutions is not None and session.resolutions.stays_on_demand
        for name, unit in (("majority", "length"), ("min_size", "size"), ("fill_holes", "size")):
            control, value = getattr(self.controls, name), getattr(clean_up, name)
            self.controls.show(**{name: value})
            control.native.setSuffix(suffixes[unit])
            control.native.setToolTip(control.tooltip + (f" {_ONLY_EXPORTED}" if on_demand else ""))
            if value:
                chosen.append(f"{control.label.lower()} {value:g}{suffixes[unit]}")
        if chosen and on_demand:
            chosen.insert(0, "on export only")
        self.clean_up.set_chosen("; ".join(chosen))
        self.controls.objects.enabled = session.overlay.layer is not None

    def show_status(self, text: str) -> None:
        """Show a sentence below the plots; nothing if empty."""
        if self.status is not None:
            self.status.setText(text)
            self.status.setVisible(bool(text))

    def show_error(self, error: Exception) -> None:
        """Show what went wrong, in a sentence."""
        self.show_status(messages.error_text(error))

    def show_progress(self, share: float) -> None:
        """Show the completed share of what runs."""
        # Qt would otherwise draw the whole window at once, its canvas included.
        bar: Any = self.controls.progress.native
        bar.setUpdatesEnabled(False)
        bar.setFormat("%p %")
        self.controls.progress.value = int(100 * share)
        bar.setUpdatesEnabled(True)

    def show_preparing(self) -> None:
        """Show that what runs is still being compiled."""
        bar: Any = self.controls.progress.native
        bar.setFormat("preparing, once on this machine")


def _white(session: Session) -> float | None:
    """Return the value of white in the image of a session; None if it is unknown."""
    dtype = np.dtype(session.image.dtype)
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else None
