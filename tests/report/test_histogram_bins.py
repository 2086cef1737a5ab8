from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.report.histogram_bins import N_BINS, bin_summary, labels_of_bins
from napari_kmeans.summary.summarize import summarize


def summary_of(image):
    return summarize(Pixels.of(np.asarray(image)))


def test_integers_have_one_bin_each():
    image = np.array([3, 3, 4, 7, 7, 7], dtype=np.uint8)
    edges, counts = bin_summary(summary_of(image))
    assert edges.tolist() == [2.5, 3.5, 4.5, 5.5, 6.5, 7.5]
    assert counts.tolist() == [2, 1, 0, 0, 3]


def test_all_levels_of_eight_bits_fit(picture):
    everything = np.concatenate([np.arange(256, dtype=np.uint8), picture("coins").ravel()])
    _, counts = bin_summary(summary_of(everything))
    assert counts.tolist() == np.bincount(everything, minlength=256).tolist()
    assert counts.size == N_BINS


@pytest.mark.parametrize("top", [256, 300, 400, 1000, 4095, 65535])
def test_bins_contain_equally_many_levels(top):
    # Otherwise, evenly distributed integers would have bins of unequal heights.
    even = np.arange(top + 1, dtype=np.uint16)
    edges, counts = bin_summary(summary_of(even))
    assert counts.size <= N_BINS
    assert counts.sum() == top + 1
    assert len(set(counts[:-1])) == 1
    np.testing.assert_allclose(np.diff(edges), np.diff(edges)[0])


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(0).normal(size=5000),
        np.random.default_rng(0).lognormal(size=5000).astype(np.float32),
        np.random.default_rng(0).integers(0, 5000, 9000).astype(np.uint16),
        np.array([1.5, 1.5]),
        np.array([2**60, 2**60 + 1, 2**60 + 9]),
    ],
    ids=["normal", "skewed", "uint16", "constant", "large int64"],
)
def test_bins_are_equal_and_contain_nearly_all_pixels(image):
    edges, counts = bin_summary(summary_of(image))
    assert 1 <= counts.size <= N_BINS
    assert edges.size == counts.size + 1
    assert (np.diff(edges) > 0).all()
    np.testing.assert_allclose(np.diff(edges), np.diff(edges)[0], rtol=1e-6)
    assert 0.99 * image.size <= counts.sum() <= image.size


@pytest.mark.parametrize("far", [1e9, -1e9, 1e30])
def test_an_outlier_does_not_compress_the_rest(far):
    image = np.append(np.random.default_rng(0).normal(size=20_000), far)
    edges, counts = bin_summary(summary_of(image))
    assert abs(edges).max() < 10
    assert counts.sum() >= 0.999 * image.size
    assert (counts > 0).sum() > 100


def test_bins_are_labelled_by_their_centres():
    model = napari_kmeans.fit(np.array([[0, 10, 20]], np.uint8), 3).with_background([1]).merged([[2, 3]])
    assert model.thresholds.tolist() == [5, 15]
    assert labels_of_bins(np.array([0.0, 9.0, 13.0, 30.0]), model).tolist() == [0, 2, 2]
    assert labels_of_bins(np.array([0.0, 9.0, 13.0, 30.0]), model.merged([])).tolist() == [0, 2, 3]
