"""Where the dock's parts stand, at the smallest size it is made for."""

from __future__ import annotations

import numpy as np
import pytest
from magicgui.widgets import Widget
from qtpy.QtCore import QPoint, QRect
from qtpy.QtWidgets import QApplication, QScrollArea, QWidget

import napari_kmeans

pytestmark = pytest.mark.thorough


@pytest.fixture
def dock(narrow_dock):
    return narrow_dock


NARROW = 300, 560


def cut_off(dock):
    """Controls that are smaller than they can be, or not in full on the dock or the part that scrolls."""
    controls = [dock.image, dock.features, dock.n_clusters, dock.n_clusters_slider, dock.where, dock.live]
    controls += [dock.segment, dock.cancel, dock.progress]
    widgets = [control.native for control in controls]
    widgets += [
        dock.tabs,
        dock.histogram,
        dock.border.which,
        dock.border.back,
        dock.status,
    ]
    widgets += [dock.table, dock.view.where.button, dock.undo, dock.peek, dock.more]
    scroll = dock.native.findChild(QScrollArea)
    found = []
    for widget in widgets:
        if not widget.isVisible():
            continue
        holder = scroll.widget() if scroll.isAncestorOf(widget) else dock.native
        place = QRect(widget.mapTo(holder, QPoint(0, 0)), widget.size())
        least = widget.minimumSizeHint()
        fits = widget.width() >= least.width() and widget.height() >= least.height()
        if not fits or not holder.rect().contains(place):
            found.append((widget, place, least))
    return found


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("opened", [False, True])
def test_nothing_is_cut_off(viewer, dock, settle, qtbot, theme, opened):
    viewer.theme = theme
    (dock.view.where.expand if opened else dock.view.where.collapse)(animate=False)
    if opened:
        dock.where.value = 0  # says something in three lines
        settle(dock)
    for tab in (0, 1):
        dock.tabs.setCurrentIndex(tab)
        QApplication.processEvents()  # nested layouts come first
        dock.native.layout().activate()
        assert (dock.native.width(), dock.native.height()) == NARROW
        assert cut_off(dock) == []
        if tab == 0 and not opened:
            number = dock.border.value.lineEdit()
            for value in (dock.border.value.value(), -123456, -0.000123456, -1.25e11):
                text = dock.border.value.textFromValue(value)
                assert number.fontMetrics().horizontalAdvance(text) <= number.width()


def test_the_controls_below_the_plot_scroll(dock, settle, qtbot):
    scroll = dock.native.findChild(QScrollArea)
    assert scroll.mapTo(dock.native, QPoint(0, 0)).y() >= dock.tabs.geometry().bottom()
    dock.view.where.expand(animate=False)
    dock.view.where.content().setMinimumHeight(400)  # as with many more controls
    qtbot.waitUntil(lambda: scroll.verticalScrollBar().maximum() > 300)
    assert scroll.horizontalScrollBar().maximum() == 0
    assert scroll.widget().width() <= scroll.viewport().width()
    dock.where.native.setFocus()
    scroll.ensureWidgetVisible(dock.where.native)
    place = QRect(dock.where.native.mapTo(scroll.viewport(), QPoint(0, 0)), dock.where.native.size())
    assert scroll.viewport().rect().contains(place)
    # What is pressed most often stays in reach.
    assert not scroll.isAncestorOf(dock.segment.native)
    assert dock.tabs.height() >= dock.tabs.minimumSizeHint().height()


def test_controls_are_left_aligned(dock):
    lefts = {dock[name].native.mapTo(dock.native, QPoint(0, 0)).x() for name in ("image", "features")}
    lefts |= {dock.n_clusters.native.mapTo(dock.native, QPoint(0, 0)).x()}
    assert len(lefts) == 1


def test_every_control_is_reached_by_its_name(dock):
    for name in (
        "image",
        "features",
        "n_clusters",
        "n_clusters_slider",
        "where",
        "live",
        "segment",
        "cancel",
    ):
        control = getattr(dock, name)
        assert isinstance(control, Widget), name
        assert control.name == name
    assert isinstance(dock.progress, Widget)
    for name in (
        "suggest",
        "undo",
        "peek",
        "more",
        "histogram",
        "border",
        "choose_k",
        "table",
        "tabs",
        "menu",
    ):
        assert isinstance(getattr(dock, name), QWidget), name
    assert (dock.n_clusters.min, dock.n_clusters.max) == (2, 255)
    assert (dock.n_clusters_slider.min, dock.n_clusters_slider.max) == (2, 12)


def test_colours_can_be_clustered_by_either_luminance(viewer, dock, settle, colored):
    assert "gray601" not in dock.features.choices
    viewer.add_image(colored, rgb=True)
    settle(dock)
    assert {"gray", "gray601"} <= set(dock.features.choices)
    dock.features.value = "gray601"
    settle(dock)
    labels, _ = napari_kmeans.segment(colored, 3, features="gray601", channel_axis=-1)
    np.testing.assert_array_equal(dock.session.overlay.layer.data, labels)
    dock.menu.undo.trigger()
    settle(dock)
    assert dock.features.value == "gray"
    labels, _ = napari_kmeans.segment(colored, 3, channel_axis=-1)
    np.testing.assert_array_equal(dock.session.overlay.layer.data, labels)
