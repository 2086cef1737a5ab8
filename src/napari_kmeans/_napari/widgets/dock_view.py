"""What the dock shows of a session: controls, plots, table and status."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QLabel

from ...report.palette import distinct_colors
from ...summary.scalar import ScalarSummary
from ..layers.image_layer import pixel_size
from ..plots.choose_k import ChooseKPlot
from ..plots.histogram import HistogramPlot
from ..session.display import Display
from ..session.session import DisplayedResult, Session
from . import messages
from .border_row import BorderRow
from .cluster_table import ClusterTable
from .control import CLEAN_UP, FORM, PREPARE, WHERE, is_only_exported
from .controls import CONTROLS, Controls
from .dock_menu import DockMenu
from .layout import PlotTabs
from .offer_line import OfferLine
from .section import Section

if TYPE_CHECKING:
    from ..plots.feature_plot import FeaturePlot


_UNEVEN_TIPS = {
    "additive": "Set Prepare ▸ Illumination to Uneven background",
    "multiplicative": "Set Prepare ▸ Illumination to Shading",
}
_LOADED_TIP = "Discard these clusters and restore the optimal ones"


class DockView:
    """Draw the state of a session.

    Parameters
    ----------
    controls : Controls
    menu : DockMenu
    display : Display
        Decides the colours.
    """

    def __init__(self, controls: Controls, menu: DockMenu, display: Display) -> None:
        self.controls, self.menu, self.display = controls, menu, display
        self.histogram = HistogramPlot()
        self.border = BorderRow()
        self.choose_k = ChooseKPlot()
        self.table = ClusterTable()
        self.tabs = PlotTabs([self.histogram, self.border], self.choose_k)
        self.prepare = Section(PREPARE, "Correct and smooth the image before clustering")
        self.where = Section(WHERE, "Which pixels are clustered, and whether planes share their clusters")
        self.clean_up = Section(CLEAN_UP, "Clean up the labels, and split them into objects")
        self._sections = {PREPARE: self.prepare, WHERE: self.where, CLEAN_UP: self.clean_up}
        self.uneven_illumination = OfferLine(
            "The image looks unevenly lit.", "Remove", "Remove the uneven illumination"
        )
        self.loaded = OfferLine("Clusters of a loaded model.", "Reset", "Reset clusters")
        self.status: QLabel | None = None
        for name, control in CONTROLS.items():
            if control.place in self._sections:
                label = "" if control.has_own_text else control.label
                self._sections[control.place].add(label, controls[name].native)
        self.show_rows()

    @cached_property
    def feature_plot(self) -> FeaturePlot:
        """The plot of several features, which replaces the histogram; created on first use."""
        from ..plots.feature_plot import FeaturePlot

        plot = FeaturePlot()
        self.tabs.pages.addWidget(plot)
        return plot

    def refresh(self, session: Session | None) -> None:
        """Show the current state of a session."""
        if session is not None:
            self._show_controls()
            session.find_model()
        # The last state stays visible while the next one is computed, and if that fails.
        shown = session.shown if session else None
        model = shown.model if shown else None
        colors = self.display.colors(session, model) if session and model else distinct_colors(0)
        self._plot(session, shown, colors)
        hidden = self.display.hidden(session) if session else set()
        counts = shown.counts if shown else None
        size, uncertainty = (pixel_size(session.image), session.uncertainty) if session else (None, None)
        self.table.set_model(model, colors, hidden, size, counts, uncertainty)
        self.histogram.set_intervals(None if uncertainty is None else uncertainty.thresholds)
        self.choose_k.set_suggestion(
            session.suggestion if session else None, model.n_clusters if model else 0
        )
        self.choose_k.set_opinion(session.opinion if session else None)
        self.menu.second_opinion.setEnabled(bool(session and session.clusterings is not None))
        self.menu.undo.setEnabled(bool(session and session.history.past))
        self.menu.redo.setEnabled(bool(session and session.history.future))
        self.menu.set_has_image(session is not None)
        self.menu.intervals.setEnabled(bool(model and model.n_features == 1))
        self.menu.show_field.setEnabled(bool(model and model.illumination is not None))
        self.menu.outline.setChecked(session is not None and session.overlay.contour > 0)
        self.controls["segment"].enabled = session is not None
        measured = session.measured if session is not None else None
        uneven = measured.uneven_illumination if measured is not None else None
        self.uneven_illumination.offer(_UNEVEN_TIPS[uneven] if uneven else "")
        # With one feature, the row below the histogram shows this.
        is_loaded = model is not None and model.recipe.edits.centers is not None
        self.loaded.offer(_LOADED_TIP if is_loaded else "")
        self.show_status(messages.advice(session))

    def set_outdated(self, is_outdated: bool) -> None:
        """Gray out the plots and the table: they show the last state, and the current settings have failed."""
        for widget in (self.tabs, self.table):
            widget.setEnabled(not is_outdated)

    def _plot(
        self, session: Session | None, shown: DisplayedResult | None, colors: NDArray[np.float64]
    ) -> None:
        """Draw the values and their clusters: a histogram for one feature, a scatter plot for several."""
        clusterings = session.clusterings if session else None
        model = shown.model if shown else None
        # Clustering many values takes a while; their histogram is available earlier.
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
        whole = session is None or session.settings.per_axis is None
        self.histogram.set_model(None if several else model, colors)
        self.histogram.set_movable(whole)
        is_loaded = session is not None and session.settings.has_loaded_thresholds
        self.border.set_model(model if whole and not several else None, is_loaded=is_loaded)
        if summary is not None or session is None:
            self.tabs.show_page(of_several_features=vector is not None)
            self.menu.log_counts.setEnabled(vector is None)

    def _show_controls(self) -> None:
        """Show the settings of the session in the controls and beside the titles of the sections."""
        self.controls.refresh()
        self.show_rows()
        for place, section in self._sections.items():
            notes = self.controls.notes(place)
            if notes and place == CLEAN_UP and is_only_exported(self.controls.context):
                notes.insert(0, "on export only")
            section.set_chosen("; ".join(notes))

    def show_rows(self) -> None:
        """Show the controls that apply to the session, and hide the others."""
        for name, control in CONTROLS.items():
            if control.applies is None:
                continue
            widget, applies = self.controls[name], self.controls.applies(name)
            if control.place == FORM:
                widget.visible = applies
            else:
                self._sections[control.place].set_row_visible(widget.native, applies)

    def show_status(self, text: str, details: str = "") -> None:
        """Show a text below the plots, with details as its tooltip; hide it if the text is empty."""
        if self.status is not None:
            self.status.setText(text)
            self.status.setToolTip(details)
            self.status.setVisible(bool(text))

    def show_error(self, error: Exception) -> None:
        """Show the message of an error."""
        self.show_status(messages.error_text(error))

    def show_progress(self, share: float) -> None:
        """Show the completed share of the running job."""
        # Otherwise Qt would redraw the whole window, including the canvas.
        bar: Any = self.controls["progress"].native
        bar.setUpdatesEnabled(False)
        bar.setFormat("%p %")
        self.controls["progress"].value = int(100 * share)
        bar.setUpdatesEnabled(True)

    def show_preparing(self) -> None:
        """Show that numba is still compiling."""
        bar: Any = self.controls["progress"].native
        bar.setFormat("compiling (first use only)")


def _white(session: Session) -> float | None:
    """Return the value of white in the image of a session; None if it is unknown."""
    dtype = np.dtype(session.image.dtype)
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else None
