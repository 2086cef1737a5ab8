from __future__ import annotations

import numpy as np

from napari_kmeans.labels import _object_kernels as kernels

OBJECTS = np.array([[0, 1, 1], [2, 0, 1]], dtype=np.int32)


def test_coordinates_are_those_of_the_whole_image() -> None:
    n_pixels = np.zeros(3, dtype=np.int64)
    total, first, last = (np.zeros((2, 3), dtype=np.int64) for _ in range(3))
    first[:] = 1000
    shape, begin = np.array([2, 3]), np.array([10, 20])
    kernels.measure_objects(OBJECTS.reshape(-1), shape, begin, n_pixels, total, first, last)
    assert n_pixels.tolist() == [3, 1, 0]
    assert total.tolist() == [[10 + 10 + 11, 11, 0], [21 + 22 + 22, 20, 0]]
    assert first.tolist() == [[10, 11, 1000], [21, 20, 1000]]
    assert last.tolist() == [[11, 11, 0], [22, 20, 0]]


def test_an_object_with_a_missing_pixel_has_no_intensity() -> None:
    total, lowest, highest = np.zeros(2), np.full(2, np.inf), np.full(2, -np.inf)
    values = np.array([[9.0, 3.0, 1.0], [5.0, np.nan, 2.0]])
    kernels.measure_intensities(OBJECTS.reshape(-1), values.reshape(-1), total, lowest, highest)
    assert (total.tolist(), lowest.tolist(), highest.tolist()) == ([6, 5], [1, 5], [3, 5])
    for missing in ((0, 1), (0, 2), (1, 2)):
        total, lowest, highest = np.zeros(2), np.full(2, np.inf), np.full(2, -np.inf)
        known = np.ones((2, 3))
        known[missing] = np.nan
        kernels.measure_intensities(OBJECTS.reshape(-1), known.reshape(-1), total, lowest, highest)
        assert np.isnan([total[0], lowest[0], highest[0]]).all()
        assert [total[1], lowest[1], highest[1]] == [1, 1, 1]
