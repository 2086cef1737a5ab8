"""Responsiveness of the dock: time of a step of the slider, stalls of the window, and leftovers of long use.

Run with ``xvfb-run -a -s "-screen 0 1400x900x24" python -m benchmarks.dock``. It uses a real window and the
controls of the dock.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
from typing import Any

import napari
import numpy as np
import psutil
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from skimage import data

from napari_kmeans._napari.contributions.waiting import wait_until

from .tables import Table

PLUGIN = ("napari-kmeans", "K-means segmentation")


def main() -> int:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    parser.add_argument("--quick", action="store_true", help="smaller images and fewer rounds")
    parser.add_argument("--only", help="a single table: opening, slider, corrections, stalls or long_use")
    options = parser.parse_args()
    small = options.quick
    for part, *arguments in (
        (opening,),
        (slider, 512 if small else 2048, 1 if small else 4),
        (corrections, 512 if small else 2048, 1 if small else 4),
        (stalls, 4096 if small else 16384),
        (long_use, 5 if small else 50, 20 if small else 200),
    ):
        if options.only not in (None, part.__name__):
            continue
        # Each part has its own window: napari 0.9.2 with Mesa's software rendering crashes when its layers are
        # cleared and a larger image is added and refreshed.
        viewer = napari.Viewer(show=True)
        viewer.window.resize(1200, 760)
        table = part(viewer, *arguments)
        print(table.markdown() if options.markdown else table.text(), flush=True)
        viewer.close()
        QApplication.processEvents()
    return 0


def opening(viewer: Any) -> Table:
    """Measure the time of opening the dock, and check what this must not do."""
    layers = len(viewer.layers)
    begin = time.perf_counter()
    dock_widget, _ = viewer.window.add_plugin_dock_widget(*PLUGIN)
    first = time.perf_counter() - begin
    sklearn = "sklearn.cluster" in sys.modules
    _close(viewer, dock_widget)
    begin = time.perf_counter()
    viewer.window.add_plugin_dock_widget(*PLUGIN)
    again = time.perf_counter() - begin
    rows = [
        ["first time, including imports", f"{1e3 * first:.0f} ms"],
        ["again", f"{1e3 * again:.0f} ms"],
        ["scikit-learn imported", "yes" if sklearn else "no"],
        ["layers added", str(len(viewer.layers) - layers)],
    ]
    note = "Goals: under 200 ms, without importing scikit-learn or adding a layer."
    if sys.dont_write_bytecode:
        note += (
            " PYTHONDONTWRITEBYTECODE is set: modules are compiled again, unlike those of an installation."
        )
    return Table("Opening the dock", ["", ""], rows, note)


def slider(viewer: Any, size: int, rounds: int) -> Table:
    """Measure the time from a change of the number of clusters to the end of the dock's refresh."""
    dock = _dock(viewer)
    rows = []
    for image in _images(size):
        viewer.add_image(image, name=str(image.dtype))
        wait_until(lambda: dock.is_idle)
        rows.append([str(image.dtype), *_steps(viewer, dock, rounds)])
        for layer in viewer.layers:
            layer.visible = False
    return Table(f"A step of the slider, {size} × {size}", _STEP_HEADER, rows, _STEP_NOTE)


