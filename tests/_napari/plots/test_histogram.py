from __future__ import annotations

import itertools

import numpy as np
import pyqtgraph as pg
import pytest
from plot_helpers import summary_of
from qtpy.QtCore import Qt

import napari_kmeans
from napari_kmeans.report.palette import distinct_colors


def lines(plot):
    items = plot.getPlotItem().items
    return sorted((i for i in items if isinstance(i, pg.InfiniteLine)), key=lambda line: line.value())


def bars(plot):
    [item] = [item for item in plot.getPlotItem().items if isinstance(item, pg.BarGraphItem)]
    return item


def test_histogram_shows_value_cluster_and_share_at_the_mouse(histogram):
    assert histogram.text_at(10.2).startswith("10.2: 60 % of the pixels in this bar")
    assert histogram.text_at(10).endswith("cluster 1, 80.0 % of the image")
    assert histogram.text_at(200).endswith("cluster 3, 10.0 % of the image")
    assert histogram.text_at(50).startswith("50: 0 %")
    assert histogram.text_at(-5) == histogram.text_at(300) == ""


def test_hovering_shows_a_tooltip(histogram, mouse):
    mouse.hover(histogram, (100, 3))
    assert "cluster 2" in histogram.toolTip()


def test_bars_have_the_colour_of_their_cluster(histogram):
    def colors(item):
        return [brush.color().getRgb()[:3] for brush in item.opts["brushes"]]

    first, second, third = ([round(255 * c) for c in color[:3]] for color in distinct_colors(3))
    drawn = [list(color) for color in colors(bars(histogram))]
    for value, expected in ((10, first), (12, first), (100, second), (200, third)):
        np.testing.assert_allclose(drawn[value - 10], expected, atol=1)


def test_threshold_lines_are_at_the_thresholds_of_the_model(histogram, image):
    model = napari_kmeans.fit(image, 3)
    assert [line.value() for line in lines(histogram)] == model.thresholds.tolist()
    histogram.set_model(napari_kmeans.fit(image, 2), distinct_colors(2))
    assert len(lines(histogram)) == 1
    histogram.set_model(None, distinct_colors(0))
    assert not lines(histogram)


def test_the_axis_has_the_values_of_the_image(histogram):
    image = np.linspace(0, 0.5, 1000, dtype=np.float32).reshape(20, 50)
    histogram.set_summary(summary_of(image))
    axis = histogram.getAxis("bottom")
    assert axis.autoSIPrefixScale == 1
    assert "x0.001" not in axis.labelString()


def test_logarithmic_counts_and_back(histogram):
    linear = bars(histogram).opts["height"].copy()
    histogram.set_log_counts(True)
    np.testing.assert_allclose(bars(histogram).opts["height"], np.log10(1 + linear))
    histogram.set_log_counts(False)
    np.testing.assert_array_equal(bars(histogram).opts["height"], linear)


def test_dragging_a_line_emits_its_threshold(histogram, qtbot, mouse):
    [first, _] = lines(histogram)
    told = []
    histogram.threshold_moved.connect(lambda index, value: told.append((index, value)))
    mouse.drag(histogram, (first.value(), 3), (80, 3))
    assert {index for index, _ in told} == {0}
    assert told[-1][1] == first.value() == pytest.approx(80, abs=2)
    assert told[0][1] < told[-1][1]


def test_zoom_ends_with_a_double_click(histogram, qtbot, mouse):
    whole = histogram.viewRange()[0]
    histogram.setXRange(90, 110)
    qtbot.mouseDClick(histogram.viewport(), Qt.MouseButton.LeftButton, pos=mouse.place(histogram, (100, 3)))
    assert histogram.viewRange()[0] == pytest.approx(whole)


def test_an_empty_histogram_and_one_value_can_be_drawn(histogram):
    histogram.set_summary(summary_of(np.full(9, 7)))
    histogram.set_model(napari_kmeans.fit(np.full(9, 7), 1), distinct_colors(1))
    assert histogram.text_at(7).endswith("cluster 1, 100.0 % of the image")
    histogram.set_summary(None)
    assert histogram.text_at(0.5) == ""


@pytest.mark.parametrize("most", [10_000, 99_999, 5_000_000, 12_345_678, 3_000_000_000])
@pytest.mark.parametrize("log_counts", [False, True])
def test_labels_of_large_counts_are_not_cut_off_and_do_not_overlap(histogram, monkeypatch, most, log_counts):
    axis, drawn = histogram.getAxis("left"), []
    draw = axis.drawPicture

    def record(painter, line, ticks, texts):
        drawn[:] = [(rect, text, painter.boundingRect(rect, flags, text)) for rect, flags, text in texts]
        draw(painter, line, ticks, texts)

    monkeypatch.setattr(axis, "drawPicture", record)
    histogram.set_log_counts(log_counts)
    histogram._counts = np.array([most, most // 2, 7])
    histogram._edges = np.arange(4.0)
    histogram.set_model(None, distinct_colors(0))
    histogram.show_all()
    histogram.grab()
    written = [(needed, text) for _, text, needed in drawn if text]
    assert len({text for _, text in written}) == len(written) >= 2
    assert any(text[-1] in "kMG" for _, text in written)
    for needed, text in written:
        assert needed.left() >= 0, f"{text} is cut off at the left"
        assert needed.right() <= axis.width(), f"{text} runs into the plot"
    rows = sorted((needed.top(), needed.bottom()) for needed, _ in written)
    assert all(above[1] <= below[0] for above, below in itertools.pairwise(rows))
