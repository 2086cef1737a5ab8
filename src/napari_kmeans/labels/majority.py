"""Majority filter: the most frequent label around each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..blocks.boxes import Box
from . import _majority_kernels as kernels
from .volumes import as_volume

_ROUNDING = 1e-9  # relative to a squared radius of 1, so that three pixels of size 0.1 are within 0.3
_MAX_REACH = 1 << 40  # pixels; more than any axis has


@dataclass(frozen=True)
class Ball:
    """Pixels whose centres are within a radius: a disk, a ball, or an ellipsoid for anisotropic pixels.

    Parameters
    ----------
    radius : float
        In the units of `spacing`.
    spacing : tuple of float
        Size of a pixel along each axis.
    """

    radius: float
    spacing: tuple[float, ...]

    @property
    def reach(self) -> tuple[int, ...]:
        """Number of pixels that the ball extends to each side along each axis."""
        return tuple(
            int(min(self.radius / size * (1 + _ROUNDING), float(_MAX_REACH))) for size in self.spacing
        )

    def lines(self, shape: Sequence[int]) -> NDArray[np.int64]:
        """Decompose the ball into lines along the last axis.

        Parameters
        ----------
        shape : sequence of int
            Shape of the image; lines that extend beyond it from any of its pixels are shortened or omitted.

        Returns
        -------
        (n_lines, ndim) int64 array
            Offset of each line along all axes except the last, and half its length without the pixel in the
            middle.
        """
        reach = [min(r, n - 1) for r, n in zip(self.reach, shape, strict=True)]
        axes = [np.arange(-r, r + 1) for r in reach[:-1]]
        if not axes:
            return np.array([[reach[-1]]], dtype=np.int64)
        offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
        half = np.minimum(self._half_length(offsets), reach[-1])
        return np.column_stack([offsets, half])[half >= 0]

    def covers(self, shape: Sequence[int]) -> bool:
        """Return whether the ball around any pixel of an image contains the whole image."""
        farthest = np.array([n - 1 for n in shape])
        return bool(self._half_length(farthest[np.newaxis, :-1])[0] >= farthest[-1])

    def _half_length(self, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return half the length of the lines at some offsets, -1 outside the ball."""
        squares = np.zeros(len(offsets))
        for offset, size in zip(offsets.T, self.spacing, strict=False):
            squares = squares + (offset * size / self.radius) ** 2
        inside = squares <= 1 + _ROUNDING
        half = np.sqrt(np.maximum(0.0, 1 + _ROUNDING - squares)) * self.radius / self.spacing[-1]
        return np.where(inside, np.minimum(half, self.reach[-1]), -1).astype(np.int64)


def majority(
    labels: NDArray[np.uint8], include: NDArray[np.bool_], ball: Ball, box: Box | None = None
) -> NDArray[np.uint8]:
    """Give each pixel the most frequent label around it; the lowest wins a tie.

    Parameters
    ----------
    labels : uint8 array
        With 1 to 3 axes.
    include : bool array
        Has the same shape. Excluded pixels keep their label and do not vote; nor do pixels outside `labels`.
    ball : Ball
    box : tuple of slice, optional
        Part of `labels` to return; the rest only votes.
    """
    shape = labels.shape
    box = box or tuple(slice(0, n) for n in shape)
    volume, included = as_volume(labels), as_volume(include)
    counts = kernels.count_labels(volume, included)
    winner = labels[box].copy()
    if ball.covers(shape):  # every pixel gets the most frequent label of the image
        winner[include[box]] = np.argmax(counts)
        return winner
    values = np.flatnonzero(counts).astype(np.uint8)
    n_added = 3 - labels.ndim
    lines = np.pad(ball.lines(shape), ((0, 0), (n_added, 0)))
    half = lines[:, -1]
    begin = (0,) * n_added + tuple(side.start for side in box)
    most_votes = max(int(np.sum(2 * half + 1)), shape[-1])
    target = as_volume(winner)
    votes = np.zeros(target.shape, dtype=np.uint16 if most_votes < 1 << 16 else np.uint32)
    kernels.majority(volume, included, values, lines, int(half.max()), begin, votes, target)
    return winner
