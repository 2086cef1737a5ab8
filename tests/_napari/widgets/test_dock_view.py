"""What the dock shows of a session, without a window of napari."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QWidget

from napari_kmeans._napari.layers.image_layer import resolutions_of
from napari_kmeans._napari.session.display import Display
from napari_kmeans._napari.session.measurements import measure
from napari_kmeans._napari.widgets.controls import Controls
from napari_kmeans._napari.widgets.dock_menu import DockMenu
from napari_kmeans._napari.widgets.dock_view import DockView
from napari_kmeans.features.texture import Texture


@pytest.fixture
def session(session_of, gray):
    session = session_of(gray)
    found = resolutions_of(session.image)
    session.set_measured(found, None, measure(found.finest, found.recipe, 12))
    return session


@pytest.fixture
def parent(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def view(qtbot, session, parent):
    viewer = session.overlay._viewer
    controls = Controls(viewer, lambda: session, {})
    view = DockView(controls, DockMenu("distinct", parent), Display(viewer, "distinct", lambda: session))
    for widget in (view.tabs, view.table, view.prepare, view.where, view.clean_up):
        qtbot.addWidget(widget)
    return view


def is_row_visible(section, widget):
    return section._rows.isRowVisible(widget.native)


def test_table_curve_and_menu_follow_the_session(view, session):
    view.refresh(session)
    assert view.table.rowCount() == 3
    assert not view.menu.undo.isEnabled()
    session.choose_k(5)
    view.refresh(session)
    assert view.table.rowCount() == 5
    assert view.controls["n_clusters"].value == 5
    assert view.menu.undo.isEnabled()


def test_without_a_session_nothing_is_shown(view, session):
    view.refresh(session)
    view.refresh(None)
    assert view.table.rowCount() == 0
    assert not view.controls["segment"].enabled
    assert view.histogram.summary is None


def test_options_of_a_feature_space_have_a_row_while_it_is_chosen(view, session):
    view.refresh(session)
    assert not is_row_visible(view.prepare, view.controls["window"])
    session.choose_features(Texture(window=8))
    view.refresh(session)
    assert is_row_visible(view.prepare, view.controls["window"])
    assert not is_row_visible(view.prepare, view.controls["normalize"])
    assert view.controls["window"].value == 8
    assert view.prepare.chosen == "window 8 px"


def test_titles_of_sections_name_the_settings_in_them(view, session):
    session.choose(smooth=2.0)
    session.choose_recipe(illumination=None, exclude=(0,))
    view.refresh(session)
    assert view.prepare.chosen == "smooth 2 px"
    assert view.where.chosen == "without 0"
    assert view.clean_up.chosen == ""


def test_an_outdated_result_is_grayed(view, session):
    view.refresh(session)
    view.set_outdated(True)
    assert not view.table.isEnabled()
    view.set_outdated(False)
    assert view.table.isEnabled()
