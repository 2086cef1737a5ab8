from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.summary.vector import VectorSummary, check_integers, outer_products


def points(n=500, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(5, [1, 2, 3][:d], (n, d)), rng.integers(1, 9, n)


def summary_of(positions, counts, **fields):
    d = positions.shape[1]
    defaults = {"scatter": np.zeros((d, d)), "scales": np.ones(d), "brightness_weights": np.ones(d) / d}
    return VectorSummary(positions, counts, **{**defaults, "n_pixels": int(counts.sum()), **fields})


def test_mean_and_standard_deviations_are_those_of_the_pixels():
    positions, counts = points()
    pixels = np.repeat(positions, counts, axis=0)
    summary = summary_of(positions, counts)
    np.testing.assert_allclose(summary.mean(), pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(summary.standard_deviations(), pixels.std(axis=0), rtol=1e-12)


def test_scatter_within_points_adds_to_the_standard_deviation():
    positions, counts = np.zeros((1, 2)), np.array([4])
    summary = summary_of(positions, counts, scatter=np.diag([16.0, 0.0]), scales=np.array([2.0, 1.0]))
    assert summary.standard_deviations().tolist() == [2, 1]  # 1 for a constant feature
    assert summary.spread() == 4


def test_a_sample_represents_all_pixels():
    positions, counts = points(n=10, d=2)
    counts = np.ones(10, dtype=np.int64)
    assert summary_of(positions, counts).sample_size == 0
    sampled = summary_of(positions, counts, n_pixels=40)
    assert sampled.sample_size == 10
    assert sampled.pixels_per_count == 4


def test_outer_products_are_weighted_and_summed():
    positions, counts = points()
    expected = (positions * counts[:, np.newaxis]).T @ positions
    np.testing.assert_allclose(outer_products(positions, counts), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("high", "text"), [(2**60, f"near {2**60}"), (2**60 + 9, f"from {2**60} to {2**60 + 9}")]
)
def test_integers_that_float64_cannot_distinguish_are_named(high, text):
    with pytest.raises(ValueError, match=f"image has a feature with integers {text}, which"):
        check_integers(2**60, high, are_rounded=True)
    if high == 2**60:
        check_integers(2**60, high)  # a constant without rounding error is one value


def test_the_error_names_values_too_distant_for_the_others():
    points = np.random.default_rng(0).normal(50, 10, (500, 3))
    points[:9, 2] = -1.7976931348623157e308
    summary = VectorSummary(
        points, np.ones(500, dtype=np.int64), np.zeros((3, 3)), np.array([10.0, 10.0, 1e307]), np.ones(3), 500
    )
    with pytest.raises(
        ValueError, match=r"from -1\.8e\+308 to [\d.]+, and float64 cannot .* exclude the most distant"
    ):
        summary.checked()
