from __future__ import annotations

import numpy as np

import napari_kmeans
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.model.preparation import clusterings_of
from napari_kmeans.summary.summarize import summarize


def test_pixels_of_each_cluster_are_counted_without_merges(coins, model):
    pixels = Pixels.of(coins)
    assert np.array_equal(model.merged([[1, 2]]).with_background([3]).count(pixels), model.counts)
    image = np.array([1.0, 2.0, 9.0, np.inf, -np.inf, np.inf, np.nan])
    fitted = napari_kmeans.fit(image, 2)
    assert fitted.count(Pixels.of(image)).tolist() == [3, 3]
    assert fitted.count(Pixels.of(image), infinite=True).tolist() == [1, 2]
    assert fitted.counts.tolist() == [2, 1]


def test_only_exact_models_are_confirmed(coins, colored):
    clusterings = clusterings_of(summarize(Pixels.of(coins)))
    model = napari_kmeans.fit(coins, 4)
    assert model.confirmation == ""
    assert model.confirmed(clusterings).confirmation == "confirmed"
    assert model.with_thresholds([1, 2, 3]).confirmed(clusterings).confirmation == ""
    assert colored.confirmed(clusterings) is colored
