from __future__ import annotations

import numpy as np

from napari_kmeans.blocks.hashing import splitmix64


def test_splitmix64_equals_the_reference_implementation():
    # First outputs of the reference implementation with state 0; each output adds the constant to its state.
    assert splitmix64(np.zeros(1, dtype=np.uint64)).tolist() == [0xE220A8397B1DCDAF]


def test_hashes_of_consecutive_numbers_are_spread_evenly():
    places = splitmix64(np.arange(1 << 16, dtype=np.uint64))
    counts = np.bincount((places >> np.uint64(56)).astype(int), minlength=256)
    assert 170 < counts.min() < 256 < counts.max() < 350
