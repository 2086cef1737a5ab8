"""A model applied to images that differ from the fitted one."""

from __future__ import annotations

import warnings

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks.pixels import Pixels

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


def test_an_image_that_looks_alike_gives_no_warning(model):
    labels = model.predict(IMAGE[::-1] + np.float32(3))
    assert (labels == TRUTH[::-1] + 1).mean() > 0.99


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("corner", [0, 1, 900])
def test_the_fitted_image_looks_like_itself_with_a_rare_bright_object(dtype, corner):
    # It covers half a per cent, all in one place.
    image = RNG.normal(100, 5, (1024, 1024)).clip(0, 200).astype(dtype)
    image[corner : corner + 73, corner : corner + 73] = 220
    labels, model = napari_kmeans.segment(image, 3)
    np.testing.assert_array_equal(model.predict(image), labels)


def test_an_image_without_the_rare_object_of_the_fitted_one_is_noticed():
    image = RNG.normal(100, 5, (300, 300)).astype(np.float32)
    image[:40, :40] = 220
    model = napari_kmeans.fit(image, 3)
    with pytest.warns(UserWarning, match="values .* instead of"):
        model.predict(image[100:])


def test_a_checkerboard_is_compared_by_both_of_its_values():
    image = np.indices((600, 600)).sum(axis=0) % 2 * np.uint8(100)
    model = napari_kmeans.fit(image, 2)
    assert model.predict(image).max() == 2


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (IMAGE.astype(np.float64), "dtype float64 instead of float32"),
        (IMAGE * np.float32(10), r"values [\d.]+ to \d{4} instead of"),
        ((IMAGE * 100).astype(np.uint16), r"dtype uint16 instead of float32; values .* instead of"),
    ],
)
def test_one_warning_names_everything_that_differs(model, image, message):
    with pytest.warns(UserWarning, match=message) as caught:
        model.predict(image)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_the_number_of_channels_and_the_pixel_size_are_compared():
    colors = RNG.integers(0, 256, (30, 30, 4), dtype=np.uint8)
    colors[..., 3] = 255
    model = napari_kmeans.fit(colors, 3, features="rgb", channel_axis=-1)
    with pytest.warns(UserWarning, match="3 channels instead of 4 channels"):
        model.predict(colors[..., :3])
    fitted = napari_kmeans.fit(IMAGE, 3)
    from dataclasses import replace

    sized = replace(fitted, fitted_to=replace(fitted.fitted_to, pixel_size=(0.5, 0.5), unit="um"))
    pixels = Pixels.of(IMAGE)
    assert not sized.warn_of_differences(pixels, (0.5, 0.501), "um")
    with pytest.warns(UserWarning, match="pixel size 1 × 1 um instead of 0.5 × 0.5 um"):
        assert sized.warn_of_differences(pixels, (1, 1), "um")


def test_match_range_scales_thresholds_to_the_image(model):
    other = IMAGE * np.float32(7) - np.float32(400)
    assert (quiet(model, other) == TRUTH + 1).mean() < 0.9
    labels = model.predict(other, match="range")
    assert (labels == model.predict(IMAGE)).mean() > 0.999
    # The model itself has not changed.
    assert (model.predict(IMAGE) == TRUTH + 1).mean() > 0.99


def test_match_range_scales_the_centers_of_colors():
    colors = np.array([[20, 10, 30], [50, 40, 30], [90, 100, 80]])[TRUTH]
    colors = (colors + RNG.integers(0, 6, colors.shape)).astype(np.uint8)
    model = napari_kmeans.fit(colors, 3, features="rgb", channel_axis=-1)
    brighter = colors * 2 + 20
    expected = model.predict(colors)
    assert (quiet(model, brighter) != expected).any()
    np.testing.assert_array_equal(model.predict(brighter, match="range"), expected)


def test_match_refit_fits_the_recipe_and_keeps_edits(model):
    edited = model.merged([[1, 2]]).with_names(["a", "b", "c"])
    other = IMAGE * np.float32(7) - np.float32(400)
    expected = napari_kmeans.fit(other, 3).merged([[1, 2]]).predict(other)
    np.testing.assert_array_equal(edited.predict(other, match="refit"), expected)
    moved = model.with_thresholds([31, 32])
    np.testing.assert_array_equal(moved.predict(other, match="refit"), napari_kmeans.segment(other, 3)[0])


@pytest.mark.parametrize("match", ["range", "refit"])
def test_lazy_images_get_the_same_labels(model, match):
    other = IMAGE * np.float32(7)
    lazy = model.predict(da.from_array(other, chunks=(20, 30)), match=match)
    assert isinstance(lazy, da.Array)
    np.testing.assert_array_equal(lazy.compute(), model.predict(other, match=match))


def test_the_range_of_a_lazy_image_is_not_read_for_a_warning(model):
    def fail(block):
        raise AssertionError("a block was read")

    lazy = da.from_array(IMAGE * np.float32(10), chunks=(20, 30)).map_blocks(fail, dtype=np.float32)
    assert model.predict(lazy).shape == IMAGE.shape


@pytest.mark.parametrize("match", ["range", "refit"])
def test_a_stack_matches_each_position(match):
    stack = np.stack([IMAGE, IMAGE[::-1]])
    models = napari_kmeans.fit(stack, 3, per_axis=0)
    other = stack * np.float32([[[7]], [[20]]])
    expected = np.stack([model.predict(each, match=match) for model, each in zip(models, other, strict=True)])
    np.testing.assert_array_equal(models.predict(other, match=match), expected)
    lazy = models.predict(da.from_array(other, chunks=(1, 30, 80)), match=match)
    np.testing.assert_array_equal(lazy.compute(), expected)


def test_a_stack_warns_once():
    stack = np.stack([IMAGE, IMAGE[::-1]])
    models = napari_kmeans.fit(stack, 3, per_axis=0)
    with pytest.warns(UserWarning, match="instead of") as caught:
        models.predict(stack * np.float32(10))
    assert len(caught) == 1


def test_what_the_image_looked_like_is_saved(model, tmp_path):
    model.save(tmp_path / "m.json")
    loaded = napari_kmeans.KMeansModel.load(tmp_path / "m.json")
    assert loaded.fitted_to == model.fitted_to
    low, high = np.percentile(IMAGE, [0.1, 99.9])
    assert loaded.fitted_to.low == pytest.approx((low,), abs=1)
    assert loaded.fitted_to.high == pytest.approx((high,), abs=1)
    other = IMAGE * np.float32(7)
    np.testing.assert_array_equal(loaded.predict(other, match="range"), model.predict(other, match="range"))


def test_a_model_of_an_earlier_version_neither_warns_nor_scales(model):
    document = model.to_dict()
    del document["fitted_to"]
    old = napari_kmeans.KMeansModel.from_dict(document)
    np.testing.assert_array_equal(old.predict(IMAGE.astype(np.float64)), model.predict(IMAGE))
    with pytest.raises(ValueError, match="use match='refit'"):
        old.predict(IMAGE, match="range")


def test_an_unknown_match_is_refused(model):
    with pytest.raises(ValueError, match="match='rang' is not known; use one of 'values', 'range', 'refit'"):
        model.predict(IMAGE, match="rang")


@pytest.mark.parametrize(
    ("name", "value"), [("low", ["x"]), ("high", []), ("dtype", 3), ("n_channels", 1.5), ("pixel_size", None)]
)
def test_a_damaged_file_is_refused(model, name, value):
    document = model.to_dict()
    document["fitted_to"][name] = value
    with pytest.raises((ValueError, TypeError), match="fitted_to"):
        napari_kmeans.KMeansModel.from_dict(document)
