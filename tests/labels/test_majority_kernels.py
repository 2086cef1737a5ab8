from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_kmeans.labels.clean_up import clean_labels
from napari_kmeans.labels.majority import Ball

RNG = np.random.default_rng(0)


def majority_by_definition(
    labels: np.ndarray, include: np.ndarray, radius: float, spacing: np.ndarray
) -> np.ndarray:
    pixels = np.argwhere(include)
    voters = labels[include]
    result = labels.copy()
    for pixel in pixels:
        near = (((pixels - pixel) * spacing / radius) ** 2).sum(axis=1) <= 1 + 1e-9
        result[tuple(pixel)] = np.argmax(np.bincount(voters[near]))
    return result


@given(
    st.sampled_from([(1,), (40,), (9, 13), (1, 30), (4, 5, 6), (5, 1, 7)]),
    st.sampled_from([0.5, 1, 1.5, 2, 4.2, 9, 13, 50, 1e4, 1e300]),
    st.sampled_from([1, 0.5, 3]),
    st.integers(2, 5),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=100, deadline=None)
def test_majority_of_any_radius_follows_its_definition(shape, radius, anisotropy, n_labels, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_labels, shape).astype(np.uint8)
    spacing = np.ones(len(shape))
    spacing[-1] = anisotropy
    for mask in (None, rng.random(shape) < 0.7):
        include = labels != 0 if mask is None else mask
        expected = majority_by_definition(labels, include, radius, spacing)
        cleaned = clean_labels(labels, majority=radius, spacing=spacing.tolist(), mask=mask)
        np.testing.assert_array_equal(cleaned, expected)


@pytest.mark.parametrize("shape", [(1000, 1000), (60, 120, 120)])
def test_a_radius_beyond_the_image_costs_no_more_than_the_image(shape: tuple[int, ...]) -> None:
    labels = RNG.integers(1, 4, shape, dtype=np.uint8)
    labels[0] = 2
    clean_labels(labels[:2], majority=20_000)  # compiles the kernel
    begin = time.perf_counter()
    cleaned = clean_labels(labels, majority=20_000)
    assert time.perf_counter() - begin < 5  # without the bound it takes hours
    assert (cleaned == 2).all()


def test_a_ball_covers_an_image_if_it_reaches_from_corner_to_corner() -> None:
    assert Ball(5, (1.0, 1.0)).covers((4, 5))
    assert not Ball(4.9, (1.0, 1.0)).covers((4, 5))
    assert Ball(1e300, (0.1,)).covers((10**6,))