def corrections(viewer: Any, size: int, rounds: int) -> Table:
    """Measure a step of the slider with illumination and coherence, and their computation once per image."""
    dock = _dock(viewer)
    rows = []
    for image in _images(size):
        viewer.add_image(image, name=str(image.dtype))
        wait_until(lambda: dock.is_idle)
        for illumination, coherence in (("additive", 0), ("none", 1), ("additive", 1)):
            dock.illumination.value, dock.coherence.value = "none", 0
            wait_until(lambda: dock.is_idle)
            begin = time.perf_counter()
            dock.illumination.value, dock.coherence.value = illumination, coherence
            wait_until(lambda: dock.session.measured is not None)
            seconds = time.perf_counter() - begin
            wait_until(lambda: dock.is_idle)
            names = [illumination] * (illumination != "none") + ["coherence"] * (coherence > 0)
            steps = _steps(viewer, dock, rounds)
            rows.append([f"{image.dtype}, {' and '.join(names)}", *steps, f"{1e3 * seconds:.0f}"])
        for layer in viewer.layers:
            layer.visible = False
    note = f"{_STEP_NOTE} At rest: time from switching the correction on until the new clusters are shown."
    return Table(
        f"A step of the slider with corrections, {size} × {size}", [*_STEP_HEADER, "at rest"], rows, note
    )


_STEP_HEADER = ["ms", "median", "95 %", "maximum", "drawing", "drawing, unchanged"]
_STEP_NOTE = "Goal: 25 ms. Drawing is done by Qt and OpenGL, here in software; the last column redraws the same labels."


