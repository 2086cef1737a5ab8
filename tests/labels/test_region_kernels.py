from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_kmeans.labels.clean_up import clean_labels
from napari_kmeans.labels.region_graph import number_regions


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
def test_sizes_beyond_the_image_are_accepted(size: float) -> None:
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
