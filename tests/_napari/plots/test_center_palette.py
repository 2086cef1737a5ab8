"""Mean colours of the clusters above the scatter plot."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from plot_helpers import model, search_of
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication
from skimage.color import lab2rgb

from napari_kmeans._napari.plots.center_palette import guess_white
from napari_kmeans.report.palette import distinct_colors


@pytest.mark.parametrize("features", ["rgb", "lab"])
def test_swatches_show_mean_colours_framed_in_the_overlay_colours(plot, show, stained, features):
    _, found = show(stained, features)
    picture = plot.centers.grab().toImage()
    ratio = picture.devicePixelRatio()
    edges = plot.centers.edges()
    expected = found.centers / 255 if features == "rgb" else lab2rgb(found.centers)
    for i, (left, right) in enumerate(pairwise(edges)):
        middle = QPoint(int(ratio * (left + right) / 2), int(ratio * plot.centers.height() / 2))
        inside = picture.pixelColor(middle).getRgb()[:3]
        frame = picture.pixelColor(middle.x(), int(ratio)).getRgb()[:3]
        np.testing.assert_allclose(inside, 255 * expected[i], atol=1)
        np.testing.assert_allclose(frame, 255 * distinct_colors(3)[i, :3], atol=1)


@pytest.mark.parametrize("image_type", [np.uint8, np.uint16, np.float32])
def test_colours_of_any_type_are_drawn_alike(plot, stained, image_type):
    image = stained / np.float32(255)
    if np.dtype(image_type).kind == "u":
        image = (image * np.iinfo(image_type).max).astype(image_type)
    search = search_of(image, "rgb")
    plot.set_cloud(
        search.clusterings.summary, white=1.0 if image_type is np.float32 else float(np.iinfo(image_type).max)
    )
    plot.set_model(model(search, 3, "rgb"), distinct_colors(3))
    picture = plot.centers.grab().toImage()
    middle = int(picture.devicePixelRatio() * plot.centers.edges()[1] / 2)
    shown = picture.pixelColor(middle, picture.height() // 2).getRgb()[:3]
    np.testing.assert_allclose(shown, [60, 60, 160], atol=4)


def test_white_is_guessed_from_the_largest_value():
    assert [guess_white(top) for top in (0.8, 1, 2, 255, 4095, 1e6)] == [1, 1, 255, 255, 65535, 1e6]


def test_swatch_widths_are_proportional_to_shares_with_a_minimum_width(plot, show, stained):
    _, found = show(stained, "rgb")
    widths = np.diff(plot.centers.edges())
    assert widths.sum() == pytest.approx(plot.centers.width())
    share = found.counts / found.counts.sum()
    beyond = widths - 10
    np.testing.assert_allclose(beyond / beyond.sum(), share)
    _, found = show(stained, "rgb", 60)
    assert np.diff(plot.centers.edges()).min() >= plot.centers.width() / 60 - 1e-9


def test_palette_shows_name_centre_share_and_pixels(plot, show, stained):
    _, found = show(stained, "rgb")
    plot.set_model(found.with_names(["blue", "brown", "glass"]).with_background([3]), distinct_colors(3))
    tip = plot.centers.text_at(3)
    assert tip.startswith("blue\nred ")
    for name, value in zip(("red", "green"), found.centers[0], strict=False):
        assert f"{name} {value:.4g}, " in tip
    assert f"{100 * found.counts[0] / 3600:.1f} %" in tip
    assert f"{found.counts[0]:,} pixels" in tip
    assert "glass (background)" in plot.centers.text_at(plot.centers.width() - 3)
    assert plot.centers.text_at(plot.centers.width() + 9) == ""
    # Not the mouse itself, which another window may have at the time.
    place, none = QPointF(4, 8), Qt.MouseButton.NoButton
    move = QMouseEvent(QEvent.Type.MouseMove, place, place, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(plot.centers, move)
    assert plot.centers.toolTip() == tip


def test_merged_clusters_have_one_swatch(plot, show, stained):
    _, found = show(stained, "lab")
    plot.set_model(found.merged([[1, 2]]), distinct_colors(3))
    assert plot.centers.edges().size == 3
    assert f"{found.counts[:2].sum():,} pixels" in plot.centers.text_at(3)
