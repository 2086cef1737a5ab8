"""A model applied to images that differ from the fitted one."""

from __future__ import annotations

import warnings

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.model.matching import matched

RNG = np.random.default_rng(5)
TRUTH = RNG.integers(0, 3, (60, 80))
IMAGE = (np.array([30.0, 80.0, 140.0])[TRUTH] + RNG.normal(0, 4, TRUTH.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return napari_kmeans.fit(IMAGE, 3)


def quiet(model, image, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.predict(image, **options)


def test_match_range_scales_thresholds_to_the_image(model):
    other = IMAGE * np.float32(7) - np.float32(400)
    assert (quiet(model, other) == TRUTH + 1).mean() < 0.9
    labels = model.predict(other, match="range")
    assert (labels == model.predict(IMAGE)).mean() > 0.999
    # The model itself is unchanged.
    assert (model.predict(IMAGE) == TRUTH + 1).mean() > 0.99


def test_match_range_scales_the_centers_of_colors():
    colors = np.array([[20, 10, 30], [50, 40, 30], [90, 100, 80]])[TRUTH]
    colors = (colors + RNG.integers(0, 6, colors.shape)).astype(np.uint8)
    model = napari_kmeans.fit(colors, 3, features="rgb", channel_axis=-1)
    brighter = colors * 2 + 20
    expected = model.predict(colors)
    assert (quiet(model, brighter) != expected).any()
    np.testing.assert_array_equal(model.predict(brighter, match="range"), expected)


def test_a_scaled_model_is_saved_with_its_own_clusters(model):
    other = IMAGE * np.float32(7) - np.float32(400)
    scaled = matched(model, Pixels.of(other), "range")
    assert scaled.recipe.edits.thresholds == tuple(scaled.thresholds)
    loaded = napari_kmeans.KMeansModel.from_json(scaled.to_json())
    np.testing.assert_array_equal(loaded.predict(other), model.predict(other, match="range"))
    colors = RNG.integers(0, 90, (30, 40, 3)).astype(np.uint8)
    model = napari_kmeans.fit(colors, 3, features="rgb", channel_axis=-1)
    scaled = matched(model, Pixels.of(colors * 2, features="rgb", channel_axis=-1), "range")
    assert scaled.recipe.edits.centers == tuple(map(tuple, scaled.centers))


def test_match_refit_fits_the_recipe_and_keeps_edits(model):
    edited = model.merged([[1, 2]]).with_names(["a", "b", "c"])
    other = IMAGE * np.float32(7) - np.float32(400)
    expected = napari_kmeans.fit(other, 3).merged([[1, 2]]).predict(other)
    np.testing.assert_array_equal(edited.predict(other, match="refit"), expected)
    moved = model.with_thresholds([31, 32])
    np.testing.assert_array_equal(moved.predict(other, match="refit"), napari_kmeans.segment(other, 3)[0])


def test_match_refit_fits_the_illumination_of_an_image_of_another_shape():
    ramp = np.linspace(0, 120, 80, dtype=np.float32)
    model = napari_kmeans.fit(IMAGE + ramp, 3, illumination="additive").with_names(["a", "b", "c"])
    other = (IMAGE - ramp)[:40, :50]
    labels = model.predict(other, match="refit")
    np.testing.assert_array_equal(labels, napari_kmeans.segment(other, 3, illumination="additive")[0])
    assert (labels == TRUTH[:40, :50] + 1).mean() > 0.99
    for match in ("values", "range"):
        with pytest.raises(ValueError, match="fit the image itself, or crop it"):
            model.predict(other, match=match)


@pytest.mark.parametrize("match", ["range", "refit"])
def test_lazy_images_get_the_same_labels(model, match):
    other = IMAGE * np.float32(7)
    lazy = model.predict(da.from_array(other, chunks=(20, 30)), match=match)
    assert isinstance(lazy, da.Array)
    np.testing.assert_array_equal(lazy.compute(), model.predict(other, match=match))


@pytest.mark.parametrize("match", ["range", "refit"])
def test_a_stack_matches_each_position(match):
    stack = np.stack([IMAGE, IMAGE[::-1]])
    models = napari_kmeans.fit(stack, 3, per_axis=0)
    other = stack * np.float32([[[7]], [[20]]])
    expected = np.stack([model.predict(each, match=match) for model, each in zip(models, other, strict=True)])
    np.testing.assert_array_equal(models.predict(other, match=match), expected)
    lazy = models.predict(da.from_array(other, chunks=(1, 30, 80)), match=match)
    np.testing.assert_array_equal(lazy.compute(), expected)


def test_a_stack_gives_one_warning():
    stack = np.stack([IMAGE, IMAGE[::-1]])
    models = napari_kmeans.fit(stack, 3, per_axis=0)
    with pytest.warns(UserWarning, match="instead of") as caught:
        models.predict(stack * np.float32(10))
    assert len(caught) == 1


def test_a_model_of_an_earlier_version_neither_warns_nor_scales(model):
    document = model.to_dict()
    del document["fitted_to"]
    old = napari_kmeans.KMeansModel.from_dict(document)
    np.testing.assert_array_equal(old.predict(IMAGE.astype(np.float64)), model.predict(IMAGE))
    with pytest.raises(ValueError, match="use match='refit'"):
        old.predict(IMAGE, match="range")


def test_an_unknown_match_is_rejected(model):
    with pytest.raises(ValueError, match="match='rang' must be one of 'values', 'range', 'refit'"):
        model.predict(IMAGE, match="rang")
