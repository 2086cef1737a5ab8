from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QLineEdit

import napari_kmeans
from napari_kmeans._napari.widgets.cluster_table import ClusterTable
from napari_kmeans.report.palette import distinct_colors

BOX, NAME, CENTER, SHARE = range(4)


@pytest.fixture
def table(qtbot):
    table = ClusterTable()
    qtbot.addWidget(table)
    table.resize(300, 160)
    table.show()
    return table


@pytest.fixture
def model():
    image = np.array([10] * 6 + [100] * 3 + [200], dtype=np.uint8)
    return napari_kmeans.fit(image, 3)


def fill(table, model, hidden=()):
    table.set_model(model, distinct_colors(model.n_clusters), set(hidden))


def texts(table, column):
    return [table.item(row, column).text() for row in range(table.rowCount())]


def ticked(table):
    return [table.item(row, BOX).checkState() == Qt.CheckState.Checked for row in range(table.rowCount())]


def click(qtbot, table, row, column, modifier=Qt.KeyboardModifier.NoModifier):
    place = table.visualItemRect(table.item(row, column)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, pos=place)


def entry(table, text):
    return next(action for action in table.menu().actions() if action.text() == text)


def test_a_row_shows_name_centre_share_and_colour(table, model):
    fill(table, model)
    assert texts(table, NAME) == ["cluster 1", "cluster 2", "cluster 3"]
    assert [float(text) for text in texts(table, CENTER)] == [10, 100, 200]
    assert texts(table, SHARE) == ["60.0 %", "30.0 %", "10.0 %"]
    for row, color in enumerate(distinct_colors(3)):
        seen = table.viewport().grab(table.visualItemRect(table.item(row, BOX))).toImage()
        pixels = {seen.pixelColor(x, y).rgb() for x in range(seen.width()) for y in range(seen.height())}
        assert QColor.fromRgbF(*color).rgb() in pixels
    assert "6 pixels" in table.item(0, CENTER).toolTip()


def test_rows_follow_the_model(table, model):
    fill(table, model)
    fill(table, napari_kmeans.fit(np.array([1, 1, 9], dtype=np.uint8), 2))
    assert texts(table, SHARE) == ["66.7 %", "33.3 %"]
    table.set_model(None, distinct_colors(0), set())
    assert table.rowCount() == 0


def test_merged_clusters_are_one_row_at_their_lowest_label(table, model):
    fill(table, model.with_names(["dark", "coin", "glint"]).merged([[1, 3]]))
    assert texts(table, NAME) == ["dark", "coin"]
    assert texts(table, SHARE) == ["70.0 %", "30.0 %"]
    assert [table.label_of_row(row) for row in range(2)] == [1, 2]
    assert "clusters 1, 3 merged" in table.item(0, NAME).toolTip()


def test_background_keeps_its_row_and_is_marked(table, model):
    fill(table, model.with_background([1]))
    assert texts(table, SHARE) == ["60.0 %", "30.0 %", "10.0 %"]
    assert "background" in texts(table, NAME)[0]
    assert ticked(table) == [False, True, True]


def test_hidden_clusters_are_not_ticked_and_a_tick_emits_a_signal(table, model, qtbot):
    fill(table, model, hidden={2})
    assert ticked(table) == [True, False, True]
    with qtbot.waitSignal(table.shown) as told:
        table.item(1, BOX).setCheckState(Qt.CheckState.Checked)
    assert told.args == [2, True]


def test_filling_the_table_emits_no_signal(table, model, qtbot):
    with (
        qtbot.assertNotEmitted(table.renamed),
        qtbot.assertNotEmitted(table.shown),
        qtbot.assertNotEmitted(table.highlighted),
    ):
        fill(table, model)
        fill(table, model.merged([[1, 2]]), hidden={3})


