"""The pixels of an image layer at each of its resolutions."""

from __future__ import annotations

from dataclasses import dataclass

from ...blocks.pixels import Pixels
from ...model.recipe import Recipe

_MAX_ARRAY = 1 << 26  # pixels up to which labels of a lazy image become an editable array


Place = tuple[int, int] | None
"""An axis and a position along it, or None for the whole image."""


@dataclass(frozen=True, eq=False)
class Resolutions:
    """The pixels of an image layer.

    Attributes
    ----------
    pixels : tuple of Pixels
        The pixels at each resolution, the finest first. Most images have one resolution.
    recipe : Recipe
        Settings, with lengths in pixels of the finest resolution.
    """

    pixels: tuple[Pixels, ...]
    recipe: Recipe

    @property
    def finest(self) -> Pixels:
        """The pixels that are clustered."""
        return self.pixels[0]

    def at(self, place: Place) -> Pixels:
        """Return the finest pixels of a place."""
        return self.finest if place is None else self.finest.at(*place)

    @property
    def is_lazy(self) -> bool:
        """Whether the pixels are not in memory; all of them are read only at the user's request."""
        return self.finest.chunks is not None

    @property
    def stays_on_demand(self) -> bool:
        """Whether labels are always computed on demand: for pyramids and large lazy images."""
        return len(self.pixels) > 1 or (self.is_lazy and self.finest.size > _MAX_ARRAY)
