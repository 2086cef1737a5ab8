"""Count the pixels of each label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.arrays import in_memory
from ..blocks.loop import array_boxes, run
from ..blocks.progress import Progress
from ..summary.counted_values import histogram


def count_block_labels(labels: NDArray[np.uint8], n_labels: int) -> NDArray[np.int64]:
    """Count labels 1 to `n_labels` in a block: (n_labels,) int64 array."""
    return histogram(labels)[1 : n_labels + 1] if n_labels else np.zeros(0, dtype=np.int64)


def count_labels(labels: Any, n_labels: int, progress: Progress | None = None) -> NDArray[np.int64]:
    """Count labels 0 to `n_labels` of a label image, block by block: (n_labels + 1,) int64 array.

    Parameters
    ----------
    labels : uint8 array
        NumPy or dask. Labels above `n_labels` count as 0.
    n_labels : int
    progress : callable, optional
    """
    counts = np.zeros(n_labels + 1, dtype=np.int64)
    boxes = array_boxes(labels.shape, getattr(labels, "chunks", None))
    for found in run(lambda box: count_block_labels(in_memory(labels[box]), n_labels), boxes, progress):
        counts[1:] += found
    counts[0] = labels.size - counts.sum()
    return counts
