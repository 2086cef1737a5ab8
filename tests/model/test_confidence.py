"""Confidence: 0 on borders and 1 at centres, compared with a few lines of NumPy."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans import KMeansModel

RAMP = np.linspace(0, 100, 401)


def reference(features, centers, labels=None):
    """Return 1 - d₁/d₂ of the distances to the nearest two clusters; equal labels count as one cluster."""
    labels = np.arange(len(centers)) if labels is None else np.asarray(labels)
    distance = np.sqrt(((features[..., np.newaxis, :] - centers) ** 2).sum(axis=-1))
    merged = np.stack([distance[..., labels == n].min(axis=-1) for n in np.unique(labels)], axis=-1)
    nearest = np.sort(merged, axis=-1)
    return 1 - nearest[..., 0] / nearest[..., 1]


@pytest.fixture
def model():
    return napari_kmeans.fit(RAMP, 4)


def test_borders_are_0_and_centres_are_1(model):
    confidence = model.confidence(np.concatenate([model.centers[:, 0], model.thresholds]))
    assert confidence.dtype == np.float32
    assert confidence[:4] == pytest.approx(1)
    assert confidence[4:] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_confidence_of_one_feature_equals_numpy(dtype):
    image = np.random.default_rng(0).uniform(0, 200, (40, 50)).astype(dtype)
    model = napari_kmeans.fit(image, 5)
    found = model.confidence(image)
    assert found.shape == image.shape
    assert found == pytest.approx(reference(image[..., np.newaxis].astype(float), model.centers), abs=2e-6)


@pytest.mark.parametrize("features", ["rgb", "lab"])
def test_confidence_of_colors_equals_numpy(features):
    from skimage.color import rgb2lab

    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    model = napari_kmeans.fit(image, 4, features=features, channel_axis=-1)
    values = rgb2lab(image) if features == "lab" else image.astype(float)
    assert model.confidence(image) == pytest.approx(reference(values, model.centers), abs=1e-4)


def test_confidence_falls_from_a_centre_to_a_border(model):
    confidence = model.confidence(RAMP)
    for center, threshold in zip(model.centers[:3, 0], model.thresholds, strict=True):
        between = confidence[(center <= RAMP) & (threshold >= RAMP)]
        assert (np.diff(between) < 0).all()


def test_merged_clusters_count_as_one(model):
    merged = model.merged([[2, 3]]).with_background([1])
    image = RAMP[::7]
    expected = reference(image[:, np.newaxis], model.centers, [1, 2, 2, 4])
    assert merged.confidence(image) == pytest.approx(expected, abs=1e-6)
    assert merged.confidence(np.array([model.thresholds[1]]))[0] > 0.1
    assert (model.merged([[1, 2, 3, 4]]).confidence(image) == 1).all()


@pytest.mark.parametrize("shift", [-4.0, 6.0])
def test_confidence_is_0_at_thresholds_set_by_hand(model, shift):
    changed = model.with_thresholds(model.thresholds + shift)
    assert changed.confidence(changed.thresholds) == pytest.approx(0, abs=1e-6)
    assert changed.confidence(changed.centers[:, 0]) == pytest.approx(1, abs=1e-6)
    assert (changed.confidence(RAMP) >= 0).all()


def test_excluded_pixels_are_nan_and_infinite_ones_0(model):
    image = np.array([[np.nan, 20.0, np.inf], [-np.inf, 50.0, 77.0]])
    mask = np.array([[True, True, True], [True, False, True]])
    confidence = model.confidence(image, mask=mask)
    assert np.isnan(confidence).tolist() == [[True, False, False], [False, True, False]]
    assert confidence[0, 2] == confidence[1, 0] == 0
    excluding = napari_kmeans.fit(image, 2, exclude=[20])
    assert np.isnan(excluding.confidence(image)[0, 1])


@pytest.mark.parametrize("features", ["rgb", "lab"])
def test_an_infinite_colour_has_a_label_and_confidence_0(features):
    image = np.random.default_rng(0).random((5, 6, 3))
    image[0, 0], image[1, 1, 2], image[2, 2, 0] = np.inf, np.nan, -np.inf
    for k in (1, 3):
        model = napari_kmeans.fit(image, k, features=features, channel_axis=-1)
        confidence = model.confidence(image)
        assert np.array_equal(np.isnan(confidence), model.predict(image) == 0)
        assert confidence[0, 0] == confidence[2, 2] == 0


def test_the_confidence_of_a_single_cluster_is_1():
    assert (napari_kmeans.fit(RAMP, 1).confidence(RAMP) == 1).all()


@pytest.mark.parametrize("features", ["gray", "rgb"])
def test_lazy_images_give_the_same_confidence_lazily(features):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (50, 60, 3)).astype(np.uint8)
    keywords = {"features": features, "channel_axis": -1}
    model = napari_kmeans.fit(image, 3, **keywords)
    lazy = model.confidence(da.from_array(image, chunks=(20, 25, 3)))
    assert isinstance(lazy, da.Array)
    assert lazy.dtype == np.float32
    assert lazy.chunks == ((20, 20, 10), (25, 25, 10))
    assert np.array_equal(lazy.compute(), model.confidence(image))


def test_confidence_is_that_of_the_corrected_image():
    rng = np.random.default_rng(0)
    ramp = np.linspace(-30, 30, 80)
    image = rng.choice([60.0, 120.0], (70, 80)) + rng.normal(0, 3, (70, 80)) + ramp
    model = napari_kmeans.fit(image, 2, illumination="additive")
    corrected = image - model.illumination_field(image.shape)
    expected = reference(corrected[..., np.newaxis], model.centers)
    assert model.confidence(image) == pytest.approx(expected, abs=1e-5)
    assert np.median(model.confidence(image)) > 0.8


def test_confidence_is_that_of_the_coherent_image():
    """The confidence is low at borders of the labels, not at noisy pixels."""
    rng = np.random.default_rng(0)
    truth = np.zeros((60, 60), dtype=bool)
    truth[15:45, 15:45] = True
    image = np.where(truth, 140.0, 80.0) + rng.normal(0, 30, truth.shape)
    labels, model = napari_kmeans.segment(image, 2, coherence=1)
    confidence = model.confidence(image)
    assert np.mean((labels == 2) == truth) > 0.98
    assert np.median(confidence) > np.median(napari_kmeans.fit(image, 2).confidence(image))


def test_a_loaded_model_gives_the_same_confidence(tmp_path, model):
    model.merged([[1, 2]]).save(tmp_path / "model.json")
    loaded = KMeansModel.load(tmp_path / "model.json")
    assert np.array_equal(loaded.confidence(RAMP), model.merged([[1, 2]]).confidence(RAMP))


def test_the_confidence_is_finite_if_two_centres_are_equal():
    model = napari_kmeans.fit(np.array([0.0, 1.0, 2.0]), 3).with_thresholds([1.5, 1.5])
    assert np.isfinite(model.confidence(np.array([0.0, 0.5, 1.5, 2.0]))).all()


def test_progress_ends_at_1(model):
    seen = []
    model.confidence(RAMP, progress=seen.append)
    assert seen[-1] == 1
