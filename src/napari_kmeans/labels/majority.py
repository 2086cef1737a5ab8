"""The most frequent label around each pixel, counted a block at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9  # of a squared radius of 1: three pixels of 0.1 are within 0.3


@dataclass(frozen=True)
class Ball:
    """Pixels whose centres are within a radius: a disk, a ball, or an ellipsoid where pixels are no cubes.

    Parameters
    ----------
    radius : float
        In the units of `spacing`.
    spacing : tuple of float
        Size of a pixel along each axis.
    """

    radius: float
    spacing: tuple[float, ...]

    @cached_property
    def reach(self) -> tuple[int, ...]:
        """Pixels that it extends to either side along each axis: the halo of a block."""
        return tuple(int(self.radius / size * (1 + _ROUNDING)) for size in self.spacing)

    @cached_property
    def lines(self) -> list[list[tuple[int, ...]]]:
        """Offsets along all axes but the last of its lines along the last, by half the line's length."""
        lines: list[list[tuple[int, ...]]] = [[] for _ in range(self.reach[-1] + 1)]
        for offset in product(*(range(-reach, reach + 1) for reach in self.reach[:-1])):
            squares = sum(
                (o * size / self.radius) ** 2 for o, size in zip(offset, self.spacing, strict=False)
            )
            if squares <= 1 + _ROUNDING:
                half = math.sqrt(max(0.0, 1 + _ROUNDING - squares)) * self.radius / self.spacing[-1]
                lines[min(int(half), self.reach[-1])].append(offset)
        return lines

    @property
    def n_pixels(self) -> int:
        """Number of its pixels."""
        return sum((2 * half + 1) * len(offsets) for half, offsets in enumerate(self.lines))


def majority(labels: NDArray[np.uint8], include: NDArray[np.bool_], ball: Ball) -> NDArray[np.uint8]:
    """Give each pixel the most frequent label around it, the lowest of them where several are.

    What is counted for each label are windows along the last axis, which grow with the lines of the ball:
    about four additions a pixel for each step of the radius, whatever the number of its pixels.

    Parameters
    ----------
    labels : uint8 array
    include : bool array
        Of the same shape. Other pixels keep their label and do not vote, like those outside `labels`.
    ball : Ball
    """
    shape, reach = labels.shape, ball.reach
    dtype = np.min_scalar_type(ball.n_pixels)
    padded = np.zeros([n + 2 * r for n, r in zip(shape, reach, strict=True)], dtype=dtype)
    inside = padded[_window(shape, reach)]
    winner, most = labels.copy(), np.zeros(shape, dtype=dtype)
    better = np.empty(shape, dtype=bool)
    for label in np.flatnonzero(np.bincount(labels[include], minlength=1)).tolist():
        np.logical_and(labels == label, include, out=inside, casting="unsafe")
        votes = np.zeros(shape, dtype=dtype)
        sums = np.zeros((*padded.shape[:-1], shape[-1]), dtype=dtype)
        for half, offsets in enumerate(ball.lines):
            for shift in {half, -half}:
                begin = reach[-1] + shift
                sums += padded[..., begin : begin + shape[-1]]
            for offset in offsets:
                begins = [r + o for r, o in zip(reach, offset, strict=False)]
                votes += sums[_window(shape[:-1], begins)]
        np.greater(votes, most, out=better)
        better &= include
        np.copyto(most, votes, where=better)
        np.copyto(winner, np.uint8(label), where=better)
    return winner


def _window(shape: Sequence[int], begins: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(begin, begin + n) for begin, n in zip(begins, shape, strict=True))
