"""Compiled loops over the pixels of a field, compared with the same expressions in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.preprocess import _field_kernels as kernels


def test_products_are_added_one_after_the_other():
    rng = np.random.default_rng(0)
    rows, columns, field = rng.normal(size=(3, 7)), rng.normal(size=(3, 11)), rng.normal(size=(7, 11))
    expected = field.copy()
    for row, column in zip(rows, columns, strict=True):
        expected += row[:, np.newaxis] * column
    kernels.add_products(rows, columns, field)
    assert np.array_equal(field, expected)


@pytest.mark.parametrize("out_type", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float32, np.float64])
@pytest.mark.parametrize("unit", [1.0, 1e-4])
def test_a_field_is_removed_from_each_plane(dtype, out_type, unit):
    rng = np.random.default_rng(1)
    values, field = rng.uniform(0, 200, (3, 5, 9)).astype(dtype), rng.normal(1, 0.1, (5, 9))
    out = np.empty(values.shape, out_type)
    kernels.subtract_field(values, unit, field, out)
    stored = values.astype(np.float64)
    assert np.array_equal(out, (stored * unit - field).astype(out_type))
    kernels.multiply_field(values, unit, field, out)
    assert np.array_equal(out, (stored * unit * field).astype(out_type))


@pytest.mark.parametrize("kernel", [kernels.subtract_field, kernels.multiply_field])
def test_missing_and_infinite_pixels_stay(kernel):
    values = np.array([[[np.nan, np.inf, -np.inf, 1e300]]])
    out = np.empty(values.shape, np.float32)
    kernel(values, 1.0, np.full((1, 4), 1.5), out)
    assert np.isnan(out[0, 0, 0])
    assert out[0, 0, 1:].tolist() == [np.inf, -np.inf, np.inf]
