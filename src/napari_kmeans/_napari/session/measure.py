"""What is found out about pixels that are clustered together. A worker runs it: there is no napari in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...blocks.loop import Progress, seconds_of_a_pass, size_of, summarize, windows
from ...blocks.pixels import Pixels
from ...features.extractor import FeatureExtractor
from ...kmeans.clustering import ExactClusterings, Suggestion, suggest
from ...kmeans.search import SearchedClusterings
from ...model.model import KMeansModel
from ...pipeline import optimum_of

_ORDINARY = 1 << 26  # pixels up to which labels of what is not in memory are made an array to paint in


@dataclass(frozen=True, eq=False)
class Resolutions:
    """The pixels of an image layer.

    Attributes
    ----------
    pixels : tuple of Pixels
        At each resolution, the finest first; a single one of most images.
    """

    pixels: tuple[Pixels, ...]

    @property
    def finest(self) -> Pixels:
        """Those that clusters are found on."""
        return self.pixels[0]

    @property
    def lazy(self) -> bool:
        """Whether they are not in memory, so that reading all of them is only done when it is asked for."""
        return self.finest.chunks is not None

    @property
    def only_looked_up(self) -> bool:
        """Whether labels are never all made: of several levels, and of what is large and not in memory."""
        return len(self.pixels) > 1 or (self.lazy and self.finest.size > _ORDINARY)


@dataclass(frozen=True, eq=False)
class Measured:
    """Optima of pixels that are clustered together, and what they rest on.

    Attributes
    ----------
    optimum : ExactClusterings or SearchedClusterings
    description : FeatureExtractor
        Of the pixels.
    suggestion : Suggestion
    n_pixels : int
        There are.
    n_read : int
        Of these were looked at; fewer for an estimate.
    seconds : float
        That reading all of them might take; of an estimate.
    """

    optimum: ExactClusterings | SearchedClusterings
    description: FeatureExtractor
    suggestion: Suggestion
    n_pixels: int
    n_read: int
    seconds: float = 0.0

    @property
    def is_estimate(self) -> bool:
        """Whether windows stand for the whole."""
        return self.n_read < self.n_pixels

    def scaled(self, model: KMeansModel) -> KMeansModel:
        """Return a model of the windows with the counts and inertia that the whole might have."""
        if not self.is_estimate:
            return model
        share = self.n_pixels / self.n_read
        counts = (model.counts * share).round().astype(model.counts.dtype)
        return replace(model, counts=counts, inertia=model.inertia * share)


def measure(
    pixels: Pixels, k_max: int, progress: Progress | None = None, *, estimate: bool = False
) -> Measured:
    """Read pixels into their summary, and find the optima that the slider and the curve show.

    With `estimate` only windows are read, and the time is guessed that all pixels would take.
    """
    n_read = sum(map(size_of, windows(pixels.shape))) if estimate else pixels.size
    # Windows of a small image are all of it.
    estimate = estimate and n_read < pixels.size
    optimum = optimum_of(summarize(pixels, progress, estimate=estimate))
    one_pass = isinstance(optimum, ExactClusterings) and optimum.summary.exact
    seconds = seconds_of_a_pass(pixels) * (1 if one_pass else 3) if estimate else 0.0
    return Measured(optimum, pixels.feature, suggest(optimum, k_max), pixels.size, n_read, seconds)
