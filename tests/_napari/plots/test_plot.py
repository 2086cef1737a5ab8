"""What all plots have in common."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from qtpy.QtCore import Qt

from napari_kmeans._napari.plots.plot import brushes


@pytest.mark.parametrize("key", [Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_Space, Qt.Key.Key_Left])
def test_key_events_are_accepted_by_the_plot(histogram, qtbot, key):
    event = pg.QtGui.QKeyEvent(pg.QtCore.QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)
    pg.QtWidgets.QApplication.sendEvent(histogram, event)
    assert event.isAccepted()


def test_equal_colours_share_a_brush():
    colors = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [1, 0, 0, 1]], dtype=float)
    first, second, third = brushes(colors)
    assert first is third
    assert first is not second
    assert second.color().getRgb() == (0, 255, 0, 255)


def test_a_plot_needs_little_room(histogram):
    assert histogram.sizeHint().width() <= 340
    assert histogram.minimumSizeHint().width() <= 120
