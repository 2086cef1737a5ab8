"""One model of several images, with the options that concern their places."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.model.pooled import one_per_image


def images_of(n=3):
    rng = np.random.default_rng(0)
    ramp = np.linspace(-40, 40, 80)
    return [
        np.clip(rng.choice([70, 150], (60, 80)) + ramp + rng.normal(0, 4, (60, 80)), 0, 255).astype(np.uint8)
        for _ in range(n)
    ]


def test_a_shared_field_is_that_of_all_images():
    images = images_of()
    labels, model = napari_kmeans.segment(images, 2, illumination="additive")
    ramp = np.broadcast_to(np.linspace(-40, 40, 80), (60, 80))
    assert model.illumination_field((60, 80)) == pytest.approx(ramp - ramp.mean(), abs=6)
    for image, found in zip(images, labels, strict=True):
        assert np.array_equal(model.predict(image), found)
    assert model.counts.sum() == 3 * 60 * 80
    counts = sum(np.bincount(found.ravel(), minlength=3) for found in labels)
    assert model.counts.tolist() == counts[1:].tolist()


def test_lazy_images_share_the_same_field():
    images = images_of()
    model = napari_kmeans.fit(images, 2, illumination="additive")
    lazy = napari_kmeans.fit(
        [da.from_array(image, chunks=(17, 30)) for image in images], 2, illumination="additive"
    )
    assert lazy.to_json() == model.to_json()


def test_masks_keep_pixels_out_of_the_field():
    images = images_of()
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
