"""Fields fitted together with clusters: real pictures, planted fields, and independence of the container."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score

import napari_kmeans
from napari_kmeans import Illumination, KMeansModel

KINDS = ("additive", "multiplicative")


def classes_of(shape=(150, 180), n_classes=3, seed=0):
    """Return smooth regions as labels from 0."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 5)
    return np.searchsorted(np.quantile(smooth, np.arange(1, n_classes) / n_classes), smooth)


def light_of(shape=(150, 180)):
    """Return a smooth field, -1 to 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    field = x + 0.6 * y * x - 0.8 * y**2
    return 2 * (field - field.min()) / np.ptp(field) - 1


def scene(kind="additive", seed=0, strength=1.0, noise=4.0, **kwargs):
    """Return an unevenly lit image and its classes."""
    truth = classes_of(seed=seed, **kwargs)
    clean = 80.0 + 50 * truth
    light = strength * light_of(truth.shape)
    lit = clean + 60 * light if kind == "additive" else clean * np.exp(0.5 * light)
    return lit + np.random.default_rng(seed).normal(0, noise, truth.shape), truth


def agreement(labels, truth):
    return adjusted_rand_score(truth.ravel(), np.asarray(labels).ravel())


# Real pictures


@pytest.fixture(scope="module")
def coins_truth(picture):
    """Return the mask of the coins, segmented as in the tutorial of scikit-image."""
    from skimage.filters import sobel
    from skimage.segmentation import watershed

    image = picture("coins")
    markers = np.where(image < 30, 1, np.where(image > 150, 2, 0))
    return ndimage.binary_fill_holes(watershed(sobel(image), markers) == 2)


def dice(found, truth):
    return 2 * np.sum(found & truth) / (found.sum() + truth.sum())


def tiles(image, n_rows, n_columns):
    return [t for row in np.array_split(image, n_rows) for t in np.array_split(row, n_columns, axis=1)]


def test_coins_are_separated_from_their_background(picture, coins_truth):
    plain, _ = napari_kmeans.segment(picture("coins"), 2)
    labels, model = napari_kmeans.segment(picture("coins"), 2, illumination="additive")
    assert dice(plain == 2, coins_truth) < 0.9
    assert dice(labels == 2, coins_truth) >= 0.97
    filled = ndimage.binary_fill_holes(labels == 2)
    _, sizes = np.unique(ndimage.label(filled)[0], return_counts=True)
    assert np.sum(sizes[1:] >= 150) == 24
    assert 0.05 < model.illumination.explained_variance < 0.3


def test_the_shadow_on_a_page_is_removed_and_letters_are_kept(picture):
    from skimage.filters import threshold_local

    image = picture("page")
    plain, _ = napari_kmeans.segment(image, 2)
    labels, _ = napari_kmeans.segment(image, 2, illumination="additive")
    ink = image < threshold_local(image, 35, offset=12)
    assert dice(plain == 1, ink) < 0.6
    assert dice(labels == 1, ink) > 0.85
    # Every part of the page has its letters, about as many as expected.
    for part, expected in zip(*(tiles(each, 3, 4) for each in (labels == 1, ink)), strict=True):
        n_letters = ndimage.label(expected)[1]
        if n_letters > 10:
            assert dice(part, expected) > 0.5
            assert ndimage.label(part)[1] == pytest.approx(n_letters, rel=0.35)


def test_units_and_order_of_the_image_are_kept(picture):
    """Centres and thresholds of the corrected image stay close to those of the image."""
    model = napari_kmeans.fit(picture("coins"), 2, illumination="additive")
    corrected = picture("coins") - model.illumination_field(picture("coins").shape)
    labels = model.predict(picture("coins"))
    for number in (1, 2):
        assert corrected[labels == number].mean() == pytest.approx(model.centers[number - 1, 0], abs=0.01)
    assert model.counts.tolist() == np.bincount(labels.ravel(), minlength=3)[1:].tolist()
    assert np.mean(model.illumination_field(picture("coins").shape)) == pytest.approx(0, abs=5)


# Planted fields


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_field_is_found(kind, n_classes, seed):
    image, truth = scene(kind, seed, n_classes=n_classes)
    plain, _ = napari_kmeans.segment(image, n_classes)
    labels, model = napari_kmeans.segment(image, n_classes, illumination=kind)
    assert agreement(plain, truth) < 0.8
    assert agreement(labels, truth) > 0.95
    found = model.illumination_field(image.shape)
    planted = light_of(image.shape)
    planted = 60 * planted if kind == "additive" else np.exp(0.5 * planted)
    assert np.corrcoef(found.ravel(), planted.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_removing_an_absent_field_costs_little_accuracy(kind):
    for seed in range(4):
        image, truth = scene(kind, seed, strength=0)
        plain, _ = napari_kmeans.segment(image, 3)
        labels, _ = napari_kmeans.segment(image, 3, illumination=kind)
        assert agreement(labels, truth) > agreement(plain, truth) - 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_the_field_does_not_depend_on_k(kind):
    image, _ = scene(kind)
    fields = {napari_kmeans.fit(image, k, illumination=kind).illumination.coefficients for k in (2, 3, 7)}
    assert len(fields) == 1


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_field_follows_the_units_of_the_image(factor):
    image, truth = scene()
    one = napari_kmeans.fit(image, 3, illumination="additive")
    labels, other = napari_kmeans.segment(image * factor, 3, illumination="additive")
    expected = one.illumination_field(image.shape) * factor
    assert other.illumination_field(image.shape) == pytest.approx(expected, abs=1e-3 * 60 * factor)
    assert agreement(labels, truth) > 0.95


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_image_has_no_field(kind, value):
    image = np.full((20, 20), value, dtype=np.uint8)
    if kind == "multiplicative" and value == 0:
        with pytest.raises(ValueError, match=r"no pixels to fit an illumination field to.*values above 0"):
            napari_kmeans.fit(image, 1, illumination=kind)
        return
    model = napari_kmeans.fit(image, 1, illumination=kind)
    assert model.centers.tolist() == [[value]]
    assert model.illumination.explained_variance == 0


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (3, 3), (400,)])
def test_small_and_narrow_images_have_a_field(shape):
    image = np.random.default_rng(0).normal(100, 10, shape)
    labels, model = napari_kmeans.segment(image, 2, illumination="additive")
    assert labels.shape == model.illumination_field(shape).shape == shape
    assert set(np.unique(labels)) == {1, 2}


# Pixels that are not included


def test_masked_missing_and_excluded_pixels_do_not_affect_the_field():
    image, truth = scene(noise=2.0)
    image = image.astype(np.float32)
    hole = np.zeros(image.shape, dtype=bool)
    hole[20:70, 30:110] = True
    models = {}
    for name, filler in (("zeros", 0.0), ("bright", 5000.0), ("nan", np.nan)):
        changed = np.where(hole, np.float32(filler), image)
        keywords = {} if name == "nan" else {"mask": ~hole}
        labels, models[name] = napari_kmeans.segment(changed, 3, illumination="additive", **keywords)
        assert (labels[hole] == 0).all()
        assert agreement(labels[~hole], truth[~hole]) > 0.95
    excluded = napari_kmeans.fit(np.where(hole, np.float32(0), image), 3, illumination="additive", exclude=0)
    documents = {model.to_json() for model in models.values()}
    assert len(documents) == 1
    assert excluded.illumination == models["nan"].illumination


def test_negative_pixels_do_not_affect_a_multiplicative_field():
    image, truth = scene("multiplicative")
    image[:30] = -5.0
    labels, _ = napari_kmeans.segment(image, 4, illumination="multiplicative")
    assert (labels[:30] == 1).all()
    assert agreement(labels[30:], truth[30:]) > 0.95


# Stacks, lists, channels, colours


def test_planes_of_a_stack_share_a_field():
    image, truth = scene()
    stack = np.stack([image, image[:, ::-1] * 0 + image + 3, image - 3])
    labels, model = napari_kmeans.segment(stack, 3, illumination="additive")
    field = model.illumination_field(stack.shape)
    assert np.array_equal(field[0], field[2])
    assert agreement(labels[1], truth) > 0.95


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_each_position_along_an_axis_has_its_own_field(axis):
    image, truth = scene()
    mirrored = image[:, ::-1]
    stack = np.stack([image, mirrored], axis=axis)
    labels, models = napari_kmeans.segment(stack, 3, illumination="additive", per_axis=axis)
    assert models[0].illumination != models[1].illumination
    for position, (picture, classes) in enumerate(((image, truth), (mirrored, truth[:, ::-1]))):
        alone, model = napari_kmeans.segment(picture, 3, illumination="additive")
        assert np.array_equal(labels.take(position, axis), alone)
        assert models[position].illumination == model.illumination
        assert agreement(alone, classes) > 0.95


def test_images_of_one_list_share_a_field():
    images, truths = zip(*(scene(seed=seed) for seed in range(3)), strict=True)
    labels, model = napari_kmeans.segment(list(images), 3, illumination="additive")
    for found, truth in zip(labels, truths, strict=True):
        assert agreement(found, truth) > 0.95
    assert np.array_equal(model.predict(images[1]), labels[1])
    suggestion = napari_kmeans.suggest_n_clusters(list(images), illumination="additive")
    assert suggestion.n_clusters == 3
    # The field is estimated from all images, which is better than from a small one.
    planted = 60 * light_of()
    assert np.corrcoef(model.illumination_field(planted.shape).ravel(), planted.ravel())[0, 1] > 0.99


def test_images_of_several_shapes_have_no_common_field():
    image, _ = scene()
    with pytest.raises(
        ValueError, match=r"images have the shapes \(150, 100\), \(150, 180\), but images that share"
    ):
        napari_kmeans.fit([image, image[:, :100]], 3, illumination="additive")


def test_each_channel_has_its_own_field():
    first, truth = scene()
    second, _ = scene()
    second = second[:, ::-1]
    image = np.stack([first, second])
    labels, model = napari_kmeans.segment(
        image, 9, features="channels", channel_axis=0, illumination="additive", random_state=1
    )
    fields = model.illumination_field(first.shape)
    assert fields.shape == (*first.shape, 2)
    planted = 60 * light_of()
    for field, expected in zip(np.moveaxis(fields, -1, 0), (planted, planted[:, ::-1]), strict=True):
        assert np.corrcoef(field.ravel(), expected.ravel())[0, 1] > 0.98
    both = 3 * truth + truth[:, ::-1]
    assert agreement(labels, both) > 0.9


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
@pytest.mark.parametrize("features", ["rgb", "lab"])
def test_colors_share_one_factor(features, dtype):
    truth = classes_of()
    colors = np.array([[0.2, 0.25, 0.2], [0.4, 0.35, 0.3], [0.5, 0.6, 0.55]])
    light = np.exp(0.5 * light_of())
    image = colors[truth] * light[..., np.newaxis] + np.random.default_rng(0).normal(
        0, 0.01, (*truth.shape, 3)
    )
    image = np.clip(image, 0, 1)
    if dtype == "uint8":
        image = np.rint(image * 255).astype(np.uint8)
    keywords = {"features": features, "channel_axis": -1}
    plain, _ = napari_kmeans.segment(image, 3, **keywords)
    labels, model = napari_kmeans.segment(image, 3, illumination="multiplicative", **keywords)
    assert model.illumination_field(truth.shape).shape == truth.shape
    assert agreement(plain, truth) < 0.9
    assert agreement(labels, truth) > 0.95
    assert np.corrcoef(model.illumination_field(truth.shape).ravel(), light.ravel())[0, 1] > 0.97


def test_feature_spaces_without_a_field_are_rejected():
    image = np.zeros((9, 9, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"additive illumination.*features='rgb'; use 'multiplicative'"):
        napari_kmeans.fit(image, 2, features="rgb", channel_axis=-1, illumination="additive")
    with pytest.raises(ValueError, match="cannot be removed for features='texture'; cluster by intensity"):
        napari_kmeans.fit(np.zeros((9, 9)), 2, features="texture", illumination="additive")


# The result does not depend on how pixels are read


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_lazy_images_have_the_same_bits(kind, dtype):
    image, _ = scene(kind)
    image = np.clip(image, 0, 255).astype(dtype)
    mask = np.ones(image.shape, dtype=bool)
    mask[:, :20] = False
    lazy = da.from_array(image, chunks=(37, 50))
    labels, model = napari_kmeans.segment(image, 4, illumination=kind, mask=mask)
    other_labels, other = napari_kmeans.segment(lazy, 4, illumination=kind, mask=mask)
    assert other.to_json() == model.to_json()
    assert isinstance(other_labels, da.Array)
    assert np.array_equal(other_labels.compute(), labels)


def test_memory_layout_and_byte_order_do_not_matter():
    image, _ = scene()
    image = image.astype(np.float32)
    document = napari_kmeans.fit(image, 3, illumination="additive").to_json()
    for other in (np.asfortranarray(image), image.astype(">f4"), np.repeat(image, 2, axis=1)[:, ::2]):
        assert napari_kmeans.fit(other, 3, illumination="additive").to_json() == document


def test_samples_of_large_images_do_not_depend_on_blocks():
    """The image has more pixels than the sample."""
    image, _ = scene(shape=(700, 900))
    image = np.clip(image, 0, 255).astype(np.uint8)
    model = napari_kmeans.fit(image, 3, illumination="additive")
    for chunks in ((700, 900), (64, 900), (333, 100)):
        other = napari_kmeans.fit(da.from_array(image, chunks=chunks), 3, illumination="additive")
        assert other.to_json() == model.to_json()


def test_a_saved_model_labels_the_same(tmp_path):
    image, _ = scene("multiplicative")
    labels, model = napari_kmeans.segment(image, 3, illumination=Illumination("multiplicative", 5))
    model.save(tmp_path / "model.json")
    loaded = KMeansModel.load(tmp_path / "model.json")
    assert loaded.illumination == model.illumination
    assert loaded.illumination.degree == 5
    assert np.array_equal(loaded.predict(image), labels)
    with pytest.raises(
        ValueError, match=r"spatial shape \(150, 170\).*fitted to \(150, 180\); fit the image itself"
    ):
        loaded.predict(image[:, 10:])


def test_the_error_for_a_model_without_a_field_explains_how_to_fit_one():
    model = napari_kmeans.fit(np.arange(9.0), 2)
    with pytest.raises(ValueError, match="no illumination field; fit with illumination='additive'"):
        model.illumination_field((9,))


def test_progress_covers_the_fit_of_the_field():
    image, _ = scene()
    seen = []
    napari_kmeans.fit(image, 3, illumination="additive", progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("value", [65535, 20000])
def test_a_few_hot_pixels_do_not_affect_the_field(value):
    y, x = np.mgrid[:120, :150]
    image = np.select([x < 50, x < 100], [100.0, 300], 700) + 120 * (y / 120 - 0.5)
    image = (image + np.random.default_rng(2).normal(0, 8, x.shape)).astype(np.uint16)
    expected = napari_kmeans.fit(image, 3, illumination="additive").illumination_field(image.shape)
    image[::40, ::50] = value
    model = napari_kmeans.fit(image, 4, illumination="additive")
    np.testing.assert_allclose(model.illumination_field(image.shape), expected, atol=8)
    np.testing.assert_allclose(model.centers[:3, 0], [100, 300, 700], atol=5)
    assert napari_kmeans.suggest_illumination(image) == "additive"
