"""What all plots have in common."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from qtpy.QtCore import Qt

import napari_kmeans
from napari_kmeans._napari.plots.histogram import HistogramPlot
from napari_kmeans._napari.plots.plot import brushes
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.report.palette import distinct_colors
from napari_kmeans.summary.summarize import summarize


def summary_of(image):
    return summarize(Pixels.of(np.asarray(image)))


@pytest.fixture
def image():
    return np.array([10] * 6 + [12] * 2 + [100] + [200], dtype=np.uint8)


@pytest.fixture
def histogram(qtbot, image):
    plot = HistogramPlot()
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    plot.show()
    plot.set_summary(summary_of(image))
    plot.set_model(napari_kmeans.fit(image, 3), distinct_colors(3))
    return plot


@pytest.mark.parametrize("key", [Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_Space, Qt.Key.Key_Left])
def test_keys_end_in_the_plot(histogram, qtbot, key):
    event = pg.QtGui.QKeyEvent(pg.QtCore.QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)
    pg.QtWidgets.QApplication.sendEvent(histogram, event)
    assert event.isAccepted()


def test_equal_colours_share_a_brush():
    colors = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [1, 0, 0, 1]], dtype=float)
    first, second, third = brushes(colors)
    assert first is third
    assert first is not second
    assert second.color().getRgb() == (0, 255, 0, 255)


def test_a_plot_asks_for_little_room(histogram):
    assert histogram.sizeHint().width() <= 340
    assert histogram.minimumSizeHint().width() <= 120
