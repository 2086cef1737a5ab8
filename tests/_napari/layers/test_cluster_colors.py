from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from napari.layers import Labels

import napari_kmeans
from napari_kmeans._napari.layers.cluster_colors import (
    DISTINCT,
    MEAN,
    PALETTES,
    cluster_colors,
    distinct_colors,
    label_colormap,
)


@pytest.fixture
def model():
    return napari_kmeans.fit(np.array([0, 50, 100, 200], dtype=np.uint8), 4)


def test_a_cluster_keeps_its_distinct_colour_when_k_changes(model):
    most = distinct_colors(255)
    for k in (0, 1, 2, 12, 40):
        np.testing.assert_array_equal(distinct_colors(k), most[:k])
    np.testing.assert_array_equal(cluster_colors(model, DISTINCT), most[:4])


def test_distinct_colours_are_opaque_and_all_different():
    colors = distinct_colors(255)
    assert colors.shape == (255, 4)
    assert ((colors >= 0) & (colors <= 1)).all()
    assert (colors[:, 3] == 1).all()
    assert len({tuple(color) for color in np.round(255 * colors).astype(int)}) == 255


def test_distinct_colours_on_the_slider_are_far_apart():
    distances = [np.abs(a - b).max() for a, b in combinations(distinct_colors(12), 2)]
    assert min(distances) > 0.1


def test_mean_intensity_colours_follow_the_contrast_limits(model):
    colors = cluster_colors(model, MEAN, contrast_limits=(50, 150))
    np.testing.assert_allclose(colors[:, :3], np.array([[0], [0], [0.5], [1]]) * np.ones(3))
    assert np.isfinite(cluster_colors(model, MEAN, contrast_limits=(7, 7))).all()


@pytest.mark.parametrize("palette", ["viridis", "magma", "turbo", "gray"])
def test_colormaps_run_from_dark_to_bright_clusters(model, palette):
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    colors = cluster_colors(model, palette)
    np.testing.assert_allclose(colors, AVAILABLE_COLORMAPS[palette].map(np.array([0, 1 / 3, 2 / 3, 1])))
    assert cluster_colors(napari_kmeans.fit(np.zeros(3, np.uint8), 1), palette).shape == (1, 4)


@pytest.mark.parametrize("palette", PALETTES)
def test_merged_clusters_have_one_colour(model, palette):
    apart, merged = cluster_colors(model, palette), cluster_colors(model.merged([[2, 4]]), palette)
    np.testing.assert_array_equal(merged[[0, 1, 2, 3]], apart[[0, 1, 2, 1]])


def test_labels_are_drawn_in_their_cluster_colour_and_nothing_else_is_drawn():
    colors = distinct_colors(3)
    layer = Labels(np.array([[0, 1], [2, 3]], dtype=np.uint8), colormap=label_colormap(colors))
    for label, color in enumerate(colors, start=1):
        np.testing.assert_allclose(layer.get_color(label), color, atol=1e-6)
    np.testing.assert_array_equal(layer.colormap.map(np.array([0, 4, 200])), 0)


def test_hidden_clusters_are_transparent_and_those_not_highlighted_are_faint():
    colors = distinct_colors(4)
    before = colors.copy()
    drawn = label_colormap(colors, hidden={1}, highlighted={1, 3}).map(np.arange(1, 5))
    np.testing.assert_allclose(drawn[:, :3], colors[:, :3], atol=1e-6)
    assert drawn[0, 3] == 0
    assert drawn[2, 3] == 1
    assert 0 < drawn[1, 3] == drawn[3, 3] < 0.5
    np.testing.assert_array_equal(colors, before)
