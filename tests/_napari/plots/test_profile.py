"""All features of the centres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyqtgraph as pg
from plot_helpers import as_bytes

from napari_kmeans._napari.plots.profile import arrange
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.features.channels import Channels
from napari_kmeans.model.model import KMeansModel
from napari_kmeans.model.preparation import prepare
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.report.palette import distinct_colors


def test_the_profile_plot_is_only_for_features_that_are_not_colours(plot, show, stained, blobs):
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
    found = plain.model(KMeansModel, recipe, -1)
    assert (found.scales == 1).all()
    plot.set_cloud(plain.clusterings.summary)
    plot.set_model(found, distinct_colors(3))
    for line, center in zip(lines(plot), found.centers, strict=True):
        np.testing.assert_array_equal(line.getData()[1], center)
    assert plot.profile.getAxis("left").labelText == "value"


def test_profile_shows_feature_value_and_cluster_at_the_mouse(plot, show, blobs, mouse):
    _, found = show(blobs(4), "channels")
    x, y = lines(plot)[1].getData()
    mouse.hover(plot.profile, (x[2], y[2]))
    first, second, third = plot.profile.toolTip().split("\n")
    assert first == f"channel 3: {found.centers[1, 2]:.1f}"
    assert second == f"{y[2]:+.2f} standard deviations from the mean"
    assert third == f"cluster 2, {100 * found.counts[1] / 2500:.1f} % of the image"
    assert plot.profile.text_at(0.5, y.max() + 99) == ""


def test_texture_features_are_grouped_by_kind():
    names = tuple(f"{kind} σ {s}" for s in ("0.5", "1", "2") for kind in ("intensity", "edges"))
    placed = arrange(names)
    assert placed.order.tolist() == [0, 2, 4, 1, 3, 5]
    assert placed.places.tolist() == [0, 1, 2, 4, 5, 6]
    assert placed.joined.tolist()[:5] == [1, 1, 0, 1, 1]
    assert placed.texts == {1.0: "intensity", 5.0: "edges"}
    assert placed.title == "each from σ 0.5 to 2"


def test_the_common_prefix_of_feature_names_is_written_once():
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
