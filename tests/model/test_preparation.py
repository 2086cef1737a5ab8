from __future__ import annotations

import numpy as np
import pytest

import napari_kmeans


def test_the_exact_solver_needs_a_single_feature():
    with pytest.raises(ValueError, match=r"solver='exact' needs a single feature.*'rgb' has 3"):
        napari_kmeans.fit(np.zeros((3, 3, 3)), 2, features="rgb", channel_axis=-1, solver="exact")
