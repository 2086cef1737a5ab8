"""The pooled model of many images is the model of their concatenated pixels."""

from __future__ import annotations

from itertools import count

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.model.pooled import one_per_image

RNG = np.random.default_rng(7)
SHAPES = [(31, 40), (50, 20), (17, 90), (64, 64), (5, 7)]


def images_of(dtype: str) -> list[np.ndarray]:
    """Images of different sizes and different brightness."""
    images = []
    for number, shape in enumerate(SHAPES):
        image = RNG.choice([20.0, 90.0, 200.0], size=shape) + RNG.normal(3 * number, 9, shape)
        if dtype == "uint16":
            image *= 200
        images.append(np.clip(image, 0, 60_000 if dtype != "uint8" else 255).astype(dtype))
    return images


def orders(n: int) -> list[list[int]]:
    """Five orders of n images."""
    rng = np.random.default_rng(1)
    return [list(range(n)), list(range(n))[::-1], *(rng.permutation(n).tolist() for _ in range(3))]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64", "int32"])
@pytest.mark.parametrize("n_clusters", [3, "auto"])
def test_a_pooled_model_is_that_of_the_concatenated_pixels(dtype, n_clusters):
    images = images_of(dtype)
    flat = np.concatenate([image.ravel() for image in images])
    expected_labels, expected = napari_kmeans.segment(flat, n_clusters)
    for order in orders(len(images)):
        labels, model = napari_kmeans.segment([images[i] for i in order], n_clusters)
        assert model.to_json() == expected.to_json()
        assert napari_kmeans.fit([images[i] for i in order], n_clusters).centers.tolist() == (
            model.centers.tolist()
        )
        by_image = dict(zip(order, labels, strict=True))
        joined = np.concatenate([by_image[i].ravel() for i in range(len(images))])
        np.testing.assert_array_equal(joined, expected_labels)


