"""The points that stand for all pixels."""

from __future__ import annotations

from plot_helpers import search_of

from napari_kmeans._napari.plots.point_cloud import PointCloud


def test_thinned_points_represent_all_pixels_and_include_the_heaviest(stained):
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
