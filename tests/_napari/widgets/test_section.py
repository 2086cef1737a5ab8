"""A section of the dock."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.thorough


NARROW = 300, 560


@pytest.fixture
def dock(viewer, open_dock, settle, qtbot, volume):
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


def test_where_says_what_was_chosen(viewer, dock, settle, gray):
    assert dock.view.where.chosen == "whole stack"
    dock.where.value = 0
    settle(dock)
    assert dock.view.where.chosen == "each z"
    viewer.add_image(gray)
    settle(dock)
    assert "each z" not in dock.view.where.chosen
