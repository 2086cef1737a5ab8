"""Images that are not in memory: the same result to the last bit, however they are kept and read."""

from __future__ import annotations

import threading
import tracemalloc

import dask
import dask.array as da
import numpy as np
import pytest
import zarr

import napari_kmeans
from napari_kmeans.blocks import loop as blocks
from napari_kmeans.blocks.loop import Cancelled, boxes, summarize, windows
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.kmeans.clustering import ExactClusterings

CHUNKS = {
    "one chunk": (180, 250),
    "rows": (7, 250),
    "columns": (180, 11),
    "tiles": (64, 64),
    "ragged": ((1, 100, 79), (200, 3, 47)),
}
IMAGES = ["uint8", "int16", "uint32", "int64", "float16", "float32", "float64", "rgb", "rgba", "rgb float"]


def image_of(kind: str):
    """A picture with all that needs care in it, and its channel axis."""
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
def test_dask_arrays_give_what_numpy_arrays_give(kind, chunks):
    image, channel_axis = image_of(kind)
    shape = CHUNKS[chunks] + ((-1,) if channel_axis else ())
    lazy = da.from_array(image, chunks=shape)
    found = napari_kmeans.segment(lazy, 3, channel_axis=channel_axis)
    assert_same(napari_kmeans.segment(image, 3, channel_axis=channel_axis), found)
    assert found[0].chunks == lazy.chunks[:2]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("kind", ["uint8", "float32", "rgb"])
def test_zarr_arrays_give_what_numpy_arrays_give(kind, zarr_format):
    image, channel_axis = image_of(kind)
    stored = as_zarr(image, (50, 60, 3)[: image.ndim], zarr_format)
    found = napari_kmeans.segment(stored, 3, channel_axis=channel_axis)
    assert_same(napari_kmeans.segment(image, 3, channel_axis=channel_axis), found)
    assert found[0].chunksize == (50, 60)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_memory_maps_and_threads_give_what_arrays_give(kind, n_threads, tmp_path, monkeypatch):
    image, _ = image_of(kind)
    expected = napari_kmeans.segment(image, 3)
    monkeypatch.setattr(blocks, "N_THREADS", n_threads)
    np.save(tmp_path / "image.npy", image)
    labels, model = napari_kmeans.segment(np.load(tmp_path / "image.npy", mmap_mode="r"), 3)
    assert np.array_equal(labels, expected[0])
    assert model.to_json() == expected[1].to_json()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_channel_axis_may_be_any_and_cut_into_chunks(axis):
    colors, _ = image_of("rgb")
    lazy = da.from_array(np.moveaxis(colors, -1, axis), chunks=(2, 90, 90))
    labels, _ = napari_kmeans.segment(lazy, 3, channel_axis=axis)
    assert np.array_equal(labels.compute(), napari_kmeans.segment(colors, 3, channel_axis=-1)[0])


@pytest.mark.parametrize("channel_axis", [None, -1])
@pytest.mark.parametrize("lazy_mask", [False, True])
def test_masks_may_be_lazy_or_not(lazy_mask, channel_axis):
    image, _ = image_of("rgb" if channel_axis else "uint8")
    mask = np.random.default_rng(1).random((180, 250)) < 0.5
    expected = napari_kmeans.segment(image, 3, mask=mask, channel_axis=channel_axis)
    given = da.from_array(mask.astype(np.int32), chunks=(17, 250)) if lazy_mask else mask
    lazy = da.from_array(image, chunks=(64, 64, -1)[: image.ndim])
    assert_same(expected, napari_kmeans.segment(lazy, 3, mask=given, channel_axis=channel_axis))


def test_the_suggestion_is_the_same():
    image, _ = image_of("uint8")
    assert napari_kmeans.suggest_n_clusters(da.from_array(image, chunks=50)) == (
        napari_kmeans.suggest_n_clusters(image)
    )


def test_stacks_have_models_made_when_they_are_looked_at():
    volume = np.random.default_rng(0).integers(0, 255, (5, 30, 40), dtype=np.uint8)
    read = []

    def remember(block, block_info=None):
        read.append(block_info[0]["chunk-location"][0])
        return block

    lazy = da.from_array(volume, chunks=(1, 30, 40)).map_blocks(remember, dtype=np.uint8)
    stack = napari_kmeans.fit(lazy, 3, per_axis=0)
    assert len(stack) == 5
    assert not read
    expected = napari_kmeans.fit(volume, 3, per_axis=0)
    assert stack[-2].to_json() == expected[3].to_json()
    assert set(read) == {3}
    labels = stack.merged([[1, 2]]).predict(lazy)
    assert labels.chunks == lazy.chunks
    assert np.array_equal(labels[3].compute(), expected.merged([[1, 2]]).predict(volume)[3])
    assert set(read) == {3}
    assert np.array_equal(labels.compute(), expected.merged([[1, 2]]).predict(volume))
    assert [model.to_json() for model in stack] == [model.to_json() for model in expected]


