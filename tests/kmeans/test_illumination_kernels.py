"""Compiled loops over sampled pixels, compared with the same expressions in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.kmeans import _illumination_kernels as kernels


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return rng.normal(size=200), rng.normal(size=(200, 9)), rng.uniform(0.1, 2, 200), rng.normal(size=9)


def test_terms_are_subtracted(problem):
    values, basis, _, coefficients = problem
    out = np.empty(200)
    kernels.subtract_terms(values, basis, coefficients, out)
    assert out == pytest.approx(values - basis @ coefficients)


def test_projection_and_gram_are_those_of_matrices(problem):
    values, basis, weights, _ = problem
    projection, gram = np.zeros(9), np.zeros((9, 9))
    kernels.project(values, basis, weights, projection)
    kernels.add_gram(basis, weights, gram)
    assert projection == pytest.approx(basis.T @ (weights * values))
    assert gram == pytest.approx(np.tril(basis.T @ np.diag(weights) @ basis))


def test_clusters_are_summed_and_ties_belong_to_the_darker(problem):
    values, basis, weights, _ = problem
    values[3] = 0.25
    thresholds = np.array([-0.5, 0.25, 9.0])
    labels = np.zeros(200, dtype=np.uint8)
    mass, sums, terms = np.zeros(4), np.zeros(4), np.zeros((4, 9))
    changed = kernels.sum_clusters(values, values + 1, basis, weights, thresholds, labels, mass, sums, terms)
    cluster = np.searchsorted(thresholds, values)
    assert cluster[3] == 1
    assert labels.tolist() == cluster.tolist()
    assert changed == np.count_nonzero(cluster)
    for number in range(4):
        inside = cluster == number
        assert mass[number] == pytest.approx(weights[inside].sum())
        assert sums[number] == pytest.approx((weights * (values + 1))[inside].sum())
        assert terms[number] == pytest.approx(weights[inside] @ basis[inside])


def test_normal_equations_are_solved(problem):
    _, basis, _, expected = problem
    matrix = basis.T @ basis
    solution = matrix @ expected
    kernels.solve(np.tril(matrix), solution)
    assert solution == pytest.approx(expected)
