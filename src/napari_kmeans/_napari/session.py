"""What the dock knows of one image: the person's choices, what was measured, and the layer that shows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from napari.layers import Image

from ..blocks import Pixels
from ..clustering import Optimum, Suggestion
from ..model import KMeansModel
from .layers import Overlay

K_MAX = 12
"""Largest number of clusters on the slider and on the curve."""


@dataclass(frozen=True)
class Parameters:
    """What a person chooses. Immutable, so that a history is a list of them.

    Attributes
    ----------
    n_clusters : int
    features : str
    thresholds : tuple of float, or None
        Borders moved by hand; None for those of the optimum.
    """

    n_clusters: int = 3
    features: str = "gray"
    thresholds: tuple[float, ...] | None = None


@dataclass(eq=False)
class Session:
    """The state of one image.

    Attributes
    ----------
    image : Image layer
    overlay : Overlay
    parameters : Parameters
    history : list of Parameters
        Earlier ones, the latest last.
    pixels, optimum, suggestion
        Measured from the image's data; None until they are, or when the data changed.
    model : KMeansModel or None
        The clusters that plots and table show.
    wanted : bool
        Whether a person asked for an overlay that could not be made yet.
    """

    image: Image
    overlay: Overlay
    parameters: Parameters
    history: list[Parameters] = field(default_factory=list)
    pixels: Pixels | None = None
    optimum: Optimum | None = None
    suggestion: Suggestion | None = None
    model: KMeansModel | None = None
    wanted: bool = False

    def change(self, **fields: Any) -> bool:
        """Change parameters and remember the earlier ones; return whether anything is new."""
        changed = replace(self.parameters, **fields)
        if changed == self.parameters:
            return False
        self.history.append(self.parameters)
        self.parameters = changed
        return True

    def undo(self) -> bool:
        """Go back to the parameters before the last change; return whether there were any."""
        if not self.history:
            return False
        self.parameters = self.history.pop()
        return True

    def forget_measurements(self) -> None:
        """Note that the image's data are not what they were."""
        self.pixels = self.optimum = self.suggestion = self.model = None
