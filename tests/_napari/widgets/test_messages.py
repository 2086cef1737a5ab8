"""What the dock says below its plots."""

from __future__ import annotations

import numpy as np
from dock_helpers import clusters_of


def test_missing_pixels_and_constant_images_are_explained(viewer, open_dock, settle, gray):
    holes = gray.astype(np.float32)
    holes[:5] = np.nan
    viewer.add_image(holes, name="holes")
    dock = open_dock()
    dock.segment.native.click()
    settle(dock)
    assert dock.status.text() == ""
    [layer] = clusters_of(viewer)
    assert not layer.data[:5].any()
    assert layer.data[5:].all()

    viewer.add_image(np.full((8, 8), 7, np.uint8), name="flat")
    settle(dock)
    dock.segment.native.click()
    settle(dock)
    assert dock.status.text().startswith(
        "All pixels have the same value, so there is only one cluster; choose"
    )
    assert (viewer.layers["flat k-means"].data == 1).all()
    assert dock.table.rowCount() == 1

    viewer.add_image(gray > 100, name="mask")
    settle(dock)
    dock.n_clusters.value = 5
    settle(dock)
    assert "only 2 distinct values" in dock.status.text()
    assert set(np.unique(viewer.layers["mask k-means"].data)) == {1, 2}

    viewer.add_image(np.full((8, 8), np.nan, np.float32), name="nothing", contrast_limits=(0, 1))
    settle(dock)
    assert "no pixels to cluster" in dock.status.text()
    dock.n_clusters.value = 4
    settle(dock)
    dock.segment.native.click()
    settle(dock)
    assert "no pixels to cluster" in dock.status.text()
    assert "nothing k-means" not in viewer.layers


def test_a_field_that_explains_more_than_the_clusters_gives_a_hint(viewer, open_dock, settle):
    y, x = np.mgrid[-1:1:60j, -1:1:60j]
    stripes = 30 * (np.sin(20 * y) > 0)
    dock = open_dock()
    for slope, advice in (
        (8, ""),
        (
            80,
            ", more than the clusters do. It may contain segments: check it with ⋯ ▸ Show illumination field.",
        ),
    ):
        viewer.add_image((100 + slope * x + stripes).astype(np.float32))
        settle(dock)
        dock.n_clusters.value = 2
        dock.illumination.value = "additive"
        settle(dock)
        share = 100 * dock.session.model.illumination.explained_variance
        assert (
            f"The illumination field explains {share:.2g} % of the variance{advice or '.'}"
            in dock.status.text()
        )


def test_clusters_that_coherence_leaves_empty_are_named(viewer, open_dock, settle):
    noise = np.random.default_rng(0).normal(100, 20, (60, 70)).astype(np.float32)
    viewer.add_image(noise, name="noise")
    dock = open_dock()
    dock.coherence.value = 1
    dock.n_clusters.value = 3
    dock.segment.native.click()
    settle(dock)
    assert "Coherence leaves clusters 1 and 3 without pixels" in dock.status.text()
    dock.coherence.value = 0
    settle(dock)
    assert "Coherence" not in dock.status.text()
