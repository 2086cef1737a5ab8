"""Intervals of thresholds and shares, found on request and shown in table, CSV and histogram."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel
from skimage import data

import napari_kmeans

pytestmark = pytest.mark.thorough


@pytest.fixture
def coins():
    return data.coins()[::2, ::2]


@pytest.fixture
def dock(viewer, open_dock, settle, coins):
    viewer.add_image(coins, name="coins")
    dock = open_dock()
    dock.n_clusters.value = 3
    settle(dock)
    return dock


def test_intervals_equal_those_of_python(dock, settle, coins):
    dock.menu.intervals.trigger()
    settle(dock)
    with pytest.warns(UserWarning, match="too narrow"):
        found = napari_kmeans.fit(coins, 3).uncertainty(coins)
    assert "intervals are too narrow" in dock.status.text()
    np.testing.assert_allclose(dock.histogram.intervals, found.thresholds)
    tip = dock.table.item(0, 1).toolTip()
    low, high = 100 * found.shares[0]
    assert f"share {low:.3g} to {high:.3g} % (95 % interval)" in tip
    assert f"upper threshold {found.thresholds[0, 0]:.6g}" in tip


def test_intervals_are_in_the_table_that_is_saved(dock, settle, tmp_path, monkeypatch):
    dock.menu.intervals.trigger()
    settle(dock)
    path = tmp_path / "clusters.csv"
    monkeypatch.setattr(
        "napari_kmeans._napari.widgets.files_and_clipboard.QFileDialog.getSaveFileName",
        lambda *_: (str(path), "CSV (*.csv)"),
    )
    dock.actions.save_table()
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert all(float(row["share_low"]) < float(row["share"]) < float(row["share_high"]) for row in rows)
    assert float(rows[0]["up_to_low"]) < float(rows[0]["up_to"]) < float(rows[0]["up_to_high"])


def test_intervals_are_kept_for_the_clusters_they_were_computed_for(dock, settle):
    dock.menu.intervals.trigger()
    settle(dock)
    dock.n_clusters.value = 4
    settle(dock)
    assert len(dock.histogram.intervals) == 0
    assert "interval" not in dock.table.item(0, 1).toolTip()
    dock.n_clusters.value = 3
    settle(dock)
    assert len(dock.histogram.intervals) == 2


def test_replacing_the_data_removes_the_intervals(dock, settle, viewer, coins):
    dock.menu.intervals.trigger()
    settle(dock)
    viewer.layers["coins"].data = coins.copy()
    settle(dock)
    assert len(dock.histogram.intervals) == 0


def test_with_coherence_the_dock_explains_why_there_are_none(dock, settle):
    dock.coherence.value = 1
    settle(dock)
    dock.menu.intervals.trigger()
    settle(dock)
    assert "fit with coherence=0" in dock.status.text()


def test_the_gap_statistic_is_computed_on_demand(dock, settle, coins):
    def reason():
        return " ".join(label.text() for label in dock.choose_k.findChildren(QLabel))

    assert "Gap statistic" not in reason()
    assert dock.tabs.currentWidget() is not dock.choose_k
    dock.menu.second_opinion.trigger()
    settle(dock)
    assert dock.tabs.currentWidget() is dock.choose_k
    expected = napari_kmeans.suggest_n_clusters(coins, method="gap").reason
    assert f"Gap statistic: {expected}" in reason()
    assert napari_kmeans.suggest_n_clusters(coins).reason in reason()
    dock.smooth.value = 2
    settle(dock)
    assert "Gap statistic" not in reason()


def test_a_second_opinion_does_not_stop_the_intervals(dock, settle):
    dock.menu.intervals.trigger()
    dock.menu.second_opinion.trigger()
    settle(dock)
    assert dock.session.uncertainty is not None
    assert dock.session.opinion is not None
