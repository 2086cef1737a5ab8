"""Compiled loops over the sampled pixels that an illumination field is fitted to."""
# mypy: ignore-errors

from __future__ import annotations

from ..compiled import kernel


# Sums in any order can use vector instructions.
@kernel(fastmath={"reassoc"})
def subtract_terms(values, basis, coefficients, out):
    """Write ``values - basis @ coefficients`` to `out`."""
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
        row = basis[n]
        for i in range(out.shape[0]):
            factor, sums = weights[n] * row[i], out[i]
            for j in range(i + 1):
                sums[j] += factor * row[j]


@kernel
def sum_clusters(values, basis, weights, thresholds, mass, sums, terms):
    """Add up weights, values and terms of the pixels of each cluster.

    A value equal to a threshold belongs to the cluster below it.
    """
    for n in range(values.size):
        cluster = 0
        while cluster < thresholds.size and values[n] > thresholds[cluster]:
            cluster += 1
        weight, row, of_cluster = weights[n], basis[n], terms[cluster]
        mass[cluster] += weight
        sums[cluster] += weight * values[n]
        for i in range(row.size):
            of_cluster[i] += weight * row[i]
