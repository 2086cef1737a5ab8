from __future__ import annotations

import pytest
from dock_helpers import in_reach
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QScrollArea

from napari_kmeans._napari.widgets.focus_ring import FocusRing


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_focus_ring_is_visible_at_every_control(viewer, window, open_dock, settle, volume, theme):
    viewer.theme = theme
    viewer.add_image(volume)
    dock = open_dock()
    for section in (dock.view.prepare, dock.view.where, dock.view.clean_up):
        section.button.click()
    settle(dock)
    controls = in_reach(dock)
    assert len(controls) > 20
    [ring] = dock.native.findChildren(FocusRing)
    for control in controls:
        scroll = dock.native.findChild(QScrollArea)
        if scroll.isAncestorOf(control):
            scroll.ensureWidgetVisible(control)  # as the Tab key does
        control.setFocus(Qt.FocusReason.TabFocusReason)
        QApplication.processEvents()
        assert QApplication.focusWidget() is control
        assert ring.isVisible()
        seen = control.visibleRegion().boundingRect()
        assert ring.geometry().topLeft() == control.mapTo(dock.native, seen.topLeft())
        assert ring.size() == seen.size()
        drawn = ring.grab().toImage()
        background = ring.palette().color(ring.palette().ColorRole.Window)
        edge = drawn.pixelColor(drawn.width() // 2, 0)
        assert contrast(edge, background) > 3, (control, edge.name(), background.name())


def contrast(one, other):
    """Contrast of two colours as WCAG 2.1 defines it; 3 is enough for controls."""

    def luminance(color):
        parts = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in color.getRgbF()[:3]
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, bright = sorted([luminance(one), luminance(other)])
    return (bright + 0.05) / (dark + 0.05)


def test_the_focus_ring_is_shown_for_keyboard_focus_in_the_dock_only(viewer, window, open_dock, settle, gray):
    viewer.add_image(gray)
    dock = open_dock()
    settle(dock)
    [ring] = dock.native.findChildren(FocusRing)
    dock.segment.native.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not ring.isVisible()
    dock.peek.setFocus(Qt.FocusReason.TabFocusReason)
    assert ring.isVisible()
    viewer.window._qt_viewer.canvas.native.setFocus()
    assert not ring.isVisible()
