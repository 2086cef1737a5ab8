from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.features import get_feature_space
from napari_kmeans.model.labellers import NearestLabeller


def labels_of(values, features, k=6, include=None):
    """Labels of a block, and of the same block with its channels one after another."""
    d = values.shape[-1]
    rng = np.random.default_rng(0)
    centers = rng.uniform(0, 100, (k, d)) if features == "lab" else rng.uniform(0, 255, (k, d))
    vector = get_feature_space(features).value_format(values.dtype, d)
    labeller = NearestLabeller(centers, rng.uniform(0.5, 2, d), np.arange(k + 1, dtype=np.uint8), vector)
    out = np.empty((2, *values.shape[:-1]), dtype=np.uint8)
    labeller(values, include, out[0])
    planes = np.moveaxis(np.ascontiguousarray(np.moveaxis(values, -1, 0)), 0, -1)
    labeller(planes, include, out[1])
    assert np.array_equal(out[0], out[1])
    return out[0], labeller


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("d", [2, 3, 5, 200])
def test_labels_are_those_of_the_nearest_centre(d, dtype):
    image = np.random.default_rng(1).integers(0, 256, (30, 40, d)).astype(dtype)
    labels, labeller = labels_of(image, "channels")
    distances = ((image[..., np.newaxis, :] - labeller.centers) / labeller.scales) ** 2
    assert np.array_equal(labels, 1 + distances.sum(axis=-1).argmin(axis=-1))


@pytest.mark.parametrize("features", ["rgb", "lab"])
def test_infinite_and_missing_values_in_a_few_pixels(features):
    image = np.random.default_rng(1).random((30, 40, 3))
    image[0, 0, 1], image[1, 1, 0], image[2, 2, 2] = np.nan, np.inf, -np.inf
    labels, _ = labels_of(image, features)
    assert np.argwhere(labels == 0).tolist() == [[0, 0]]


def test_excluded_pixels_are_not_labelled():
    image = np.random.default_rng(1).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    include = np.random.default_rng(2).random((30, 40)) > 0.3
    labels, _ = labels_of(image, "lab", include=include)
    assert np.array_equal(labels > 0, include)
