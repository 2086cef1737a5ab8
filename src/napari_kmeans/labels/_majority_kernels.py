"""Compiled loops of the majority filter.

Images are 3-D arrays here; missing axes have length 1.
"""
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from ..compiled import kernel


@kernel
def count_labels(labels, include):
    """Count the included pixels of each label: (256,) int64 array."""
    counts = np.zeros(256, dtype=np.int64)
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for x in range(labels.shape[2]):
                if include[z, y, x]:
                    counts[labels[z, y, x]] += 1
    return counts


@kernel
def majority(labels, include, values, lines, reach, begin, most, winner):
    """Write the most frequent label within a ball around each pixel; the lowest wins a tie.

    The ball consists of lines along the last axis. With running sums along each row, one subtraction gives
    the number of pixels of a label in a line, so the cost per pixel does not depend on the length of lines.

    Parameters
    ----------
    labels : (d, h, w) uint8 array
    include : (d, h, w) bool array
        Other pixels keep their label and do not vote.
    values : (n,) uint8 array
        Labels to count, ascending.
    lines : (m, 3) int64 array
        Offset of each line of the ball along the first two axes, and half its length.
    reach : int
        Half the length of the longest line.
    begin : tuple of int
        First pixel of the box to write.
    most : unsigned integer array of the shape of the box, zero
        Votes of the winners. The type must hold the number of pixels of the ball and of a row.
    winner : uint8 array of the shape of the box
        Receives the result.
    """
    depth, height, width = labels.shape
    n_planes, n_rows, n_columns = winner.shape
    # sums[z, y, x] is the number of pixels of the label in row (z, y) before column x - reach.
    sums = np.zeros((depth, height, width + 2 * reach + 1), dtype=most.dtype)
    occurs = np.zeros((depth, height), dtype=np.bool_)
    votes = np.zeros(n_columns, dtype=most.dtype)
    one = votes.dtype.type(1)
    for value in values:
        for z in range(depth):
            for y in range(height):
                row = sums[z, y]
                total = votes.dtype.type(0)
                occurs[z, y] = False
                for x in range(width):
                    if labels[z, y, x] == value and include[z, y, x]:
                        total += one
                        occurs[z, y] = True
                    row[reach + x + 1] = total
                for x in range(reach + width + 1, row.size):
                    row[x] = total
        for z in range(n_planes):
            for y in range(n_rows):
                votes[:] = 0
                for i in range(lines.shape[0]):
                    at_z, at_y, half = begin[0] + z + lines[i, 0], begin[1] + y + lines[i, 1], lines[i, 2]
                    if 0 <= at_z < depth and 0 <= at_y < height and occurs[at_z, at_y]:
                        first = begin[2] + reach - half
                        left = sums[at_z, at_y, first : first + n_columns]
                        right = sums[at_z, at_y, first + 2 * half + 1 : first + 2 * half + 1 + n_columns]
                        for x in range(n_columns):
                            votes[x] += right[x] - left[x]
                for x in range(n_columns):
                    if votes[x] > most[z, y, x] and include[begin[0] + z, begin[1] + y, begin[2] + x]:
                        most[z, y, x] = votes[x]
                        winner[z, y, x] = value
