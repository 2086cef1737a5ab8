from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_kmeans.labels import region_graph

LABELS = np.array(
    [
        [1, 1, 2, 2],
        [1, 2, 2, 3],
        [1, 1, 0, 3],
    ],
    dtype=np.uint8,
)


def graph_of(labels, columns, limit=100, weights=(1, 1)):
    """Graph of an image that is cut into blocks at some columns."""
    edges = [0, *columns, labels.shape[1]]
    parts = []
    for begin, end in itertools.pairwise(edges):
        seams = [(False, False), (begin > 0, end < labels.shape[1])]
        parts.append(region_graph.look(labels[:, begin:end], None, seams, weights, limit))
    return region_graph.join(parts, (1, len(parts)), weights, limit)


def test_regions_are_connected_by_faces():
    ids = region_graph.number_regions(LABELS, None)
    assert ids.max() == 3
    assert (ids == 0).sum() == 1
    assert len(set(ids[LABELS == 1])) == 1
    diagonal = region_graph.number_regions(np.array([[1, 2], [2, 1]], dtype=np.uint8), None)
    assert diagonal.max() == 4


def test_with_a_mask_label_0_is_a_region():
    include = np.ones(LABELS.shape, dtype=bool)
    include[0, 0] = False
    ids = region_graph.number_regions(LABELS, include)
    assert ids[0, 0] == 0
    assert ids[2, 2] > 0


@pytest.mark.parametrize("columns", [(), (2,), (1, 2, 3)])
def test_blocks_do_not_change_the_regions(columns):
    graph = graph_of(LABELS, columns)
    found = sorted(
        zip(graph.label[1:].tolist(), graph.size[1:].tolist(), graph.outer[1:].tolist(), strict=True)
    )
    assert found == [(1, 5, True), (2, 4, True), (3, 2, True)]
    borders = graph.borders.toarray()
    region = {int(label): number for number, label in enumerate(graph.label) if number}
    assert borders[region[1], region[2]] == 4
    assert borders[region[2], region[3]] == 2
    assert borders[region[1], region[3]] == 0
    assert np.array_equal(borders, borders.T)


@pytest.mark.parametrize("columns", [(), (3,)])
def test_only_regions_inside_the_image_are_not_outer(columns):
    labels = np.ones((5, 6), dtype=np.uint8)
    labels[2, 2:4] = 2
    graph = graph_of(labels, columns)
    assert dict(zip(graph.label[1:].tolist(), graph.outer[1:].tolist(), strict=True)) == {1: True, 2: False}
    labels[1, 2] = 0  # an excluded pixel beside it
    graph = graph_of(labels, columns)
    assert graph.outer[1:].all()


def test_borders_are_weighted_by_the_area_of_a_face():
    graph = graph_of(np.array([[1, 1], [2, 1]], dtype=np.uint8), (), weights=(5, 7))
    assert graph.borders.toarray().max() == 12


def test_absorb_and_fill_change_labels_of_regions():
    labels = np.ones((5, 6), dtype=np.uint8)
    labels[2, 2:4] = 2
    calls = []
    for change in (region_graph.absorb, region_graph.fill):
        graph = graph_of(labels, (3,))
        decided = graph.label.copy()
        change(graph, decided, 2, lambda: calls.append(1))
        assert np.array_equal(decided, graph.label)
        change(graph, decided, 3, lambda: calls.append(1))
        assert decided[1:].tolist() == [1, 1]
    assert calls
