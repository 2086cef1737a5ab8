"""Images with several resolutions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image

from napari_kmeans._napari.layers.image_layer import resolutions_of


def layer_of(gray, **different):
    """The attributes of an Image layer that are read, of a kind that napari does not make itself."""
    names = "data", "multiscale", "rgb", "ndim", "axis_labels", "units", "scale"
    like = Image(gray)
    return SimpleNamespace(**{name: getattr(like, name) for name in names} | different)


@pytest.mark.parametrize("levels", [[1], [1, 1]])
def test_a_multiscale_image_of_one_size_is_an_image(gray, levels):
    found = resolutions_of(layer_of(gray, data=[gray] * len(levels), multiscale=True))
    assert [pixels.shape for pixels in found.pixels] == [gray.shape]
    assert not found.stays_on_demand


def test_levels_are_those_of_the_layer_the_finest_first(gray):
    found = resolutions_of(Image([gray, gray[::2, ::2]], multiscale=True))
    assert [pixels.shape for pixels in found.pixels] == [(40, 50), (20, 25)]
    assert found.finest.shape == (40, 50)
    assert found.stays_on_demand
    assert not found.is_lazy


def test_at_returns_one_position_or_all_of_the_finest_pixels(gray):
    volume = np.stack([gray, gray + 1, gray])
    found = resolutions_of(Image(volume))
    assert found.at(None) is found.finest
    np.testing.assert_array_equal(found.at((0, 1)).image, volume[1])
    np.testing.assert_array_equal(found.at((2, 3)).image, volume[..., 3])
