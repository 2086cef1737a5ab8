"""Compiled loops over the sampled pixels that an illumination field is fitted to."""
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from ..compiled import kernel


@kernel
def subtract_terms(values, basis, coefficients, out):
    """Write ``values - basis @ coefficients`` to `out`."""
    # Four pixels at a time, since each addition to a sum waits for the previous one.
    n_fours = values.size // 4 * 4
    for n in range(0, n_fours, 4):
        first = second = third = fourth = 0.0
        for i in range(coefficients.size):
            coefficient = coefficients[i]
            first += basis[n, i] * coefficient
            second += basis[n + 1, i] * coefficient
            third += basis[n + 2, i] * coefficient
            fourth += basis[n + 3, i] * coefficient
        out[n], out[n + 1] = values[n] - first, values[n + 1] - second
        out[n + 2], out[n + 3] = values[n + 2] - third, values[n + 3] - fourth
    for n in range(n_fours, values.size):
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
def sum_clusters(corrected, values, basis, weights, thresholds, labels, mass, sums, terms):
    """Label pixels and add up weights, values and terms of each cluster; return how many labels changed.

    A corrected value equal to a threshold belongs to the cluster below it.
    """
    n_changed = 0
    for n in range(corrected.size):
        cluster = 0
        for threshold in thresholds:
            cluster += corrected[n] > threshold
        n_changed += labels[n] != cluster
        labels[n] = cluster
        weight, row, of_cluster = weights[n], basis[n], terms[cluster]
        mass[cluster] += weight
        sums[cluster] += weight * values[n]
        for i in range(row.size):
            of_cluster[i] += weight * row[i]
    return n_changed


@kernel
def solve(matrix, vector):
    """Solve a positive definite system by Cholesky's method: `vector` becomes the solution.

    The lower triangle of `matrix` is overwritten. LAPACK would round differently on different processors.
    """
    size = vector.size
    for j in range(size):
        for k in range(j):
            factor = matrix[j, k]
            for i in range(j, size):
                matrix[i, j] -= factor * matrix[i, k]
        root = np.sqrt(matrix[j, j])
        for i in range(j, size):
            matrix[i, j] /= root
    for i in range(size):
        for j in range(i):
            vector[i] -= matrix[i, j] * vector[j]
        vector[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            vector[i] -= matrix[j, i] * vector[j]
        vector[i] /= matrix[i, i]
