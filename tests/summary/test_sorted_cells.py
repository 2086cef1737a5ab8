from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.summary import sorted_cells
from napari_kmeans.summary.codes import interleave
from napari_kmeans.summary.sorted_cells import Cells, merge_parts

N_BITS = 8


def pixels(n_axes, n=5000, seed=0):
    """Codes of pixels: (n_axes, n) array."""
    return np.random.default_rng(seed).integers(0, 1 << N_BITS, (n_axes, n))


def cells_of(codes) -> Cells:
    return Cells(0, *np.unique(interleave(codes, N_BITS), return_counts=True))


@pytest.mark.parametrize("n_axes", [2, 3])
@pytest.mark.parametrize("n_dropped_bits", [1, 4, 7])
def test_coarser_cells_have_the_sums_of_their_pixels(n_dropped_bits, n_axes):
    codes = pixels(n_axes)
    cells = cells_of(codes).coarser(n_dropped_bits, n_axes)
    keys = interleave(codes, N_BITS) >> np.uint64(n_dropped_bits)
    assert np.array_equal(cells.keys, np.unique(keys))
    place = np.searchsorted(cells.keys, keys)
    assert np.array_equal(cells.counts, np.bincount(place))
    assert np.array_equal(cells.sums, [np.bincount(place, weights=code) for code in codes])
    assert cells.products == tuple(
        int(np.sum(codes[i] * codes[j])) for i in range(n_axes) for j in range(i, n_axes)
    )


@pytest.mark.parametrize("n_axes", [2, 3])
def test_the_scatter_is_that_of_the_pixels_around_the_means_of_their_cells(n_axes):
    codes = pixels(n_axes)
    cells = cells_of(codes).coarser(7, n_axes)
    means = cells.sums / cells.counts
    residuals = codes - means[:, np.searchsorted(cells.keys, interleave(codes, N_BITS) >> np.uint64(7))]
    np.testing.assert_allclose(cells.scatter(means), residuals @ residuals.T, rtol=1e-9)


@pytest.mark.parametrize("limit", [1, 100, 4000, 10_000])
def test_no_more_bits_are_dropped_than_necessary(monkeypatch, limit):
    monkeypatch.setattr(sorted_cells, "LIMIT", limit)
    monkeypatch.setattr(sorted_cells, "_PIECE", 77)
    whole = cells_of(pixels(3))
    cells = whole.limited(3)
    assert cells.keys.size <= limit
    assert cells is whole or whole.coarser(cells.n_dropped_bits - 1, 3).keys.size > limit


@pytest.mark.parametrize("n_parts", [1, 2, 5])
@pytest.mark.parametrize("limit", [300, 10_000])
def test_merged_parts_are_the_cells_of_all_pixels(monkeypatch, limit, n_parts):
    monkeypatch.setattr(sorted_cells, "LIMIT", limit)
    codes = pixels(3)
    parts = [cells_of(part).limited(3) for part in np.array_split(codes, n_parts, axis=1)]
    merged, expected = merge_parts(parts, 3), cells_of(codes).limited(3)
    assert merged.n_dropped_bits == expected.n_dropped_bits
    assert np.array_equal(merged.keys, expected.keys)
    assert np.array_equal(merged.counts, expected.counts)
    assert (merged.sums is None) == (expected.sums is None)
    if expected.sums is not None:
        assert np.array_equal(merged.sums, expected.sums)
    assert merged.products == expected.products
