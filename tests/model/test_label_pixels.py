from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans.blocks import loop
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.blocks.progress import Cancelled
from napari_kmeans.model.label_pixels import count_pixels, label_in_memory, label_lazily
from napari_kmeans.model.labellers import scalar_labeller


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


def test_only_requested_chunks_are_labelled():
    image, _ = image_of("uint8")
    labels, _ = napari_kmeans.segment(da.from_array(image, chunks=(60, 50)), 3)
    asked = labels[:60, :50]
    assert len(dask.optimize(asked)[0].__dask_graph__()) < 10
    assert np.array_equal(asked.compute(), napari_kmeans.segment(image, 3)[0][:60, :50])


@pytest.fixture
def pixels():
    image, _ = image_of("float32")
    return Pixels.of(image, mask=np.random.default_rng(1).random(image.shape) < 0.9)


@pytest.fixture
def labeller(pixels):
    return scalar_labeller([50.0, 150.0], np.arange(4, dtype=np.uint8), pixels.value_format)


def test_labels_are_counted_while_labelling(pixels, labeller, monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 2000)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 2000)
    labels, counts = label_in_memory(pixels, labeller, n_counted=3)
    assert np.array_equal(
        labels,
        np.where(pixels.mask, 1 + np.digitize(pixels.image, [50, 150], right=True), 0)
        * ~np.isnan(pixels.image),
    )
    assert counts.tolist() == np.bincount(labels.ravel(), minlength=4)[1:].tolist()
    assert label_in_memory(pixels, labeller)[1].size == 0


@pytest.mark.parametrize("lazy", [False, True])
def test_pixels_are_counted_without_keeping_the_labels(pixels, labeller, lazy):
    labels, expected = label_in_memory(pixels, labeller, n_counted=3)
    given = pixels.as_lazy() if lazy else pixels
    shares = []
    assert np.array_equal(count_pixels(given, labeller, 3, shares.append), expected)
    assert shares[-1] == 1
    infinite = np.isinf(pixels.image)
    expected = np.bincount(labels[infinite], minlength=4)[1:]
    assert expected.sum() >= 1
    assert np.array_equal(count_pixels(given, labeller, 3, infinite=True), expected)


@pytest.mark.parametrize("chunks", [(180, 250), (7, 11), ((1, 100, 79), (200, 3, 47))])
@pytest.mark.parametrize("smooth", [0, 3, (50, 0)])
def test_lazy_labels_equal_labels_in_memory(chunks, smooth):
    image, _ = image_of("float32")
    mask = np.random.default_rng(1).random(image.shape) < 0.9
    whole = Pixels.of(image, mask=mask, smooth=smooth)
    label = scalar_labeller([50.0, 150.0], np.arange(4, dtype=np.uint8), whole.value_format)
    lazy = Pixels.of(da.from_array(image, chunks=chunks), mask=mask, smooth=smooth)
    labels = label_lazily(lazy, label)
    assert labels.chunks == lazy.chunks
    assert labels.dtype == np.uint8
    assert np.array_equal(labels.compute(), label_in_memory(whole, label)[0])


def test_labelling_can_be_cancelled(pixels, labeller, monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 2000)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 2000)

    def cancel(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        label_in_memory(pixels, labeller, cancel)
    with pytest.raises(Cancelled):
        count_pixels(pixels, labeller, 3, cancel)
