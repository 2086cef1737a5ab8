"""The ``view`` command: napari with the dock open and an image segmented."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .image_layers import layers_of
from .sample_data import SAMPLES

if TYPE_CHECKING:
    from ...io.image_file import ImageFile

_WINDOW = (1200, 760)


def view(
    image: ImageFile | None,
    sample: str | None,
    n_clusters: int | None,
    illumination: str | None,
    screenshot: Path | None,
) -> None:
    """Open napari and segment an image; keep napari open, or write a screenshot and close it.

    Parameters
    ----------
    image : ImageFile, optional
        Image from a file.
    sample : str, optional
        Key of `SAMPLES`, instead of a file.
    n_clusters : int, optional
        By default that of the preferences.
    illumination : {"additive", "multiplicative"}, optional
        Kind of uneven illumination to remove.
    screenshot : path, optional
        PNG file to write the window to, and then close.

    Raises
    ------
    TimeoutError
        If the result for the screenshot takes more than two minutes.
    """
    import napari
    from napari.layers import Layer
    from napari.layers._source import layer_source

    viewer = napari.Viewer(title="napari-kmeans", show=screenshot is None)
    viewer.window.resize(*_WINDOW)
    found = SAMPLES[sample]() if sample is not None else layers_of(image) if image is not None else []
    with layer_source(path=_path_of(image)):  # as when napari opens a file, so that exported labels name it
        layers = [Layer.create(*data) for data in found]
    for layer in layers:
        viewer.add_layer(layer)
    _, dock = viewer.window.add_plugin_dock_widget("napari-kmeans", "K-means segmentation")
    if n_clusters is not None and layers:
        dock.n_clusters.value = n_clusters
    if illumination is not None and layers:
        dock.illumination.value = illumination
        dock.view.prepare.expand(animate=False)
    if layers:
        dock.segment.native.click()
    if screenshot is None:
        _fit_view(viewer)
        napari.run()
        return
    try:
        _take_screenshot(viewer, dock, screenshot)
    finally:
        viewer.close()


def _path_of(image: ImageFile | None) -> str | None:
    if image is None:
        return None
    return os.path.abspath(image.path) if isinstance(image.path, Path) else image.path


def _fit_view(viewer: Any) -> None:
    """Show the whole image, since the dock has changed the size of the canvas."""
    from .waiting import process_events

    process_events()
    viewer.reset_view()


def _take_screenshot(viewer: Any, dock: Any, path: Path) -> None:
    """Wait until the dock is at rest, and write a screenshot of the window."""
    from .waiting import process_events, wait_until

    viewer.window._qt_window.show()
    wait_until(lambda: dock.is_idle)
    _fit_view(viewer)
    process_events()
    partial = path.with_name(f".{path.name}.partial.png")
    viewer.screenshot(str(partial), canvas_only=False, flash=False)
    os.replace(partial, path)
