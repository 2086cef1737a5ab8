"""Intervals of thresholds and shares, and a second opinion on k, computed in the background on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qtpy.QtCore import QObject, Signal

from ...blocks.progress import Progress
from ...kmeans.suggestion import Suggestion, suggest
from ...model.uncertainty import Uncertainty, uncertainty_of
from ..layers.worker import Runner
from . import preferences
from .session import Session


class Intervals(QObject):
    """Estimate how much thresholds and shares would vary between images similar to the current one.

    Parameters
    ----------
    session : callable
        Returns the session that the dock shows, or None.
    parent : QObject

    Attributes
    ----------
    runner : Runner

    Signals
    -------
    found()
        The session has intervals, or a second opinion.
    failed(error)
        There are no clusters to find intervals for.
    """

    found = Signal()
    failed = Signal(object)

    def __init__(self, session: Callable[[], Session | None], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.runner = Runner(self)

    def find(self) -> None:
        """Find the intervals of the current clusters; this reads all pixels of the image."""
        session = self._session()
        if session is None or session.resolutions is None or session.model is None:
            self.failed.emit(ValueError("there are no clusters yet; press Segment"))
            return
        if session.measured is not None and session.measured.is_estimate:
            self.failed.emit(
                ValueError("these clusters are an estimate from part of the image; press Segment first")
            )
            return
        model, resolutions = session.model, session.resolutions
        pixels = replace(resolutions.at(session.place), extractor=model.extractor)

        def work(progress: Progress) -> Uncertainty:
            return uncertainty_of(model, pixels, progress=progress)

        def done(uncertainty: Uncertainty) -> None:
            session.set_uncertainty(resolutions, uncertainty)
            self.found.emit()

        self.runner.queue("intervals", work, done)

    def find_opinion(self) -> None:
        """Find the number of clusters that the gap statistic suggests."""
        session = self._session()
        clusterings = session.clusterings if session is not None else None
        if session is None or clusterings is None:
            return
        k_max = preferences.load().k_max

        def work(progress: Progress) -> Suggestion:
            return suggest(clusterings, k_max, "gap")

        def done(found: Suggestion) -> None:
            session.set_opinion(clusterings, found)
            self.found.emit()

        self.runner.queue("opinion", work, done)
