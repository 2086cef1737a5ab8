from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.model import _kernels

N = 1000
MASKS = pytest.mark.parametrize("masked", [False, True])
FLOATS = {"float32": np.int32, "float64": np.int64}
INTEGERS = {"int8": np.int8, "uint8": np.int8, "int16": np.int16, "uint16": np.int16, "int32": np.int32} | {
    "uint32": np.int32, "int64": np.int64, "uint64": np.int64,
}  # fmt: skip


def some_mask(masked: bool):
    return np.random.default_rng(1).integers(0, 2, N, dtype=np.uint8) * 255 if masked else None


@MASKS
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_labels_are_read_from_a_lookup_table(dtype, masked):
    rng = np.random.default_rng(0)
    raw = rng.integers(0, np.iinfo(dtype).max + 1, N).astype(dtype)
    table = rng.integers(0, 9, np.iinfo(dtype).max + 1, dtype=np.uint8)
    include, out = some_mask(masked), np.full(N, 77, dtype=np.uint8)
    _kernels.label_by_table(raw, include, table, out)
    assert np.array_equal(out, table[raw] if include is None else np.where(include > 0, table[raw], 0))


def keys_of(values, signed):
    """Return keys that ascend with the values and the parameters that define them."""
    kind = values.dtype.kind
    inverted = signed(np.iinfo(signed).max if kind == "f" else 0)
    flipped = signed(np.iinfo(signed).min if kind == "u" else 0)
    bits = values.view(signed)
    return np.where(bits < 0, bits ^ inverted, bits) ^ flipped, inverted, flipped


@MASKS
@pytest.mark.parametrize("n_cuts", [0, 1, 5, 40])
@pytest.mark.parametrize(("dtype", "signed"), [*FLOATS.items(), *INTEGERS.items()])
def test_labels_are_the_number_of_thresholds_below(dtype, signed, n_cuts, masked):
    rng = np.random.default_rng(n_cuts)
    dtype = np.dtype(dtype)
    values = rng.integers(0, 256, N * dtype.itemsize, dtype=np.uint8).view(dtype)
    if dtype.kind == "f":
        values[::3] = rng.normal(0, 1, values[::3].size)
        values[:4] = np.nan, -np.nan, np.inf, -np.inf
        ends = np.array([-np.inf, np.inf], dtype=dtype)
    else:
        ends = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype=dtype)
    cuts = np.sort(values[np.isfinite(values)][:n_cuts])
    keys, inverted, flipped = keys_of(np.append(ends, cuts), signed)
    least, most, *keys = keys
    order = (inverted, flipped, least, most)
    include = some_mask(masked)
    expected = 3 + np.searchsorted(cuts, values, side="left")
    expected[np.isnan(values)] = 0
    if include is not None:
        expected[include == 0] = 0
    labels = np.full(N, 77, dtype=np.uint8)
    some, others = tuple([*keys, *[most] * 7][:7]), (*keys[7:], most)
    _kernels.label_by_thresholds(values.view(signed), include, order, some, 3, labels)
    _kernels.add_thresholds(values.view(signed), order, others, labels)
    assert np.array_equal(labels, expected)
