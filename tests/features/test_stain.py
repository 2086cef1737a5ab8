"""Stains, compared with scikit-image pixel by pixel."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from skimage.color import rgb2hed

import napari_kmeans
from napari_kmeans import KMeansModel, Stain
from napari_kmeans.features.registry import get_feature_space

STAINS = ("hematoxylin", "eosin", "dab")


def amounts(features, image):
    """Return the values of an image in a feature space."""
    return get_feature_space(features).transform(image, image.shape[-1])[0]


@pytest.mark.parametrize("stain", STAINS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_amounts_are_those_of_scikit_image(picture, dtype, stain):
    image = picture("immunohistochemistry")[::3, ::3]
    if dtype == "uint16":
        image = image.astype(np.uint16) * 257
    elif dtype != "uint8":
        image = (image / 255).astype(dtype)
    expected = rgb2hed(image)[..., STAINS.index(stain)]
    found = amounts(stain, image)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("stain", STAINS)
def test_amounts_of_extreme_colors_equal_scikit_image(stain):
    """Black, white and saturated colours, whose logarithms are extreme."""
    levels = np.array([0, 1, 127, 254, 255], dtype=np.uint8)
    image = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    assert amounts(stain, image) == pytest.approx(rgb2hed(image)[..., STAINS.index(stain)], abs=2e-6)


def test_clusters_are_the_exact_clusters_of_the_stain_amounts(picture):
    image = picture("immunohistochemistry")
    labels, model = napari_kmeans.segment(image, 3, features="dab", channel_axis=-1)
    expected = rgb2hed(image)[..., 2].astype(np.float32)
    plain, reference = napari_kmeans.segment(expected, 3)
    assert model.solver == "exact"
    assert model.feature_names == ("dab",)
    assert model.centers == pytest.approx(reference.centers, rel=1e-4)
    assert np.mean(labels == plain) > 0.9999


def test_transparent_pixels_are_excluded_for_any_channel_axis():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 30, 4)).astype(np.uint8)
    image[..., 3] = np.where(rng.random((20, 30)) < 0.2, 0, 255)
    labels, _ = napari_kmeans.segment(image, 3, features="eosin", channel_axis=-1)
    assert np.array_equal(labels == 0, image[..., 3] == 0)
    moved, _ = napari_kmeans.segment(np.moveaxis(image, -1, 0), 3, features="eosin", channel_axis=0)
    lazy, _ = napari_kmeans.segment(
        da.from_array(image, chunks=(7, 9, 4)), 3, features="eosin", channel_axis=-1
    )
    assert np.array_equal(moved, labels)
    assert np.array_equal(lazy.compute(), labels)


def test_a_custom_stain_vector_measures_the_amount_of_that_stain():
    """The optical densities of a pixel with this stain only are proportional to the vector."""
    vector = np.array([0.3, 0.8, 0.5])
    amount = np.linspace(0, 1.5, 7)
    image = np.exp(-amount[:, np.newaxis] * vector)[np.newaxis]
    found = amounts(Stain(tuple(vector)), image)[0]
    assert np.diff(found) == pytest.approx(np.diff(found)[0], rel=1e-4)
    assert found[0] == pytest.approx(0, abs=1e-7)
    assert amounts(Stain(tuple(3 * vector)), image)[0] == pytest.approx(found / 3, rel=1e-5)


def test_the_stain_is_saved_in_the_model_file(tmp_path, picture):
    image = picture("immunohistochemistry")[:100, :100]
    labels, model = napari_kmeans.segment(image, 2, features=Stain((0.27, 0.57, 0.78)), channel_axis=-1)
    model.save(tmp_path / "model.json")
    loaded = KMeansModel.load(tmp_path / "model.json")
    assert loaded.recipe.features == Stain((0.27, 0.57, 0.78))
    assert np.array_equal(loaded.predict(image), labels)


def test_several_stains_are_channels(picture):
    """Hematoxylin and DAB together, as the documentation shows."""
    image = picture("immunohistochemistry")[::4, ::4]
    stains = rgb2hed(image)[..., [0, 2]]
    _, model = napari_kmeans.segment(stains, 3, features="channels", channel_axis=-1)
    assert model.n_features == 2


@pytest.mark.parametrize("dtype", ["int16", "uint32"])
def test_types_without_a_white_are_rejected(dtype):
    with pytest.raises(ValueError, match=f"dtype {dtype}.*'dab' needs colours of 8 or 16 bits"):
        napari_kmeans.fit(np.zeros((4, 4, 3), dtype=dtype), 2, features="dab", channel_axis=-1)


def test_gray_images_have_no_stains():
    with pytest.raises(ValueError, match="features='dab'"):
        napari_kmeans.fit(np.zeros((4, 4)), 2, features="dab")


@pytest.mark.parametrize(
    ("vector", "error", "message"),
    [
        ("red", TypeError, "vector='red' must be three optical densities"),
        ((1, 2), TypeError, "three optical densities"),
        ((1, 2, True), TypeError, "three optical densities"),
        ((0, 0, 0), ValueError, "must be 0 or more, and not all 0"),
        ((1, -1, 0), ValueError, "must be 0 or more"),
        ((1, np.nan, 0), ValueError, "must be 0 or more"),
    ],
)
def test_other_vectors_are_rejected(vector, error, message):
    with pytest.raises(error, match=message):
        Stain(vector)


def test_white_contains_no_stain():
    for stain in STAINS:
        assert (amounts(stain, np.full((1, 1, 3), 255, dtype=np.uint8)) == 0).all()
