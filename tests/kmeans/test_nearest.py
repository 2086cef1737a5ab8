from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.features import get_feature
from napari_kmeans.kmeans.nearest import NearestLabeller, nearest

COLORS = np.array([[0.0, 10, 20], [90, 80, 120], [200, 190, 30], [250, 250, 255]])


def labels_of(labeller, values, include=None):
    out = np.empty(values.shape[:-1], dtype=np.uint8)
    labeller(values, include, out)
    return out


def labeller(centers=COLORS, features="rgb", dtype=np.uint8, scales=None, shown=None):
    vector = get_feature(features).value_format(dtype, centers.shape[1])
    scales = np.ones(centers.shape[1]) if scales is None else np.asarray(scales, dtype=np.float64)
    shown = np.arange(len(centers) + 1, dtype=np.uint8) if shown is None else np.array(shown, dtype=np.uint8)
    return NearestLabeller(centers, scales, shown, vector)


@settings(max_examples=50)
@given(st.integers(1, 5), st.integers(1, 255), st.integers(0, 2**32 - 1))
def test_the_nearest_centre_is_found(d, k, seed):
    rng = np.random.default_rng(seed)
    points, centers = rng.normal(0, 9, (300, d)), rng.normal(0, 9, (k, d))
    found = nearest(list(points.T), centers)
    assert np.array_equal(found, np.argmin(((points[:, np.newaxis] - centers) ** 2).sum(axis=-1), axis=1))


def test_of_centres_equally_near_the_first_is_taken():
    centers = np.array([[0.0, 0], [4, 0], [2, 2]])
    assert nearest([np.array([2.0]), np.array([0.0])], centers) == 0


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("scales", [[1, 1, 1], [1, 20, 0.1]])
def test_a_table_of_bytes_and_a_comparison_give_the_same(dtype, scales):
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3)).astype(dtype)
    found = labels_of(labeller(features="channels", dtype=dtype, scales=scales), image)
    distances = ((image[..., np.newaxis, :].astype(float) - COLORS) / scales) ** 2
    assert np.array_equal(found, 1 + np.argmin(distances.sum(axis=-1), axis=-1))


def test_excluded_pixels_and_labels_shown_as_others():
    image = np.array([[[0, 0, 0], [255, 255, 255], [80, 80, 120]]], dtype=np.uint8)
    include = np.array([[True, True, False]])
    assert labels_of(labeller(), image, include).tolist() == [[1, 4, 0]]
    merged = labeller(shown=[0, 0, 2, 2, 2])
    assert labels_of(merged, image, include).tolist() == [[0, 2, 0]]


def test_nan_is_left_out_and_infinities_go_to_the_outermost_clusters():
    image = np.array([[[0, np.nan, 0], [np.inf, 0, 0], [-np.inf, 99, 99]]], dtype=np.float32)
    assert labels_of(labeller(dtype=np.float32), image).tolist() == [[0, 4, 1]]


def test_a_block_of_any_layout_is_written():
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 4), dtype=np.uint8)
    whole = labels_of(labeller(), image[..., :3])
    out = np.empty((30, 40), dtype=np.uint8).T
    labeller()(image[..., :3], None, out)
    assert np.array_equal(out, whole)


def test_it_travels_without_its_table():
    used = labeller()
    image = np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8)
    expected = labels_of(used, image)
    packed = pickle.dumps(used)
    assert len(packed) < 5000
    assert np.array_equal(labels_of(pickle.loads(packed), image), expected)
