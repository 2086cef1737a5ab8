"""Texture: intensity, edges and curvature around a pixel, at several scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..options import option
from ..preprocess.smoothing import gaussian, gaussian_radius
from .base import FeatureSpace, VectorFormat
from .gray import Gray

_MAX_PIXELS = 1000
_WINDOW_TRUNCATE = 2.0  # standard deviations; pixels farther away hardly contribute and cost as much


@dataclass(frozen=True)
class Texture(FeatureSpace):
    """Intensity, edges and texture of the gray image at several scales, averaged around each pixel.

    The features are those of `skimage.feature.multiscale_basic_features`: at each scale the Gaussian average,
    the edge strength (Sobel) and the eigenvalues of the Hessian matrix. Within one texture these change from
    pixel to pixel; textures differ in how strong they are on average [1]_, hence the averaging window.

    Parameters
    ----------
    sigma : (float, float), default (0.5, 4)
        Smallest and largest scale: standard deviation of the Gaussian in pixels. Scales double in between.
    window : float, default 16
        Standard deviation in pixels of the averaging window; 0 keeps the features as scikit-image computes
        them. Texture boundaries are no sharper than this window.

    References
    ----------
    .. [1] K. I. Laws, "Rapid texture identification", Proceedings of SPIE 238, 376-381, 1980.
    """

    name: ClassVar[str] = "texture"
    title: ClassVar[str] = "Texture"

    sigma: tuple[float, float] = option(
        (0.5, 4.0),
        "Smallest and largest scale of the texture, in pixels.",
        label="Scales",
        metavar="LOW,HIGH",
        minimum=0.1,
        maximum=_MAX_PIXELS,
    )
    window: float = option(
        16.0,
        "Size of the averaging window, in pixels.",
        label="Window",
        metavar="W",
        minimum=0,
        maximum=_MAX_PIXELS,
    )

    def __post_init__(self) -> None:
        sigma: object = self.sigma  # not validated yet
        numbers = [*sigma, self.window] if isinstance(sigma, list | tuple) else []
        if len(numbers) != 3 or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
            raise TypeError(
                f"sigma={self.sigma!r:.80} must be two numbers of pixels, such as (0.5, 4), and "
                f"window={self.window!r:.80} one"
            )
        low, high = (float(n) for n in self.sigma)
        if not 0.1 <= low <= high <= _MAX_PIXELS:
            raise ValueError(f"sigma={self.sigma} must be ascending, from 0.1 to {_MAX_PIXELS} pixels")
        if not 0 <= self.window <= _MAX_PIXELS:
            raise ValueError(f"window={self.window} must be 0 to {_MAX_PIXELS} pixels")
        object.__setattr__(self, "sigma", (low, high))
        object.__setattr__(self, "window", float(self.window))

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why an image is not supported: a single spatial axis, or no luminance."""
        if n_axes < 2:
            return f"image has {n_axes} spatial axes, and features={self.name!r} needs at least 2"
        reason = Gray().unsupported_reason(dtype, n_channels, n_axes)
        return reason.replace(repr(Gray.name), repr(self.name))

    def value_format(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> VectorFormat:
        """Return the format: the features, and the intensity behind them."""
        return VectorFormat(np.dtype(np.float32), self._names(n_axes), sampled=True, standardize=True)

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the features; the intensity is NaN where the image is."""
        from skimage.feature import multiscale_basic_features

        values, include = Gray().transform(block, n_channels)
        unit = Gray().value_format(block.dtype, n_channels).unit
        gray = np.multiply(values, unit, dtype=np.float64).astype(np.float32)
        known = np.isfinite(gray)
        if include is not None:
            known &= include
        # Missing pixels are filled from their surroundings, or they would spread as far as the largest scale.
        filled = gray
        if not known.all():
            filled = np.where(known, gray, gaussian(gray, (self.sigma[1],) * gray.ndim, known))
        low, high = self.sigma
        filled = filled.astype(np.float32)
        found = multiscale_basic_features(filled, sigma_min=low, sigma_max=high, workers=1)
        features = np.empty((*gray.shape, found.shape[-1] + 1), dtype=np.float32)
        for number in range(found.shape[-1]):
            feature = found[..., number]
            if self.window:
                feature = gaussian(feature, (self.window,) * gray.ndim, known, _WINDOW_TRUNCATE)
            features[..., number] = feature
        features[..., -1] = gray
        return features, include

    def _names(self, n_axes: int) -> tuple[str, ...]:
        """Return the names of the features with their scales, in scikit-image's order."""
        low, high = np.log2(self.sigma)
        scales = np.logspace(low, high, num=int(high - low + 1), base=2)
        kinds = ["intensity", "edges", *(f"texture {n}" for n in range(1, n_axes + 1))]
        return tuple(f"{kind} σ {scale:.3g}" for scale in scales for kind in kinds)

    def halo(self, dtype: DTypeLike, n_channels: int | None) -> int:
        """Return the reach of the largest Gaussian and of the window, and two pixels for differences.

        The Gaussian counts twice where there may be missing pixels to fill: NaN, or pixels without alpha.
        """
        may_have_missing = np.dtype(dtype).kind == "f" or n_channels == 4
        reach = gaussian_radius(self.sigma[1]) * (1 + may_have_missing) + 2
        return reach + gaussian_radius(self.window, _WINDOW_TRUNCATE)
