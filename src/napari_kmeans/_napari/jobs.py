"""From a session's parameters to its overlay: looked up at once, and in the background what takes time."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from ..blocks import Progress, boxes, run, summarise
from ..clustering import Optimum, Suggestion, suggest
from ..model import KMeansModel
from ..pipeline import label_and_count
from ..pixels import Box, Pixels
from ..report import cluster_table
from . import settings
from .display import Display
from .layers import pixel_size, pixels_of, transforms_of
from .look_up import label_stack
from .session import Session
from .worker import Runner, part_of

_REST = 300  # ms without a change until the overlay is made an ordinary array
# Pixels that a view in 2-D and in 3-D can look up anew at every step of the slider; a larger one waits for
# the slider to rest.
_LIVE_PIXELS = {2: 1 << 24, 3: 1 << 22}


class Jobs(QObject):
    """What the dock does about the parameters of the session it shows.

    Clusters and masks have a runner each: a slider that moves on replaces the work on clusters, and leaves
    alone a mask that was asked for.

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
    """

    progressed = Signal(float)
    lasted = Signal()
    stopped = Signal()
    changed = Signal()
    failed = Signal(object)

    def __init__(self, viewer: Any, display: Display, parent: QObject) -> None:
        super().__init__(parent)
        self.live = True
        """Whether the overlay follows the parameters, instead of waiting for `segment`."""
        self.session: Session | None = None
        self._viewer = viewer
        self._display = display
        self.clusters, self.masks = Runner(self), Runner(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._settle)
        self.clusters.progressed.connect(self.progressed)
        self.masks.progressed.connect(self._on_mask_progressed)
        for runner in (self.clusters, self.masks):
            runner.lasted.connect(self.lasted)
            runner.stopped.connect(self._on_stopped)
            runner.failed.connect(self.failed)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is running nor about to."""
        return not (self.clusters.busy or self.masks.busy or self._rest.isActive())

    def show(self, session: Session | None) -> None:
        """Turn to another image: measure it, or finish what was left before it came to rest."""
        self.stop()
        self.session = session
        self.changed.emit()
        if session is not None and session.optimum is None:
            self.measure()
        else:
            self.finish()

    def stop(self) -> None:
        """Cancel the work on clusters that is under way or about to be; its result is dropped."""
        self._rest.stop()
        self.clusters.stop()

    def cancel(self) -> None:
        """Cancel everything, as the person wants it."""
        self.stop()
        self.masks.stop()
        if self.session is not None:
            self.session.wanted = False

    def _on_mask_progressed(self, share: float) -> None:
        if not self.clusters.busy:
            self.progressed.emit(share)

    def _on_stopped(self) -> None:
        if not (self.clusters.busy or self.masks.busy):
            self.stopped.emit()

    # Clusters

    def update(self) -> None:
        """Show the clusters for the parameters as they are: at once, or when the image has been measured."""
        session = self.session
        if session is None:
            return
        session.wanted = True
        self.changed.emit()
        if session.optimum is None:
            if not self.clusters.busy:
                self.measure()
            return
        if session.model is None:
            # Many clusters of many values take a while to find; those that do not are there by now.
            optimum, k = session.optimum, session.n_clusters
            self.clusters.run(lambda progress: optimum.clustering(k), lambda _: self.update())
            return
        self.stop()
        self._rest.start()
        if not self.live:
            return
        session.wanted = False
        assert session.pixels is not None
        n_displayed = self._viewer.dims.ndisplay
        if math.prod(session.pixels.shape[-n_displayed:]) <= _LIVE_PIXELS[n_displayed]:
            colormap = self._display.colormap(session, session.model)
            session.overlay.show(session.look_up(), session.model, colormap, None)

    def measure(self) -> None:
        """Read the image into its summary, and find the optima that the slider and the curve show."""
        session = self.session
        assert session is not None
        pixels = session.pixels or self._pixels(session)
        if pixels is None:
            return
        axis, position = session.parameters.per_axis, session.position
        part = pixels if axis is None else pixels.at(axis, position)
        k_max = settings.load().k_max

        def work(progress: Progress) -> Any:
            optimum = Optimum(summarise(part, progress))
            return optimum, suggest(optimum, k_max)

        def done(result: Any) -> None:
            session.set_measured(pixels, *result)
            if session.wanted:
                self.update()
            else:
                self.changed.emit()

        self.clusters.run(work, done)

    def _pixels(self, session: Session) -> Pixels | None:
        """Pixels of the session's image as they are now, or None after saying why there are none."""
        try:
            return pixels_of(session.image, session.parameters.features)
        except (ValueError, TypeError) as error:
            self.failed.emit(error)
            return None

    def finish(self) -> None:
        """See to it that an overlay does not stay looked up, which nobody can paint in."""
        if self.session is not None and self.session.overlay.looked_up:
            self._rest.start()

    def _settle(self) -> None:
        """Make the overlay an ordinary array, now that the person has stopped moving controls."""
        session = self.session
        if session is None:
            return
        session.end_gesture()
        if session.model is None or session.pixels is None:
            return
        if self.live or session.overlay.looked_up:
            self._label(session, session.pixels, session.optimum, session.suggestion)

    def segment(self) -> None:
        """Read the pixels, find their clusters and draw them, whatever was known before."""
        session = self.session
        if session is None:
            return
        self.stop()
        session.end_gesture()
        pixels = self._pixels(session)
        if pixels is not None:
            self._label(session, pixels, None, None)

    def _label(
        self, session: Session, pixels: Pixels, optimum: Optimum | None, suggestion: Suggestion | None
    ) -> None:
        """Label all pixels in the background and show the result; measure them first if that is not known."""
        axis, position, k_max = session.parameters.per_axis, session.position, settings.load().k_max

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
            self.changed.emit()

        self.clusters.run(work, done)

    # Masks

    def extract(self, labels: list[int]) -> None:
        """Add clusters of the session as a mask layer of its own, the background's too."""
        session = self.session
        if session is None or session.model is None or not labels:
            return
        [look_up] = session.look_up(with_background=False)
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


def _names(model: KMeansModel, labels: list[int]) -> list[str]:
    rows = cluster_table(model.with_background([]))
    return [name for label, name in zip(rows["index"], rows["name"], strict=True) if label in labels]
