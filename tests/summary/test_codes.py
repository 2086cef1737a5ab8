from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.summary.codes import Even, Leading, Shifted, deinterleave, interleave


@settings(max_examples=50, deadline=None)  # the first example compiles the kernel
@given(st.integers(2, 3), st.integers(1, 21), st.integers(0, 2**32 - 1))
def test_keys_contain_their_codes_and_dropping_a_bit_halves_one_axis(n_axes, n_bits, seed):
    codes = np.random.default_rng(seed).integers(0, 1 << n_bits, (n_axes, 30)).astype(np.uint64)
    if n_bits <= 8:
        codes = codes.astype(np.uint8)
    keys = interleave(list(codes), n_bits)
    assert np.array_equal(deinterleave(keys, n_axes), codes)
    coarse = deinterleave(keys >> np.uint64(1) << np.uint64(1), n_axes)
    assert np.array_equal(coarse[:-1], codes[:-1])
    assert np.array_equal(coarse[-1], codes[-1] & ~codes.dtype.type(1))


def test_integers_are_shifted_to_start_at_zero():
    coder = Shifted(low=-5, left_shift=2)
    column = np.array([-5, -4, 100], dtype=np.int16)
    codes = coder.codes(column)
    assert codes.tolist() == [0, 4, 105 << 2]
    assert coder.values(codes.astype(float)).tolist() == [-5, -4, 100]
    assert coder.steps(codes.astype(float)).tolist() == [0.25] * 3


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint64])
def test_a_range_is_cut_into_equal_parts(dtype):
    column = np.linspace(10, 1000, 777).astype(dtype)
    coder = Even(column.min().item(), column.max().item(), 8)
    codes = coder.codes(column)
    assert codes.min() == 0
    assert codes.max() <= 255
    assert (np.diff(codes.astype(int)) >= 0).all()
    error = np.abs(coder.values(codes.astype(float)) - column.astype(float))
    assert error.max() <= coder.width * (0.5 + 1e-6)


def leading(dtype, n_bits, column=None):
    """Codes of leading bits, for the values of a column or for all values."""
    dtype = np.dtype(dtype)
    first, last = np.full((2, 1 << 16), [[-np.inf], [np.inf]])
    if column is not None:
        prefix = column.view(f"u{dtype.itemsize}") >> (8 * dtype.itemsize - 16)
        first, last = last, first
        np.minimum.at(first, prefix, column)
        np.maximum.at(last, prefix, column)
    return Leading(dtype, n_bits, first, last)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_leading_bits_ascend_with_the_values(dtype):
    values = np.concatenate([-np.logspace(20, -20, 99), [0.0], np.logspace(-20, 20, 99)]).astype(dtype)
    coder = leading(dtype, 16)
    codes = coder.codes(values)
    assert (np.diff(codes.astype(np.int64)) > 0).all()
    found = coder.values(codes.astype(float))
    nonzero = values != 0
    np.testing.assert_allclose(found[nonzero], values[nonzero], rtol=0.07)
    assert (coder.steps(codes.astype(float))[nonzero] > 0).all()


@pytest.mark.parametrize("value", [1.0, -3.5, 1e-20, 700.0])
def test_a_code_of_leading_bits_has_the_middle_value_of_its_range(value):
    coder = leading(np.float32, 16)
    code = coder.codes(np.array([value], dtype=np.float32)).astype(np.float64)
    low, high = (coder.values(code + part)[0] for part in (1e-10, 1 - 1e-10))
    assert coder.values(code)[0] == pytest.approx((low + high) / 2, rel=1e-9)


@pytest.mark.parametrize("value", [1.0, -3.5, 1e-20, 700.0])
def test_the_step_of_leading_bits_is_the_distance_to_the_next_code(value):
    coder = leading(np.float32, 16)
    code = coder.codes(np.array([value], dtype=np.float32)).astype(np.float64)
    first, last = (coder.values(code + part)[0] for part in (1e-9, 1 - 1e-9))
    assert coder.steps(code)[0] == pytest.approx(last - first, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_leading_bits_of_single_values_give_these_values(dtype):
    column = np.array([1.1, -99.99, 0.0, 1e30, np.finfo(dtype).max, -np.finfo(dtype).max]).astype(dtype)
    coder = leading(dtype, 21, column)
    codes = coder.codes(column).astype(float)
    assert np.array_equal(coder.values(codes), column.astype(float))
    assert not coder.steps(codes).any()
    assert not coder.variance(codes).any()


def test_the_variance_of_leading_bits_is_that_of_evenly_spread_values():
    column = np.linspace(1, 2, 200_001)[:-1]
    coder = leading(np.float64, 10, column)
    codes = coder.codes(column)
    first = codes == codes[0]
    assert first.sum() > 100
    assert coder.variance(codes[:1].astype(float))[0] == pytest.approx(column[first].var(), rel=1e-2)
