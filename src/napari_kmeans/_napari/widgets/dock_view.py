"""What the dock shows of a session: controls, plots, table and status."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QLabel

from ...model.model import KMeansModel
from ...report.palette import distinct_colors
from ...summary.scalar import ScalarSummary
from ..layers.image_layer import pixel_size
from ..plots.choose_k import ChooseKPlot
from ..plots.histogram import HistogramPlot
from ..session.display import Display
from ..session.session import Session
from . import messages
from .border_row import BorderRow
from .cluster_table import ClusterTable
from .control import CLEAN_UP, FORM, PREPARE, WHERE
from .controls import CONTROLS, Controls
from .dock_menu import DockMenu
from .layout import PlotTabs
from .section import Section

if TYPE_CHECKING:
    from ..plots.feature_plot import FeaturePlot


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
        self.prepare = Section(PREPARE, "What happens to the image before it is clustered")
        self.where = Section(WHERE, "Which pixels are clustered, and which of them together")
        self.clean_up = Section(CLEAN_UP, "Clean the labels, and split them into objects")
        self._sections = {PREPARE: self.prepare, WHERE: self.where, CLEAN_UP: self.clean_up}
        self.status: QLabel | None = None
        for name, control in CONTROLS.items():
            if control.place in self._sections:
                label = "" if control.has_own_text else control.label
                self._sections[control.place].add(label, controls[name].native)
        self.show_rows()

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
            self._show_controls()
            session.find_model()
        model = session.model if session else None
        colors = self.display.colors(session, model) if session and model else distinct_colors(0)
        self._plot(session, model, colors)
        hidden = session.hidden if session else set()
        counts = session.counts if session else None
        self.table.set_model(model, colors, hidden, pixel_size(session.image) if session else None, counts)
        self.choose_k.set_suggestion(
            session.suggestion if session else None, model.n_clusters if model else 0
        )
        self.menu.undo.setEnabled(bool(session and session.history.past))
        self.menu.redo.setEnabled(bool(session and session.history.future))
        self.menu.show_field.setEnabled(bool(model and model.illumination is not None))
        self.menu.outline.setChecked(session is not None and session.overlay.contour > 0)
        self.controls["segment"].enabled = session is not None
        self.show_status(messages.advice(session))

    def _plot(self, session: Session | None, model: KMeansModel | None, colors: NDArray[np.float64]) -> None:
        """Draw the values and their clusters: a histogram for one feature, a scatter plot for several."""
        clusterings = session.clusterings if session else None
        summary = clusterings.summary if clusterings is not None else None
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

    def _show_controls(self) -> None:
        """Show what is asked of the session, in the controls and beside the titles of their sections."""
        self.controls.refresh()
        self.show_rows()
        for place, section in self._sections.items():
            section.set_chosen("; ".join(self.controls.notes(place)))

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
        bar: Any = self.controls["progress"].native
        bar.setUpdatesEnabled(False)
        self.controls["progress"].value = int(100 * share)
        bar.setUpdatesEnabled(True)


def _white(session: Session) -> float | None:
    """Return the value of white in the image of a session; None if it is unknown."""
    dtype = np.dtype(session.image.dtype)
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else None
