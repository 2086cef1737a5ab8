"""The pixels of an Image layer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_kmeans._napari.layers.image_layer import resolutions_of


@pytest.fixture
def viewer():
    return ViewerModel()


def test_pixels_of_colours_have_their_channels_last(viewer, colored):
    pixels = resolutions_of(viewer.add_image(colored, rgb=True)).finest
    assert pixels.shape == colored.shape[:2]
    assert pixels.n_channels == 3


def test_a_stack_of_three_planes_is_no_colour_image(viewer, colored):
    assert resolutions_of(viewer.add_image(colored, rgb=False)).finest.n_channels is None


def layer_of(gray, **different):
    """The attributes of an Image layer that are read, of a kind that napari does not make itself."""
    names = "data", "multiscale", "rgb", "ndim", "axis_labels", "units", "scale"
    like = Image(gray)
    return SimpleNamespace(**{name: getattr(like, name) for name in names} | different)


def test_images_that_cannot_be_clustered_are_refused_with_a_way_out(gray):
    # Napari has no layer for these yet.
    layer = layer_of(gray, data=gray * 1j)
    with pytest.raises(TypeError, match=r"complex128.*numpy\.abs"):
        resolutions_of(layer)
