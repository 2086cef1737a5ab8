"""Side-by-side view of the original and the clusters."""

from __future__ import annotations

from typing import Any

from napari.layers import Image, Labels
from napari.layers.base import Layer


class SideBySide:
    """The grid of napari with two layers, until `leave` is called.

    Parameters
    ----------
    viewer : napari.Viewer
    image : Image layer
        Shown on the left.
    labels : Labels layer
        Shown on the right, at full opacity.
    """

    def __init__(self, viewer: Any, image: Image, labels: Labels) -> None:
        self._viewer = viewer
        # Before napari 0.9 these were attributes of the viewer.
        self._grid = viewer.canvas.grid if hasattr(viewer, "canvas") else viewer.grid
        self._camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
        self._labels = labels
        self._opacity = labels.opacity
        self._was_visible: dict[Layer, bool] = {layer: layer.visible for layer in viewer.layers}
        self._was_grid = (self._grid.enabled, self._grid.stride, self._grid.shape)
        self._was_camera = (self._camera.center, self._camera.zoom)
        self._shown = {image, labels}
        for layer in viewer.layers:
            layer.visible = layer in self._shown
        labels.opacity = 1.0
        # With this stride, the lower layer comes first, so the image is on the left.
        self._grid.stride, self._grid.shape, self._grid.enabled = 1, (1, 2), True
        viewer.reset_view()

    def leave(self) -> None:
        """Restore the grid, the camera, visibility and opacity; what has changed meanwhile stays as it is."""
        self._grid.enabled, self._grid.stride, self._grid.shape = self._was_grid
        for layer, visible in self._was_visible.items():
            if layer in self._viewer.layers and layer.visible == (layer in self._shown):
                layer.visible = visible
        if self._labels.opacity == 1.0:
            self._labels.opacity = self._opacity
        self._camera.center, self._camera.zoom = self._was_camera
