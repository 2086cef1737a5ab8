from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.labels.checks import check_axes, check_spacing, check_spatial
from napari_kmeans.labels.clean_up import clean_labels

LABELS = np.ones((4, 5), dtype=np.uint8)


@pytest.mark.parametrize(
    ("labels", "keywords", "error", "message"),
    [
        ([[1]], {}, TypeError, "labels must be a NumPy, dask or zarr array, not builtins.list"),
        (LABELS.astype(int), {}, TypeError, "labels has dtype int64 and must be uint8"),
        (LABELS[0, 0], {}, TypeError, "labels must be a NumPy"),
        (
            np.ones((2, 2, 2, 2), np.uint8),
            {},
            ValueError,
            "labels has 4 spatial axes and must have 1 to 3; list",
        ),
        (LABELS, {"per_axis": (0, 1)}, ValueError, "labels has 0 spatial axes"),
        (LABELS, {"per_axis": 2}, ValueError, "per_axis=2 is out of range"),
        (LABELS, {"per_axis": (0, -2)}, ValueError, r"per_axis=\(0, -2\) contains an axis twice"),
        (LABELS, {"spacing": (1, 1, 1)}, ValueError, "has length 3, but labels has 2 spatial axes"),
        (LABELS, {"spacing": (1, 0)}, ValueError, r"spacing=\(1, 0\) must be above 0"),
        (LABELS, {"spacing": "um"}, TypeError, "spacing must be a number"),
        (LABELS, {"mask": LABELS[:3]}, ValueError, r"mask has shape \(3, 5\); it must have the shape"),
    ],
)
def test_errors_name_the_argument(labels, keywords, error, message) -> None:
    with pytest.raises(error, match=message):
        clean_labels(labels, **keywords)


def test_axes_are_normalized_to_ascending_order() -> None:
    assert check_axes(None, 3) == []
    assert check_axes(-1, 3) == [2]
    assert check_axes((2, 0), 3) == [0, 2]
    assert check_spatial(LABELS, [0]) == 1


def test_one_spacing_is_that_of_all_axes() -> None:
    assert check_spacing(None, 2) == (1.0, 1.0)
    assert check_spacing(0.5, 3) == (0.5, 0.5, 0.5)
    assert check_spacing(np.array([2, 3]), 2) == (2.0, 3.0)
