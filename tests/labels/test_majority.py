from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import rank
from skimage.morphology import ball, disk

from napari_kmeans.labels.clean_up import clean_labels
from napari_kmeans.labels.majority import Ball, majority

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("radius", [1, 2, 3, 5, 9])
def test_majority_equals_scikit_image(radius: int) -> None:
    labels = RNG.integers(1, 5, (60, 71), dtype=np.uint8)
    labels[20:30, 10:50] = 0
    expected = rank.majority(labels, disk(radius), mask=labels > 0)
    expected[labels == 0] = 0
    np.testing.assert_array_equal(clean_labels(labels, majority=radius), expected)


def test_majority_in_3d_equals_scikit_image() -> None:
    labels = RNG.integers(1, 4, (9, 12, 14), dtype=np.uint8)
    labels[3:5, 4:8, 4:8] = 0
    expected = rank.majority(labels, ball(2), mask=(labels > 0).astype(np.uint8))
    expected[labels == 0] = 0
    np.testing.assert_array_equal(clean_labels(labels, majority=2), expected)


def test_with_a_mask_label_0_votes_like_any_other() -> None:
    labels = RNG.integers(0, 4, (40, 40), dtype=np.uint8)
    mask = RNG.random((40, 40)) < 0.8
    expected = np.where(mask, rank.majority(labels, disk(2), mask=mask), labels)
    cleaned = clean_labels(labels, majority=2, mask=mask)
    np.testing.assert_array_equal(cleaned, expected)
    assert np.count_nonzero(cleaned[labels == 0])
    assert np.count_nonzero(cleaned[labels != 0] == 0)


def test_the_radius_is_measured_in_units_of_the_spacing() -> None:
    labels = RNG.integers(1, 4, (20, 30, 30), dtype=np.uint8)
    # Planes are farther apart than the radius, so each is smoothed separately.
    apart = clean_labels(labels, majority=2, spacing=(3, 1, 1))
    np.testing.assert_array_equal(apart, np.stack([clean_labels(plane, majority=2) for plane in labels]))
    np.testing.assert_array_equal(
        clean_labels(labels, majority=0.2, spacing=0.1), clean_labels(labels, majority=2)
    )


def test_pixels_that_are_not_included_keep_their_label_and_do_not_vote():
    labels = np.array([[1, 1, 2, 2, 2]], dtype=np.uint8)
    include = np.array([[True, True, True, True, False]])
    assert majority(labels, include, Ball(1, (1.0, 1.0))).tolist() == [[1, 1, 2, 2, 2]]
    include = np.array([[True, True, True, False, False]])
    assert majority(labels, include, Ball(1, (1.0, 1.0))).tolist() == [[1, 1, 1, 2, 2]]
