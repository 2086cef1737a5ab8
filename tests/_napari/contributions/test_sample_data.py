"""Sample images."""

from __future__ import annotations

import os
import subprocess
import sys

import napari.layers
import numpy as np
import pytest

from napari_kmeans._napari.contributions.sample_data import SAMPLES

SEVERAL = {"fluorescence": ["nuclei", "membranes"]}  # layers of a sample; others have one of its name


def layers_of(function):
    return [napari.layers.Layer.create(*data) for data in function()]


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_a_finite_image_that_varies(name):
    layers = layers_of(SAMPLES[name])
    assert [layer.name for layer in layers] == SEVERAL.get(name, [name])
    for layer in layers:
        assert isinstance(layer, napari.layers.Image)
        assert isinstance(layer.data, np.ndarray)
        assert np.isfinite(layer.data).all()
        assert np.ptp(layer.data) > 50


def test_channels_have_the_same_shape_and_extent():
    nuclei, membranes = layers_of(SAMPLES["fluorescence"])
    assert nuclei.data.shape == membranes.data.shape
    np.testing.assert_array_equal(nuclei.extent.world, membranes.extent.world)


def test_samples_in_colour_are_shown_in_colour():
    assert [name for name in SAMPLES if layers_of(SAMPLES[name])[0].rgb] == ["astronaut", "tissue"]


def test_sample_volume_has_sizes_units_and_axis_names():
    [layer] = layers_of(SAMPLES["cells"])
    assert layer.ndim == 3
    assert layer.data.dtype == np.uint16
    assert tuple(layer.scale) == (0.5, 0.2, 0.2)
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 3
    assert layer.axis_labels == ("z", "y", "x")


def test_samples_need_no_download(tmp_path):
    # A process of its own with empty caches: an earlier download would hide the need for one.
    program = (
        "import socket\n"
        "def refuse(*_): raise OSError('no network in this test')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from napari_kmeans._napari.contributions.sample_data import SAMPLES\n"
        "for function in SAMPLES.values(): function()\n"
    )
    places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "SKIMAGE_DATADIR"), str(tmp_path))
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **places}, check=True, timeout=60)
