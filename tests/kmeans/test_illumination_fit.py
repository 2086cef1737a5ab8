"""The coefficients of a field, on samples whose field is known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.kmeans.illumination_fit import (
    N_CLUSTERS,
    Samples,
    fit_coefficients,
    fit_coefficients_coarsely,
    optimal_inertia,
)
from napari_kmeans.preprocess.illumination import legendre

TRUE = np.array([0.6, -0.3])


@pytest.fixture(scope="module")
def samples() -> Samples:
    """Four noisy segments of a line with a field of degree 2, at random positions."""
    rng = np.random.default_rng(0)
    place = rng.uniform(-1, 1, 20_000)
    basis = np.stack(list(legendre(place, 2))[1:3], axis=1)
    segment = np.searchsorted([-0.7, -0.2, 0.1, 0.6], place) % 4
    values = np.array([0.0, 3.0, 1.0, 2.0])[segment] + basis @ TRUE + rng.normal(0, 0.02, place.size)
    return Samples.of(values, basis, np.ones(place.size), np.array([1.0, 2.0]))


def test_the_field_is_found_beneath_the_segments(samples: Samples) -> None:
    np.testing.assert_allclose(fit_coefficients(samples), TRUE, atol=0.01)


def test_a_coarse_fit_finds_the_shape_of_the_field(samples: Samples) -> None:
    np.testing.assert_allclose(fit_coefficients_coarsely(samples), TRUE, atol=0.1)


def test_values_and_terms_are_centred_by_weight() -> None:
    rng = np.random.default_rng(1)
    values, basis, weights = rng.normal(size=50), rng.normal(size=(50, 3)), rng.uniform(1, 5, 50)
    centred = Samples.of(values, basis, weights, np.arange(1.0, 4.0))
    assert centred.weights.mean() == pytest.approx(1)
    assert np.sum(centred.weights * centred.values) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(centred.weights @ centred.basis, 0, atol=1e-12)
    np.testing.assert_allclose(centred.without(np.ones(3)), centred.values - centred.basis.sum(axis=1))


@pytest.mark.parametrize(
    ("values", "n_terms"), [(np.full(9, 3.0), 2), (np.arange(9.0), 0)], ids=["one value", "no term"]
)
def test_without_a_field_all_coefficients_are_0(values: np.ndarray, n_terms: int) -> None:
    basis = np.random.default_rng(2).normal(size=(9, n_terms))
    without = Samples.of(values, basis, np.ones(9), np.ones(n_terms))
    assert without.has_no_field
    assert fit_coefficients(without).tolist() == [0.0] * n_terms


def test_the_inertia_is_that_of_four_clusters() -> None:
    assert N_CLUSTERS == 4
    assert optimal_inertia(np.array([1.0, 2.0, 5.0, 9.0])) == pytest.approx(0)
    assert optimal_inertia(np.array([1.0, 2.0, 5.0, 9.0, 9.5])) == pytest.approx(0.125)
