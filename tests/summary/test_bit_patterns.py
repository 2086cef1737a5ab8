from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.summary.bit_patterns import bit_lengths, bits_of, level_values, range_widths, step_sizes


@pytest.mark.parametrize("dtype", ["int8", "int16", "float16"])
def test_level_values_are_those_of_all_bit_patterns(dtype):
    levels = level_values(np.dtype(dtype))
    assert levels.size == 1 << 8 * np.dtype(dtype).itemsize
    values = np.array([0, 1, 100, -3]).astype(dtype)
    assert np.array_equal(levels[bits_of(values)], values.astype(np.float64))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_lead_to_the_next_bit_pattern(dtype):
    values = np.array([1.0, 1.5, 2.0, np.nextafter(dtype(2), dtype(0)), 0.0, 1e-40, -3.0, -4.0], dtype=dtype)
    bits = bits_of(values)
    following = (bits + bits.dtype.type(1)).view(dtype).astype(np.float64)
    assert np.array_equal(step_sizes(values.dtype, bits.astype(np.uint64)), following - values)
    assert np.array_equal(step_sizes(np.dtype(np.int32), bits.astype(np.uint64)), np.ones(values.size))


def test_a_range_includes_the_last_pattern():
    first, last = (
        np.array([float(end)], dtype=np.float32).view(np.uint32).astype(np.uint64) for end in (1, 2)
    )
    assert range_widths(np.dtype(np.float32), first, last) == 1 + 2.0**-23
    assert range_widths(np.dtype(np.uint32), first, last) == float(last[0] - first[0]) + 1


def test_bit_lengths_are_exact_where_float64_rounds_up():
    numbers = [0, 1, 2, 3, 4, 2**53 + 1, 2**60 - 1, 2**60, 2**63 - 1]
    lengths = bit_lengths(np.array(numbers, dtype=np.uint64))
    assert lengths.tolist() == [number.bit_length() for number in numbers]
