from __future__ import annotations

import threading

import dask.array as da
import numpy as np
import pytest
import zarr

import napari_kmeans
from napari_kmeans.blocks.arrays import as_dask, as_readable, check_image, in_memory


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([[1, 2]], "image must be a NumPy, dask or zarr array, not builtins.list"),
        (np.float32(3), "image must be a NumPy, dask or zarr array"),
        (np.zeros(3, complex), "complex128.*numpy.abs"),
        (np.zeros(3, object), "dtype object"),
        (np.zeros(3, "datetime64[s]"), "datetime64"),
        (np.array(["a"]), "dtype <U1"),
        (np.ma.masked_array([1, 2], [True, False]), "mask=~image.mask"),
    ],
)
def test_only_arrays_of_real_numbers_are_accepted(image, message):
    with pytest.raises(TypeError, match=message):
        check_image(image)


def test_invalid_lazy_arrays_are_rejected_before_they_are_read():
    lazy = da.from_array(np.zeros((4, 5), complex), chunks=2)
    with pytest.raises(TypeError, match="image has dtype complex128"):
        napari_kmeans.fit(lazy)
    masked = da.ma.masked_less(da.ones((4, 5), chunks=2), 0)
    with pytest.raises(TypeError, match="masked array"):
        napari_kmeans.fit(masked)


def test_chunks_of_unknown_size_are_rejected():
    values = da.arange(100, chunks=10)
    with pytest.raises(ValueError, match=r"unknown size; call image\.compute_chunk_sizes\(\) first"):
        napari_kmeans.fit(values[values > 50], 2)
    labels = values.astype(np.uint8)
    with pytest.raises(ValueError, match=r"call labels\.compute_chunk_sizes\(\) first"):
        napari_kmeans.clean_labels(labels[labels > 50], min_size=3)
    assert napari_kmeans.fit(values[values > 50].compute_chunk_sizes(), 2).counts.sum() == 49


def test_zarr_arrays_are_read_with_dask_in_their_own_chunks():
    stored = zarr.create_array(
        zarr.storage.MemoryStore(), shape=(7, 9), chunks=(3, 4), dtype="u1", zarr_format=2
    )
    stored[...] = np.arange(63).reshape(7, 9)
    lazy = as_readable(stored)
    assert isinstance(lazy, da.Array)
    assert lazy.chunks == ((3, 3, 1), (4, 4, 1))
    assert np.array_equal(in_memory(lazy), np.arange(63).reshape(7, 9))
    sharded = zarr.create_array(
        zarr.storage.MemoryStore(), shape=(8, 8), chunks=(2, 2), shards=(4, 8), dtype="u1"
    )
    assert as_readable(sharded).chunks == ((4, 4), (8,))


def test_arrays_in_memory_are_not_copied():
    image = np.zeros((3, 4))
    assert as_readable(image) is image
    assert in_memory(image) is image
    lazy = da.from_array(image)
    assert as_readable(lazy) is lazy
    assert as_readable([[1, 2]]).tolist() == [[1, 2]]


def test_dask_arrays_are_computed_on_the_calling_thread():
    threads = []

    def remember(block):
        threads.append(threading.get_ident())
        return block

    lazy = da.zeros((4, 4), chunks=2).map_blocks(remember, dtype=float, meta=np.empty((0, 0)))
    assert isinstance(in_memory(lazy), np.ndarray)
    assert set(threads) == {threading.get_ident()}


@pytest.mark.parametrize("make", [np.asarray, da.from_array])
def test_arrays_become_dask_arrays_with_given_chunks(make):
    array = np.arange(20).reshape(4, 5)
    chunked = as_dask(make(array), ((1, 3), (5,)))
    assert chunked.chunks == ((1, 3), (5,))
    np.testing.assert_array_equal(chunked.compute(), array)
