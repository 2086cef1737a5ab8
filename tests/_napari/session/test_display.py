"""How clusters are drawn."""

from __future__ import annotations

import numpy as np
from dock_helpers import clusters_of, select
from qtpy.QtCore import Qt


def test_highlight_ticks_colours_outline_and_peek_change_the_layer(viewer, open_dock, settle, gray):
    first, second = viewer.add_image(gray, name="first"), viewer.add_image(gray.T.copy(), name="second")
    viewer.layers.selection.active = first
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)

    def opacities():
        colors = [layer.get_color(label) for label in (1, 2, 3)]
        return [0 if color is None else color[3] for color in colors]

    assert opacities() == [1, 1, 1]
    select(dock, 2)
    faint, also_faint, full = opacities()
    assert 0 < faint == also_faint < 0.5
    assert full == 1
    dock.n_clusters.value = 2  # the selected row is gone, and with it the highlight
    settle(dock)
    assert opacities()[:2] == [1, 1]

    select(dock, 1)
    viewer.layers.selection.active = second  # the selection is gone too
    settle(dock)
    viewer.layers.selection.active = first
    settle(dock)
    assert not dock.table.selected_labels()
    assert opacities()[:2] == [1, 1]

    dock.table.item(0, 0).setCheckState(Qt.CheckState.Unchecked)
    assert opacities()[:2] == [0, 1]
    dock.table.item(0, 0).setCheckState(Qt.CheckState.Checked)

    next(action for action in dock.menu.palettes.actions() if action.text() == "Gray").trigger()
    np.testing.assert_allclose([layer.get_color(label) for label in (1, 2)], [[0, 0, 0, 1], [1, 1, 1, 1]])
    dock.menu.outline.setChecked(True)
    assert layer.contour > 0
    dock.menu.outline.setChecked(False)
    assert layer.contour == 0

    dock.peek.pressed.emit()
    assert not layer.visible
    dock.peek.released.emit()
    assert layer.visible
    layer.visible = False
    dock.peek.pressed.emit()
    dock.peek.released.emit()
    assert not layer.visible  # hidden by the person before


def test_highlight_is_kept_when_colours_or_labels_change(viewer, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    dock.n_clusters.value = 4
    settle(dock)
    [layer] = clusters_of(viewer)
    select(dock, 1)

    def highlighted():
        return [label for label in (1, 2, 3, 4) if layer.get_color(label)[3] == 1]

    assert highlighted() == [2]
    for action in dock.menu.palettes.actions():
        action.trigger()
        assert highlighted() == [2], action.text()
    dock.n_clusters.value = 5
    assert highlighted() == [2]  # while sliding
    settle(dock)
    assert highlighted() == [2]
    dock.border.value.setValue(dock.border.value.value() + 2)
    settle(dock)
    assert highlighted() == [2]
    assert dock.table.selected_labels() == [2]
