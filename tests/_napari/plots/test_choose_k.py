"""The curve of the variance explained by each number of clusters."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from plot_helpers import summary_of
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

from napari_kmeans._napari.plots.choose_k import ChooseKPlot
from napari_kmeans.kmeans.exact_clusterings import ExactClusterings
from napari_kmeans.kmeans.suggestion import suggest


@pytest.fixture
def suggestion(gray):
    return suggest(ExactClusterings(summary_of(gray)), 12)


@pytest.fixture
def curve(qtbot, suggestion):
    widget = ChooseKPlot()
    qtbot.addWidget(widget)
    widget.resize(300, 240)
    widget.show()
    widget.set_suggestion(suggestion, 5)
    return widget


def points(curve):
    items = curve.findChild(pg.PlotWidget).getPlotItem().items
    [item] = [item for item in items if isinstance(item, pg.ScatterPlotItem)]
    return item.points()


def test_curve_shows_the_explained_variance_of_each_number(curve, suggestion):
    drawn = points(curve)
    assert [point.pos().x() for point in drawn] == list(range(1, 13))
    explained = 100 * np.array(suggestion.explained_variance)
    np.testing.assert_allclose([point.pos().y() for point in drawn], explained)
    assert [k for k, point in enumerate(drawn, 1) if point.symbol() == "star"] == [suggestion.n_clusters]
    filled = [k for k, point in enumerate(drawn, 1) if point.brush().style() != Qt.BrushStyle.NoBrush]
    assert filled == [5]


def test_clicking_a_point_chooses_its_number_of_clusters(curve, qtbot, mouse):
    plot = curve.findChild(pg.PlotWidget)
    for k in (7, 2):
        point = points(curve)[k - 1].pos()
        with qtbot.waitSignal(curve.chosen) as chosen:
            mouse.click(plot, (point.x(), point.y()))
        assert chosen.args == [k]


def test_the_suggestion_is_explained_and_applied_by_a_button(curve, suggestion, qtbot):
    button = curve.findChild(QPushButton)
    assert suggestion.n_clusters == 3
    assert button.text() == "Use 3"
    assert any(suggestion.reason == label.text() for label in curve.findChildren(pg.QtWidgets.QLabel))
    with qtbot.waitSignal(curve.chosen) as chosen:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert chosen.args == [3]


def test_without_an_image_the_curve_is_empty_and_its_button_disabled(curve):
    curve.set_suggestion(None, 0)
    assert not curve.findChild(QPushButton).isEnabled()
    assert len(points(curve)) == 0
