"""Texture: what the surroundings of a pixel look like, at several scales."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..preprocess.smoothing import blur, reach
from .base import Feature, Vector
from .gray import Gray

_LARGEST = 1000
_WINDOW_ENDS = 2.0  # standard deviations: farther pixels hardly count, and cost as much as near ones


@dataclass(frozen=True)
class Texture(Feature):
    """Intensity, edges and texture of the gray image at several scales, averaged around each pixel.

    They are those of `skimage.feature.multiscale_basic_features`: at each scale the Gaussian average, the
    strength of its edges (Sobel), and the eigenvalues of its Hessian matrix. Within one texture these change
    from pixel to pixel; what tells textures apart is how strong they are on average [1]_.

    Attributes
    ----------
    gray : Gray
        What the gray image is.
    sigma : (float, float)
        Smallest and largest scale: standard deviation of the Gaussian in pixels. Scales double in between.
    window : float
        Standard deviation in pixels of the Gaussian, cut off at two of them, by which features are averaged;
        0 leaves them as they are.

    References
    ----------
    .. [1] K. I. Laws, "Rapid texture identification", Proceedings of SPIE 238, 376-381, 1980.
    """

    gray: Gray
    sigma: tuple[float, float] = field(default=(0.5, 4.0), metadata={"option": True})
    window: float = field(default=16.0, metadata={"option": True})

    def __post_init__(self) -> None:
        sigma: object = self.sigma  # whatever was given
        numbers = [*sigma, self.window] if isinstance(sigma, list | tuple) else []
        if len(numbers) != 3 or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
            raise TypeError(
                f"sigma={self.sigma!r:.80} must be two numbers of pixels, such as (0.5, 4), and "
                f"window={self.window!r:.80} one"
            )
        low, high = (float(n) for n in self.sigma)
        if not 0.1 <= low <= high <= _LARGEST:
            raise ValueError(f"sigma={self.sigma} must be ascending, from 0.1 to {_LARGEST} pixels")
        if not 0 <= self.window <= _LARGEST:
            raise ValueError(f"window={self.window} must be 0 to {_LARGEST} pixels")
        object.__setattr__(self, "sigma", (low, high))  # as a file holds it, whatever it was given as
        object.__setattr__(self, "window", float(self.window))

    def refusal(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """A gray image is needed, with neighbours."""
        if n_axes < 2:
            return f"image has {n_axes} spatial axes, and features={self.name!r} needs at least 2"
        return self.gray.refusal(dtype, n_channels, n_axes).replace(repr(self.gray.name), repr(self.name))

    def describe(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> Vector:
        """Store the features, and behind them the intensity itself."""
        return Vector(np.dtype(np.float32), self._names(n_axes), sampled=True, standardize=True)

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Features in the image's own units; the intensity is NaN where the image is."""
        from skimage.feature import multiscale_basic_features

        values, there = self.gray.transform(block, n_channels)
        unit = self.gray.describe(block.dtype, n_channels).unit
        gray = np.multiply(values, unit, dtype=np.float64).astype(np.float32)
        known = np.isfinite(gray)
        if there is not None:
            known &= there
        # Holes are filled with what is around them, or they would spread as far as the largest scale.
        filled = gray
        if not known.all():
            filled = np.where(known, gray, blur(gray, (self.sigma[1],) * gray.ndim, known))
        low, high = self.sigma
        filled = filled.astype(np.float32)
        found = multiscale_basic_features(filled, sigma_min=low, sigma_max=high, workers=1)
        features = np.empty((*gray.shape, found.shape[-1] + 1), dtype=np.float32)
        for number in range(found.shape[-1]):
            feature = found[..., number]
            if self.window:
                feature = blur(feature, (self.window,) * gray.ndim, known, _WINDOW_ENDS)
            features[..., number] = feature
        features[..., -1] = gray
        return features, there

    def _names(self, n_axes: int) -> tuple[str, ...]:
        """Name each feature with its scale, in scikit-image's order."""
        low, high = np.log2(self.sigma)
        scales = np.logspace(low, high, num=int(high - low + 1), base=2)
        kinds = ["intensity", "edges", *(f"texture {n}" for n in range(1, n_axes + 1))]
        return tuple(f"{kind} σ {scale:.3g}" for scale in scales for kind in kinds)

    def halo(self, dtype: DTypeLike, n_channels: int | None) -> int:
        """As far as the largest Gaussian and the window reach, and two pixels for differences.

        The Gaussian counts twice where there may be holes to fill: NaN, or pixels without alpha.
        """
        may_have_holes = np.dtype(dtype).kind == "f" or n_channels == 4
        far = reach(self.sigma[1]) * (1 + may_have_holes) + 2
        return far + reach(self.window, _WINDOW_ENDS)
