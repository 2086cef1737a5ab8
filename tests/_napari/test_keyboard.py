"""The dock by keyboard, in a window that is shown; and what it says of its controls."""

from __future__ import annotations

import numpy as np
import pytest
from dock_helpers import in_reach as reached_by_tab
from napari.layers import Labels
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QContextMenuEvent
from qtpy.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QLabel, QMenu, QTabBar

from napari_kmeans import KMeansModel
from napari_kmeans._napari.layers.image_layer import METADATA_KEY


@pytest.fixture
def dock(viewer, window, open_dock, settle, volume):
    """A dock in a window on the screen, with clusters of a stack."""
    viewer.add_image(volume)
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    return dock


@pytest.fixture
def press(qtbot):
    """Press a key where the focus is."""

    def press_it(key, modifier=Qt.KeyboardModifier.NoModifier):
        qtbot.keyClick(QApplication.focusWidget(), key, modifier)

    return press_it


def clusters_of(viewer):
    return next(layer for layer in viewer.layers if isinstance(layer, Labels))


def test_tab_goes_through_the_controls_from_top_to_bottom(dock, settle, press):
    dock.border.value.setValue(dock.border.value.value() + 50)  # so that there is something to reset
    settle(dock)
    expected = [
        dock.image.native,
        dock.features.native,
        dock.n_clusters.native,
        dock.n_clusters_slider.native,
        dock.tabs.tabBar(),
        dock.histogram,
        dock.border.which,
        dock.border.value,
        dock.border.back,
        dock.table,
        dock.view.prepare.button,
        dock.view.where.button,
        dock.where.native,
        dock.mask.native,
        dock.leave_out.native,
        dock.view.clean_up.button,
        dock.live.native,
        dock.segment.native,
        dock.undo,
        dock.peek,
        dock.more,
    ]
    dock.view.where.button.click()
    expected[0].setFocus()
    for control in expected:
        focus = QApplication.focusWidget()
        assert focus is control or control.isAncestorOf(focus), (focus, control)
        press(Qt.Key.Key_Tab)
    assert not dock.native.isAncestorOf(QApplication.focusWidget())


def test_every_control_and_entry_has_a_tooltip(dock):
    controls = [
        *(widget.native for widget in dock),
        *(dock.live.native, dock.segment.native, dock.cancel.native, dock.progress.native, dock.suggest),
        *(dock.undo, dock.peek, dock.more, dock.table, dock.histogram),
        *(dock.border.which, dock.border.value, dock.border.back),
    ]
    assert [control for control in controls if not control.toolTip()] == []
    in_reach = [
        control
        for kind in (QAbstractButton, QAbstractItemView)
        for control in dock.native.findChildren(kind)
        if control.isVisible() and control.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert [control for control in in_reach if not control.toolTip()] == []
    assert [control for control in reached_by_tab(dock) if not control.accessibleName()] == []
    tabs = dock.native.findChild(QTabBar)
    assert all(tabs.tabToolTip(i) for i in range(tabs.count()))
    assert all(dock.table.horizontalHeaderItem(i).toolTip() for i in range(dock.table.columnCount()))
    entries = [action for action in dock.menu.actions() if not action.isSeparator()]
    assert [action.text() for action in entries if action.toolTip() == action.text()] == []


def test_undo_keys_undo_one_step_of_the_dock_and_no_brush_stroke(viewer, dock, settle, press):
    layer = clusters_of(viewer)
    viewer.layers.selection.active = layer
    layer.paint((2, 5, 5), 9)
    painted = layer.data.copy()
    for widget in (dock.n_clusters.native, dock.histogram, dock.table, dock.segment.native):
        dock.n_clusters.value = 6
        settle(dock)
        widget.setFocus()
        press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert dock.n_clusters.value == 4, widget
    settle(dock)
    np.testing.assert_array_equal(layer.data, painted)


def test_undo_reverts_a_typed_threshold(dock, settle, press, qtbot):
    before = dock.border.value.value()
    dock.border.value.setFocus()
    dock.border.value.selectAll()
    qtbot.keyClicks(dock.border.value, "777")
    press(Qt.Key.Key_Return)
    settle(dock)
    assert dock.border.title.text() == "Adjusted"
    press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(dock)
    assert dock.border.title.text() == "Threshold"
    assert dock.border.value.value() == before


def test_holding_space_shows_the_original_and_pressing_it_ticks_boxes(viewer, dock, press, qtbot):
    layer = clusters_of(viewer)
    dock.peek.setFocus()
    qtbot.keyPress(dock.peek, Qt.Key.Key_Space)
    assert not layer.visible
    qtbot.keyRelease(dock.peek, Qt.Key.Key_Space)
    assert layer.visible
    dock.live.native.setFocus()
    press(Qt.Key.Key_Space)
    assert not dock.live.value
    dock.table.setFocus()
    dock.table.setCurrentCell(1, 0)
    press(Qt.Key.Key_Space)
    assert dock.table.item(1, 0).checkState() == Qt.CheckState.Unchecked
    assert dock.session.hidden == {2}


def test_a_cluster_is_renamed_by_f2_and_by_double_click(viewer, dock, settle, press, qtbot):
    dock.table.setFocus()
    dock.table.setCurrentCell(1, 1)
    press(Qt.Key.Key_F2)
    qtbot.keyClicks(QApplication.focusWidget(), "nuclei")
    press(Qt.Key.Key_Return)
    place = dock.table.visualItemRect(dock.table.item(2, 1)).center()
    qtbot.mouseClick(dock.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(dock.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.keyClicks(QApplication.focusWidget(), "rim")
    press(Qt.Key.Key_Return)
    settle(dock)
    model = KMeansModel.from_json(clusters_of(viewer).metadata[METADATA_KEY])
    assert model.names == ("cluster 1", "nuclei", "rim", "cluster 4")


def test_the_context_menu_of_the_table_opens_by_keyboard(dock, press, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    # The last is what Qt makes of the menu key.
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(5, 5), QPoint(5, 5))
    for open_it in (
        lambda: press(Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier),
        lambda: QApplication.sendEvent(dock.table.viewport(), event),
    ):
        dock.table.setFocus()
        dock.table.selectRow(1)
        open_it()
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        assert "Extract as layer" in [entry.text() for entry in menu.actions() if entry.isEnabled()]
        menu.close()


def test_labels_name_the_controls_beside_them(dock):
    labels = [label for label in dock.native.findChildren(QLabel) if label.buddy() is not None]
    buddies = {label.text(): label.buddy() for label in labels}
    for text, control in (
        ("Image", dock.image),
        ("Cluster by", dock.features),
        ("Clusters", dock.n_clusters),
        ("Smooth", dock.smooth),
        ("Mask", dock.mask),
        ("Majority", dock.majority),
    ):
        assert buddies[text] is control.native
