"""Random walks through a dock over layers of all kinds.

After every action the labels equal those of the copied script, and the table equals the labels. At the end no layer
is kept, and threads and memory are as they were. ``make soak`` walks farther, see SOAK_WALKS and SOAK_ACTIONS.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import threading
import warnings
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QApplication

from napari_kmeans._napari.session.copy_as_python import as_python

WALKS = int(os.environ.get("SOAK_WALKS", "1"))
ACTIONS = int(os.environ.get("SOAK_ACTIONS", "20"))
MOST_MORE_THREADS = 6 * max(os.cpu_count() or 1, 2)  # pools of the engine, the screen, Dask and Qt
MOST_LAYERS = 24
MOST_GROWTH = (
    300  # MB of memory after the first quarter of a walk, with caches of napari and compiled kernels
)


class Walk:
    """Actions of a user, drawn at random.

    Parameters
    ----------
    viewer : napari.Viewer
    open_dock, settle : callable
        Fixtures.
    seed : int
    """

    def __init__(self, viewer: Any, open_dock: Any, settle: Any, seed: int) -> None:
        self.viewer, self.open_dock, self.settle = viewer, open_dock, settle
        self.rng = np.random.default_rng(seed)
        self.done: list[str] = []
        self.errors: list[Exception] = []
        self.gone: list[weakref.ref] = []
        self.n_checked = Counter[str]()
        for kind in self.KINDS:
            self.add(kind)
        self.dock = self._open()

    # Layers

    def _values(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        levels = self.rng.choice([20, 60, 100], shape)
        return (levels + self.rng.integers(-9, 10, shape)).astype(dtype)

    def _gray(self) -> Image:
        return self.viewer.add_image(self._values((30, 36), np.uint8), name="gray")

    def _other(self) -> Image:
        return self.viewer.add_image(self._values((30, 36), np.uint8), name="other")

    def _holes(self) -> Image:
        values = self._values((24, 28), np.float32)
        values[:4] = np.nan
        return self.viewer.add_image(values, name="holes", scale=(0.5, 0.25), units=("um", "um"))

    def _colors(self) -> Image:
        return self.viewer.add_image(self._values((20, 22, 3), np.uint8), rgb=True, name="colors")

    def _volume(self) -> Image:
        return self.viewer.add_image(self._values((4, 16, 18), np.uint16), name="volume")

    def _movie(self) -> Image:
        return self.viewer.add_image(
            self._values((3, 14, 16), np.int16), name="movie", axis_labels=("t", "y", "x")
        )

    def _lazy(self) -> Image:
        return self.viewer.add_image(da.from_array(self._values((40, 44), np.uint16), chunks=16), name="lazy")

    def _pyramid(self) -> Image:
        values = self._values((64, 64), np.uint8)
        return self.viewer.add_image(
            [values, values[::2, ::2], values[::4, ::4]], multiscale=True, name="pyramid"
        )

    KINDS = ("gray", "other", "holes", "colors", "volume", "movie", "lazy", "pyramid")

    def add(self, kind: str) -> None:
        layer = getattr(self, f"_{kind}")()
        self.gone.append(weakref.ref(layer))

    def _open(self) -> Any:
        dock = self.open_dock()
        dock.jobs.failed.connect(self.errors.append)
        return dock

    def images(self) -> list[Image]:
        return [
            layer for layer in self.viewer.layers if isinstance(layer, Image) and layer.name in self.KINDS
        ]

    def pick(self, choices: Any) -> Any:
        choices = list(choices)
        return choices[self.rng.integers(len(choices))]

    # Actions

    def show_another(self) -> str:
        layer = self.pick(self.images())
        self.viewer.layers.selection.active = layer
        return layer.name

    def choose_k(self) -> str:
        self.dock.n_clusters.value = int(self.rng.integers(2, 8))
        return str(self.dock.n_clusters.value)

    def slide(self) -> str:
        for k in self.rng.integers(2, 12, 4):
            self.dock.n_clusters_slider.value = int(k)
            QApplication.processEvents()
        return str(k)

    def choose_features(self) -> str:
        self.dock.features.value = self.pick(self.dock.features.choices)
        return self.dock.features.value

    def prepare(self) -> str:
        name, value = self.pick(
            [("smooth", 0), ("smooth", 1.5), ("coherence", 0), ("coherence", 0.7), ("illumination", "none")]
        )
        if name == "coherence" and not self.dock.coherence.enabled:
            return "coherence is not offered"
        getattr(self.dock, name).value = value
        return f"{name} {value}"

    def choose_per_axis(self) -> str:
        self.dock.where.value = self.pick(self.dock.where.choices)
        return str(self.dock.where.value)

    def leave_out(self) -> str:
        self.dock.leave_out.value = self.pick([(), (0,), ("saturated",)])
        return str(self.dock.leave_out.value)

    def clean_up(self) -> str:
        name, value = self.pick(
            [(name, v) for name in ("majority", "min_size", "fill_holes") for v in (0, 1, 5)]
        )
        getattr(self.dock, name).value = value
        return f"{name} {value}"

    def choose_mask(self) -> str:
        image = self.dock.session.image
        shape = (image.data[0] if image.multiscale else image.data).shape[: image.ndim]
        if self.rng.random() < 0.5:
            self.dock.mask.value = self.dock.mask.choices[0]
            return "none"
        inside = np.zeros(shape, np.uint8)
        inside[..., : shape[-1] // 2] = 1
        mask = self.viewer.add_labels(inside, name="mask", scale=image.scale, units=image.units)
        self.viewer.layers.selection.active = image
        self.dock.mask.value = mask
        return mask.name

    def remove_a_mask(self) -> str:
        masks = [layer for layer in self.viewer.layers if layer.name.startswith("mask")]
        if masks:
            self.viewer.layers.remove(self.pick(masks))
        return str(len(masks))

    def move_a_border(self) -> str:
        model = self.dock.session.model
        if model is None or model.n_features > 1 or model.n_clusters < 2:
            return "none"
        i = int(self.rng.integers(model.n_clusters - 1))
        low, high = model.centers[i, 0], model.centers[i + 1, 0]
        self.dock.border.moved.emit(i, float(self.rng.uniform(low, high)))
        return str(i)

    def reset_borders(self) -> str:
        self.dock.border.reset.emit()
        return ""

    def edit(self) -> str:
        table = self.dock.table
        n = table.rowCount()
        if not n or not table.isEnabled():
            return "no table"
        labels = sorted({table.label_of_row(int(row)) for row in self.rng.integers(n, size=2)})
        action = self.pick(["merge", "split", "background", "rename"])
        if action == "rename":
            table.renamed.emit(labels[0], f"name {labels[0]}")
        else:
            table.action_requested.emit(action, labels)
        return f"{action} {labels}"

    def undo(self) -> str:
        self.dock.menu.undo.trigger()
        return ""

    def redo(self) -> str:
        self.dock.menu.redo.trigger()
        return ""

    def segment(self) -> str:
        self.dock.segment.native.click()
        return ""

    def cancel(self) -> str:
        self.dock.segment.native.click()
        self.dock.cancel.native.click()
        return ""

    def keep(self) -> str:
        self.dock.menu.keep.trigger()
        return ""

    def paint(self) -> str:
        layer = self.dock.session.overlay.layer
        if layer is None or not layer.editable:
            return "nothing to paint in"
        layer.paint((1,) * layer.ndim, 2)
        return layer.name

    def paint_in_a_mask(self) -> str:
        mask = self.dock.session.settings.mask
        if mask is None:
            return "no mask"
        mask.selected_label = int(self.rng.integers(2))
        mask.paint((2,) * mask.ndim, int(self.rng.integers(2)))
        QApplication.processEvents()  # the dock waits until napari has changed the data
        return mask.name

    def transform(self) -> str:
        layer = self.pick(
            [self.dock.session.image, self.dock.session.settings.mask or self.dock.session.image]
        )
        name, value = self.pick(
            [("scale", (1,) * layer.ndim), ("scale", (0.5,) * layer.ndim), ("translate", (1,) * layer.ndim)]
        )
        setattr(layer, name, value)
        return f"{layer.name} {name} {value}"

    def duplicate(self) -> str:
        layer = self.dock.session.overlay.layer
        if layer is None:
            return "no overlay"
        active = self.viewer.layers.selection.active
        self.viewer.layers.selection.active = layer
        _duplicate_layer(self.viewer.layers)
        self.viewer.layers.selection.active = active
        return layer.name

    def replace_data(self) -> str:
        layer = self.pick(self.images())
        if not layer.multiscale:
            layer.data = layer.data[::-1].copy()
        return layer.name

    def edit_pixels(self) -> str:
        image = self.dock.session.image
        if isinstance(image.data, np.ndarray):
            image.data[:1] = image.data[-1:]
        self.dock.segment.native.click()
        return image.name

    def remove_and_add(self) -> str:
        layer = self.pick(self.images())
        name = layer.name
        self.viewer.layers.remove(layer)
        del layer
        self.add(name)
        return name

    def scroll(self) -> str:
        for axis in range(self.viewer.dims.ndim - 2):
            steps = int(self.viewer.dims.nsteps[axis])
            self.viewer.dims.set_current_step(axis, int(self.rng.integers(steps)))
        return str(self.viewer.dims.current_step)

    def show(self) -> str:
        action = self.pick([self.dock.menu.outline, self.dock.menu.log_counts, self.dock.menu.side_by_side])
        action.trigger()
        return action.text()

    def reopen(self) -> str:
        self.viewer.window.remove_dock_widget(self.dock.native)
        self.dock = self._open()
        return ""

    ACTIONS = (
        *("show_another", "show_another", "choose_k", "choose_k", "slide", "choose_features", "prepare"),
        *("choose_per_axis", "leave_out", "clean_up", "choose_mask", "remove_a_mask", "move_a_border"),
        *(
            "move_a_border",
            "reset_borders",
            "edit",
            "edit",
            "undo",
            "undo",
            "redo",
            "segment",
            "cancel",
            "keep",
        ),
        *(
            "paint",
            "paint_in_a_mask",
            "paint_in_a_mask",
            "transform",
            "transform",
            "duplicate",
            "replace_data",
        ),
        *("edit_pixels", "remove_and_add", "scroll", "show", "reopen"),
    )

    def step(self) -> None:
        action = self.pick(self.ACTIONS)
        self.done.append(action)
        self.done[-1] += f" {getattr(self, action)()}"
        self.settle(self.dock)
        self.check()
        self.tidy()

    def tidy(self) -> None:
        """Remove results and masks that are no longer used, so that a walk of any length has as many layers."""
        layers = self.viewer.layers
        ours = {id(session.overlay.layer) for session in self.dock._follower._sessions.values()}
        left = [layer for layer in layers if isinstance(layer, Labels) and id(layer) not in ours]
        for layer in left[: max(len(layers) - MOST_LAYERS, 0)]:
            if layer is not self.dock.mask.value:
                layers.remove(layer)

    # What has to hold

    def check(self) -> None:
        # Refusals are one sentence; anything else is a fault.
        faults = [error for error in self.errors if type(error) not in (TypeError, ValueError)]
        assert not faults + [error for error in self.errors if "\n" in str(error)]
        session = self.dock.session
        layer = session.overlay.layer if session is not None else None
        if layer is None or session.model is None or session.measured is None:
            return
        assert session.image in self.viewer.layers
        np.testing.assert_allclose(layer.extent.world, session.image.extent.world)
        if session.measured.is_estimate:
            return
        labels = np.asarray(layer.data[0] if layer.multiscale else layer.data)
        settings = session.settings
        if not (
            session.resolutions.stays_on_demand and settings.recipe.clean_up
        ):  # exports alone are cleaned
            names = {"viewer": self.viewer}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of fewer distinct values than clusters
                exec(as_python(session, session.model), names)
            np.testing.assert_array_equal(labels, np.asarray(names["labels"]))
            self.n_checked["script"] += 1
        if settings.per_axis is not None:
            labels = labels.take(session.position, axis=settings.per_axis)
        counts = np.bincount(labels.reshape(-1), minlength=256)
        for row in range(self.dock.table.rowCount()):
            tip = self.dock.table.item(row, 1).toolTip()
            label, pixels = re.search(r"label (\d+): ([\d,]+) pixels", tip).groups()
            if int(label) not in session.model.background:
                assert int(pixels.replace(",", "")) == counts[int(label)], tip
        self.n_checked["table"] += 1


def resident() -> float:
    """Return the memory of this process in MB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_an_exception_in_a_slot_fails_a_test(viewer, open_dock, qtbot):
    """pyqtgraph replaces ``sys.excepthook`` when it is imported; exceptions still arrive where tests look."""
    open_dock()

    def fail():
        raise RuntimeError("on purpose")

    with qtbot.captureExceptions() as caught:
        QTimer.singleShot(0, fail)
        qtbot.waitUntil(lambda: bool(caught))
    assert [str(error) for _, error, _ in caught] == ["on purpose"]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(WALKS))
