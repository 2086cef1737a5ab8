from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.features import _channel_kernels

POWERS = {"l1": 1, "l2": 2, "max": 0}


def norm_of(columns, norm):
    order = {"l1": 1, "l2": 2, "max": np.inf}[norm]
    return np.linalg.norm(columns, order, axis=0)


@pytest.fixture(params=[True, False], ids=["compiled", "in Python"])
def divide_by_norm(request):
    kernel = _channel_kernels.divide_by_norm
    return kernel.compiled if request.param else kernel.interpreted


@pytest.mark.parametrize("norm", POWERS)
@pytest.mark.parametrize("magnitude", [1e-200, 1.0, 1e200])
def test_columns_are_divided_by_their_norm(divide_by_norm, norm, magnitude):
    plain = np.random.default_rng(0).normal(size=(5, 40))
    columns, norms = plain * magnitude, np.empty(40)
    divide_by_norm(columns, POWERS[norm], norms)
    np.testing.assert_allclose(norms / magnitude, norm_of(plain, norm), rtol=1e-12)
    np.testing.assert_allclose(columns, plain / norm_of(plain, norm), rtol=1e-12)


@pytest.mark.parametrize("norm", POWERS)
def test_pixels_of_zeros_stay_zeros(divide_by_norm, norm):
    columns, norms = np.zeros((3, 2)), np.empty(2)
    columns[:, 1] = 4
    divide_by_norm(columns, POWERS[norm], norms)
    assert not columns[:, 0].any()
    assert norms[0] == 0
    assert norms[1] > 0


@pytest.mark.parametrize("norm", POWERS)
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_nan_stays_and_other_pixels_are_unaffected(divide_by_norm, norm, channel):
    columns, norms = np.ones((3, 2)), np.empty(2)
    columns[channel, 0] = np.nan
    with np.errstate(invalid="ignore"):
        divide_by_norm(columns, POWERS[norm], norms)
    assert np.isnan(columns[channel, 0])
    np.testing.assert_allclose(columns[:, 1], 1 / norm_of(np.ones((3, 1)), norm)[0])
