"""From pixels to their summary."""

from __future__ import annotations

from typing import Any

from ..blocks.boxes import sampled_windows
from ..blocks.loop import map_blocks
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.base import VectorFormat
from . import bit_cells, color_cells, sample
from .counted_values import CountedValuesPlan
from .plan import Plan
from .scalar import ScalarSummary
from .vector import VectorSummary


def summarize(
    pixels: Pixels, progress: Progress | None = None, *, estimate: bool = False
) -> ScalarSummary | VectorSummary:
    """Read the pixels of an image, in one or more passes, into weighted points.

    Parameters
    ----------
    pixels : Pixels
    progress : callable, optional
        Called with the completed share, 0 to 1.
    estimate : bool
        Read sampled windows only: about 10^5 pixels, whatever the size of the image.

    Returns
    -------
    ScalarSummary, or VectorSummary for several features

    Raises
    ------
    ValueError
        If there is no finite pixel to count.
    """
    state: Plan | ScalarSummary | VectorSummary = _first_plan(pixels)
    boxes = sampled_windows(pixels.shape) if estimate else None
    done = 0.0
    while not isinstance(state, ScalarSummary | VectorSummary):
        share = subprogress(progress, done, done := done + (1 - done) / state.passes_left)
        counts: Any = None
        for block in map_blocks(state.chunk, pixels, boxes, share):
            counts = block if counts is None else state.combine(counts, block)
        state = state.finalize(counts)
    if not state.counts.size:
        raise ValueError(
            "image has no pixels to cluster: all are NaN, infinite, transparent, outside the mask or excluded"
        )
    return state


def _first_plan(pixels: Pixels) -> Plan:
    value_format = pixels.value_format
    if isinstance(value_format, VectorFormat):
        if value_format.sampled:
            return sample.SamplePlan(value_format)
        return color_cells.first_plan(value_format)
    if value_format.dtype.itemsize <= 2:
        return CountedValuesPlan(value_format)
    return bit_cells.first_plan(value_format)
