"""The current image of the dock, which follows the viewer; each image has its own session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels
from napari.layers.base import Layer
from qtpy.QtCore import QObject, QTimer, Signal

from ...model.recipe import Recipe
from ..layers.image_layer import TRANSFORMS, unwrap
from ..layers.insert_layer import active_layer
from ..layers.layer_recipe import LayerRecipe
from ..layers.overlay import Overlay
from ..layers.suitability import is_suitable
from . import preferences
from .session import Session

# Settings of images when a dock was closed, for the next dock. They must not refer to layers, which could
# otherwise never be freed.
_left: WeakKeyDictionary[Layer, LayerRecipe] = WeakKeyDictionary()


class ActiveImageFollower(QObject):
    """Follow the active image, with a session for each image that was shown.

    If a layer of another type becomes active, the dock keeps its image, or shows the topmost one.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject

    Signals
    -------
    layers_changed()
        Layers were added, removed or renamed.
    session_leaving()
        `session` is about to change.
    session_changed()
        `session` has changed; it may be None.
    pixels_changed()
        What `session` clusters has changed: its data, its mask or the size of its pixels.
    position_changed()
        The viewer moved to a position of the stack with its own clusters.
    appearance_changed()
        The number of displayed dimensions or the contrast limits of an image have changed.
    overlay_selected()
        The user selected the overlay of `session`.
    """

    layers_changed = Signal()
    session_leaving = Signal()
    session_changed = Signal()
    pixels_changed = Signal()
    appearance_changed = Signal()
    position_changed = Signal()
    overlay_selected = Signal()

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.session: Session | None = None
        """State of the current image."""
        self.n_clusters: int | None = None
        """Number of clusters chosen while there was no image; used for the next new image."""
        self._sessions: WeakKeyDictionary[Layer, Session] = WeakKeyDictionary()
        self._watched: list[Layer] = []
        for event, slot in self._connections():
            event.connect(slot)
        for layer in viewer.layers:
            self._watch(layer)

    def _connections(self) -> list[tuple[Any, Callable[..., None]]]:
        layers = self._viewer.layers
        return [
            (layers.events.inserted, self._on_inserted),
            (layers.events.reordered, self._on_layers_changed),
            (layers.events.removed, self._on_removed),
            (layers.selection.events.active, self.follow),
            (self._viewer.dims.events.point, self._on_position),
            (self._viewer.dims.events.ndisplay, self._on_appearance),
        ]

    def close(self) -> None:
        """Disconnect from the viewer; leave the layers to the user and the settings to the next dock."""
        self._show(None)
        for event, slot in self._connections():
            event.disconnect(slot)
        for layer in list(self._watched):
            self._unwatch(layer)
        for layer, session in self._sessions.items():
            settings = replace(session.settings, mask=None)
            _left[layer] = settings.plain() if settings.channels else settings
            session.overlay.release()
        self._sessions.clear()

    def images(self) -> list[Image]:
        """Return the image layers, the topmost last."""
        return [layer for layer in self._viewer.layers if isinstance(layer, Image)]

    # Choice of the image

    def follow(self, _event: Any = None) -> None:
        """Show the active image if an image is active."""
        self.layers_changed.emit()
        active, images = active_layer(self._viewer), self.images()
        shown = self.session.image if self.session is not None else None
        if isinstance(active, Image):
            self.choose(active)
        elif shown not in images:
            self.choose(images[-1] if images else None)
        if self.session is not None and active is self.session.overlay.layer:
            self.overlay_selected.emit()

    def choose(self, layer: Image | None) -> None:
        """Show an image, or none."""
        layer = unwrap(layer)
        if layer is (self.session.image if self.session is not None else None):
            return
        self.session_leaving.emit()
        self._show(layer)
        self.session_changed.emit()

    def _show(self, layer: Image | None) -> None:
        if self.session is not None:
            self.session.end_gesture()
            self.session = None
        if layer is None:
            return
        session = self._sessions.get(layer)
        if session is None:
            session = self._sessions[layer] = self._new_session(layer)
        self.session = session
        session.move_to(self._position(session))

    def _new_session(self, layer: Image) -> Session:
        """Return a session with the settings of an earlier dock, or with initial settings."""
        chosen, preferred = self.n_clusters, preferences.load()
        self.n_clusters = None
        settings = _left.get(layer)
        if settings is None or not is_suitable(layer, settings):  # its data may have been replaced
            settings = LayerRecipe(Recipe(n_clusters=chosen or preferred.n_clusters))
        return Session(layer, Overlay(self._viewer, layer, preferred.opacity), settings)

    # Events of the viewer

    def _watch(self, layer: Layer) -> None:
        """Watch the data of a layer, which may be an image, a channel or a mask of any session."""
        if layer not in self._watched:
            self._watched.append(layer)
            for event, slot in self._connections_to(layer):
                event.connect(slot)

    def _unwatch(self, layer: Layer) -> None:
        if layer in self._watched:
            self._watched.remove(layer)
            for event, slot in self._connections_to(layer):
                event.disconnect(slot)

    def _connections_to(self, layer: Layer) -> list[tuple[Any, Callable[..., None]]]:
        events = layer.events
        connections: list[tuple[Any, Callable[..., None]]] = [
            (events.name, self._on_layers_changed),
            (events.data, self._on_data),
        ]
        connections += [(events[name], self._on_transform) for name in TRANSFORMS]
        if isinstance(layer, Labels):
            connections.append((events.paint, self._on_paint))
        if isinstance(layer, Image):
            connections.append((events.contrast_limits, self._on_appearance))
        return connections

    def _on_layers_changed(self, _event: Any = None) -> None:
        self.layers_changed.emit()

    def _on_inserted(self, event: Any) -> None:
        self._watch(unwrap(event.value))
        self.layers_changed.emit()

    def _on_removed(self, event: Any) -> None:
        self._unwatch(unwrap(event.value))
        session = self._sessions.pop(event.value, None) if isinstance(event.value, Image) else None
        if session is not None and session is self.session:
            self.session_leaving.emit()
            self._show(None)
            self.follow()
            if self.session is None:
                self.session_changed.emit()
        else:
            self.follow()
        if session is not None:
            session.overlay.release()
        for other in self._sessions.values():
            if other.forget_layer(event.value):
                self._report_change(other)

    def _on_data(self, event: Any) -> None:
        """Drop the measurements of images that use a layer whose data were replaced."""
        layer = unwrap(event.source)
        for session in list(self._sessions.values()):
            if layer is session.image or layer in session.settings.channels:
                session.follow_data()
                session.overlay.release()
                self._report_change(session)
        self._follow_mask(layer)

    def _on_paint(self, event: Any) -> None:
        # napari emits this event before it changes the data.
        QTimer.singleShot(0, partial(self._follow_mask, unwrap(event.source)))

    def _follow_mask(self, mask: Layer) -> None:
        """Drop the measurements of images whose mask has changed."""
        for session in list(self._sessions.values()):
            if session.settings.mask is mask:
                session.follow_mask()
                self._report_change(session)

    def _on_transform(self, event: Any) -> None:
        """Follow an image whose position or pixel size has changed."""
        layer = unwrap(event.source)
        for session in list(self._sessions.values()):
            if session.image is layer:
                session.follow_transform(event.type)
                self._report_change(session)
        self._follow_mask(layer)

    def _report_change(self, session: Session) -> None:
        if session is self.session:
            self.move()  # the position may be beyond the new data
            self.pixels_changed.emit()

    def _position(self, session: Session) -> int:
        """Return the position of the viewer along the axis whose positions are clustered separately."""
        axis = session.settings.per_axis
        if axis is None:
            return 0
        place = session.image.world_to_data(self._viewer.dims.point)[axis]
        return int(min(max(round(place), 0), session.image.data.shape[axis] - 1))

    def move(self) -> bool:
        """Follow the position of the viewer; return whether other pixels are clustered now."""
        return self.session is not None and self.session.move_to(self._position(self.session))

    def _on_appearance(self, _event: Any = None) -> None:
        self.appearance_changed.emit()

    def _on_position(self, _event: Any = None) -> None:
        if self.move():
            self.position_changed.emit()
