from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_kmeans.labels.clean_up import clean_labels
from napari_kmeans.labels.majority import Ball
from napari_kmeans.labels.region_graph import number_regions

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
def test_majority_of_any_radius(shape, radius, anisotropy, n_labels, seed) -> None:
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
    clean_labels(labels[:2], majority=20_000)  # compiles
    begin = time.perf_counter()
    cleaned = clean_labels(labels, majority=20_000)
    assert time.perf_counter() - begin < 5  # without the bound it takes hours
    assert (cleaned == 2).all()


def test_a_ball_covers_an_image_if_it_reaches_from_corner_to_corner() -> None:
    assert Ball(5, (1.0, 1.0)).covers((4, 5))
    assert not Ball(4.9, (1.0, 1.0)).covers((4, 5))
    assert Ball(1e300, (0.1,)).covers((10**6,))


@given(st.sampled_from([(30,), (7, 9), (3, 4, 5)]), st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_regions_are_those_of_scipy(shape, n_labels, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_labels, shape).astype(np.uint8)
    include = rng.random(shape) < 0.9
    ids, n_regions = number_regions(labels, include)
    ids = ids.reshape(shape)
    np.testing.assert_array_equal(ids > 0, include)
    n_expected = 0
    for label in range(n_labels):
        expected, n = ndimage.label(include & (labels == label))
        n_expected += n
        pairs = np.unique(np.stack([expected[expected > 0], ids[expected > 0]]), axis=1)
        assert pairs.shape[1] == n == np.unique(pairs[1]).size
    assert n_regions == n_expected


@pytest.mark.parametrize("size", [1e300, 10**30])
def test_sizes_beyond_the_image(size: float) -> None:
    labels = np.pad(np.ones((3, 3), np.uint8), 5, constant_values=2)
    np.testing.assert_array_equal(clean_labels(labels, min_size=size), labels)  # there is no large region
    assert (clean_labels(labels, fill_holes=size) == 2).all()


CODE = """
import hashlib, numpy as np
from napari_kmeans.labels.clean_up import clean_labels
from napari_kmeans.labels.objects import split_into_objects
rng = np.random.default_rng(0)
digest = hashlib.sha256()
for shape in [(60,), (20, 23), (6, 7, 8)]:
    labels = rng.integers(1, 4, shape).astype(np.uint8)
    mask = rng.random(shape) < 0.9
    for radius, size, hole in [(2, 0, 0), (0, 4, 0), (0, 0, 5), (1, 6, 9)]:
        cleaned = clean_labels(labels, majority=radius, min_size=size, fill_holes=hole, mask=mask)
        digest.update(cleaned.tobytes())
    objects, table = split_into_objects(labels, intensity_image=rng.normal(size=shape))
    digest.update(objects.tobytes() + repr(table).encode())
print(digest.hexdigest())
"""


def test_results_are_the_same_without_compilation() -> None:
    def run(**environment: str) -> str:
        command = [sys.executable, "-W", "error", "-c", CODE]
        return subprocess.run(
            command, env={**os.environ, **environment}, check=True, capture_output=True, text=True
        ).stdout

    assert run(NUMBA_DISABLE_JIT="1") == run()


def test_numba_is_imported_on_first_use() -> None:
    code = (
        "import sys, napari_kmeans.labels.clean_up, napari_kmeans.labels.objects\n"
        "assert not {'numba', 'scipy', 'skimage', 'dask'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
