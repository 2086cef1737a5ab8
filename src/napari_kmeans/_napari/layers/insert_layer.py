"""Inserting layers without changing the selection, and with it the active tool."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from napari.layers import Image, Labels
from napari.layers.base import Layer

# Layers that are being inserted without being selected; napari selects them for a moment.
_unselected: set[Layer] = set()

# Results of each image, whichever dock or command added them.
_results: WeakKeyDictionary[Image, WeakSet[Labels]] = WeakKeyDictionary()


def insert_unselected(viewer: Any, layer: Layer, index: int | None = None) -> None:
    """Insert a layer, by default on top, and keep the active layer and the selection."""
    layers = viewer.layers
    selected, active = set(layers.selection), layers.selection.active
    _unselected.add(layer)
    try:
        layers.insert(len(layers) if index is None else index, layer)
        layers.selection.clear()
        layers.selection.update(selected)
        layers.selection.active = active
    finally:
        _unselected.discard(layer)


def active_layer(viewer: Any) -> Layer | None:
    """Return the active layer, unless `insert_unselected` is about to restore another."""
    active = viewer.layers.selection.active
    return None if active in _unselected else active


def insert_result(viewer: Any, image: Image, labels: Labels) -> None:
    """Insert labels of an image above it and above its earlier results, which are hidden.

    Two semi-transparent overlays would mix into colours that are not in the table.
    """
    results = _results.setdefault(image, WeakSet())
    index = viewer.layers.index(image) + 1
    for earlier in results:
        if earlier in viewer.layers:
            earlier.visible = False
            index = max(index, viewer.layers.index(earlier) + 1)
    results.add(labels)
    insert_unselected(viewer, labels, index)
