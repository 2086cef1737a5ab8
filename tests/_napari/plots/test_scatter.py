"""Pixels and clusters in two features."""

from __future__ import annotations

import numpy as np
from plot_helpers import as_bytes, model, points, rgb, scatters, search_of
from qtpy.QtCore import Qt
from qtpy.QtGui import QPalette

from napari_kmeans._napari.plots.point_cloud import N_SHOWN
from napari_kmeans.model.model import KMeansModel
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.report.palette import distinct_colors


def estimated(search, k):
    return search.model(KMeansModel, Recipe.of(k, features="rgb"), -1, estimate=True)


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


def test_distances_are_divided_by_the_scales_of_the_features(plot, show):
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


def test_the_number_of_drawn_points_is_limited_and_their_choice_is_stable(plot, qtbot):
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


def test_outliers_do_not_compress_the_other_points(plot, show):
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


def test_hovering_shows_features_cluster_and_share(plot, show, stained, mouse):
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


def test_zooming_draws_more_points_and_a_double_click_resets_the_view(plot, qtbot, mouse):
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
