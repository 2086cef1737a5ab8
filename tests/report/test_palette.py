from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.report.palette import distinct_colors


def test_a_cluster_keeps_its_colour_when_the_number_changes():
    assert np.array_equal(distinct_colors(3), distinct_colors(40)[:3])


@pytest.mark.parametrize("n_clusters", [1, 12, 13, 255])
def test_colours_are_opaque_rgba(n_clusters):
    colors = distinct_colors(n_clusters)
    assert colors.shape == (n_clusters, 4)
    assert ((colors >= 0) & (colors <= 1)).all()
    assert (colors[:, 3] == 1).all()


def test_colours_differ():
    colors = distinct_colors(40)[:, :3]
    distance = np.abs(colors[:, np.newaxis] - colors).max(axis=-1)
    assert distance[~np.eye(40, dtype=bool)].min() > 0.03
    assert distance[:12, :12][~np.eye(12, dtype=bool)].min() > 0.15
