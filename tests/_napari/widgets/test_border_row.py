from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

import napari_kmeans
from napari_kmeans._napari.widgets.border_row import BorderRow


@pytest.fixture
def row(qtbot):
    row = BorderRow()
    qtbot.addWidget(row)
    row.show()
    return row


@pytest.fixture
def model(gray):
    return napari_kmeans.fit(gray, 4)


def type_in(qtbot, row, text):
    row.value.selectAll()
    qtbot.keyClicks(row.value, text)
    qtbot.keyClick(row.value, Qt.Key.Key_Return)


def test_each_border_is_shown_as_a_number(row, model):
    row.set_model(model)
    assert [row.which.itemText(i) for i in range(row.which.count())] == ["1 | 2", "2 | 3", "3 | 4"]
    for i, threshold in enumerate(model.thresholds):
        row.which.setCurrentIndex(i)
        assert row.value.value() == pytest.approx(threshold, rel=1e-5)


def test_a_typed_number_moves_the_border_and_showing_one_does_not(row, model, qtbot):
    moved = []
    row.moved.connect(lambda *border: moved.append(border))
    row.set_model(model)
    row.which.setCurrentIndex(1)
    assert moved == []
    type_in(qtbot, row, "99.5")
    assert moved == [(1, 99.5)]


@pytest.mark.parametrize("text", ["95,5", "1e400", "abc"])
def test_text_that_is_not_a_number_is_refused(row, model, qtbot, text):
    moved, refused = [], []
    row.moved.connect(lambda *border: moved.append(border))
    row.refused.connect(refused.append)
    row.set_model(model)
    before = row.value.value()
    type_in(qtbot, row, text)
    assert moved == []
    assert refused[:1] == [text]
    assert row.value.value() == before


def test_reset_is_offered_for_borders_moved_by_hand(row, model, qtbot):
    row.set_model(model)
    assert not row.back.isVisible()
    row.set_model(model.with_thresholds([50, 120, 180]))
    assert row.title.text() == "Adjusted"
    with qtbot.waitSignal(row.reset, timeout=1000):
        row.back.click()


def test_without_borders_nothing_can_be_typed(row, gray):
    row.set_model(napari_kmeans.fit(gray, 1))
    assert not row.isEnabled()
    row.set_model(None)
    assert row.which.count() == 0
