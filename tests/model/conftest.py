"""Models of two pictures, shared by the tests of this folder."""

from __future__ import annotations

import pytest

import napari_kmeans


@pytest.fixture(scope="session")
def coins(picture):
    return picture("coins")


@pytest.fixture(scope="session")
def model(coins):
    return napari_kmeans.segment(coins, 4)[1]


@pytest.fixture(scope="session")
def colored(picture):
    return napari_kmeans.segment(picture("coffee"), 4, features="lab", channel_axis=-1, smooth=1)[1]
