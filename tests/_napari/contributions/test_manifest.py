from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib.metadata import distribution

import napari.layers
import numpy as np
import pytest
from napari._app_model.constants import MenuId
from npe2 import PluginManifest

from napari_kmeans._napari.contributions.sample_data import SAMPLES
from napari_kmeans._napari.widgets.kmeans_widget import KMeansWidget


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution("napari-kmeans")


SEVERAL = {"fluorescence": ["nuclei", "membranes"]}  # layers of a sample; others have one of its name


def layers_of(function):
    return [napari.layers.Layer.create(*data) for data in function()]


def test_manifest_is_valid_and_everything_in_it_can_be_imported(manifest):
    manifest.validate_imports()  # raises for a python_name that does not lead anywhere
    assert manifest.display_name == "K-means segmentation"
    assert [str(category) for category in manifest.categories] == ["Segmentation"]
    assert "Framework :: napari" in distribution("napari-kmeans").metadata.get_all("Classifier")


def test_command_line_of_npe2_accepts_the_manifest():
    run = subprocess.run(
        [sys.executable, "-m", "npe2", "validate", "napari-kmeans"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "valid" in run.stdout


def test_every_command_is_used_and_every_use_has_its_command(manifest):
    contributions = manifest.contributions
    commands = {command.id for command in contributions.commands}
    used = {widget.command for widget in contributions.widgets}
    used |= {sample.command for sample in contributions.sample_data}
    used |= {writer.command for writer in contributions.writers}
    used |= {item.command for items in contributions.menus.values() for item in items}
    assert used == commands


def test_every_menu_is_one_that_napari_knows(manifest):
    known = {menu.value for menu in MenuId.contributables()}
    assert "napari/layers/segment" in manifest.contributions.menus
    assert set(manifest.contributions.menus) <= known  # others are dropped without a word


def test_dock_is_given_the_viewer_by_name():
    # Only a parameter of this name gets the viewer, whatever its annotation.
    assert list(inspect.signature(KMeansWidget.__init__).parameters) == ["self", "napari_viewer"]


def test_samples_of_the_menu_are_those_of_the_command_line(manifest):
    assert {sample.key for sample in manifest.contributions.sample_data} == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_a_finite_image_that_varies(name):
    layers = layers_of(SAMPLES[name])
    assert [layer.name for layer in layers] == SEVERAL.get(name, [name])
    for layer in layers:
        assert isinstance(layer, napari.layers.Image)
        assert isinstance(layer.data, np.ndarray)
        assert np.isfinite(layer.data).all()
        assert np.ptp(layer.data) > 50


def test_channels_lie_pixel_on_pixel():
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
