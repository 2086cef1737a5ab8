"""A pyramid that is not in memory, in the dock: time to the first overlay, and frame times of panning.

Run with ``xvfb-run -a -s "-screen 0 1400x900x24" python -m benchmarks.pyramid``. The image is zarr, uint8,
six levels of 1024² chunks, in a temporary folder.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QApplication

from napari_kmeans._napari.contributions.waiting import wait_until
from napari_kmeans._napari.layers.cluster_colors import label_colormap
from napari_kmeans.report.palette import distinct_colors

from .large import CHUNK, _make
from .tables import Table

N_LEVELS = 6
ZOOMS = (0.02, 0.1, 0.5, 1.0)
PLACES = 12
SEEN = 8 * CHUNK  # side of the part of the finest level in which the view moves


def main() -> int:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--side", type=int, default=40_000, help="edge length of the image in pixels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = pyramid(_levels(Path(folder), options.side), Path(folder))
    print(table.markdown() if options.markdown else table.text(), flush=True)
    return 0


def pyramid(levels: list[Any], folder: Path) -> Table:
    """Press Segment, and then move the view over our labels and over stored labels with the same chunks."""
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1200, 760)
    # napari's first Labels layer of any size imports a lot.
    begin = time.perf_counter()
    viewer.add_labels(np.zeros((8, 8), dtype=np.uint8), colormap=label_colormap(distinct_colors(9)))
    QApplication.processEvents()
    apart = time.perf_counter() - begin
    viewer.layers.pop()
    QApplication.processEvents()
    viewer.add_image(levels, multiscale=True, contrast_limits=(0, 255))
    _, dock = viewer.window.add_plugin_dock_widget("napari-kmeans", "K-means segmentation")
    wait_until(lambda: dock.is_idle)
    begin = time.perf_counter()
    dock.segment.native.click()
    wait_until(lambda: any(isinstance(layer, Labels) for layer in viewer.layers))
    QApplication.processEvents()
    first = time.perf_counter() - begin
    wait_until(lambda: dock.is_idle)
    exact = time.perf_counter() - begin
    [ours] = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    stored = Labels(_stored(dock, levels, folder), multiscale=True, colormap=ours.colormap, opacity=0.5)
    viewer.add_layer(stored)
    times: dict[Labels, list[float]] = {ours: [], stored: []}
    for round_ in range(4):
        for layer in times:
            for other in times:
                other.visible = other is layer
            QApplication.processEvents()
            if round_:  # the first one fills caches
                times[layer] += _pan(viewer)
            else:
                _pan(viewer)
    viewer.close()
    ratio = np.median(times[ours]) / np.median(times[stored])
    rows = [
        ["first add_labels in a napari session, alone", f"{apart:.2f} s"],
        ["first overlay, an estimate", f"{first:.2f} s"],
        ["all pixels read", f"{exact:.1f} s"],
        ["a step of the view, our labels", f"{1e3 * np.median(times[ours]):.0f} ms"],
        ["a step of the view, stored labels", f"{1e3 * np.median(times[stored]):.0f} ms"],
        ["ratio", f"{ratio:.2f}"],
    ]
    note = "Times count from pressing Segment. Goals: 1 s to the first overlay, a ratio under 1.5. Software rendering."
    return Table(f"A pyramid of {levels[0].shape[0]:,}² in the dock", ["", ""], rows, note)


def _pan(viewer: Any) -> list[float]:
    """Return the times of drawing views at random positions and several zooms."""
    random, times = np.random.default_rng(0), []
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    for zoom in ZOOMS:
        camera.zoom = zoom
        for place in random.integers(0, SEEN, (PLACES, 2)):
            camera.center = (0, *place)
            begin = time.perf_counter()
            QApplication.processEvents()
            QApplication.processEvents()
            times.append(time.perf_counter() - begin)
    return times


def _levels(folder: Path, side: int) -> list[Any]:
    import dask.array as da
    import zarr

    _make(folder / "0.zarr", side)
    levels = [da.from_zarr(zarr.open_array(folder / "0.zarr", mode="r"))]
    for number in range(1, N_LEVELS):
        levels.append(_store(levels[-1][::2, ::2].rechunk(CHUNK), folder / f"{number}.zarr"))
    return levels


def _stored(dock: Any, levels: list[Any], folder: Path) -> list[Any]:
    """Return stored labels of each level; of the finest level, only the part that is viewed."""
    model = dock.session.model
    labels = [model.predict(level) for level in levels]
    labels[0] = labels[0][: SEEN + CHUNK, : SEEN + CHUNK]
    stored = [
        _store(level, folder / f"labels-{number}.zarr", full.shape)
        for number, (level, full) in enumerate(zip(labels, levels, strict=True))
    ]
    return stored


def _store(array: Any, path: Path, shape: tuple[int, ...] | None = None) -> Any:
    import dask.array as da
    import zarr

    target = zarr.create_array(path, shape=shape or array.shape, chunks=(CHUNK, CHUNK), dtype="u1")
    region = tuple(slice(0, size) for size in array.shape)
    da.store(array, target, regions=region, lock=False)
    return da.from_zarr(zarr.open_array(path, mode="r"))


if __name__ == "__main__":
    sys.exit(main())