def test_clicking_selects_whole_rows_and_emits_which(table, model, qtbot):
    fill(table, model)
    with qtbot.waitSignal(table.highlighted) as told:
        click(qtbot, table, 1, CENTER)
    assert told.args == [[2]]
    assert {(index.row(), index.column()) for index in table.selectedIndexes()} == {(1, c) for c in range(4)}
    click(qtbot, table, 0, CENTER, Qt.KeyboardModifier.ControlModifier)
    assert table.selected_labels() == [1, 2]
    with qtbot.waitSignal(table.highlighted) as told:
        qtbot.keyClick(table, Qt.Key.Key_Escape)
    assert told.args == [[]]


def test_a_name_is_edited_by_double_click_and_numbers_are_not(table, model, qtbot):
    fill(table, model)
    for column in (CENTER, SHARE, NAME):
        click(qtbot, table, 1, column)
        place = table.visualItemRect(table.item(1, column)).center()
        qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert (table.findChild(QLineEdit) is not None) == (column == NAME)
    editor = table.findChild(QLineEdit)
    qtbot.keyClicks(editor, "coin")
    with qtbot.waitSignal(table.renamed) as told:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert told.args == [2, "coin"]


def test_renaming_the_background_does_not_name_it_background_twice(table, model, qtbot):
    fill(table, model.with_background([1]))
    with qtbot.waitSignal(table.renamed) as told:
        table.item(0, NAME).setText(table.item(0, NAME).text().replace("cluster 1", "glass"))
    assert told.args == [1, "glass"]


def test_the_menu_enables_applicable_actions_only(table, model, qtbot):
    fill(table, model)
    assert [a.text() for a in table.menu().actions() if a.isEnabled()] == ["Copy table", "Save table as CSV…"]
    click(qtbot, table, 0, CENTER)
    assert entry(table, "Set as background (label 0)").isEnabled()
    assert not entry(table, "Merge").isEnabled()
    click(qtbot, table, 1, CENTER, Qt.KeyboardModifier.ControlModifier)
    assert not entry(table, "Unmerge").isEnabled()
    with qtbot.waitSignal(table.action_requested) as asked:
        entry(table, "Merge").trigger()
    assert asked.args == ["merge", [1, 2]]
    fill(table, model.merged([[1, 2]]).with_background([1]))
    click(qtbot, table, 0, CENTER)
    assert entry(table, "Unmerge").isEnabled()
    assert entry(table, "Remove from background").isEnabled()


def test_the_menu_of_an_empty_table_is_disabled(table):
    assert not any(action.isEnabled() for action in table.menu().actions())


@pytest.mark.parametrize(
    ("n", "centers"),
    [(2, ["5 1940", "5 3000"]), (3, ["5 1940 5", "5 3000 5"]), (9, ["5 1940 …", "5 3000 …"])],
)
def test_centres_of_many_features_are_abbreviated(table, n, centers):
    image = np.full((2, 3, n), 5, dtype=np.uint16)
    image[0, :, 1], image[1, :, 1] = 1940, 3000
    model = napari_kmeans.fit(image, 2, features="channels", channel_axis=-1)
    fill(table, model)
    assert texts(table, CENTER) == centers
    assert f"{model.feature_names[1]} 1940" in table.item(0, CENTER).toolTip()


@pytest.mark.parametrize("theme", [("#262930", "#f0f1f2"), ("#efebe9", "#3b3a39")])  # those of napari
def test_a_swatch_in_the_colour_of_the_table_has_a_visible_outline(table, model, theme):
    def luminance(color):
        parts = np.array(color.getRgbF()[:3])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    background = QColor(theme[0])
    table.set_model(model, np.tile(background.getRgbF(), (3, 1)), set())
    palette = table.palette()  # the theme changes while the table is shown
    palette.setColor(QPalette.ColorRole.Base, background)
    palette.setColor(QPalette.ColorRole.WindowText, QColor(theme[1]))
    table.setPalette(palette)
    icon = table.item(0, BOX).icon().pixmap(16, 16).toImage()
    edge = [icon.pixelColor(x, y) for x, y in ((0, 8), (15, 8), (8, 0), (8, 15))]
    assert icon.pixelColor(8, 8).rgb() == background.rgb()
    for color in edge:
        low, high = sorted((luminance(color), luminance(background)))
        assert (high + 0.05) / (low + 0.05) >= 3  # of the WCAG, for parts of controls
