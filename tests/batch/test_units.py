from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_kmeans import CleanUp, Recipe
from napari_kmeans.batch.units import Units, in_pixels
from napari_kmeans.io.image_file import ImageFile
from napari_kmeans.model.segmentation import Grid

MOVIE = ImageFile(Path("x.tif"), np.empty((2, 3, 4, 5)), "TZYX", {"Z": 2.0, "Y": 0.5, "X": 0.25}, "um")


def test_lengths_are_in_pixels_or_in_the_unit_of_the_file() -> None:
    smooth = Recipe.of(smooth=2)
    assert Units(False).grid(MOVIE) == Grid(None, [0])
    assert Units(True).grid(MOVIE) == Grid([2.0, 0.5, 0.25], [0])
    assert Units(False).recipe(smooth, MOVIE).smooth == (0, 2, 2, 2)
    assert Units(True).recipe(smooth, MOVIE).smooth == (0, 1, 4, 8)
    assert Units(True).recipe(Recipe(), MOVIE) == Recipe()
    plane = ImageFile(Path("x.png"), np.empty((4, 5)), "YX")
    assert Units(False).recipe(smooth, plane).smooth == (2,)
    with pytest.raises(ValueError, match="its pixel size is unknown, but --physical needs it"):
        Units(True).grid(plane)


def test_numbers_of_each_axis_are_kept() -> None:
    recipe = Recipe.of(smooth=(1, 0, 2, 2), coherence=(0, 1, 1, 1))
    assert Units(False).recipe(recipe, MOVIE) == recipe
    assert Units(True).recipe(recipe, MOVIE).smooth == (1, 0, 4, 8)
    assert Units(True).recipe(recipe, MOVIE).coherence == (0, 0.125, 0.5, 1)
    with pytest.raises(ValueError, match=r"numbers for 3 axes, but the image has 4 \(t, z, y, x\)"):
        Units(False).recipe(replace(recipe, smooth=(1, 1, 2)), MOVIE)


def test_a_recipe_in_units_becomes_one_in_pixels() -> None:
    recipe = Recipe.of(smooth=(2, 2), clean_up=CleanUp(majority=1.5, min_size=5))
    assert in_pixels(recipe, [1, 1]) == Recipe.of(smooth=2, clean_up=recipe.clean_up)
    assert in_pixels(recipe, [0.5, 0.5]).clean_up == CleanUp(majority=3, min_size=20)
    assert in_pixels(Recipe(), [0.5, 2, 8]) == Recipe()
