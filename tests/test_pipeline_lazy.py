"""Lazy images: the same result to the last bit, independently of storage and chunks."""

from __future__ import annotations

import tracemalloc

import dask.array as da
import numpy as np
import pytest
import zarr

import napari_kmeans
from napari_kmeans.blocks import loop

CHUNKS = {
    "one chunk": (180, 250),
    "rows": (7, 250),
    "columns": (180, 11),
    "tiles": (64, 64),
    "ragged": ((1, 100, 79), (200, 3, 47)),
}


IMAGES = ["uint8", "int16", "uint32", "int64", "float16", "float32", "float64", "rgb", "rgba", "rgb float"]


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


def as_zarr(image, chunks, zarr_format):
    store = zarr.storage.MemoryStore()
    array = zarr.create_array(
        store, shape=image.shape, chunks=chunks, dtype=image.dtype, zarr_format=zarr_format
    )
    array[...] = image
    return array


def assert_same(expected, found):
    (labels, model), (lazy, other) = expected, found
    assert isinstance(lazy, da.Array)
    assert lazy.dtype == np.uint8
    assert np.array_equal(lazy.compute(scheduler="threads"), labels)
    assert other.to_json() == model.to_json()


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("kind", IMAGES)
def test_dask_arrays_give_the_same_as_numpy_arrays(kind, chunks):
    image, channel_axis = image_of(kind)
    shape = CHUNKS[chunks] + ((-1,) if channel_axis else ())
    lazy = da.from_array(image, chunks=shape)
    found = napari_kmeans.segment(lazy, 3, channel_axis=channel_axis)
    assert_same(napari_kmeans.segment(image, 3, channel_axis=channel_axis), found)
    assert found[0].chunks == lazy.chunks[:2]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("kind", ["uint8", "float32", "rgb"])
def test_zarr_arrays_give_the_same_as_numpy_arrays(kind, zarr_format):
    image, channel_axis = image_of(kind)
    stored = as_zarr(image, (50, 60, 3)[: image.ndim], zarr_format)
    found = napari_kmeans.segment(stored, 3, channel_axis=channel_axis)
    assert_same(napari_kmeans.segment(image, 3, channel_axis=channel_axis), found)
    assert found[0].chunksize == (50, 60)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_memory_maps_give_the_same_as_arrays(kind, n_threads, tmp_path, monkeypatch):
    image, _ = image_of(kind)
    expected = napari_kmeans.segment(image, 3)
    monkeypatch.setattr(loop, "N_THREADS", n_threads)
    np.save(tmp_path / "image.npy", image)
    labels, model = napari_kmeans.segment(np.load(tmp_path / "image.npy", mmap_mode="r"), 3)
    assert np.array_equal(labels, expected[0])
    assert model.to_json() == expected[1].to_json()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_channel_axis_can_be_chunked(axis):
    colors, _ = image_of("rgb")
    lazy = da.from_array(np.moveaxis(colors, -1, axis), chunks=(2, 90, 90))
    labels, _ = napari_kmeans.segment(lazy, 3, channel_axis=axis)
    assert np.array_equal(labels.compute(), napari_kmeans.segment(colors, 3, channel_axis=-1)[0])


@pytest.mark.parametrize("channel_axis", [None, -1])
@pytest.mark.parametrize("lazy_mask", [False, True])
def test_masks_can_be_lazy(lazy_mask, channel_axis):
    image, _ = image_of("rgb" if channel_axis else "uint8")
    mask = np.random.default_rng(1).random((180, 250)) < 0.5
    expected = napari_kmeans.segment(image, 3, mask=mask, channel_axis=channel_axis)
    given = da.from_array(mask.astype(np.int32), chunks=(17, 250)) if lazy_mask else mask
    lazy = da.from_array(image, chunks=(64, 64, -1)[: image.ndim])
    assert_same(expected, napari_kmeans.segment(lazy, 3, mask=given, channel_axis=channel_axis))


def test_the_suggestion_for_a_lazy_image_is_the_same():
    image, _ = image_of("uint8")
    assert napari_kmeans.suggest_n_clusters(da.from_array(image, chunks=50)) == (
        napari_kmeans.suggest_n_clusters(image)
    )


def test_memory_does_not_grow_with_the_image():
    def block(block_info=None):
        shape = block_info[None]["chunk-shape"]
        place = block_info[None]["array-location"][0][0]
        rows = np.arange(shape[0], dtype=np.uint8)[:, np.newaxis]
        return np.tile(rows + np.uint8(place % 5), (1, shape[1]))

    rows = da.map_blocks(
        block, chunks=((500,) * 40, (2000,)), dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    assert rows.nbytes == 40_000_000
    napari_kmeans.fit(rows[:500])  # imports libraries and starts thread pools
    tracemalloc.start()
    model = napari_kmeans.fit(rows, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert model.counts.sum() == rows.size
    assert peak < rows.nbytes * 0.75


def test_a_read_error_is_raised_and_the_next_run_works():
    image, _ = image_of("uint8")

    def fail(block, block_info=None):
        if block_info[0]["chunk-location"] == (1, 1):
            raise OSError("chunk 1.1 is truncated")
        return block

    broken = da.from_array(image, chunks=60).map_blocks(fail, dtype=np.uint8, meta=np.empty((0, 0), np.uint8))
    with pytest.raises(OSError, match=r"chunk 1\.1 is truncated"):
        napari_kmeans.fit(broken, 3)
    assert napari_kmeans.fit(da.from_array(image, chunks=60), 3).n_clusters == 3


@pytest.mark.parametrize("features", ["gray", "texture"])
def test_regions_of_a_lazy_series_are_cleaned_while_its_models_are_computed(features, monkeypatch):
    monkeypatch.setattr(loop, "N_THREADS", 2)
    series = np.random.default_rng(3).integers(0, 256, (4, 48, 48)).astype(np.uint8)
    options = {"features": features, "clean_up": napari_kmeans.CleanUp(min_size=5)}
    labels, _ = napari_kmeans.segment(series, 3, per_axis=0, **options)
    lazy, _ = napari_kmeans.segment(da.from_array(series, chunks=(1, 24, 24)), 3, per_axis=0, **options)
    np.testing.assert_array_equal(lazy.compute(), labels)
