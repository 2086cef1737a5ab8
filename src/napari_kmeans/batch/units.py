"""Lengths along the axes of an image file, in pixels or in the unit of the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..features.extractor import check_smooth
from ..io.image_file import ImageFile
from ..labels.clean_up import CleanUp
from ..model.recipe import Recipe
from ..model.segmentation import Grid
from ..options import options_of
from ..preprocess.coherence import check_coherence


@dataclass(frozen=True)
class Units:
    """Lengths along the axes of an image, in pixels or in the unit of its file.

    Attributes
    ----------
    physical : bool
        Whether numbers are in the unit of the file.
    """

    physical: bool

    def grid(self, image: ImageFile) -> Grid:
        """Return the grid of the labels of an image; the time points of a series are cleaned separately."""
        axes = image.spatial_axes
        spacing = [self._size(image, axis) for axis in axes if axis != "T"] if self.physical else None
        return Grid(spacing, [axes.index("T")] if "T" in axes else [])

    def recipe(self, requested: Recipe, image: ImageFile) -> Recipe:
        """Return the recipe for an image: smoothing in pixels, and the cost of a border along each axis.

        A border costs in proportion to its area, so with physical sizes the cost along an axis is inversely
        proportional to the pixel size, with the full cost along the axis of the shortest pixels. Neither
        smoothing nor coherence connects time points. Numbers that were given for each axis separately are
        only converted.
        """
        axes = image.spatial_axes
        places = [axis for axis in axes if axis != "T"]
        sizes = {axis: self._size(image, axis) for axis in places} if self.physical else {}
        recipe = requested
        if requested.smooth:
            widths = _per_axis(axes, requested.smooth)
            sigma = [width / sizes.get(axis, 1.0) for axis, width in zip(axes, widths, strict=True)]
            recipe = replace(recipe, smooth=check_smooth(_one_if_equal(sigma)))
        if requested.coherence:
            shortest = min(sizes.values(), default=1.0)
            costs = [
                cost * shortest / sizes.get(axis, shortest)
                for axis, cost in zip(axes, _per_axis(axes, requested.coherence), strict=True)
            ]
            recipe = replace(recipe, coherence=check_coherence(_one_if_equal(costs)))
        return recipe

    def _size(self, image: ImageFile, axis: str) -> float:
        size = image.pixel_size.get(axis)
        if not size:
            raise ValueError("its pixel size is unknown, but --physical needs it")
        return size


def in_pixels(recipe: Recipe, spacing: Sequence[float]) -> Recipe:
    """Return a recipe whose clean-up is in pixels instead of the unit of the spacing.

    If the spacing differs between axes, a radius is divided by the geometric mean of the spacing.
    """
    size = math.prod(spacing)
    clean_up = recipe.clean_up
    changed = {
        name: getattr(clean_up, name) / (size if details.unit == "size" else size ** (1 / len(spacing)))
        for name, _, details in options_of(CleanUp)
        if getattr(clean_up, name)
    }
    return replace(
        recipe, smooth=tuple(_one_if_equal(list(recipe.smooth))), clean_up=replace(clean_up, **changed)
    )


def _per_axis(axes: str, numbers: tuple[float, ...]) -> list[float]:
    """Return one number per axis; a single number applies to all axes except time."""
    if len(numbers) == 1:
        return [0.0 if axis == "T" else numbers[0] for axis in axes]
    if len(numbers) != len(axes):
        raise ValueError(
            f"the recipe has numbers for {len(numbers)} axes, but the image has {len(axes)} "
            f"({', '.join(axes.lower())}); give one number for all axes"
        )
    return list(numbers)


def _one_if_equal(numbers: list[float]) -> list[float]:
    """Return one number for all axes if they are equal."""
    return numbers if len(set(numbers)) > 1 else numbers[:1]
