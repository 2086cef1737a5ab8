from __future__ import annotations

import pytest
from qtpy.QtWidgets import QWidget

from napari_kmeans._napari.layers.cluster_colors import PALETTES
from napari_kmeans._napari.widgets.dock_menu import DockMenu


@pytest.fixture
def menu(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    menu = DockMenu("viridis", parent)
    yield menu
    menu.deleteLater()


def test_every_entry_has_a_tooltip_beyond_its_text(menu):
    entries = [action for action in menu.actions() if not action.isSeparator()]
    assert len(entries) > 10
    assert [entry.text() for entry in entries if entry.toolTip() in ("", entry.text())] == []


def test_one_palette_is_chosen_at_a_time(menu, qtbot):
    actions = {action.data(): action for action in menu.palettes.actions()}
    assert tuple(actions) == PALETTES
    assert actions["viridis"].isChecked()
    with qtbot.waitSignal(menu.palettes.triggered, timeout=1000) as signal:
        actions["magma"].trigger()
    assert signal.args[0].data() == "magma"
    assert not actions["viridis"].isChecked()


def test_entries_that_can_be_toggled_are_checkable(menu, qtbot):
    for action in (menu.side_by_side, menu.outline, menu.log_counts):
        with qtbot.waitSignal(action.toggled, timeout=1000):
            action.trigger()
        assert action.isChecked()
    assert not menu.keep.isCheckable()
