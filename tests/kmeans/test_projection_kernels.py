from __future__ import annotations

import numpy as np

from napari_kmeans.kmeans import _projection_kernels as kernels


def test_projection_and_orthonormal_vectors():
    rng = np.random.default_rng(0)
    columns, vectors = rng.normal(0, 1, (40, 300)), rng.normal(0, 1, (5, 40))
    vectors[3] = vectors[1] - vectors[0]
    kernels.orthonormalize(vectors)
    np.testing.assert_allclose(vectors @ vectors.T, np.diag([1, 1, 1, 0, 1]), atol=1e-12)
    axes = np.ascontiguousarray(vectors.T)
    np.testing.assert_allclose(kernels.project(columns, axes), vectors @ columns, atol=1e-12)
