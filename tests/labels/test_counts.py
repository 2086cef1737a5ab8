from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_kmeans.blocks import loop
from napari_kmeans.labels.counts import count_block_labels, count_labels


@pytest.mark.parametrize("n_labels", [0, 1, 3, 8, 9, 255])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_labels_of_a_block_are_counted(n_labels, layout):
    labels = np.random.default_rng(0).integers(0, 12, (700, 900), dtype=np.uint8)
    labels = {"C": labels, "F": np.asfortranarray(labels), "strided": labels[::2, ::-3]}[layout]
    expected = np.bincount(labels.ravel(), minlength=256)[1 : n_labels + 1]
    found = count_block_labels(labels, n_labels)
    assert found.dtype == np.int64
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("lazy", [False, True])
def test_labels_of_an_image_are_counted_with_label_0(lazy, monkeypatch):
    monkeypatch.setattr(loop, "BLOCK_PIXELS", 500)
    monkeypatch.setattr(loop, "_MIN_PIXELS", 500)
    labels = np.random.default_rng(0).integers(0, 5, (60, 70), dtype=np.uint8)
    given = da.from_array(labels, chunks=(17, 30)) if lazy else labels
    shares = []
    assert np.array_equal(count_labels(given, 4, shares.append), np.bincount(labels.ravel(), minlength=5))
    assert shares == sorted(shares)
    assert len(shares) > 3
    assert shares[-1] == 1
    # Labels above the largest count as 0.
    few = count_labels(given, 2)
    assert few.tolist() == [int(np.isin(labels, (0, 3, 4)).sum()), *np.bincount(labels.ravel())[1:3].tolist()]


def test_an_empty_image_has_no_labels():
    assert count_labels(np.zeros((0, 5), dtype=np.uint8), 2).tolist() == [0, 0, 0]
