from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_kmeans._napari.session import preferences
from napari_kmeans._napari.session.preferences import Preferences


@pytest.fixture
def stored(npe2pm, plugin_settings):
    """Napari's own settings of the plugin, in a folder of this test."""
    from napari.settings import get_plugin_settings
    from npe2 import PluginManifest

    npe2pm.register(PluginManifest.from_distribution("napari-kmeans"))
    return get_plugin_settings("napari-kmeans").dock


def test_defaults_of_manifest_and_dock_are_the_same(stored):
    assert preferences.load() == Preferences()


def test_saved_preferences_are_loaded_again(stored):
    preferences.save(live=False, palette="viridis")
    assert preferences.load() == Preferences(live=False, palette="viridis")
    assert not stored.live


def test_preferences_are_read_from_the_plugin_settings(stored):
    stored.n_clusters, stored.opacity, stored.k_max = 7, 0.8, 20
    assert preferences.load() == Preferences(n_clusters=7, opacity=0.8, k_max=20)


def test_without_plugin_settings_the_defaults_are_used(npe2pm, plugin_settings):
    preferences.save(live=False)  # nowhere to
    assert preferences.load() == Preferences()


def test_invalid_preferences_are_replaced(monkeypatch):
    dock = SimpleNamespace(n_clusters=1000, live=True, palette="puce", opacity=-1, k_max=0)
    monkeypatch.setattr("napari.settings.get_plugin_settings", lambda _: SimpleNamespace(dock=dock))
    assert preferences.load() == Preferences(n_clusters=255, palette="distinct", opacity=0, k_max=2)
