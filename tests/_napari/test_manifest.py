from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import distribution

import pytest
from napari._app_model.constants import MenuId
from npe2 import PluginManifest

from napari_kmeans._napari.contributions.sample_data import SAMPLES
from napari_kmeans._napari.widgets.kmeans_widget import KMeansWidget


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution("napari-kmeans")


def test_manifest_is_valid_and_everything_in_it_can_be_imported(manifest):
    manifest.validate_imports()  # raises for a python_name that does not lead anywhere
    assert manifest.display_name == "napari-kmeans"
    assert [str(category) for category in manifest.categories] == ["Segmentation"]
    assert "Framework :: napari" in distribution("napari-kmeans").metadata.get_all("Classifier")


def test_command_line_of_npe2_accepts_the_manifest():
    run = subprocess.run(
        [sys.executable, "-m", "npe2", "validate", "napari-kmeans"], capture_output=True, encoding="utf-8"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "valid" in run.stdout


def test_the_declared_commands_are_exactly_those_in_use(manifest):
    contributions = manifest.contributions
    commands = {command.id for command in contributions.commands}
    used = {widget.command for widget in contributions.widgets}
    used |= {sample.command for sample in contributions.sample_data}
    used |= {writer.command for writer in contributions.writers}
    used |= {reader.command for reader in contributions.readers}
    used |= {item.command for items in contributions.menus.values() for item in items}
    assert used == commands


def test_every_menu_of_the_manifest_exists_in_napari(manifest):
    known = {menu.value for menu in MenuId.contributables()}
    assert "napari/layers/segment" in manifest.contributions.menus
    assert set(manifest.contributions.menus) <= known  # others are dropped without a word


def test_the_dock_has_a_parameter_named_napari_viewer():
    # Only a parameter of this name gets the viewer, whatever its annotation.
    assert list(inspect.signature(KMeansWidget.__init__).parameters) == ["self", "napari_viewer"]


def test_samples_of_the_menu_are_those_of_the_command_line(manifest):
    assert {sample.key for sample in manifest.contributions.sample_data} == set(SAMPLES)
