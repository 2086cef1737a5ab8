from __future__ import annotations

import threading

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.boxes import (
    sampled_windows,
)
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.kmeans.exact_clusterings import ExactClusterings
from napari_kmeans.summary.scalar import ScalarSummary
from napari_kmeans.summary.summarize import summarize
from napari_kmeans.summary.vector import VectorSummary


def image_of(kind: str):
    """An image with missing, infinite or transparent pixels, and its channel axis."""
    rng = np.random.default_rng(7)
    gray = rng.choice([20.0, 90.0, 200.0], size=(180, 250)) + rng.normal(0, 9, (180, 250))
    if kind.startswith("rgb"):
        colors = np.clip(gray[..., np.newaxis] * [1, 0.7, 0.4], 0, 255)
        if kind == "rgba":
            colors = np.concatenate([colors, rng.integers(0, 2, (180, 250, 1)) * 255], axis=-1)
        return (colors / 255).astype("f4") if kind == "rgb float" else colors.astype("u1"), -1
    if kind.startswith("float"):
        gray[rng.random(gray.shape) < 0.01] = np.nan
        gray[3, 4], gray[5, 6] = np.inf, -np.inf
        return gray.astype(kind), None
    return np.clip(gray, 0, 255).astype(kind), None


def test_an_estimate_reads_few_pixels_and_is_close():
    rng = np.random.default_rng(2)
    image = (rng.choice([20, 90, 200], size=(3000, 3000)) + rng.normal(0, 9, (3000, 3000))).astype("f4")
    estimate = summarize(Pixels.of(da.from_array(image, chunks=500)), estimate=True)
    assert estimate.n_pixels == sum(image[window].size for window in sampled_windows(image.shape)) < 3e5
    centers = ExactClusterings(estimate).clustering(3).centers
    assert np.allclose(centers, napari_kmeans.fit(image, 3).centers, rtol=0.01)
    assert summarize(Pixels.of(image), estimate=True).values.tolist() == estimate.values.tolist()


def test_no_block_is_read_after_a_cancel(monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1250)
    read, lock = [], threading.Lock()

    def remember(block):
        with lock:
            read.append(block.shape)
        return block

    image, _ = image_of("uint8")
    lazy = da.from_array(image, chunks=(5, 250)).map_blocks(
        remember, dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )

    def cancel(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        summarize(Pixels.of(lazy), cancel)
    n_read = sum(rows for rows, _ in read)
    assert n_read < 180
    assert napari_kmeans.fit(lazy, 3).counts.sum() == image.size


@pytest.mark.parametrize(
    ("dtype", "features", "kind"),
    [("uint8", "gray", ScalarSummary), ("float32", "gray", ScalarSummary), ("uint8", "rgb", VectorSummary)],
)
def test_the_features_decide_the_kind_of_summary(dtype, features, kind):
    image = np.random.default_rng(0).integers(0, 200, (20, 30, 3)).astype(dtype)
    summary = summarize(Pixels.of(image, features=features, channel_axis=-1))
    assert isinstance(summary, kind)
    assert summary.n_pixels == 600


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_progress_never_falls_over_all_passes(dtype, monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1 << 16)
    image = np.random.default_rng(0).lognormal(3, 1, (1000, 800)).clip(0, 250).astype(dtype)
    shares = []
    summarize(Pixels.of(image), shares.append)
    assert shares == sorted(shares)
    assert len(shares) >= 12
    assert 0.5 < shares[-1] <= 1
    if dtype == "uint8":  # a single pass
        assert shares == [pytest.approx((i + 1) / len(shares)) for i in range(len(shares))]


@pytest.mark.parametrize("nth", [0, 1, 14])
def test_any_pass_can_be_cancelled(nth, monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 1 << 16)
    image = np.random.default_rng(0).lognormal(3, 1, (1000, 800))
    calls = []

    def cancel(share):
        calls.append(share)
        if len(calls) > nth:
            raise Cancelled

    with pytest.raises(Cancelled):
        summarize(Pixels.of(image), cancel)
    assert len(calls) == nth + 1


def test_an_image_without_finite_pixels_is_rejected():
    with pytest.raises(ValueError, match="no pixels to cluster: all are NaN, infinite, transparent"):
        summarize(Pixels.of(np.full((3, 4), np.nan)))
