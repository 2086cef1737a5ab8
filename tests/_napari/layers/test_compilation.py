from __future__ import annotations

import os
import subprocess
import sys
import time

import numba
import pytest

from napari_kmeans._napari.layers import worker
from napari_kmeans._napari.layers.compilation import Compilation, compilation

# What the dock does when it is used for the first time on a machine, and which loops the window's thread compiles.
FIRST_USE = """
import threading, time
from numba.core import event

compiled = []

class Listener(event.Listener):
    def on_start(self, started):
        if threading.current_thread() is threading.main_thread():
            compiled.append(started.data["dispatcher"].py_func.__module__)
    def on_end(self, ended):
        pass

event.register("numba:compile", Listener())
import napari
from qtpy.QtWidgets import QApplication
from skimage import data
from napari_kmeans._napari.widgets.kmeans_widget import KMeansWidget

viewer = napari.Viewer()
image = viewer.add_image(data.coins()[:100, :100] / 7)
dock = KMeansWidget(viewer)
viewer.window.add_dock_widget(dock)
def settle():
    end = time.monotonic() + 60
    QApplication.processEvents()
    while not dock.is_idle and time.monotonic() < end:
        QApplication.processEvents()
settle()
for k in (3, 12, 20):
    dock.n_clusters.value = k
    settle()
dock.smooth.value = 1
settle()
dock.n_clusters.value = 4
settle()
viewer.add_image(data.astronaut()[:100, :100])
settle()
for features in ("rgb", "lab"):
    dock.features.value = features
    dock.n_clusters.value += 1
    settle()
assert sorted(layer.name for layer in viewer.layers if layer.name.endswith("k-means")), viewer.layers
print([module for module in compiled if module.startswith("napari_kmeans")])
viewer.close()
"""


def test_nested_compilation_counts_once():
    clock = Compilation()
    assert clock.seconds == 0
    clock.start(), clock.start(), time.sleep(0.02), clock.stop()
    running = clock.seconds
    clock.stop()
    assert 0.02 <= running <= clock.seconds < 5
    before = clock.seconds
    time.sleep(0.01)
    assert clock.seconds == before


def test_compilation_time_of_numba_is_measured():
    before = compilation().seconds
    numba.njit(lambda x: x + 1)(1)
    assert compilation().seconds > before


def test_long_compilation_is_reported(qtbot, monkeypatch):
    monkeypatch.setattr(worker, "_PREPARING_AFTER", 0.03)
    monkeypatch.setattr(worker, "_CHECK_EVERY", 10)

    def compile_long(progress):
        compilation().start()
        time.sleep(0.2)
        compilation().stop()

    runner = worker.Runner(None)
    with qtbot.waitSignal(runner.preparing, timeout=10_000):
        runner.run(compile_long, lambda _: None)
    reported = []
    qtbot.waitUntil(lambda: not runner.busy, timeout=10_000)
    runner.preparing.connect(lambda: reported.append(1))
    runner.run(lambda progress: time.sleep(0.1), lambda _: None)
    qtbot.waitUntil(lambda: not runner.busy, timeout=10_000)
    assert not reported


@pytest.mark.thorough
def test_the_first_use_compiles_nothing_on_the_main_thread(tmp_path):
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path),
        "NAPARI_CONFIG": str(tmp_path / "napari.yaml"),
    }
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE], env=environment, capture_output=True, text=True, timeout=170
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
