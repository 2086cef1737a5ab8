"""Histological stains: the amount of a dye in each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .feature_space import (
    FeatureSpace,
    ScalarFormat,
    alpha_mask,
    as_native,
    missing_color_reason,
    native_dtype,
    unknown_white_reason,
)

_DARKEST = 1e-6  # of white, as in scikit-image: the logarithm of black is infinite

# Colours of hematoxylin, eosin and DAB as optical densities of red, green and blue (Ruifrok & Johnston).
_RGB_FROM_HED = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))


@dataclass(frozen=True)
class Hematoxylin(FeatureSpace):
    """Amount of hematoxylin, as `skimage.color.rgb2hed` computes it (colour deconvolution [1]_).

    References
    ----------
    .. [1] A. C. Ruifrok and D. A. Johnston, "Quantification of histochemical staining by color
           deconvolution", Analytical and Quantitative Cytology and Histology 23(4), 291-299, 2001.
    """

    name: ClassVar[str] = "hematoxylin"
    title: ClassVar[str] = "Hematoxylin"
    is_exact: ClassVar[bool] = True
    stain: ClassVar[int] = 0

    def unsupported_reason(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> str:
        """Return why an image is not supported: no colours, or no known value of white."""
        return unknown_white_reason(self, dtype) or missing_color_reason(self, n_channels)

    def value_format(self, dtype: DTypeLike, n_channels: int | None, n_axes: int = 2) -> ScalarFormat:
        """Return the format: one float32 per pixel."""
        return ScalarFormat(np.dtype(np.float32))

    def transform(
        self, block: NDArray[Any], n_channels: int | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the amount of the stain."""
        weights = self._weights()
        block = as_native(block)
        stored = native_dtype(block.dtype)
        white = float(np.iinfo(stored).max) if stored.kind in "iu" else 1.0
        total = np.zeros(block.shape[:-1])
        with np.errstate(invalid="ignore"):
            for channel, weight in enumerate(weights):
                transmitted = np.maximum(block[..., channel] / white, _DARKEST)
                total += np.log(transmitted) * (weight / np.log(_DARKEST))
        return np.maximum(total, 0).astype(np.float32), alpha_mask(block, n_channels)

    def _weights(self) -> NDArray[np.float64]:
        """Return the weights of the optical densities of red, green and blue."""
        return np.asarray(np.linalg.inv(_RGB_FROM_HED)[:, self.stain])


@dataclass(frozen=True)
class Eosin(Hematoxylin):
    """Amount of eosin; see `Hematoxylin`."""

    name: ClassVar[str] = "eosin"
    title: ClassVar[str] = "Eosin"
    stain: ClassVar[int] = 1


@dataclass(frozen=True)
class DAB(Hematoxylin):
    """Amount of 3,3'-diaminobenzidine; see `Hematoxylin`."""

    name: ClassVar[str] = "dab"
    title: ClassVar[str] = "DAB"
    stain: ClassVar[int] = 2


@dataclass(frozen=True)
class Stain(Hematoxylin):
    """Amount of a stain of a given colour, assuming that no other stain is in the pixel.

    Parameters
    ----------
    vector : (float, float, float)
        Optical densities of red, green and blue, such as (0.65, 0.70, 0.29); only the ratios matter.
    """

    name: ClassVar[str] = "stain"
    title: ClassVar[str] = "Stain"

    vector: tuple[float, float, float] = (0.65, 0.70, 0.29)

    def __post_init__(self) -> None:
        given: object = self.vector  # not validated yet
        numbers = list(given) if isinstance(given, list | tuple | np.ndarray) else []
        if len(numbers) != 3 or any(
            isinstance(n, bool) or not isinstance(n, int | float | np.number) for n in numbers
        ):
            raise TypeError(f"vector={given!r:.80} must be three optical densities: red, green and blue")
        floats = [float(n) for n in numbers]
        if not all(np.isfinite(floats)) or min(floats) < 0 or max(floats) == 0:
            raise ValueError(f"vector={tuple(floats)} must be 0 or more, and not all 0")
        object.__setattr__(self, "vector", tuple(floats))

    def _weights(self) -> NDArray[np.float64]:
        """Return the weights that project optical densities onto the colour of the stain."""
        vector = np.asarray(self.vector)
        return np.asarray(vector / np.sum(vector * vector))
