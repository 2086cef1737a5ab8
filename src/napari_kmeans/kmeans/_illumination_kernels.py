"""Compiled loops over the sampled pixels that an illumination field is fitted to."""
# mypy: ignore-errors

from __future__ import annotations

from ..compiled import kernel


@kernel
def subtract_terms(values, basis, coefficients, out):
    """Write ``values - basis @ coefficients`` to `out`, for one term of the field after the other."""
    for n in range(values.size):
        total = 0.0
        for i in range(coefficients.size):
            total += basis[n, i] * coefficients[i]
        out[n] = values[n] - total


@kernel
def project(values, basis, weights, out):
    """Add ``basis.T @ (weights * values)`` to `out`."""
    for n in range(values.size):
        factor = weights[n] * values[n]
        for i in range(out.size):
            out[i] += factor * basis[n, i]


@kernel
def add_gram(basis, weights, out):
    """Add ``basis.T @ diag(weights) @ basis`` to the lower triangle of `out`."""
    for n in range(weights.size):
        for i in range(out.shape[0]):
            factor = weights[n] * basis[n, i]
            for j in range(i + 1):
                out[i, j] += factor * basis[n, j]


@kernel
def sum_clusters(values, basis, weights, thresholds, mass, sums, terms):
    """Add up weights, values and terms of the pixels of each cluster.

    A value equal to a threshold belongs to the cluster below it.
    """
    for n in range(values.size):
        cluster = 0
        while cluster < thresholds.size and values[n] > thresholds[cluster]:
            cluster += 1
        weight = weights[n]
        mass[cluster] += weight
        sums[cluster] += weight * values[n]
        for i in range(terms.shape[1]):
            terms[cluster, i] += weight * basis[n, i]
