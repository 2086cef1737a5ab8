"""Original and clusters side by side."""

from __future__ import annotations

from dock_helpers import clusters_of


def test_side_by_side_view_can_be_switched_on_and_off(viewer, open_dock, settle, gray):
    image = viewer.add_image(gray)
    points = viewer.add_points(visible=True)
    dock = open_dock()
    dock.menu.side_by_side.setChecked(True)
    assert not dock.menu.side_by_side.isChecked()
    assert "press Segment" in dock.status.text()
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    layer.opacity = 0.7
    dock.menu.side_by_side.setChecked(True)
    assert viewer.canvas.grid.enabled
    assert (image.visible, layer.visible, points.visible) == (True, True, False)
    assert layer.opacity == 1
    dock.menu.side_by_side.setChecked(False)
    assert not viewer.canvas.grid.enabled
    assert (image.visible, layer.visible, points.visible) == (True, True, True)
    assert layer.opacity == 0.7


def test_side_by_side_restores_the_view_whichever_way_it_ends(viewer, open_dock, settle, gray):
    image, other = viewer.add_image(gray, name="image"), viewer.add_image(gray.T.copy(), name="other")
    hidden = viewer.add_points(visible=False)
    viewer.layers.selection.active = image
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    [layer] = clusters_of(viewer)
    grid, camera = viewer.canvas.grid, viewer.scene.camera
    layer.opacity, grid.stride, grid.shape = 0.3, 2, (3, -1)
    camera.zoom, camera.center = 3.5, (0, 12, 14)

    def state():
        seen = [one.visible for one in (image, other, hidden, layer)]
        return seen, layer.opacity, grid.enabled, grid.stride, grid.shape, camera.zoom, camera.center

    def back():
        dock.menu.side_by_side.setChecked(False)

    def another():
        viewer.layers.selection.active = other
        settle(dock)
        assert not dock.menu.side_by_side.isChecked()
        viewer.layers.selection.active = image
        settle(dock)

    before = state()
    for leave in (back, another, lambda: viewer.window.remove_dock_widget(dock.native)):
        dock.menu.side_by_side.setChecked(True)
        assert [one.visible for one in (image, other, hidden, layer)] == [True, False, False, True]
        assert (layer.opacity, grid.enabled) == (1, True)
        leave()
        assert state() == before