def test_a_stack_of_models_made_on_demand_can_be_saved(tmp_path):
    volume = np.random.default_rng(0).integers(0, 255, (3, 8, 9), dtype=np.uint8)
    napari_kmeans.fit(da.from_array(volume, chunks=4), 2, per_axis=0).save(tmp_path / "stack.json")
    again = napari_kmeans.KMeansStack.load(tmp_path / "stack.json")
    assert np.array_equal(again.predict(volume), napari_kmeans.segment(volume, 2, per_axis=0)[0])


def test_an_estimate_reads_little_and_comes_near():
    rng = np.random.default_rng(2)
    image = (rng.choice([20, 90, 200], size=(3000, 3000)) + rng.normal(0, 9, (3000, 3000))).astype("f4")
    estimate = summarize(Pixels.of(da.from_array(image, chunks=500)), estimate=True)
    assert estimate.n_pixels == sum(image[window].size for window in windows(image.shape)) < 3e5
    centers = ExactClusterings(estimate).clustering(3).centers
    assert np.allclose(centers, napari_kmeans.fit(image, 3).centers[:, 0], rtol=0.01)
    assert summarize(Pixels.of(image), estimate=True).values.tolist() == estimate.values.tolist()


def test_only_what_is_looked_at_is_labelled():
    image, _ = image_of("uint8")
    labels, _ = napari_kmeans.segment(da.from_array(image, chunks=(60, 50)), 3)
    asked = labels[:60, :50]
    assert len(dask.optimize(asked)[0].__dask_graph__()) < 10
    assert np.array_equal(asked.compute(), napari_kmeans.segment(image, 3)[0][:60, :50])


def test_memory_stays_flat():
    def block(block_info=None):
        shape = block_info[None]["chunk-shape"]
        place = block_info[None]["array-location"][0][0]
        rows = np.arange(shape[0], dtype=np.uint8)[:, np.newaxis]
        return np.tile(rows + np.uint8(place % 5), (1, shape[1]))

    rows = da.map_blocks(
        block, chunks=((500,) * 40, (2000,)), dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    assert rows.nbytes == 40_000_000
    napari_kmeans.fit(rows[:500])  # imports and pools
    tracemalloc.start()
    model = napari_kmeans.fit(rows, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert model.counts.sum() == rows.size
    assert peak < rows.nbytes * 0.75


def test_boxes_never_cut_a_chunk():
    chunks = ((100, 30, 70), (64,) * 5, (8, 8))
    cut = boxes((200, 320, 16), 40_000, chunks)
    seen = np.zeros((200, 320, 16), dtype=int)
    ends = [{0, *np.cumsum(side).tolist()} for side in chunks]
    for box in cut:
        seen[box] += 1
        assert all({side.start, side.stop} <= end for side, end in zip(box, ends, strict=True))
    assert (seen == 1).all()
    # As large as may be, but not smaller than a chunk.
    assert max(seen[box].size for box in cut) <= 100 * 64 * 16
    assert len(boxes((200, 320, 16), 1 << 30, chunks)) == 1


def test_a_block_that_cannot_be_read_is_told_of_and_the_next_run_works():
    image, _ = image_of("uint8")

    def fail(block, block_info=None):
        if block_info[0]["chunk-location"] == (1, 1):
            raise OSError("chunk 1.1 is truncated")
        return block

    broken = da.from_array(image, chunks=60).map_blocks(fail, dtype=np.uint8, meta=np.empty((0, 0), np.uint8))
    with pytest.raises(OSError, match=r"chunk 1\.1 is truncated"):
        napari_kmeans.fit(broken, 3)
    assert napari_kmeans.fit(da.from_array(image, chunks=60), 3).n_clusters == 3


def test_cancelling_reads_no_further_block(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_PIXELS", 1250)
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


def test_what_cannot_be_clustered_is_refused_before_anything_is_read():
    lazy = da.from_array(np.zeros((4, 5), complex), chunks=2)
    with pytest.raises(TypeError, match="image has dtype complex128"):
        napari_kmeans.fit(lazy)
    masked = da.ma.masked_less(da.ones((4, 5), chunks=2), 0)
    with pytest.raises(TypeError, match="masked array"):
        napari_kmeans.fit(masked)
