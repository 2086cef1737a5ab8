"""Whether settings suit an image is known before a pixel is read."""

from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.layers.suitability import check_settings, is_suitable
from napari_kmeans.features.channels import Channels
from napari_kmeans.features.color import RGB, Lab
from napari_kmeans.features.gray import Gray
from napari_kmeans.features.texture import Texture
from napari_kmeans.model.recipe import Recipe
from napari_kmeans.preprocess.illumination import Illumination

GRAY = Image(np.zeros((20, 24), np.uint8))
COLORS = Image(np.zeros((20, 24, 3), np.uint8), rgb=True)
VOLUME = Image(np.zeros((4, 20, 24), np.uint16))


def asked(features=None, **fields):
    return LayerRecipe(Recipe(features=features or Gray()), **fields)


@pytest.mark.parametrize(
    ("image", "settings"),
    [
        (GRAY, asked()),
        (GRAY, asked(Texture(), smooth=2.0)),
        (GRAY, asked(coherence=1.0)),
        (GRAY, asked(Channels(), channels=(GRAY, GRAY))),
        (COLORS, asked(Lab())),
        (COLORS, asked(Channels())),
        (VOLUME, asked(per_axis=0)),
        (GRAY, asked().with_recipe(exclude=("saturated",)).with_edits(thresholds=(3.0, 4.0))),
    ],
)
def test_settings_that_the_dock_offers_suit_the_image(image, settings):
    check_settings(image, settings)
    assert is_suitable(image, settings)


@pytest.mark.parametrize(
    ("image", "settings", "reason"),
    [
        (GRAY, asked(Lab()), "“Colour \\(Lab\\)” needs a colour image"),
        (GRAY, asked(Channels()), "“Channels” needs several image layers or a colour image"),
        (GRAY, asked(per_axis=0), "no planes that can have their own clusters"),
        (GRAY, asked(Channels(), channels=(GRAY, VOLUME)), "different shapes"),
        (
            COLORS,
            asked(RGB()).with_recipe(illumination=Illumination("additive")),
            "an additive illumination field cannot be fitted",
        ),
        (COLORS, asked(RGB(), coherence=1.0), "coherence needs a single feature"),
        (
            COLORS,
            asked(RGB()).with_edits(centers=((1.0,) * 5, (2.0,) * 5), scales=(1.0,) * 5),
            "the clusters have 5 features per pixel, and the image has 3 features per pixel",
        ),
        (COLORS, asked(RGB()).with_edits(thresholds=(3.0, 4.0)), "the clusters have 1 feature per pixel"),
        (
            Image(np.zeros((20, 24), np.float32)),
            asked().with_recipe(exclude=("saturated",)),
            "needs integers, but image has dtype float32",
        ),
    ],
)
def test_other_settings_are_refused_with_a_reason(image, settings, reason):
    with pytest.raises(ValueError, match=reason):
        check_settings(image, settings)
    assert not is_suitable(image, settings)


def test_no_pixel_of_a_lazy_image_is_read():
    read = []

    def note(block):
        read.append(block.shape)
        return block

    lazy = da.zeros((20, 24), chunks=5).map_blocks(note, dtype=float, meta=np.zeros((0, 0)))
    image = Image(lazy, contrast_limits=(0, 1))
    read.clear()  # what napari shows
    check_settings(image, asked())
    with pytest.raises(ValueError, match="coherence needs the whole image in memory"):
        check_settings(image, replace(asked(), coherence=1.0))
    assert not read
