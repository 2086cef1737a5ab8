"""Which image the dock shows, and what is kept of each: the dock follows the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Image
from napari.layers.base import Layer
from qtpy.QtCore import QObject, Signal

from ..layers.image_layer import unwrap
from ..layers.overlay import Overlay
from . import settings
from .parameters import Parameters
from .session import Session

# What a person chose for images that a dock was closed on, for the next one.
_left: WeakKeyDictionary[Layer, Parameters] = WeakKeyDictionary()


class Follower(QObject):
    """Keeps to the active image, with a session for each image that was looked at.

    Another kind of layer leaves the dock where it was, or at the topmost image.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject

    Signals
    -------
    listed()
        There are other images, or they have other names.
    leaving()
        `session` is about to be another one.
    arrived()
        `session` is another one, or None.
    replaced()
        The image of `session` was given other data; what was measured is forgotten.
    moved()
        The viewer moved to a position of the stack that has clusters of its own.
    touched()
        The person selected the overlay of `session`.
    """

    listed = Signal()
    leaving = Signal()
    arrived = Signal()
    replaced = Signal()
    moved = Signal()
    touched = Signal()

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.session: Session | None = None
        """State of the image that is shown, if there is one."""
        self.n_clusters: int | None = None
        """What a person chose while there was no image, for the next that has not been seen."""
        self._sessions: WeakKeyDictionary[Layer, Session] = WeakKeyDictionary()
        for event, slot in self._connections():
            event.connect(slot)

    def _connections(self) -> list[tuple[Any, Callable[..., None]]]:
        layers = self._viewer.layers
        return [
            (layers.events.inserted, self._on_layers_changed),
            (layers.events.reordered, self._on_layers_changed),
            (layers.events.removed, self._on_layer_removed),
            (layers.selection.events.active, self.follow),
            (self._viewer.dims.events.point, self._on_position),
        ]

    def close(self) -> None:
        """Let go of the viewer, and leave layers and choices for the person and for the next dock."""
        self._watch(None)
        for event, slot in self._connections():
            event.disconnect(slot)
        for layer, session in self._sessions.items():
            _left[layer] = session.parameters
            session.overlay.release()
        self._sessions.clear()

    def images(self) -> list[Image]:
        """All there are, the topmost last."""
        return [layer for layer in self._viewer.layers if isinstance(layer, Image)]

    # Which image

    def follow(self, _event: Any = None) -> None:
        """Show the active image, if an image is active."""
        self.listed.emit()
        active, images = self._viewer.layers.selection.active, self.images()
        shown = self.session.image if self.session is not None else None
        if isinstance(active, Image):
            self.choose(active)
        elif shown not in images:
            self.choose(images[-1] if images else None)
        if self.session is not None and active is self.session.overlay.layer:
            self.touched.emit()

    def choose(self, layer: Image | None) -> None:
        """Show an image, or none."""
        layer = unwrap(layer)
        if layer is (self.session.image if self.session is not None else None):
            return
        self.leaving.emit()
        self._watch(layer)
        self.arrived.emit()

    def _watch(self, layer: Image | None) -> None:
        if self.session is not None:
            self.session.image.events.data.disconnect(self._on_data)
            self.session.image.events.name.disconnect(self._on_layers_changed)
            self.session.end_gesture()
            self.session = None
        if layer is None:
            return
        session = self._sessions.get(layer)
        if session is None:
            session = self._sessions[layer] = self._begin(layer)
        self.session = session
        session.move_to(self._position(session))
        layer.events.data.connect(self._on_data)
        layer.events.name.connect(self._on_layers_changed)

    def _begin(self, layer: Image) -> Session:
        """Begin a session as another dock left it, as it was asked for, or as the settings say."""
        chosen, preferred = self.n_clusters, settings.load()
        self.n_clusters = None
        parameters = _left.get(layer) or Parameters(n_clusters=chosen or preferred.n_clusters)
        return Session(layer, Overlay(self._viewer, layer, preferred.opacity), parameters)

    # What happens in the viewer

    def _on_layers_changed(self, _event: Any = None) -> None:
        self.listed.emit()

    def _on_layer_removed(self, event: Any) -> None:
        session = self._sessions.pop(event.value, None) if isinstance(event.value, Image) else None
        if session is not None and session is self.session:
            self.leaving.emit()
            self._watch(None)
            self.follow()
            if self.session is None:
                self.arrived.emit()
        else:
            self.follow()
        if session is not None:
            session.overlay.release()
        for other in self._sessions.values():
            if other.forget_layer(event.value) and other is self.session:
                self.replaced.emit()

    def _on_data(self, _event: Any = None) -> None:
        if self.session is not None:
            self.session.forget_measurements()
            self.session.overlay.release()
            self.replaced.emit()

    def _position(self, session: Session) -> int:
        """Where the viewer stands along the axis whose positions are clustered each by itself."""
        axis = session.parameters.per_axis
        if axis is None:
            return 0
        place = session.image.world_to_data(self._viewer.dims.point)[axis]
        return int(min(max(round(place), 0), session.image.data.shape[axis] - 1))

    def move(self) -> bool:
        """Note where the viewer stands; return whether other pixels are clustered there."""
        return self.session is not None and self.session.move_to(self._position(self.session))

    def _on_position(self, _event: Any = None) -> None:
        if self.move():
            self.moved.emit()
