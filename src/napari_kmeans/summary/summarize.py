"""Summarize the pixels of images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from ..blocks.boxes import sampled_windows
from ..blocks.loop import map_blocks
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.feature_space import VectorFormat
from . import bit_cells, color_cells, sample
from .counted_values import CountedValuesPlan
from .plan import Plan
from .scalar import ScalarSummary
from .vector import VectorSummary


def summarize(
    pixels: Pixels | Sequence[Pixels],
    progress: Progress | None = None,
    *,
    estimate: bool = False,
    factors: Sequence[int] | None = None,
) -> ScalarSummary | VectorSummary:
    """Read the pixels of an image, in one or more passes, into weighted points.

    Parameters
    ----------
    pixels : Pixels or sequence of Pixels
        Several images of one data type give one summary of all their pixels.
    progress : callable, optional
        Called with the completed share, 0 to 1.
    estimate : bool
        Read sampled windows only: about 10^5 pixels for an image of any size.
    factors : sequence of int, optional
        Weight of the pixels of each image; by default 1.

    Returns
    -------
    ScalarSummary, or VectorSummary for several features

    Raises
    ------
    ValueError
        If there is no finite pixel to count, or if the images differ in data type.
    """
    images = [pixels] if isinstance(pixels, Pixels) else list(pixels)
    check_same_kind(images)
    state: Plan | ScalarSummary | VectorSummary = _first_plan(images)
    done = 0.0
    while not isinstance(state, ScalarSummary | VectorSummary):
        share = subprogress(progress, done, done := done + (1 - done) / state.passes_left)
        counts: Any = None
        for number, image in enumerate(images):
            part = subprogress(share, number / len(images), (number + 1) / len(images))
            boxes = sampled_windows(image.shape) if estimate else None
            total = reduce(state.combine, map_blocks(state.chunk, image, boxes, part))
            if factors is not None and factors[number] != 1:
                total = state.scale(total, factors[number])
            counts = total if counts is None else state.combine(counts, total)
        state = state.finalize(counts)
    if not state.counts.size:
        raise ValueError(
            "image has no pixels to cluster: all are NaN, infinite, transparent, outside the mask or excluded"
        )
    return state


def check_same_kind(images: Sequence[Pixels]) -> None:
    """Raise ``ValueError`` unless images can be pooled: one data type and number of channels."""
    if not images:
        raise ValueError("image is an empty list; pass at least one image")
    first = images[0]
    for number, image in enumerate(images[1:], start=1):
        if image.value_format != first.value_format:
            raise ValueError(
                f"image {number} of the list has dtype {image.image.dtype} and {image.n_channels or 'no'} "
                f"channels, and image 0 has dtype {first.image.dtype} and {first.n_channels or 'no'} "
                "channels; a pooled model needs images of the same kind"
            )
        if isinstance(image.value_format, VectorFormat) and image.value_format.sampled:
            raise ValueError(
                f"features={image.extractor.name!r} cannot be used for a list of images, because their pixels "
                "are sampled; cluster by gray, colour or up to three channels"
            )


def _first_plan(images: Sequence[Pixels]) -> Plan:
    """Return the plan of the first pass over images of this format."""
    value_format = images[0].value_format
    if isinstance(value_format, VectorFormat):
        if value_format.sampled:
            return sample.SamplePlan(value_format)
        return color_cells.first_plan(value_format)
    if value_format.dtype.itemsize <= 2:
        return CountedValuesPlan(value_format)
    return bit_cells.first_plan(value_format)
