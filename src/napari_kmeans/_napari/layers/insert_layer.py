"""Inserting layers without changing the selection, and with it the active tool."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from napari.layers.base import Layer


def insert_unselected(viewer: Any, layer: Layer, place: int | None = None) -> None:
    """Insert a layer, by default on top, and keep the active layer and the selection."""
    layers = viewer.layers
    selected, active = set(layers.selection), layers.selection.active
    layers.insert(len(layers) if place is None else place, layer)
    layers.selection.clear()
    layers.selection.update(selected)
    layers.selection.active = active


def place_above(viewer: Any, image: Layer, earlier: Iterable[Layer]) -> int:
    """Hide earlier results of an image, and return the layer index above them.

    Two semi-transparent overlays would mix into colours that are not in the table.
    """
    place = int(viewer.layers.index(image)) + 1
    for layer in earlier:
        layer.visible = False
        place = max(place, viewer.layers.index(layer) + 1)
    return place
