"""A real viewer with the dock open in it, and ways to wait for the dock without sleeping."""

from __future__ import annotations

import gc
import os
import sys
import threading
import warnings

# Before napari is imported: tests neither read nor write the user's settings.
os.environ["NAPARI_CONFIG"] = ""

import numpy as np
import pyqtgraph as pg
import pytest
from napari.components import ViewerModel
from npe2 import PluginManifest
from qtpy.QtCore import QEvent, QPointF, Qt, QThreadPool
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_kmeans._napari.layers import worker
from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.layers.overlay import Overlay
from napari_kmeans._napari.session.session import Session
from napari_kmeans.blocks import loop
from napari_kmeans.model.recipe import Recipe

PLUGIN = "napari-kmeans", "K-means segmentation"


@pytest.fixture(scope="session", autouse=True)
def screen():
    """Say in a sentence what is missing where Qt would end the process without one."""
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        pytest.fail(
            "there is no display and no Xvfb to start one: run scripts/install-system-packages first, or skip "
            "the tests that open windows: pytest --ignore=tests/_napari",
            pytrace=False,
        )


@pytest.fixture(scope="session", autouse=True)
def traced_workers():
    """Measure coverage in napari's workers, too: Python traces only threads that it has started itself."""
    trace = threading.gettrace()
    if trace is None:
        yield
        return
    call = worker._Task.__call__

    def traced(task):
        sys.settrace(trace)
        return call(task)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker._Task, "__call__", traced)
        yield


@pytest.fixture(scope="session")
def imported():
    """What viewers need, imported, and out of the way of the many collections between their tests."""
    import sklearn.cluster  # noqa: F401

    import napari_kmeans._napari.widgets.kmeans_widget  # noqa: F401
    from napari_kmeans._napari.layers.first_overlay import compile_label_dictionaries

    # In a worker, numba would replace the warning filters while a test collects warnings.
    compile_label_dictionaries()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def viewer(imported, npe2pm, plugin_settings, make_napari_viewer, monkeypatch):
    """A viewer with this plugin only, and settings of its own."""
    # Tests do not move the mouse again, so the dock may come to rest sooner.
    monkeypatch.setattr("napari_kmeans._napari.session.jobs._REST", 50)
    npe2pm.register(PluginManifest.from_distribution(PLUGIN[0]))
    return make_napari_viewer()


@pytest.fixture
def settle(qtbot):
    """Wait until a dock neither works nor is about to."""

    def wait(dock):
        # The first fit compiles its loops, which takes long where other tests keep all cores busy.
        qtbot.waitUntil(lambda: dock.is_idle, timeout=60_000)

    return wait


@pytest.fixture
def open_dock(viewer, settle):
    """Open the dock as the Plugins menu does, so that it gets napari's proxy of the viewer."""

    def open_it(in_viewer=viewer):
        _, dock = in_viewer.window.add_plugin_dock_widget(*PLUGIN)
        settle(dock)
        return dock

    return open_it


@pytest.fixture
def window(viewer, qtbot):
    """Show the viewer's window and make it active, so that its widgets get the focus."""
    window = viewer.window._qt_window
    window.show()
    with qtbot.waitExposed(window):
        pass
    # A virtual screen has no window manager to do that.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of PySide6, which has nothing in its place
        QApplication.setActiveWindow(window)


@pytest.fixture
def session_of():
    """Make the session of an image in a viewer without a window; keywords are those of the layer."""

    def make(data, settings=None, **layer):
        viewer = ViewerModel()
        image = viewer.add_image(data, **layer)
        return Session(image, Overlay(viewer, image), settings or LayerRecipe(Recipe(n_clusters=3)))

    return make


@pytest.fixture
def finish_threads(qtbot):
    """Wait until no worker runs and all that workers sent has arrived."""

    def wait():
        pool = QThreadPool.globalInstance()
        for _ in range(2):  # for a result may lead to more work
            qtbot.waitUntil(lambda: pool.activeThreadCount() == 0, timeout=20_000)
            QApplication.sendPostedEvents()
            QApplication.processEvents()

    return wait


