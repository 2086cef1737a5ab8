from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.model.edits import Edits, check_clusters, check_merges, check_names, check_thresholds


def test_only_moved_clusters_are_adjusted():
    assert not Edits().is_adjusted
    assert not Edits(merges=((1, 2),), background=(1,), names=("a",)).is_adjusted
    assert Edits(thresholds=()).is_adjusted
    assert Edits(centers=((1.0,),), scales=(1.0,)).is_adjusted


def test_thresholds_are_finite_ascending_numbers():
    assert check_thresholds([1, np.float32(2.5), 2.5], 4) == (1.0, 2.5, 2.5)
    assert check_thresholds([], 1) == ()
    for wrong, message in (([1], "must be 2 numbers, not 1"), ([2, 1], "ascending"), ([1, np.nan], "finite")):
        with pytest.raises(ValueError, match=message):
            check_thresholds(wrong, 3)


def test_groups_are_sorted_and_single_clusters_dropped():
    assert check_merges([[3, 1], (2,), []], 4) == ((1, 3),)
    assert check_merges(np.array([[2, 4]]), 4) == ((2, 4),)
    for wrong in ([[1, 2], [2, 3]], [[1, 1]]):
        with pytest.raises(ValueError, match="must not contain a cluster twice"):
            check_merges(wrong, 4)


def test_there_is_one_name_per_cluster_or_none():
    assert check_names(["a", "b"], 2) == ("a", "b")
    assert check_names([], 2) == ()
    with pytest.raises(ValueError, match="names must have 2 entries, one per cluster, not 1"):
        check_names(["a"], 2)
    with pytest.raises(TypeError, match="sequence of str"):
        check_names("ab", 2)


def test_clusters_are_numbered_from_1():
    assert check_clusters("labels", (np.uint8(2), 1), 2) == [2, 1]
    for wrong in (0, 3, -1):
        with pytest.raises(ValueError, match=f"labels contains {wrong}; clusters are numbered 1 to 2"):
            check_clusters("labels", [wrong], 2)
    with pytest.raises(TypeError, match="labels must contain ints, not True"):
        check_clusters("labels", [True], 2)
