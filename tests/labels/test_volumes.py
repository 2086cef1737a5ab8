from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.labels.volumes import as_volume


@pytest.mark.parametrize("shape", [(5,), (4, 5), (3, 4, 5)])
def test_added_axes_come_first(shape):
    array = np.arange(np.prod(shape)).reshape(shape)
    volume = as_volume(array)
    assert volume.shape == (1,) * (3 - len(shape)) + shape
    assert np.shares_memory(volume, array)
    assert np.array_equal(volume.ravel(), array.ravel())


def test_a_transposed_array_is_copied():
    array = np.arange(6).reshape(2, 3).T
    volume = as_volume(array)
    assert volume.flags.c_contiguous
    assert np.array_equal(volume[0], array)