class Gate:
    """Where the engine's loop over blocks is held, between its first block and its second, while shut.

    Loops of `past` blocks, such as an estimate's windows, go by.
    """

    def __init__(self):
        self.entered, self.left, self._open = threading.Event(), threading.Event(), threading.Event()
        self._open.set()
        self.n_blocks, self.past = 0, None

    def shut(self, past=None):
        self.past = past
        for event in (self.entered, self.left, self._open):
            event.clear()
        self.n_blocks = 0

    def open(self):
        self._open.set()

    def hold(self, run):
        def held(function, boxes, progress=None):
            try:
                for i, result in enumerate(run(function, boxes, progress)):
                    if i == 1 and len(boxes) != self.past and not self._open.is_set():
                        self.entered.set()
                        assert self._open.wait(30)
                    self.n_blocks += 1
                    yield result
            finally:
                self.left.set()

        return held


@pytest.fixture
def gate(monkeypatch):
    """A gate in the way of the engine, open at first; it needs an image of at least two blocks, `large`."""
    gate = Gate()
    held, run = gate.hold(loop.run), loop.run
    for module in [module for name, module in sys.modules.items() if name.startswith("napari_kmeans.")]:
        if getattr(module, "run", None) is run:
            monkeypatch.setattr(module, "run", held)
    yield gate
    gate.open()


class Mouse:
    """The mouse over a plot, at places in the plot's own units."""

    def place(self, plot, at):
        return plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(*at)))

    def hover(self, plot, at):
        self._send(plot, QEvent.Type.MouseMove, QPointF(self.place(plot, at)))

    def drag(self, plot, begin, end, steps=8):
        begin, end = QPointF(self.place(plot, begin)), QPointF(self.place(plot, end))
        left = Qt.MouseButton.LeftButton
        self._send(plot, QEvent.Type.MouseMove, begin)
        self._send(plot, QEvent.Type.MouseButtonPress, begin, left, left)
        for i in range(1, steps + 1):
            self._send(plot, QEvent.Type.MouseMove, begin + (end - begin) * (i / steps), held=left)
        self._send(plot, QEvent.Type.MouseButtonRelease, end, left)

    def click(self, plot, at):
        at, left = QPointF(self.place(plot, at)), Qt.MouseButton.LeftButton
        self._send(plot, QEvent.Type.MouseMove, at)
        self._send(plot, QEvent.Type.MouseButtonPress, at, left, left)
        self._send(plot, QEvent.Type.MouseButtonRelease, at, left)

    def _send(self, plot, kind, at, button=Qt.MouseButton.NoButton, held=Qt.MouseButton.NoButton):
        viewport = plot.viewport()
        event = QMouseEvent(
            kind,
            at,
            QPointF(viewport.mapToGlobal(at.toPoint())),
            button,
            held,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(viewport, event)


@pytest.fixture
def mouse(qtbot):
    limit = pg.getConfigOption("mouseRateLimit")
    pg.setConfigOption("mouseRateLimit", -1)  # else moves in the same hundredth of a second are dropped
    yield Mouse()
    pg.setConfigOption("mouseRateLimit", limit)


@pytest.fixture
def large():
    """Four blocks of pixels."""
    image = np.random.default_rng(3).integers(0, 200, (1024, 1024), dtype=np.uint8)
    assert len(loop.array_boxes(image.shape)) == 4
    return image


@pytest.fixture
def gray():
    """Noise around three levels, 40 × 50 uint8."""
    rng = np.random.default_rng(0)
    levels = rng.choice([30, 100, 200], size=(40, 50), p=[0.5, 0.3, 0.2])
    return np.clip(rng.normal(levels, 8), 0, 255).astype(np.uint8)


@pytest.fixture
def colored():
    """32 × 36 RGB uint8."""
    return np.random.default_rng(1).integers(0, 256, (32, 36, 3), dtype=np.uint8)


@pytest.fixture
def volume():
    """6 × 20 × 24 uint16."""
    return np.random.default_rng(2).integers(0, 4096, (6, 20, 24), dtype=np.uint16)
