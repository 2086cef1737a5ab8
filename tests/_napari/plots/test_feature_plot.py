from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from plot_helpers import model, points, rgb, scatters, search_of
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QKeyEvent, QPalette, QWheelEvent
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

from napari_kmeans._napari.plots.feature_plot import FeaturePlot
from napari_kmeans.report.palette import distinct_colors


def test_the_initial_axes_are_the_features_that_differ_most(plot, show, stained):
    image = stained.copy()
    image[..., 1] = 100
    show(image, "rgb")
    assert {plot.x_axis.currentText(), plot.y_axis.currentText()} == {"red", "blue"}


def test_axes_are_kept_when_the_position_changes(plot, show, stained):
    image = stained.copy()
    image[..., 1] = 100
    show(image, "rgb")
    before = plot.scatter.shown_axes
    show(image[..., [1, 0, 2]], "rgb")
    assert plot.scatter.shown_axes == before
    show(image, "lab")
    show(image[..., [1, 0, 2]], "rgb")
    assert set(plot.scatter.shown_axes) == {1, 2}


def test_the_initial_axes_of_channels_are_the_first_two(plot, show, blobs):
    show(blobs(2), "channels")
    assert plot.scatter.shown_axes == (0, 1)


def test_textures_are_drawn_along_the_axes_that_separate_the_clusters(plot, show, mosaic):
    _, found = show(mosaic, "texture", 2)
    assert found.n_features == 16
    places = found.centers / found.scales
    between = (places[0] - places[1]) ** 2
    x, y = plot.scatter.shown_axes
    assert x == between.argmax()
    assert x != y
    assert found.feature_names[x] == plot.x_axis.currentText()
    assert "intensity" not in plot.x_axis.currentText()  # both halves have the same


def choose(box, text):
    index = box.findText(text)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def test_axes_that_the_user_chooses_are_kept(plot, show, stained, blobs):
    search, found = show(stained, "lab")
    choose(plot.x_axis, "L*")
    np.testing.assert_array_equal(scatters(plot.scatter)[1].data["x"], found.centers[:, 0])
    low, high = plot.scatter.viewRange()[0]
    assert (
        low
        < search.clusterings.summary.positions[:, 0].min()
        < search.clusterings.summary.positions[:, 0].max()
        < high
    )
    choose(plot.y_axis, "L*")  # the other had it
    assert (plot.x_axis.currentText(), plot.y_axis.currentText()) == ("b*", "L*")
    show(blobs(2), "channels")
    assert plot.x_axis.currentText() == "channel 1"
    show(stained, "lab", 2)
    assert (plot.x_axis.currentText(), plot.y_axis.currentText()) == ("b*", "L*")
    assert plot.scatter.shown_axes == (2, 0)


def lines(plot):
    items = plot.profile.getPlotItem().items
    return [item for item in items if isinstance(item, pg.PlotCurveItem)]


def test_the_chosen_plot_is_kept_and_shows_the_current_clusters(plot, show, blobs, qtbot):
    search, _ = show(blobs(4), "channels")
    qtbot.mouseClick(plot.as_scatter, Qt.MouseButton.LeftButton)
    assert plot.scatter.isVisible()
    assert not plot.profile.isVisible()
    plot.set_model(model(search, 5, "channels"), distinct_colors(5))
    qtbot.mouseClick(plot.as_profile, Qt.MouseButton.LeftButton)
    assert len(lines(plot)) == 5
    qtbot.mouseClick(plot.as_scatter, Qt.MouseButton.LeftButton)
    show(blobs(2), "channels")
    show(blobs(4), "channels")
    assert plot.scatter.isVisible()


