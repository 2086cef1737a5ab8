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


def test_the_last_axis_of_a_colour_layer_is_the_channel_axis(viewer, colored):
    pixels = resolutions_of(viewer.add_image(colored, rgb=True)).finest
    assert pixels.shape == colored.shape[:2]
    assert pixels.n_channels == 3


def test_a_stack_of_three_planes_is_not_a_colour_image(viewer, colored):
    assert resolutions_of(viewer.add_image(colored, rgb=False)).finest.n_channels is None


def layer_of(gray, **different):
    """The attributes of an Image layer that are read, of a kind that napari does not make itself."""
    names = "data", "multiscale", "rgb", "ndim", "axis_labels", "units", "scale"
    like = Image(gray)
    return SimpleNamespace(**{name: getattr(like, name) for name in names} | different)


def test_the_error_for_a_complex_image_suggests_numpy_abs(gray):
    # Napari has no layer for these yet.
    layer = layer_of(gray, data=gray * 1j)
    with pytest.raises(TypeError, match=r"complex128.*numpy\.abs"):
        resolutions_of(layer)
