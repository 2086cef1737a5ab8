from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest

from napari_kmeans.features.feature_space import ScalarFormat
from napari_kmeans.features.registry import get_feature_space
from napari_kmeans.model.labellers import NearestLabeller, scalar_labeller

DTYPES = [
    *("uint8", "int8", "uint16", "int16", "float16"),
    *("uint32", "int32", "uint64", "int64", "float32", "float64"),
]


def label(values, thresholds, *, shown=None, unit=1.0, include=None, out=None):
    shown = np.arange(len(thresholds) + 2, dtype=np.uint8) if shown is None else np.array(shown, np.uint8)
    out = np.full(values.shape, 99, dtype=np.uint8) if out is None else out
    scalar_labeller(thresholds, shown, ScalarFormat(values.dtype, unit))(values, include, out)
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
def test_labels_equal_unrounded_comparison(dtype, n_thresholds):
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
def test_thresholds_separate_neighbouring_floats(dtype):
    low = np.dtype(dtype).type(0.1)
    high = np.nextafter(low, np.dtype(dtype).type(1))
    assert label(np.array([low, high]), [float(low)]).tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n_thresholds", [2, 30])
def test_nan_is_excluded_and_infinities_are_outermost(dtype, n_thresholds):
    values = np.array([np.nan, -np.inf, np.inf, -np.nan], dtype=dtype)
    assert label(values, np.arange(n_thresholds)).tolist() == [0, 1, n_thresholds + 1, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_excluded_pixels_have_label_0(dtype):
    values = np.array([1, 5, 1, 5], dtype=dtype)
    include = np.array([True, True, False, False])
    assert label(values, [3.0], include=include).tolist() == [1, 2, 0, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_clusters_can_be_given_other_labels(dtype):
    values = np.array([1, 5, 9, 13], dtype=dtype)
    assert label(values, [3, 7, 11], shown=[0, 1, 2, 2, 0]).tolist() == [1, 2, 2, 0]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_any_memory_layout_can_be_read_and_written(dtype):
    values = np.arange(24).reshape(4, 6).astype(dtype)
    expected = np.where(values > 11, 2, 1)
    whole = np.zeros((8, 12), dtype=np.uint8)
    part = whole[::2, ::2]
    label(values[::-1].T, [11.0], out=part.T[:6, :4], include=np.ones((4, 6), bool).T)
    assert np.array_equal(part[:4], expected[::-1])
    assert whole.sum() == part.sum()


def test_values_can_be_scaled_by_a_unit():
    values = np.array([9999, 10000, 10001], dtype=np.int32)
    assert label(values, [1.0], unit=1e-4).tolist() == [1, 1, 2]


def test_integer_thresholds_beyond_float64_are_exact():
    values = np.array([2**63, 2**63 + 1, 2**63 + 2], dtype=np.uint64)
    assert label(values, [2**63, 2**63 + 1]).tolist() == [1, 2, 3]


COLORS = np.array([[0.0, 10, 20], [90, 80, 120], [200, 190, 30], [250, 250, 255]])


def labels_of(label, values, include=None):
    out = np.empty(values.shape[:-1], dtype=np.uint8)
    label(values, include, out)
    return out


def nearest_labeller(centers=COLORS, features="rgb", dtype=np.uint8, scales=None, shown=None):
    vector = get_feature_space(features).value_format(dtype, centers.shape[1])
    scales = np.ones(centers.shape[1]) if scales is None else np.asarray(scales, dtype=np.float64)
    shown = np.arange(len(centers) + 1, dtype=np.uint8) if shown is None else np.array(shown, dtype=np.uint8)
    return NearestLabeller(centers, scales, shown, vector)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("scales", [[1, 1, 1], [1, 20, 0.1]])
def test_lookup_table_and_comparison_give_equal_labels(dtype, scales):
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3)).astype(dtype)
    found = labels_of(nearest_labeller(features="channels", dtype=dtype, scales=scales), image)
    distances = ((image[..., np.newaxis, :].astype(float) - COLORS) / scales) ** 2
    assert np.array_equal(found, 1 + np.argmin(distances.sum(axis=-1), axis=-1))


def test_excluded_pixels_and_merged_labels_of_several_features():
    image = np.array([[[0, 0, 0], [255, 255, 255], [80, 80, 120]]], dtype=np.uint8)
    include = np.array([[True, True, False]])
    assert labels_of(nearest_labeller(), image, include).tolist() == [[1, 4, 0]]
    merged = nearest_labeller(shown=[0, 0, 2, 2, 2])
    assert labels_of(merged, image, include).tolist() == [[0, 2, 0]]


def test_nan_is_excluded_and_infinities_go_to_the_outermost_centres():
    image = np.array([[[0, np.nan, 0], [np.inf, 0, 0], [-np.inf, 99, 99]]], dtype=np.float32)
    assert labels_of(nearest_labeller(dtype=np.float32), image).tolist() == [[0, 4, 1]]


def test_blocks_of_any_layout_can_be_written():
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 4), dtype=np.uint8)
    whole = labels_of(nearest_labeller(), image[..., :3])
    out = np.empty((30, 40), dtype=np.uint8).T
    nearest_labeller()(image[..., :3], None, out)
    assert np.array_equal(out, whole)


def test_a_pickled_labeller_does_not_contain_its_table():
    used = nearest_labeller()
    image = np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8)
    expected = labels_of(used, image)
    packed = pickle.dumps(used)
    assert len(packed) < 5000
    assert np.array_equal(labels_of(pickle.loads(packed), image), expected)
