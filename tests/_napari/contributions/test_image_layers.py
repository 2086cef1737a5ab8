"""Images from files as data of layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_kmeans._napari.contributions.image_layers import layers_of
from napari_kmeans.io.image_file import ImageFile

DATA = np.random.default_rng(0).integers(0, 255, (4, 20, 30), dtype=np.uint8)


def image_of(data, axes, **options):
    return ImageFile(Path("cells.tif"), data, axes, {"Y": 0.5, "X": 0.25}, "um", **options)


def test_an_image_without_channels_is_a_layer():
    [(data, keywords, kind)] = layers_of(image_of(DATA[0], "YX"))
    np.testing.assert_array_equal(data, DATA[0])
    assert (keywords["name"], keywords["scale"], kind) == ("cells", (0.5, 0.25), "image")


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("DAPI", "GFP"), ["DAPI", "GFP"]), ((), ["cells, channel 1", "cells, channel 2"])],
)
def test_each_channel_is_a_layer_with_its_own_colormap(names, expected):
    layers = layers_of(image_of(DATA[:2], "CYX", channel_names=names))
    assert [keywords["name"] for _, keywords, _ in layers] == expected
    assert len({keywords["colormap"] for _, keywords, _ in layers}) == 2
    for (data, keywords, _), channel in zip(layers, DATA, strict=False):
        np.testing.assert_array_equal(data, channel)
        assert keywords["scale"] == (0.5, 0.25)


def test_channels_of_a_pyramid_are_pyramids():
    image = image_of(DATA[:2], "CYX", coarser=[DATA[:2, ::2, ::2]])
    for (levels, keywords, _), channel in zip(layers_of(image), DATA, strict=False):
        assert keywords["multiscale"]
        np.testing.assert_array_equal(levels[0], channel)
        np.testing.assert_array_equal(levels[1], channel[::2, ::2])


def test_many_channels_remain_an_axis_of_one_layer():
    spectrum = np.zeros((7, 4, 5), dtype=np.uint8)
    [(data, _, _)] = layers_of(image_of(spectrum, "CYX"))
    assert data.shape == spectrum.shape
