from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

import napari_kmeans
from napari_kmeans._napari.session.measurements import measure
from napari_kmeans.blocks.boxes import sampled_windows
from napari_kmeans.blocks.pixels import Pixels
from napari_kmeans.model.recipe import Recipe


def test_all_pixels_are_measured(gray):
    measured = measure(Pixels.of(gray), Recipe(), 6)
    assert (measured.n_pixels, measured.n_read, measured.seconds) == (2000, 2000, 0)
    assert not measured.is_estimate
    assert measured.suggestion.n_clusters == napari_kmeans.suggest_n_clusters(gray, 6).n_clusters
    model, expected = measured.model(Recipe(n_clusters=4), None), napari_kmeans.fit(gray, 4)
    np.testing.assert_array_equal(model.centers, expected.centers)
    assert model.inertia == expected.inertia


def test_a_small_image_is_never_estimated(gray):
    assert not measure(Pixels.of(gray), Recipe(), 6, estimate=True).is_estimate


def test_an_estimate_has_the_counts_of_the_whole_image(gray):
    half = replace(measure(Pixels.of(gray[:20]), Recipe(), 6), n_pixels=gray.size)
    assert half.is_estimate
    model, part = half.model(Recipe(n_clusters=3), None), napari_kmeans.fit(gray[:20], 3)
    np.testing.assert_array_equal(model.centers, part.centers)
    np.testing.assert_array_equal(model.counts, 2 * part.counts)
    assert model.inertia == pytest.approx(2 * part.inertia)


def test_only_what_is_displayed_is_tested_for_uneven_illumination():
    ramp = np.add.outer(np.linspace(0, 150, 96), 60 * (np.arange(96) % 16 > 8)).astype(np.float32)
    assert measure(Pixels.of(ramp), Recipe(), 1).uneven_illumination is None
    assert measure(Pixels.of(ramp), Recipe(), 1, for_display=True).uneven_illumination == "additive"


@pytest.mark.parametrize("options", [{}, {"smooth": 1.5}, {"illumination": "additive"}])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_windows_of_a_lazy_image_are_read_once(dtype, options):
    """For the clusters, the illumination and the test for it; one more block is read to estimate the time."""
    image = np.random.default_rng(0).normal(100, 20, (1500, 900)).astype(dtype)
    read = []

    def remember(block):
        read.append(block.shape)
        return block

    lazy = da.from_array(image, chunks=image.shape).map_blocks(remember, meta=np.empty((0, 0), dtype))
    recipe = Recipe.of(3, **options)
    measured = measure(Pixels.of(lazy, features=recipe.extractor), recipe, 3, estimate=True, for_display=True)
    assert len(read) == len(sampled_windows(image.shape)) + 1
    assert measured.prepared.pixels.image is lazy
    assert measured.is_estimate


def test_windows_are_not_read_again_to_test_the_illumination():
    ramp = np.add.outer(np.linspace(0, 150, 1500), 60 * (np.arange(900) % 160 > 80)).astype(np.uint8)
    read = []

    def remember(block):
        read.append(block.shape)
        return block

    lazy = da.from_array(ramp, chunks=ramp.shape).map_blocks(remember, meta=np.empty((0, 0), np.uint8))
    estimated = measure(Pixels.of(lazy), Recipe(), 1, estimate=True, for_display=True)
    read.clear()
    plain = measure(Pixels.of(lazy), Recipe(), 1)
    n_plain = len(read)
    read.clear()
    measured = measure(Pixels.of(lazy), Recipe(), 1, for_display=True, estimated=estimated)
    assert len(read) == n_plain
    assert measured.uneven_illumination == estimated.uneven_illumination == "additive"
    assert plain.uneven_illumination is None
    assert not measured.is_estimate
