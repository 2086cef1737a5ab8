"""Adds layers without taking the user's tools away from the image."""

from __future__ import annotations

from typing import Any

from napari.layers.base import Layer


def insert_unselected(viewer: Any, layer: Layer, place: int | None = None) -> None:
    """Insert a layer, by default on top, and keep the active layer and the selection as they were."""
    layers = viewer.layers
    selected, active = set(layers.selection), layers.selection.active
    layers.insert(len(layers) if place is None else place, layer)
    layers.selection.clear()
    layers.selection.update(selected)
    layers.selection.active = active
