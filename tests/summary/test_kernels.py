from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_kmeans.features.feature_space import ScalarFormat
from napari_kmeans.summary import _kernels
from napari_kmeans.summary.bit_cells import CellsPlan, _prefix_shift, first_plan
from napari_kmeans.summary.scalar import MAX_POINTS

N = 2000
MASKS = pytest.mark.parametrize("masked", [False, True])


def some_mask(n: int, masked: bool):
    return np.random.default_rng(1).integers(0, 2, n, dtype=np.uint8) * 255 if masked else None


def chosen(raw, include):
    return raw if include is None else raw[include > 0]


@MASKS
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_values_are_counted(dtype, masked):
    raw = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, N).astype(dtype)
    include = some_mask(N, masked)
    counts = np.zeros(np.iinfo(dtype).max + 1, dtype=np.uint32)
    _kernels.count_values(raw, include, counts)
    assert np.array_equal(counts, np.bincount(chosen(raw, include), minlength=counts.size))


def some_values(dtype):
    """Values over many octaves, of both signs, with repetitions."""
    rng = np.random.default_rng(2)
    values = np.append(rng.normal(0, 1, N // 2), rng.lognormal(3, 4, N // 2))
    if np.dtype(dtype).kind != "f":
        values = np.clip(values * 1000, -(2**30), 2**30)
        if np.dtype(dtype).kind == "u":
            values = np.abs(values)
    return np.append(values.astype(dtype), np.array([7, 7, 7, 0], dtype=dtype))


@MASKS
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint32", "uint64"])
def test_prefixes_are_counted_with_their_extreme_values(dtype, masked):
    values = some_values(dtype)
    include = some_mask(values.size, masked)
    if values.dtype.kind == "f":
        raw = values.view(f"u{values.itemsize}")
        prefix_shift = np.uint64(8 * values.itemsize - 16)
        prefix = raw >> raw.dtype.type(prefix_shift)
    else:
        raw, prefix_shift = values, None
        prefix = values.astype(np.int64).astype(np.float32).view(np.uint32) >> 16
    counts, least, most = np.zeros((3, 1 << 16), dtype=np.uint64)
    least[:] = np.iinfo(np.uint64).max
    _kernels.count_prefixes(raw, include, prefix_shift, counts, least, most)
    used, prefix = chosen(raw, include).astype(np.uint64), chosen(prefix, include)
    assert np.array_equal(counts, np.bincount(prefix.astype(np.int64), minlength=1 << 16))
    for each in np.unique(prefix):
        assert least[each] == used[prefix == each].min()
        assert most[each] == used[prefix == each].max()


def cells_of(values) -> CellsPlan:
    plan = first_plan(ScalarFormat(values.dtype))
    repeated = np.resize(values, MAX_POINTS + 1)  # fewer values are listed
    cells = plan.finalize(plan.count(repeated, None))
    assert isinstance(cells, CellsPlan)
    return cells


@np.errstate(over="ignore")  # sums are modulo 2^64
@MASKS
@pytest.mark.parametrize("n_levels", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_cells_are_counted_and_summed(dtype, n_levels, masked):
    values = some_values(dtype)
    plan = cells_of(values)
    for _ in range(n_levels - 1):  # divide every cell into about four
        entry = np.arange(plan.first.size)
        bits = np.minimum(np.frexp((plan.last - plan.first).astype(float))[1], 2)
        plan = CellsPlan.cut(plan.scalar, plan.levels, entry, plan.first, plan.last, bits)
    raw = values.view(f"u{values.itemsize}")
    include = some_mask(raw.size, masked)
    counts, sums = np.zeros((2, plan.first.size + 1), dtype=np.uint64)
    _kernels.count_cells(raw, include, _prefix_shift(plan.scalar), plan.tables, counts, sums)
    used = chosen(raw, include).astype(np.uint64)
    order = np.argsort(plan.first)
    cell = order[np.searchsorted(plan.first[order], used, side="right") - 1]
    assert (used <= plan.last[cell]).all()
    assert np.array_equal(counts[:-1], np.bincount(cell, minlength=plan.first.size))
    expected = np.zeros(plan.first.size, dtype=np.uint64)
    np.add.at(expected, cell, used)
    assert np.array_equal(sums[:-1], expected)
    assert counts[-1] == 0


@np.errstate(over="ignore")  # sums are modulo 2^64
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_pixels_that_changed_between_passes_are_still_counted(dtype):
    values = some_values(dtype)
    plan = cells_of(values)
    rng = np.random.default_rng(3)
    changed = rng.integers(0, 256, 8 * N, dtype=np.uint8).view(f"u{values.itemsize}")
    counts, sums = np.zeros((2, plan.first.size + 1), dtype=np.uint64)
    _kernels.count_cells(changed, None, _prefix_shift(plan.scalar), plan.tables, counts, sums)
    assert counts.sum() == changed.size
    assert counts[-1] > 0


@np.errstate(over="ignore")  # sums are modulo 2^64
@MASKS
def test_values_other_than_expected_are_counted(masked):
    values = some_values("float32")
    plan = cells_of(values)
    raw = values.view(np.uint32)
    include = some_mask(raw.size, masked)
    counts, others = np.zeros((2, plan.first.size + 1), dtype=np.int64)
    expected = np.append(plan.first, np.uint64(0))
    _kernels.count_others(raw, include, _prefix_shift(plan.scalar), plan.tables, expected, others)
    _kernels.count_cells(
        raw, include, _prefix_shift(plan.scalar), plan.tables, counts, np.zeros(counts.size, dtype=np.uint64)
    )
    used = chosen(raw, include)
    first = np.isin(used, plan.first)
    assert others.sum() == np.sum(~first)
    assert (others <= counts).all()


KERNEL_TESTS = [
    Path(__file__).parents[1] / name
    for name in ("summary/test_kernels.py", "kmeans/test_exact_kernels.py", "model/test_kernels.py")
]


@pytest.mark.thorough
@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="is this test's own subprocess")
def test_kernels_give_the_same_results_without_compilation():
    # Compiled loops check no bounds, and coverage does not see them.
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, KERNEL_TESTS)],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
