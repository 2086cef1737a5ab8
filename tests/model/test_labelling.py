from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from napari_kmeans.model.labelling import labeller

from napari_kmeans.features import ScalarFormat
from napari_kmeans.model import labelling

pytestmark = pytest.mark.thorough

DTYPES = [
    *("uint8", "int8", "uint16", "int16", "float16"),
    *("uint32", "int32", "uint64", "int64", "float32", "float64"),
]


def label(values, thresholds, *, shown=None, unit=1.0, include=None, out=None):
    shown = np.arange(len(thresholds) + 2, dtype=np.uint8) if shown is None else np.array(shown, np.uint8)
    out = np.full(values.shape, 99, dtype=np.uint8) if out is None else out
    labeller(thresholds, shown, ScalarFormat(values.dtype, unit))(values, include, out)
    return out


def label_one(value, thresholds):
    """Label by comparison of unrounded numbers."""
    if value != value:
        return 0
    return 1 + sum(
        value == np.inf or (value != -np.inf and Fraction(value) > Fraction(t)) for t in thresholds
    )


def any_values(dtype):
    dtype = np.dtype(dtype)
    values = np.random.default_rng(0).integers(0, 256, 500 * dtype.itemsize, dtype=np.uint8).view(dtype)
    return np.append(values, np.arange(100).astype(dtype))


@pytest.mark.parametrize("n_thresholds", [0, 1, 3, 23, 24, 254])
@pytest.mark.parametrize("dtype", DTYPES)
def test_labels_are_those_of_unrounded_comparison(dtype, n_thresholds):
    values = any_values(dtype)
    rng = np.random.default_rng(1)
    spread = np.concatenate([rng.normal(50, 30, 254), rng.normal(0, 1e5, 254), [-1e39, 1e39, 65504, 1e-45]])
    thresholds = np.sort(rng.choice(spread, n_thresholds, replace=False))
    expected = [label_one(value.item(), thresholds) for value in values]
    assert label(values, thresholds).tolist() == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_value_equal_to_a_threshold_belongs_to_the_darker_cluster(dtype):
    values = np.array([9, 10, 11], dtype=dtype)
    assert label(values, [10.0]).tolist() == [1, 1, 2]
    assert label(values, [np.nextafter(10, 0)]).tolist() == [1, 2, 2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_thresholds_between_neighbouring_floats_part_them(dtype):
    low = np.dtype(dtype).type(0.1)
    high = np.nextafter(low, np.dtype(dtype).type(1))
    assert label(np.array([low, high]), [float(low)]).tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n_thresholds", [2, 30])
def test_nan_is_excluded_and_infinities_are_outermost(dtype, n_thresholds):
    values = np.array([np.nan, -np.inf, np.inf, -np.nan], dtype=dtype)
    assert label(values, np.arange(n_thresholds)).tolist() == [0, 1, n_thresholds + 1, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_left_out_are_label_0(dtype):
    values = np.array([1, 5, 1, 5], dtype=dtype)
    include = np.array([True, True, False, False])
    assert label(values, [3.0], include=include).tolist() == [1, 2, 0, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_clusters_can_be_shown_under_other_labels(dtype):
    values = np.array([1, 5, 9, 13], dtype=dtype)
    assert label(values, [3, 7, 11], shown=[0, 1, 2, 2, 0]).tolist() == [1, 2, 2, 0]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_any_memory_layout_is_read_and_written(dtype):
    values = np.arange(24).reshape(4, 6).astype(dtype)
    expected = np.where(values > 11, 2, 1)
    whole = np.zeros((8, 12), dtype=np.uint8)
    part = whole[::2, ::2]
    label(values[::-1].T, [11.0], out=part.T[:6, :4], include=np.ones((4, 6), bool).T)
    assert np.array_equal(part[:4], expected[::-1])
    assert whole.sum() == part.sum()


def test_values_may_be_stored_in_smaller_units():
    values = np.array([9999, 10000, 10001], dtype=np.int32)
    assert label(values, [1.0], unit=1e-4).tolist() == [1, 1, 2]


def test_whole_thresholds_are_taken_exactly_beyond_float64():
    values = np.array([2**63, 2**63 + 1, 2**63 + 2], dtype=np.uint64)
    assert label(values, [2**63, 2**63 + 1]).tolist() == [1, 2, 3]


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_the_forms_with_and_without_stringzilla_are_the_same(dtype, monkeypatch):
    pytest.importorskip("stringzilla")
    values = np.random.default_rng(2).integers(0, 256, (300, 301), dtype=np.uint8).view(dtype)
    fast = label(values, [-50, 20, 100])
    monkeypatch.setattr(labelling, "stringzilla", None)
    assert np.array_equal(fast, label(values, [-50, 20, 100]))
