from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans import KMeansModel, Recipe
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.kmeans.suggestion import suggest
from napari_kmeans.model.edits import Edits
from napari_kmeans.model.preparation import clusterings_of
from napari_kmeans.summary.summarize import summarize


def test_a_model_cannot_be_changed(model):
    with pytest.raises(FrozenInstanceError):
        model.features = "gray601"
    for array in (model.centers, model.thresholds, model.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint64", ">u2"])
def test_an_image_of_another_type_is_labelled_by_its_values(coins, model, dtype):
    with pytest.warns(UserWarning, match=f"dtype {np.dtype(dtype).name} instead of uint8"):
        labels = model.predict(coins.astype(dtype))
    assert np.array_equal(labels, model.predict(coins))


def test_an_image_of_another_shape_is_labelled(coins, model):
    volume = np.broadcast_to(coins, (2, 3, *coins.shape))
    assert np.array_equal(model.predict(volume)[1, 2], model.predict(coins))


def test_predict_uses_the_channel_axis_of_the_model_by_default(picture):
    astronaut = picture("astronaut")[::4, ::4]
    model = napari_kmeans.fit(astronaut, 3, channel_axis=-1)
    first = np.ascontiguousarray(np.moveaxis(astronaut, -1, 0))
    assert np.array_equal(model.predict(astronaut), model.predict(first, channel_axis=0))
    with pytest.raises(ValueError, match="channel_axis has 128 channels"):
        model.predict(first)


def test_a_prediction_can_be_masked(coins, model):
    inside = np.zeros(coins.shape, bool)
    inside[50:90, 100:300] = True
    assert np.array_equal(model.predict(coins, mask=inside), np.where(inside, model.predict(coins), 0))


def test_a_loaded_model_can_be_edited_but_keeps_its_counts(model):
    loaded = KMeansModel.from_json(model.to_json())
    moved = loaded.with_thresholds([1, 2, 3])
    assert moved.thresholds.tolist() == [1, 2, 3]
    assert np.array_equal(moved.counts, model.counts)


def test_a_model_of_several_features_reports_its_search(colored):
    assert colored.feature_names == ("L*", "a*", "b*")
    assert colored.centers.shape == (4, 3)
    assert colored.thresholds.size == 0
    assert colored.scales.tolist() == [1, 1, 1]
    assert (colored.n_init, colored.sample_size, colored.is_exact) == (40, 0, False)
    assert 0 <= colored.start_spread < 1
    assert colored.confirmation == ""


def test_an_image_with_another_number_of_features_is_rejected(picture):
    two = picture("coffee")[..., :2]
    model = napari_kmeans.fit(two, 2, features="channels", channel_axis=-1)
    with pytest.raises(
        ValueError,
        match=r"image has 3 features per pixel \(features='channels'\), but the model has 2: channel 1",
    ):
        model.predict(picture("coffee"))


def test_an_image_of_a_wider_type_gets_the_same_labels(picture, colored):
    image = picture("coffee")
    wide = image.astype(np.uint16) * 257
    with pytest.warns(UserWarning, match="dtype uint16 instead of uint8"):
        labels = colored.predict(wide)
    assert np.mean(labels == colored.predict(image)) > 0.9999


def test_the_number_of_clusters_follows_the_recipe(coins):
    clusterings = clusterings_of(summarize(Pixels.of(coins)))
    assert KMeansModel.of(clusterings, Recipe.of("auto")).n_clusters == suggest(clusterings, 12).n_clusters
    few = clusterings_of(summarize(Pixels.of(np.array([1, 1, 5]))))
    edits = Edits(names=("a", "b", "c"))
    with pytest.warns(UserWarning, match="only 2 distinct values, so there are 2 clusters instead of 3"):
        model = KMeansModel.of(few, Recipe.of(3, edits=edits))
    assert model.names == ()  # edits of 3 clusters
    assert KMeansModel.of(few, Recipe.of(2, edits=Edits(names=("a", "b")))).names == ("a", "b")


def test_predict_reports_progress_and_can_be_cancelled(coins, model, monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1 << 14)
    shares = []
    model.predict(coins, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 5
    assert shares[-1] == 1

    def cancel(share):
        shares.append(share)
        raise Cancelled

    shares.clear()
    with pytest.raises(Cancelled):
        model.predict(coins, progress=cancel)
    assert len(shares) == 1
