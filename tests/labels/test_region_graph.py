"""Regions of blocks are combined to the regions of the image; scipy.ndimage.label is the reference."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from napari_kmeans.labels.region_graph import block_regions, fill_holes, merge_small_regions, region_graph

CUTS = [(0, 7), (0, 3, 7), (0, 1, 2, 5, 7)]
LIMIT = 4
AREAS = np.ones(3, dtype=np.int64)


def image_of(seed, n_labels=3):
    labels = np.random.default_rng(seed).integers(0, n_labels, (7, 9)).astype(np.uint8)
    return labels, labels > 0


def graph_of(labels, include, cuts, limit=LIMIT):
    """Return the region graph of an image that is divided into bands of rows."""
    bands = list(pairwise(cuts))
    blocks = [
        block_regions(
            labels[begin:end],
            include[begin:end],
            [(begin > 0, end < len(labels)), (False, False)],
            limit,
        )
        for begin, end in bands
    ]
    return region_graph(blocks, (len(bands), 1), limit)


def regions_by_definition(labels, include):
    """Return label and size of each region, sorted."""
    found = []
    for label in np.unique(labels[include]):
        ids, n = ndimage.label((labels == label) & include)
        found += [(int(label), int(np.sum(ids == number))) for number in range(1, n + 1)]
    return sorted(found)


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("seed", range(5))
def test_regions_continue_across_seams(seed, cuts):
    labels, include = image_of(seed)
    graph = graph_of(labels, include, cuts)
    regions = sorted(zip(graph.label[1:].tolist(), graph.size[1:].tolist(), strict=True))
    assert regions == regions_by_definition(labels, include)
    assert [len(members) for members in graph.members] == [
        1 + len(regions_by_definition(labels[a:b], include[a:b])) for a, b in pairwise(cuts)
    ]


@pytest.mark.parametrize("cuts", CUTS)
def test_faces_of_small_regions_are_listed_once_from_each_side(cuts):
    labels = np.full((7, 9), 1, dtype=np.uint8)
    labels[2:4, 4] = 2  # two pixels with six faces
    graph = graph_of(labels, labels > 0, cuts)
    small = graph.label.tolist().index(2)
    faces = slice(graph.begin[small], graph.begin[small + 1])
    assert graph.label[graph.neighbor[faces]].tolist() == [1] * 6
    assert sorted(graph.across[faces].tolist()) == [1, 1, 2, 2, 2, 2]
    assert graph.neighbor.size == 12


@pytest.mark.parametrize("cuts", CUTS)
def test_regions_at_the_border_or_at_excluded_pixels_are_outer(cuts):
    labels = np.full((7, 9), 1, dtype=np.uint8)
    labels[3, 3], labels[3, 6], labels[3, 7] = 2, 3, 0
    graph = graph_of(labels, labels > 0, cuts)
    outer = dict(zip(graph.label[1:].tolist(), graph.outer[1:].tolist(), strict=True))
    assert outer == {1: True, 2: False, 3: True}
    assert graph.outer[0]


@pytest.mark.parametrize("cuts", CUTS)
def test_a_small_region_gets_the_label_of_its_longest_border(cuts):
    labels = np.repeat(np.array([[1, 1, 1, 1, 2, 2, 2, 2, 2]], dtype=np.uint8), 7, axis=0)
    labels[2:4, 4] = 3  # its borders: 2 faces with label 1, 4 with label 2
    graph = graph_of(labels, labels > 0, cuts)
    chosen = graph.label.copy()
    merge_small_regions(graph, chosen, LIMIT, AREAS, check=lambda: None)
    assert chosen[graph.label == 3].tolist() == [2]
    assert np.array_equal(chosen[graph.label != 3], graph.label[graph.label != 3])


@pytest.mark.parametrize("cuts", CUTS)
def test_holes_are_filled_and_bays_are_not(cuts):
    labels = np.full((7, 9), 1, dtype=np.uint8)
    labels[2:4, 3] = 2  # a hole
    labels[0, 6] = 3  # open to the border of the image
    graph = graph_of(labels, labels > 0, cuts)
    chosen = graph.label.copy()
    fill_holes(graph, chosen, LIMIT, check=lambda: None)
    assert chosen[graph.label == 2].tolist() == [1]
    assert chosen[graph.label == 3].tolist() == [3]


@pytest.mark.parametrize("step", [merge_small_regions, fill_holes])
def test_an_exception_of_the_check_ends_the_work(step):
    def stop():
        raise KeyboardInterrupt

    labels = np.full((7, 9), 1, dtype=np.uint8)
    labels[3, 3] = 2
    graph = graph_of(labels, labels > 0, CUTS[0])
    chosen = graph.label.copy()
    areas = (AREAS,) if step is merge_small_regions else ()
    with pytest.raises(KeyboardInterrupt):
        step(graph, chosen, LIMIT, *areas, check=stop)
    assert np.array_equal(chosen, graph.label)
