from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyqtgraph as pg
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPalette, QWheelEvent
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget
from skimage.color import lab2rgb

from napari_kmeans._napari.plots.center_palette import guess_white
from napari_kmeans._napari.plots.feature_plot import FeaturePlot
from napari_kmeans._napari.plots.point_cloud import N_SHOWN, PointCloud
from napari_kmeans._napari.plots.profile import arrange
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.features.channels import Channels
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.model.segmentation import prepare
from napari_kmeans.report.palette import distinct_colors

OF = {"rgb": -1, "lab": -1, "channels": -1, "texture": None}  # channel axes


def search_of(image, features):
    """What is measured of an image, once for any number of clusters."""
    recipe = Recipe.of(features=features)
    return prepare(Pixels.of(image, features=recipe.extractor, channel_axis=OF[features]), recipe)


def estimated(search, k):
    return search.model(Recipe.of(k, features="rgb"), -1, estimate=True)


def model(search, k, features):
    return search.model(Recipe.of(k, features=features), OF[features])


@pytest.fixture(scope="module")
def stained():
    """Blue, brown and white with noise, 60 × 60 RGB uint8."""
    rng = np.random.default_rng(0)
    colors = np.array([[60, 60, 160], [130, 80, 40], [235, 235, 235]])
    image = colors[rng.choice(3, (60, 60), p=[0.1, 0.3, 0.6])] + rng.normal(0, 6, (60, 60, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def blobs():
    """Makes images of n channels, uint16: three kinds of pixels."""

    def make(n_channels):
        rng = np.random.default_rng(1)
        levels = rng.uniform(100, 3000, (3, n_channels))
        return rng.poisson(levels[rng.integers(0, 3, (50, 50))]).astype(np.uint16)

    return make


@pytest.fixture(scope="module")
def mosaic():
    """Smooth and rough halves around the same gray, 64 × 96 float32."""
    rng = np.random.default_rng(2)
    return np.concatenate([rng.normal(0.5, s, (64, 48)) for s in (0.01, 0.2)], axis=1).astype(np.float32)


@pytest.fixture
def plot(qtbot):
    widget = FeaturePlot()
    qtbot.addWidget(widget)
    widget.resize(284, 190)
    widget.show()
    return widget


@pytest.fixture
def show(plot):
    """Show an image's pixels and their clusters."""

    def show_it(image, features, k=3):
        search = search_of(image, features)
        plot.set_cloud(search.clusterings.summary)
        found = model(search, k, features)
        plot.set_model(found, distinct_colors(k))
        return search, found

    return show_it


def scatters(plot):
    items = plot.getPlotItem().items
    return [item for item in items if isinstance(item, pg.ScatterPlotItem)]


def points(plot):
    return scatters(plot.scatter)[0].data


def rgb(brush):
    return brush.color().getRgb()[:3]


def as_bytes(colors):
    return [tuple(color) for color in np.round(255 * np.asarray(colors)[:, :3]).astype(int).tolist()]


# Palette


@pytest.mark.parametrize("features", ["rgb", "lab"])
def test_palette_shows_mean_colours_framed_in_those_of_the_overlay(plot, show, stained, features):
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
def test_colours_of_any_type_look_alike(plot, stained, image_type):
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


def test_guess_white_is_guessed_from_the_largest_value():
    assert [guess_white(top) for top in (0.8, 1, 2, 255, 4095, 1e6)] == [1, 1, 255, 255, 65535, 1e6]


def test_swatches_are_as_broad_as_shares_and_none_is_lost(plot, show, stained):
    _, found = show(stained, "rgb")
    widths = np.diff(plot.centers.edges())
    assert widths.sum() == pytest.approx(plot.centers.width())
    share = found.counts / found.counts.sum()
    beyond = widths - 10
    np.testing.assert_allclose(beyond / beyond.sum(), share)
    _, found = show(stained, "rgb", 60)
    assert np.diff(plot.centers.edges()).min() >= plot.centers.width() / 60 - 1e-9


def test_palette_tells_name_centre_share_and_pixels(plot, show, stained):
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


# Scatter


def test_points_have_the_colour_of_the_nearest_centre(plot, show, stained):
    search, found = show(stained, "lab")
    drawn = points(plot)
    assert (plot.x_axis.currentText(), plot.y_axis.currentText()) == ("a*", "b*")
    by_place = {tuple(place[1:]): place for place in search.clusterings.summary.positions}
    colors = as_bytes(distinct_colors(3))
    for point in drawn:
        features = by_place[point["x"], point["y"]]
        nearest = np.argmin(((found.centers - features) ** 2).sum(axis=1))
        assert rgb(point["brush"]) == colors[nearest]
    centers = scatters(plot.scatter)[1].data
    np.testing.assert_array_equal(np.stack([centers["x"], centers["y"]], 1), found.centers[:, 1:])
    assert [rgb(brush) for brush in centers["brush"]] == colors


def test_distances_are_measured_in_scales(plot, show):
    rng = np.random.default_rng(5)
    image = np.stack([rng.normal(0, 1, 4000), rng.normal(0, 1000, 4000)], 1).astype(np.float32)
    search, found = show(image, "channels", 4)
    drawn = points(plot)
    colors = as_bytes(distinct_colors(4))
    places = np.stack([drawn["x"], drawn["y"]], 1)
    assert (search.clusterings.summary.scales > [0.5, 500]).all()
    distance = (((places[:, np.newaxis] - found.centers) / search.clusterings.summary.scales) ** 2).sum(
        axis=2
    )
    assert [rgb(brush) for brush in drawn["brush"]] == [colors[i] for i in distance.argmin(axis=1)]


def test_background_has_no_colour_of_its_own(plot, show, stained):
    _, found = show(stained, "lab")
    plot.set_model(found.with_background([3]), distinct_colors(3))
    seen = {rgb(brush) for brush in points(plot)["brush"]}
    plain = plot.scatter.palette().color(QPalette.ColorRole.Mid).getRgb()[:3]
    assert seen == {*as_bytes(distinct_colors(3))[:2], plain}


def test_few_points_are_drawn_of_many_and_stay_the_same_ones(plot, qtbot):
    image = np.random.default_rng(3).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    search = search_of(image, "rgb")
    assert search.clusterings.summary.counts.size > 100_000
    plot.set_cloud(search.clusterings.summary)
    drawn = points(plot)
    before = drawn["x"].copy()
    assert 1000 < drawn.size <= N_SHOWN
    for k in (3, 6, 9):
        plot.set_model(estimated(search, k), distinct_colors(k))
        assert points(plot).size <= N_SHOWN
    first = points(plot)["x"].copy()
    plot.set_model(estimated(search, 4), distinct_colors(4))
    np.testing.assert_array_equal(points(plot)["x"], first)
    assert before.size


def test_all_pixels_are_stood_for_and_the_heaviest_points_stay(stained):
    cloud = search_of(stained, "rgb").clusterings.summary
    view = PointCloud(cloud)
    reach = (-1.0, 256.0), (-1.0, 256.0)
    chosen, pixels = view.thinned((0, 1), reach)
    assert pixels.sum() == 3600
    heaviest = cloud.counts.max()
    assert view.counts[chosen].max() == heaviest
    assert (pixels >= view.counts[chosen]).all()
    chosen, pixels = view.thinned((0, 2), ((200.0, 256.0), (200.0, 256.0)))
    bright = (cloud.positions[:, [0, 2]] >= 200).all(axis=1)
    assert pixels.sum() == cloud.counts[bright].sum()


def test_more_pixels_are_drawn_more_opaque(plot):
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    image[0, 0], image[0, 1:9] = (200, 90, 90), (90, 200, 90)
    search = search_of(image, "rgb")
    plot.set_cloud(search.clusterings.summary)
    plot.set_model(model(search, 2, "rgb"), distinct_colors(2))
    plot.x_axis.activated.emit(0)
    plot.y_axis.activated.emit(1)
    opacity = {point["x"]: point["brush"].color().alpha() for point in points(plot)}
    assert 0 < opacity[200] < opacity[90] < opacity[0] == 255


def test_values_far_off_do_not_press_the_others_together(plot, show):
    rng = np.random.default_rng(4)
    image = rng.normal(10, 1, (100, 100, 2)).astype(np.float32)
    image[0, 0] = 1e6
    show(image, "channels", 2)
    for low, high in plot.scatter.viewRange():
        assert 3 < low < high < 20


def test_a_constant_image_can_be_shown(plot, show):
    show(np.full((9, 9, 3), 7, dtype=np.uint8), "rgb", 1)
    assert points(plot)["x"].tolist() == [7]
    assert "100.0 %" in plot.centers.text_at(4)
    assert plot.scatter.text_at(7, 7).startswith("centre: red 7, green 7, blue 7")


# Axes


def test_colours_are_seen_by_the_features_that_differ_most(plot, show, stained):
    image = stained.copy()
    image[..., 1] = 100
    show(image, "rgb")
    assert {plot.x_axis.currentText(), plot.y_axis.currentText()} == {"red", "blue"}


def test_axes_stay_from_one_position_to_the_next(plot, show, stained):
    image = stained.copy()
    image[..., 1] = 100
    show(image, "rgb")
    before = plot.scatter.shown_axes
    show(image[..., [1, 0, 2]], "rgb")
    assert plot.scatter.shown_axes == before
    show(image, "lab")
    show(image[..., [1, 0, 2]], "rgb")
    assert set(plot.scatter.shown_axes) == {1, 2}


def test_channels_begin_with_the_first_two(plot, show, blobs):
    show(blobs(2), "channels")
    assert plot.scatter.shown_axes == (0, 1)


def test_textures_are_seen_by_what_tells_the_clusters_apart(plot, show, mosaic):
    _, found = show(mosaic, "texture", 2)
    assert found.n_features == 16
    places = found.centers / found.scales
    between = (places[0] - places[1]) ** 2
    x, y = plot.scatter.shown_axes
    assert x == between.argmax()
    assert x != y
    assert found.feature_names[x] == plot.x_axis.currentText()
    assert "intensity" not in plot.x_axis.currentText()  # both halves have the same


def choose(box, text):
    index = box.findText(text)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def test_a_person_chooses_the_axes_and_they_are_kept(plot, show, stained, blobs):
    search, found = show(stained, "lab")
    choose(plot.x_axis, "L*")
    np.testing.assert_array_equal(scatters(plot.scatter)[1].data["x"], found.centers[:, 0])
    low, high = plot.scatter.viewRange()[0]
    assert (
        low
        < search.clusterings.summary.positions[:, 0].min()
        < search.clusterings.summary.positions[:, 0].max()
        < high
    )
    choose(plot.y_axis, "L*")  # the other had it
    assert (plot.x_axis.currentText(), plot.y_axis.currentText()) == ("b*", "L*")
    show(blobs(2), "channels")
    assert plot.x_axis.currentText() == "channel 1"
    show(stained, "lab", 2)
    assert (plot.x_axis.currentText(), plot.y_axis.currentText()) == ("b*", "L*")
    assert plot.scatter.shown_axes == (2, 0)


# Hovering and zooming


def test_hovering_tells_features_cluster_and_share(plot, show, stained, mouse):
    search, found = show(stained, "lab")
    glass = found.counts[2] / found.counts.sum()
    mouse.hover(plot.scatter, found.centers[2, 1:])
    assert plot.scatter.toolTip().startswith("centre: L* 9")
    assert plot.scatter.toolTip().endswith(f"cluster 3, {100 * glass:.1f} % of the image")
    far = points(plot)[np.argmax(points(plot)["y"])]
    mouse.hover(plot.scatter, (far["x"], far["y"]))
    [features] = search.clusterings.summary.positions[
        (search.clusterings.summary.positions[:, 1:] == (far["x"], far["y"])).all(axis=1)
    ]
    first, second = plot.scatter.toolTip().split("\n")
    assert first == f"L* {features[0]:.4g}, a* {features[1]:.4g}, b* {features[2]:.4g}"
    assert second.startswith("cluster 2, ")
    assert plot.scatter.text_at(-500, 500) == ""


def test_zooming_draws_more_of_what_is_there_and_a_double_click_ends_it(plot, qtbot, mouse):
    image = np.random.default_rng(3).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    search = search_of(image, "rgb")
    plot.set_cloud(search.clusterings.summary)
    plot.set_model(estimated(search, 3), distinct_colors(3))
    whole = plot.scatter.viewRange()

    def inside():
        data = points(plot)
        return int(((data["x"] > 60) & (data["x"] < 120) & (data["y"] > 60) & (data["y"] < 120)).sum())

    before = inside()
    mouse.drag(plot.scatter, (50, 50), (130, 130))
    left, right = plot.scatter.viewRange()[0]
    assert 40 < left < 60
    assert 120 < right < 140
    assert inside() > 3 * before
    colors = as_bytes(distinct_colors(3))
    assert {rgb(brush) for brush in points(plot)["brush"]} <= set(colors)
    center = mouse.place(plot.scatter, (90, 90))
    qtbot.mouseDClick(plot.scatter.viewport(), Qt.MouseButton.LeftButton, pos=center)
    np.testing.assert_allclose(plot.scatter.viewRange(), whole)


# Profile


def test_profile_is_there_for_features_that_are_no_colours(plot, show, stained, blobs):
    show(stained, "lab")
    assert not plot.as_profile.isVisible()
    assert plot.centers.isVisible()
    show(blobs(2), "channels")
    assert plot.as_profile.isVisible()
    assert not plot.centers.isVisible()
    assert plot.scatter.isVisible()
    show(blobs(4), "channels")
    assert plot.profile.isVisible()
    assert not plot.x_axis.isVisible()


def lines(plot):
    items = plot.profile.getPlotItem().items
    return [item for item in items if isinstance(item, pg.PlotCurveItem)]


def test_profile_draws_standardised_centres_in_the_clusters_colours(plot, show, blobs):
    image = blobs(5)
    _, found = show(image, "channels")
    flat = image.reshape(-1, 5).astype(np.float64)
    expected = (found.centers - flat.mean(axis=0)) / flat.std(axis=0)
    drawn = lines(plot)
    assert len(drawn) == 3
    for line, heights, color in zip(drawn, expected, as_bytes(distinct_colors(3)), strict=True):
        x, y = line.getData()
        assert x.tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(y, heights, atol=1e-9)
        assert line.opts["pen"].color().getRgb()[:3] == color
    assert plot.profile.getAxis("left").labelText == "std. deviations"
    assert plot.profile.getAxis("bottom").labelText == "channel"


def test_profile_of_plain_channels_is_in_their_own_units(plot, blobs):
    recipe = Recipe.of(features=Channels(standardize=False))
    plain = prepare(Pixels.of(blobs(3), features=recipe.extractor, channel_axis=-1), recipe)
    found = plain.model(recipe, -1)
    assert (found.scales == 1).all()
    plot.set_cloud(plain.clusterings.summary)
    plot.set_model(found, distinct_colors(3))
    for line, center in zip(lines(plot), found.centers, strict=True):
        np.testing.assert_array_equal(line.getData()[1], center)
    assert plot.profile.getAxis("left").labelText == "value"


def test_profile_tells_feature_value_and_cluster(plot, show, blobs, mouse):
    _, found = show(blobs(4), "channels")
    x, y = lines(plot)[1].getData()
    mouse.hover(plot.profile, (x[2], y[2]))
    first, second, third = plot.profile.toolTip().split("\n")
    assert first == f"channel 3: {found.centers[1, 2]:.1f}"
    assert second == f"{y[2]:+.2f} standard deviations from the mean"
    assert third == f"cluster 2, {100 * found.counts[1] / 2500:.1f} % of the image"
    assert plot.profile.text_at(0.5, y.max() + 99) == ""


def test_switching_shows_the_present_clusters_and_is_kept(plot, show, blobs, qtbot):
    search, _ = show(blobs(4), "channels")
    qtbot.mouseClick(plot.as_scatter, Qt.MouseButton.LeftButton)
    assert plot.scatter.isVisible()
    assert not plot.profile.isVisible()
    plot.set_model(model(search, 5, "channels"), distinct_colors(5))
    qtbot.mouseClick(plot.as_profile, Qt.MouseButton.LeftButton)
    assert len(lines(plot)) == 5
    qtbot.mouseClick(plot.as_scatter, Qt.MouseButton.LeftButton)
    show(blobs(2), "channels")
    show(blobs(4), "channels")
    assert plot.scatter.isVisible()


def test_textures_stand_together_by_kind():
    names = tuple(f"{kind} σ {s}" for s in ("0.5", "1", "2") for kind in ("intensity", "edges"))
    placed = arrange(names)
    assert placed.order.tolist() == [0, 2, 4, 1, 3, 5]
    assert placed.places.tolist() == [0, 1, 2, 4, 5, 6]
    assert placed.joined.tolist()[:5] == [1, 1, 0, 1, 1]
    assert placed.texts == {1.0: "intensity", 5.0: "edges"}
    assert placed.title == "each from σ 0.5 to 2"


def test_what_all_names_share_is_written_once():
    placed = arrange(("channel 1", "channel 2"))
    assert (placed.texts, placed.title) == ({0.0: "1", 1.0: "2"}, "channel")
    placed = arrange(("nuclei", "actin"))
    assert (placed.texts, placed.title) == ({0.0: "nuclei", 1.0: "actin"}, "")


def test_names_on_the_axis_do_not_overlap(plot, show, blobs):
    search, found = show(blobs(4), "channels")
    names = tuple(f"{i} is a rather long name for a layer" for i in "abcd")
    plot.set_cloud(replace(search.clusterings.summary, names=names))
    plot.set_model(replace(found, feature_names=names), distinct_colors(3))
    plot.profile.grab()  # the axis learns its width when it is drawn
    axis = plot.profile.getAxis("bottom")
    texts = axis.tickStrings([0.0, 1.0, 2.0, 3.0], 1, 1)
    metrics = pg.QtGui.QFontMetricsF(axis.font())
    assert [text[0] + text[-1] for text in texts] == ["a…", "b…", "c…", "d…"]
    assert sum(metrics.horizontalAdvance(text) for text in texts) < axis.width()


# Nothing to show, themes, keys


@pytest.mark.parametrize("features", ["lab", "channels"])
def test_without_image_or_clusters_nothing_is_left(plot, show, stained, features):
    search, _ = show(stained, features)
    plot.set_model(None, distinct_colors(0))
    plain = plot.scatter.palette().color(QPalette.ColorRole.Mid).getRgb()[:3]
    assert not lines(plot)
    if plot.scatter.isVisible():
        assert {rgb(brush) for brush in points(plot)["brush"]} == {plain}
        assert scatters(plot.scatter)[1].data.size == 0
    assert not plot.centers.isVisible()
    plot.set_cloud(None)
    plot.set_model(None, distinct_colors(0))
    assert points(plot).size == 0
    assert plot.x_axis.count() == 0
    assert plot.scatter.text_at(0, 0) == plot.profile.text_at(0, 0) == plot.centers.text_at(1) == ""
    plot.set_cloud(search.clusterings.summary)
    plot.set_model(model(search, 2, features), distinct_colors(2))
    assert (plot.profile if plot.profile.isVisible() else plot.scatter).text_at(-999, 999) == ""


@pytest.mark.parametrize("text", ["#101010", "#f0f0f0"])
def test_another_theme_is_followed(plot, show, stained, blobs, text):
    show(blobs(4), "channels")
    palette = plot.palette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor(text))
    plot.setPalette(palette)
    for each in (plot.scatter, plot.profile):
        assert each.getAxis("bottom").pen().color() == QColor(text)
    show(stained, "lab")
    assert scatters(plot.scatter)[1].opts["pen"].color().name() == text


@pytest.mark.parametrize("features", ["lab", "texture", "channels"])
def test_nothing_is_cut_off_in_a_narrow_dock(plot, show, stained, blobs, mosaic, features):
    show({"lab": stained, "texture": mosaic, "channels": blobs(2)}[features], features)
    for button in (plot.as_scatter, plot.as_profile):
        if button.isVisible():
            button.click()
        plot.resize(284, plot.minimumSizeHint().height())
        QApplication.processEvents()
        assert plot.size().width() == 284
        assert plot.minimumSizeHint().height() <= 160
        for widget in plot.findChildren(QWidget):
            if widget.isVisible() and widget.parent() is plot:
                least = widget.minimumSizeHint()
                assert plot.rect().contains(widget.geometry()), widget
                assert widget.width() >= least.width(), widget
                assert widget.height() >= least.height(), widget


def test_every_control_says_what_it_is_for(plot, show, blobs):
    show(blobs(2), "channels")
    for control in (plot.centers, plot.scatter, plot.profile, plot.as_scatter, plot.as_profile):
        assert control.toolTip()
    assert plot.x_axis.toolTip() == "Feature on the horizontal axis: channel 1"
    assert plot.y_axis.toolTip() == "Feature on the vertical axis: channel 2"


def test_keys_end_here_and_the_wheel_passes_on(qtbot, blobs):
    class Outside(QWidget):
        def __init__(self):
            super().__init__()
            self.got = []

        def keyPressEvent(self, event):
            self.got.append("key")

    outside = Outside()
    qtbot.addWidget(outside)
    plot = FeaturePlot()
    QVBoxLayout(outside).addWidget(plot)
    outside.show()
    search = search_of(blobs(3), "channels")
    plot.set_cloud(search.clusterings.summary)
    plot.set_model(model(search, 3, "channels"), distinct_colors(3))
    plot.as_scatter.click()
    inner = [plot, plot.scatter, plot.profile, plot.x_axis, plot.y_axis, plot.as_scatter, plot.as_profile]
    for widget in inner:
        for key in (Qt.Key.Key_1, Qt.Key.Key_F5):
            event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)
            QApplication.sendEvent(widget, event)
    assert outside.got == []
    for widget in (plot.scatter.viewport(), plot.x_axis, plot.y_axis):
        at = QPointF(5, 5)
        event = QWheelEvent(
            at,
            QPointF(widget.mapToGlobal(QPoint(5, 5))),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)
        assert not event.isAccepted()  # so that Qt offers it to what is around
    assert plot.x_axis.currentIndex() == 0
