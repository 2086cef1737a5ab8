"""Numbers and clusters in few words."""

from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans._napari.plots.plot_text import cluster_text, features_text, format_count, format_value


@pytest.mark.parametrize(
    ("value", "text"),
    [(104.71, "104.7"), (0.0012345, "0.001234"), (23.1, "23.1"), (1.5e7, "1.5e+07"), (0, "0")],
)
def test_values_are_written_short(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("n", "text"), [(999, "999"), (9_999, "9999"), (12_000, "12k"), (2e6, "2M"), (3e7, "30M"), (3e9, "3G")]
)
def test_counts_are_written_short(n, text):
    assert format_count(n) == text


def test_the_text_of_a_merged_cluster_has_its_name_and_combined_share(gray):
    model = napari_kmeans.fit(gray, 3).with_names(["dark", "gray", "bright"]).merged([[1, 3]])
    model = model.with_background([1])
    share = 100 * model.counts[[0, 2]].sum() / model.counts.sum()
    assert cluster_text(model, 2) == f"dark (background), {share:.1f} % of the image"
    assert cluster_text(model, 1).startswith("gray, ")


def test_with_many_features_only_those_of_the_axes_are_listed():
    values = np.arange(6.0)
    assert features_text("rgb", values[:3], (0, 1)) == "r 0, g 1, b 2"
    assert features_text("abcdef", values, (4, 1)) == "e 4, b 1"
