from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest

from napari_kmeans.io.stored_array import StoredArray


class Fake:
    """An array that cannot be read beyond its first row."""

    shape, ndim, dtype, chunks = (4, 6), 2, np.dtype(np.uint8), (2, 3)

    def __getitem__(self, index: Any) -> np.ndarray:
        if index[0].start:
            raise RuntimeError("checksum\n does not match")
        return np.arange(24, dtype=np.uint8).reshape(4, 6)[index]


def test_shape_and_type_are_those_of_the_array() -> None:
    array = StoredArray(Fake, "x.zarr/0")
    assert (array.shape, array.ndim, array.dtype, array.chunks) == ((4, 6), 2, np.uint8, (2, 3))
    lazy = array.as_dask()
    assert lazy.chunks == ((2, 2), (3, 3))
    assert array.as_dask((4, 6)).npartitions == 1
    assert lazy.name != array.as_dask().name  # the file may have changed


def test_errors_name_the_array_and_the_pixels() -> None:
    array = StoredArray(Fake, "x.zarr/0")
    assert array[0:2, 0:3].tolist() == [[0, 1, 2], [6, 7, 8]]
    with pytest.raises(
        OSError, match=r"^x\.zarr/0: the pixels \[2:4, 0:3\] cannot be read \(checksum does not match\)$"
    ):
        array[2:4, 0:3]


def test_memory_errors_are_not_changed() -> None:
    class Full(Fake):
        def __getitem__(self, index: Any) -> np.ndarray:
            raise MemoryError

    with pytest.raises(MemoryError):
        StoredArray(Full, "x")[0:1, 0:1]


def test_unpickling_opens_the_array_again() -> None:
    again = pickle.loads(pickle.dumps(StoredArray(partial(np.ones, (2, 3)), "x")))
    assert isinstance(again, StoredArray)
    assert again[0:1, 0:2].tolist() == [[1, 1]]
