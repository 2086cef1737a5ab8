"""Plans, each of which defines one pass over the pixels.

A summary is a reduction in one or more passes, with the steps named as in flox and dask::

    plan → chunk(block) → combine(a, b) → finalize(counts) → the next plan, or the summary

Blocks contribute integers only, so neither their size nor their order changes a bit of the result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..blocks.pixels import Block


class Plan(Protocol):
    """One pass over the pixels: what it counts and what follows."""

    @property
    def passes_left(self) -> int:
        """Expected number of passes from this one on; for progress only."""

    def chunk(self, block: Block) -> Any:
        """Count one block."""

    def combine(self, a: Any, b: Any) -> Any:
        """Add the counts of two parts of the image; the order never matters."""

    def scale(self, counts: Any, factor: int) -> Any:
        """Return the counts as if each pixel had occurred `factor` times."""

    def finalize(self, counts: Any) -> Any:
        """Return the plan of the next pass, or the summary."""


class ScalarPlan(ABC):
    """A plan for one value per pixel, whose counts are arrays of integers."""

    @abstractmethod
    def count(self, values: NDArray[Any], include: NDArray[np.bool_] | None) -> NDArray[Any]:
        """Count the included values."""

    def chunk(self, block: Block) -> NDArray[Any]:
        """Count one block."""
        return self.count(*block.values())

    def combine(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        """Add the counts of two parts of the image."""
        a += b
        return a

    def scale(self, counts: NDArray[Any], factor: int) -> NDArray[Any]:
        """Return the counts as if each pixel had occurred `factor` times."""
        return np.asarray(counts * counts.dtype.type(factor))
