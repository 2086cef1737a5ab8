"""Images and docks that several tests show."""

from __future__ import annotations

import numpy as np
import pytest

NARROW = 300, 560


@pytest.fixture
def narrow_dock(viewer, open_dock, settle, qtbot, volume):
    """A floating dock at its smallest size, with a stack and all there is to see of it."""
    viewer.add_image(volume, axis_labels=("z", "y", "x"), name="a stack with a rather long name for an image")
    viewer.window._qt_window.show()
    dock = open_dock()
    dock.n_clusters.value = 9
    settle(dock)
    dock.border.value.setValue(dock.border.value.value() + 1)
    settle(dock)
    frame = dock.native.parent()
    frame.setFloating(True)
    frame.widget().setFixedSize(*NARROW)
    with qtbot.waitExposed(frame):
        frame.show()
    return dock


@pytest.fixture
def specks():
    """Two halves with specks in them, 40 × 60."""
    image = np.repeat([[40, 200]], 30, axis=1).repeat(40, axis=0).astype(np.uint8)
    image[5:7, 5:7], image[20, 45:48] = 200, 40
    return image + np.random.default_rng(0).integers(0, 9, image.shape, dtype=np.uint8)


@pytest.fixture
def stained():
    """Three stains with noise, 60 × 70 RGB."""
    rng = np.random.default_rng(4)
    colors = np.array([[150, 90, 60], [90, 100, 160], [230, 225, 228]])
    return np.clip(colors[rng.integers(0, 3, (60, 70))] + rng.normal(0, 6, (60, 70, 3)), 0, 255).astype("u1")