@pytest.mark.parametrize("features", ["lab", "channels"])
def test_without_image_or_clusters_the_plots_are_empty(plot, show, stained, features):
    search, _ = show(stained, features)
    plot.set_model(None, distinct_colors(0))
    plain = plot.scatter.palette().color(QPalette.ColorRole.Mid).getRgb()[:3]
    assert not lines(plot)
    if plot.scatter.isVisible():
        assert {rgb(brush) for brush in points(plot)["brush"]} == {plain}
        assert scatters(plot.scatter)[1].data.size == 0
    assert not plot.centers.isVisible()
    plot.set_cloud(None)
    plot.set_model(None, distinct_colors(0))
    assert points(plot).size == 0
    assert plot.x_axis.count() == 0
    assert plot.scatter.text_at(0, 0) == plot.profile.text_at(0, 0) == plot.centers.text_at(1) == ""
    plot.set_cloud(search.clusterings.summary)
    plot.set_model(model(search, 2, features), distinct_colors(2))
    assert (plot.profile if plot.profile.isVisible() else plot.scatter).text_at(-999, 999) == ""


@pytest.mark.parametrize("text", ["#101010", "#f0f0f0"])
def test_plots_follow_a_change_of_theme(plot, show, stained, blobs, text):
    show(blobs(4), "channels")
    palette = plot.palette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor(text))
    plot.setPalette(palette)
    for each in (plot.scatter, plot.profile):
        assert each.getAxis("bottom").pen().color() == QColor(text)
    show(stained, "lab")
    assert scatters(plot.scatter)[1].opts["pen"].color().name() == text


@pytest.mark.parametrize("features", ["lab", "texture", "channels"])
def test_nothing_is_cut_off_in_a_narrow_dock(plot, show, stained, blobs, mosaic, features):
    show({"lab": stained, "texture": mosaic, "channels": blobs(2)}[features], features)
    for button in (plot.as_scatter, plot.as_profile):
        if button.isVisible():
            button.click()
        plot.resize(284, plot.minimumSizeHint().height())
        QApplication.processEvents()
        assert plot.size().width() == 284
        assert plot.minimumSizeHint().height() <= 160
        for widget in plot.findChildren(QWidget):
            if widget.isVisible() and widget.parent() is plot:
                least = widget.minimumSizeHint()
                assert plot.rect().contains(widget.geometry()), widget
                assert widget.width() >= least.width(), widget
                assert widget.height() >= least.height(), widget


def test_every_control_has_a_tooltip(plot, show, blobs):
    show(blobs(2), "channels")
    for control in (plot.centers, plot.scatter, plot.profile, plot.as_scatter, plot.as_profile):
        assert control.toolTip()
    assert plot.x_axis.toolTip() == "Feature on the horizontal axis: channel 1"
    assert plot.y_axis.toolTip() == "Feature on the vertical axis: channel 2"


def test_plots_accept_key_events_and_ignore_wheel_events(qtbot, blobs):
    class Outside(QWidget):
        def __init__(self):
            super().__init__()
            self.got = []

        def keyPressEvent(self, event):
            self.got.append("key")

    outside = Outside()
    qtbot.addWidget(outside)
    plot = FeaturePlot()
    QVBoxLayout(outside).addWidget(plot)
    outside.show()
    search = search_of(blobs(3), "channels")
    plot.set_cloud(search.clusterings.summary)
    plot.set_model(model(search, 3, "channels"), distinct_colors(3))
    plot.as_scatter.click()
    inner = [plot, plot.scatter, plot.profile, plot.x_axis, plot.y_axis, plot.as_scatter, plot.as_profile]
    for widget in inner:
        for key in (Qt.Key.Key_1, Qt.Key.Key_F5):
            event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)
            QApplication.sendEvent(widget, event)
    assert outside.got == []
    for widget in (plot.scatter.viewport(), plot.x_axis, plot.y_axis):
        at = QPointF(5, 5)
        event = QWheelEvent(
            at,
            QPointF(widget.mapToGlobal(QPoint(5, 5))),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)
        assert not event.isAccepted()  # so that Qt offers it to what is around
    assert plot.x_axis.currentIndex() == 0