def test_random_actions_raise_no_error_and_leak_nothing(
    viewer, open_dock, settle, finish_threads, capsys, seed
):
    hook, n_threads = sys.excepthook, threading.active_count()
    walk = Walk(viewer, open_dock, settle, seed)
    rows = []
    for number in range(1, ACTIONS + 1):
        try:
            walk.step()
        except BaseException:
            with capsys.disabled():
                print(f"\nseed {seed}: " + "; ".join(walk.done))
            raise
        if number % max(ACTIONS // 4, 1) == 0:
            gc.collect()
            rows.append((number, len(viewer.layers), threading.active_count(), resident()))
    assert sys.excepthook is hook
    assert walk.n_checked["table"] > ACTIONS // 5
    with capsys.disabled():
        if WALKS > 1:
            print(f"\nseed {seed}: {dict(walk.n_checked)} checks, {len(walk.errors)} refusals")
            for number, n_layers, n_threads, megabytes in rows:
                print(f"  {number:5} actions {n_layers:4} layers {n_threads:3} threads {megabytes:7.0f} MB")
    assert rows[-1][2] <= n_threads + MOST_MORE_THREADS
    assert rows[-1][3] <= rows[0][3] + MOST_GROWTH
    viewer.window.remove_dock_widget(walk.dock.native)
    walk.dock = None
    viewer.layers.clear()
    finish_threads()
    for _ in range(3):
        gc.collect()
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert [ref() for ref in walk.gone if ref() is not None] == []