def _images(size: int) -> list[Any]:
    """Return the repeated camera image in three data types."""
    photo = np.tile(data.camera(), (size // 512, size // 512))
    noise = np.random.default_rng(0).integers(0, 256, photo.shape, dtype=np.uint16)
    wide = photo.astype(np.uint16) * 256 + noise
    return [photo, wide, wide.astype(np.float32)]


def _steps(viewer: Any, dock: Any, rounds: int) -> list[str]:
    """Return the median, 95 % and maximum of the slider steps, and the medians of two drawings, in ms."""
    dock.n_clusters.value = 13
    wait_until(lambda: dock.is_idle)
    steps, drawings = [], []
    for k in rounds * [*range(2, 13), *range(11, 1, -1)]:
        begin = time.perf_counter()
        dock.n_clusters.value = k
        steps.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        QApplication.processEvents()
        drawings.append(time.perf_counter() - begin)
    wait_until(lambda: dock.is_idle)
    layer, unchanged = viewer.layers[f"{dock.image.value.name} k-means"], []
    for _ in range(len(steps)):
        layer.refresh(extent=False, thumbnail=False)
        begin = time.perf_counter()
        QApplication.processEvents()
        unchanged.append(time.perf_counter() - begin)
    return [
        *(f"{1e3 * np.percentile(steps, p):.1f}" for p in (50, 95, 100)),
        *(f"{1e3 * np.median(times):.1f}" for times in (drawings, unchanged)),
    ]


def stalls(viewer: Any, size: int) -> Table:
    """Measure the longest stall of the window while a large image is segmented."""
    dock = _dock(viewer)
    rows = []
    # napari's first Labels layer of any size imports a lot, and so does scikit-learn.
    image = np.tile(data.camera(), (size // 512, size // 512))
    layer = viewer.add_image(image)
    wait_until(lambda: dock.is_idle)
    begin = time.perf_counter()
    viewer.add_labels(np.zeros((8, 8), np.uint8))
    QApplication.processEvents()
    rows.append(["first add_labels in a napari session, alone", f"{1e3 * (time.perf_counter() - begin):.0f}"])
    begin = time.perf_counter()
    import sklearn.cluster  # noqa: F401

    rows.append(["import of scikit-learn, alone", f"{1e3 * (time.perf_counter() - begin):.0f}"])
    viewer.layers.selection.active = layer
    wait_until(lambda: dock.is_idle)
    QApplication.processEvents()
    gaps = _Gaps()
    layer.refresh()
    wait_until(lambda: gaps.ticks > 50)
    rows.append(["no work, the image redrawn", f"{1e3 * gaps.longest():.0f}"])
    gaps.reset()
    dock.segment.native.click()
    wait_until(lambda: dock.is_idle)
    wait_until(lambda: gaps.ticks > 50)
    rows.append(["segmenting, including the first drawing of the new layer", f"{1e3 * gaps.longest():.0f}"])
    gaps.reset()
    labels = next(layer for layer in viewer.layers if layer.name.endswith("k-means"))
    labels.refresh()
    wait_until(lambda: gaps.ticks > 50)
    rows.append(["the same labels redrawn by napari", f"{1e3 * gaps.longest():.0f}"])
    with _FrozenDrawing(viewer):
        gaps.reset()
        dock.segment.native.click()
        wait_until(lambda: dock.is_idle)
        wait_until(lambda: gaps.ticks > 50)
        rows.append(["segmenting, with the drawing of layers switched off", f"{1e3 * gaps.longest():.0f}"])
    gaps.stop()
    note = "Goal: 50 ms for the dock's own code, which is the last row."
    return Table(f"Longest stall of the window, {size} × {size} uint8", ["", "ms"], rows, note)


def long_use(viewer: Any, n_docks: int, n_runs: int) -> Table:
    """Count layers, threads, connections and memory before and after many docks and segmentations."""
    viewer.add_image(data.camera())
    process = psutil.Process(os.getpid())

    def state() -> list[int]:
        gc.collect()
        QApplication.processEvents()
        events = viewer.layers.events
        callbacks = sum(len(getattr(events, name).callbacks) for name in ("inserted", "removed", "reordered"))
        callbacks += len(viewer.layers.selection.events.active.callbacks)
        callbacks += len(viewer.dims.events.point.callbacks)
        return [len(viewer.layers), threading.active_count(), callbacks, process.memory_info().rss >> 20]

    def use(n_docks: int, n_runs: int) -> None:
        for i in range(n_docks):
            dock_widget, dock = viewer.window.add_plugin_dock_widget(*PLUGIN)
            _segment(dock, times=n_runs // n_docks + (i < n_runs % n_docks))
            _close(viewer, dock_widget)
            # A closed dock leaves its layer to the user, but here it is no longer needed.
            viewer.layers.remove(viewer.layers[-1])
            QApplication.processEvents()

    use(5, 20)  # caches fill, threads start
    before = state()
    use(n_docks, n_runs)
    after = state()
    names = ["layers", "threads", "event connections", "resident memory, MB"]
    rows = [[name, str(a), str(b)] for name, a, b in zip(names, before, after, strict=True)]
    note = f"{n_docks} docks opened, used and closed, {n_runs} segmentations."
    return Table("Long use", ["", "before", "after"], rows, note)


def _dock(viewer: Any) -> Any:
    dock = viewer.window.add_plugin_dock_widget(*PLUGIN)[1]
    dock.live.value = True  # regardless of the settings
    return dock


def _segment(dock: Any, times: int) -> None:
    wait_until(lambda: dock.is_idle)
    for _ in range(times):
        dock.segment.native.click()
        wait_until(lambda: dock.is_idle)


def _close(viewer: Any, dock_widget: Any) -> None:
    viewer.window.remove_dock_widget(dock_widget)
    QApplication.processEvents()


class _Gaps:
    """Longest time between two ticks of a timer in the event loop of the window."""

    def __init__(self) -> None:
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)
        self.reset()

    def reset(self) -> None:
        self.ticks, self._longest, self._last = 0, 0.0, time.perf_counter()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.ticks += 1
        self._longest, self._last = max(self._longest, now - self._last), now

    def longest(self) -> float:
        return self._longest

    def stop(self) -> None:
        self._timer.stop()


class _FrozenDrawing:
    """Disables drawing by napari and OpenGL, so that only the time of the dock remains."""

    def __init__(self, viewer: Any) -> None:
        self._layers = list(viewer.layers)
        self._visible = [layer.visible for layer in self._layers]

    def __enter__(self) -> None:
        for layer in self._layers:
            layer.visible = False
        QApplication.processEvents()

    def __exit__(self, *_: object) -> None:
        for layer, visible in zip(self._layers, self._visible, strict=True):
            layer.visible = visible


if __name__ == "__main__":
    sys.exit(main())