@pytest.mark.parametrize("features", ["rgb", "lab", "channels", "saturation"])
def test_color_images_can_be_pooled(features):
    images = [RNG.integers(0, 256, (*shape, 3), dtype=np.uint8) // 16 * 16 for shape in SHAPES]
    flat = np.concatenate([image.reshape(-1, 3) for image in images])
    options = {"features": features, "channel_axis": -1}
    expected = napari_kmeans.fit(flat, 3, **options)
    for order in orders(len(images)):
        model = napari_kmeans.fit([images[i] for i in order], 3, **options)
        assert model.to_json() == expected.to_json()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_lazy_images_give_the_same_model_and_lazy_labels(dtype):
    images = images_of(dtype)
    expected_labels, expected = napari_kmeans.segment(images, 3)
    for order in orders(len(images)):
        lazy = [da.from_array(images[i], chunks=(16, 25)) for i in order]
        labels, model = napari_kmeans.segment(lazy, 3)
        assert model.to_json() == expected.to_json()
        for position, i in enumerate(order):
            assert isinstance(labels[position], da.Array)
            np.testing.assert_array_equal(labels[position].compute(), expected_labels[i])


def test_masks_nan_and_infinities_are_handled_per_image():
    images = images_of("float32")
    images[1][3:9] = np.nan
    images[2][0, :5] = [np.inf, -np.inf, np.inf, np.nan, 7]
    masks = [None if i % 2 else RNG.random(image.shape) < 0.7 for i, image in enumerate(images)]
    with_all = [np.ones(i.shape, bool) if m is None else m for i, m in zip(images, masks, strict=True)]
    expected = napari_kmeans.fit(
        np.concatenate([i.ravel() for i in images]), 3, mask=np.concatenate([m.ravel() for m in with_all])
    )
    assert napari_kmeans.fit(images, 3, mask=masks).to_json() == expected.to_json()


def test_one_number_is_suggested_for_all_images():
    images = images_of("uint8")
    expected = napari_kmeans.suggest_n_clusters(np.concatenate([i.ravel() for i in images]))
    found = napari_kmeans.suggest_n_clusters(images)
    assert (found.n_clusters, found.inertia) == (expected.n_clusters, expected.inertia)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_with_weights_of_images_each_image_has_the_same_weight(dtype):
    """The reference repeats the pixels of each image so that all images have equally many."""
    images = [image.ravel() for image in images_of(dtype)[:3]]
    images = [images[0][:60], images[1][:120], images[2][:40]]
    flat = np.concatenate([np.tile(image, 120 // image.size) for image in images])
    expected = napari_kmeans.fit(flat, 3)
    for order in ([0, 1, 2], [2, 0, 1]):
        model = napari_kmeans.fit([images[i] for i in order], 3, weights="images")
        np.testing.assert_array_equal(model.centers, expected.centers)
        np.testing.assert_array_equal(model.thresholds, expected.thresholds)
        assert model.explained_variance == pytest.approx(expected.explained_variance, rel=1e-12)
        assert model.inertia == pytest.approx(expected.inertia * 220 / 360, rel=1e-12)
        labels = model.predict(np.concatenate(images))
        assert model.counts.tolist() == np.bincount(labels, minlength=4)[1:].tolist()
    assert napari_kmeans.fit(images, 3).centers.tolist() != expected.centers.tolist()


def test_with_weights_of_images_each_color_image_has_the_same_weight():
    small = np.array([[[250, 0, 0], [0, 250, 0]]], dtype=np.uint8)
    large = np.tile(np.array([[[200, 0, 0], [0, 200, 0]]], dtype=np.uint8), (10, 1, 1))
    model = napari_kmeans.fit([large, small], 2, features="rgb", channel_axis=-1, weights="images")
    assert sorted(model.centers.tolist()) == [[0, 225, 0], [225, 0, 0]]
    assert sorted(model.counts.tolist()) == [11, 11]


def test_transparent_pixels_do_not_affect_the_weight_of_an_image():
    rng = np.random.default_rng(3)
    opaque, half = (rng.integers(0, 255, (20, 30, 4), dtype=np.uint8) for _ in range(2))
    opaque[..., 3] = 255
    half[:, :15, 3], half[:, 15:, 3] = 255, 0
    model = napari_kmeans.fit([opaque, half], 3, features="gray", channel_axis=-1, weights="images")
    visible = half[:, :15]
    expected = napari_kmeans.fit([opaque, visible, visible], 3, features="gray", channel_axis=-1)
    np.testing.assert_array_equal(model.centers, expected.centers)


def test_images_of_one_size_give_the_same_model_with_either_weights():
    images = [RNG.integers(0, 200, (30, 30), dtype=np.uint8) for _ in range(3)]
    of_pixels, of_images = (napari_kmeans.fit(images, 3, weights=w) for w in ("pixels", "images"))
    assert of_images.to_json() == of_pixels.to_json()


def test_a_shared_illumination_is_removed_from_every_image():
    ramp = np.linspace(0, 60, 80)[None, :]
    images = [
        (RNG.choice([60.0, 120.0], size=(60, 80)) + ramp + RNG.normal(0, 2, (60, 80))).astype(np.float32)
        for _ in range(3)
    ]
    labels, model = napari_kmeans.segment(images, 2, illumination="additive")
    assert model.illumination is not None
    assert model.explained_variance > 0.98
    for image, of_image in zip(images, labels, strict=True):
        truth = (image - ramp > 90) + 1
        assert (of_image == truth).mean() > 0.995


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ([np.zeros((3, 3), np.uint8), np.zeros((3, 3), np.uint16)], {}, "image 1 of the list has dtype"),
        ([], {}, "empty list"),
        ([np.eye(3)], {"weights": "area"}, "weights='area' must be one of 'pixels', 'images'"),
        ([np.eye(3)], {"coherence": 1}, "coherence needs a single image"),
        ([np.eye(3)], {"per_axis": 0}, "per_axis is for a single image"),
        ([np.eye(3)], {"mask": np.eye(3)}, "mask must be a list with one entry for each of the 1 images"),
        ([np.eye(3), np.eye(4)], {"illumination": "additive"}, "must have the same shape"),
    ],
)
def test_errors_name_what_is_wrong(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        napari_kmeans.fit(arguments, 2, **options)


def test_progress_ascends_to_the_end():
    seen = []
    napari_kmeans.segment(images_of("float32"), 3, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_the_order_of_many_images_does_not_affect_the_model():
    images = [RNG.integers(0, 1 << 14, (12, 9 + i), dtype=np.uint16) for i in range(20)]
    models = set()
    for order, _ in zip(orders(20), count(), strict=False):
        models.add(napari_kmeans.fit([images[i] for i in order], 5).to_json())
    assert models == {napari_kmeans.fit(np.concatenate([i.ravel() for i in images]), 5).to_json()}


def lit_images(n=3):
    rng = np.random.default_rng(0)
    ramp = np.linspace(-40, 40, 80)
    return [
        np.clip(rng.choice([70, 150], (60, 80)) + ramp + rng.normal(0, 4, (60, 80)), 0, 255).astype(np.uint8)
        for _ in range(n)
    ]


def test_a_shared_field_is_that_of_all_images():
    images = lit_images()
    labels, model = napari_kmeans.segment(images, 2, illumination="additive")
    ramp = np.broadcast_to(np.linspace(-40, 40, 80), (60, 80))
    assert model.illumination_field((60, 80)) == pytest.approx(ramp - ramp.mean(), abs=6)
    for image, found in zip(images, labels, strict=True):
        assert np.array_equal(model.predict(image), found)
    assert model.counts.sum() == 3 * 60 * 80
    counts = sum(np.bincount(found.ravel(), minlength=3) for found in labels)
    assert model.counts.tolist() == counts[1:].tolist()


def test_lazy_images_share_the_same_field():
    images = lit_images()
    model = napari_kmeans.fit(images, 2, illumination="additive")
    lazy = napari_kmeans.fit(
        [da.from_array(image, chunks=(17, 30)) for image in images], 2, illumination="additive"
    )
    assert lazy.to_json() == model.to_json()


def test_masked_pixels_do_not_affect_the_field():
    images = lit_images()
    masks = [np.ones((60, 80), dtype=bool) for _ in images]
    masks[1][:30] = False
    clean = napari_kmeans.fit(images, 2, illumination="additive", mask=masks)
    images[1][:30] = 255
    assert napari_kmeans.fit(images, 2, illumination="additive", mask=masks).to_json() == clean.to_json()


@pytest.mark.parametrize("value", ["abc", [1, 2], np.ones((3, 2))])
def test_a_list_needs_an_entry_per_image(value):
    with pytest.raises(ValueError, match="mask must be a list with one entry for each of the 3 images"):
        one_per_image("mask", value, 3)
    assert one_per_image("mask", None, 2) == [None, None]
